// Asks the servers of each release for every host, while the load rests, and adds up what it finds.

import { DIALECTS, type Json, type ReleaseName } from '../load/dialect.js';
import type { Answered } from '../load/facts.js';
import { ask } from '../load/http-client.js';
import type { Target } from '../load/messages.js';
import { auditRelease, divergence, type Expected, expectedHosts } from './audit.js';
import { end } from './servers.js';
import { SHARDS } from './shards.js';
import type { Stage } from './stage.js';

/** What all checkpoints together found. */
export interface Verdicts {
  lostWrites: number;
  phantomWrites: number;
  divergentRows: number;
  hostsChecked: number;
  eventsChecked: number;
  readonly evidence: string[];
}

const PAGE = 1000;
/** Hosts whose events are counted one by one, at each release. */
const EVENT_SAMPLE = 400;
const AT_ONCE = 8;

export async function checkFleet(stage: Stage, releases: readonly ReleaseName[]): Promise<void> {
  await stage.generators.pause();
  const ledgers = await stage.generators.ledgers();
  const hosts = stage.options.rows * SHARDS.length;
  const expected = expectedHosts(hosts, ledgers);
  const answers: ReadonlyMap<string, Answered>[] = [];
  for (const release of releases) {
    const target = stage.servers.of(release);
    if (target === undefined) throw new Error(`no server of ${release} to ask`);
    const found = await collect(target);
    answers.push(found);
    const findings = auditRelease(release, expected, found);
    stage.verdicts.lostWrites += findings.lostWrites;
    stage.verdicts.phantomWrites += findings.phantomWrites;
    stage.verdicts.hostsChecked += found.size;
    stage.verdicts.evidence.push(...findings.evidence);
    await checkEvents(stage, target, expected);
    stage.scene.say(
      `${target.server} (${release}) answered for ${found.size} hosts: ` +
        `${findings.lostWrites} writes lost`,
    );
  }
  const [one, other] = answers;
  if (one !== undefined && other !== undefined) {
    const divergent = divergence(one, other);
    stage.verdicts.divergentRows += divergent.length;
    stage.verdicts.evidence.push(...divergent);
    stage.scene.say(`${divergent.length} hosts differ between the releases`);
  }
  stage.generators.resume();
}

/** A server of 1.0 that somebody forgot must meet one clear error, and no half work. */
export async function meetForgottenServer(stage: Stage): Promise<void> {
  const { process, port } = await stage.servers.launch('forgotten', '1.0');
  try {
    const reply = await ask(port, 'GET', '/hosts?limit=1');
    if (reply.status < 500) {
      throw new Error(`a forgotten server of 1.0 was answered with ${reply.status}`);
    }
    stage.scene.say(`a forgotten server of 1.0 is told: ${reply.body.error}`);
  } finally {
    await end(process);
  }
}

/** Every host of the fleet, page by page, as a client would read it. */
async function collect(target: Target): Promise<Map<string, Answered>> {
  const found = new Map<string, Answered>();
  let after = '';
  for (;;) {
    const reply = await ask(target.port, 'GET', `/hosts?after=${after}&limit=${PAGE}`);
    if (reply.status !== 200) throw new Error(`${target.server}: ${JSON.stringify(reply.body)}`);
    const page = (reply.body.hosts as Json[]).map(DIALECTS[target.release].host);
    for (const host of page) found.set(host.name, host);
    after = page.at(-1)?.name ?? after;
    if (page.length < PAGE) return found;
  }
}

async function checkEvents(
  stage: Stage,
  target: Target,
  expected: readonly Expected[],
): Promise<void> {
  const withEvents = expected.filter(
    (host) => host.exists && !host.isUncertain && (host.events ?? 0) > 0,
  );
  const sample = withEvents.slice(0, EVENT_SAMPLE);
  for (let from = 0; from < sample.length; from += AT_ONCE) {
    await Promise.all(
      sample.slice(from, from + AT_ONCE).map((host) => checkEventsOf(stage, target, host)),
    );
  }
}

async function checkEventsOf(stage: Stage, target: Target, host: Expected): Promise<void> {
  const reply = await ask(target.port, 'GET', `/hosts/${host.name}/events`);
  const missing = (host.events ?? 0) - ((reply.body.events as Json[]) ?? []).length;
  stage.verdicts.eventsChecked += host.events ?? 0;
  if (missing === 0) return;
  stage.verdicts[missing > 0 ? 'lostWrites' : 'phantomWrites'] += Math.abs(missing);
  stage.verdicts.evidence.push(`${target.release}: ${host.name} lacks ${missing} events`);
}
