// Asks servers that were upgraded for their health, again and again, as long as a step has to hold
// before the next one begins. One that says no stops the campaign (decide.ts).

import { readJob } from '../jobs/queries.js';
import { digestId } from '../store/digest-id.js';
import { type HealthCheck, noteEvent, type StepRow, stepOf } from './campaign.js';
import type { ServerStep } from './decide/steps.js';
import { jobEvidence } from './job-evidence.js';
import { makeJob } from './make-job.js';
import { atHome, type Pass } from './pass.js';
import { servedOf, workOf } from './server-work.js';

/** Between two questions, in ms. */
const EVERY_MS = 30_000;

/** @returns whether anything moved */
export async function checkHealth(pass: Pass): Promise<boolean> {
  const { campaign, cluster, steps } = pass.known;
  const isAsked = cluster.declared.commands?.health !== undefined;
  if (!isAsked || campaign.state !== 'running' || campaign.policy.soakSeconds === 0) return false;
  let moved = false;
  for (const row of steps.filter((one) => holds(one, pass))) {
    moved = (await check(pass, row)) || moved;
  }
  return moved;
}

function holds(row: StepRow, { known }: Pass): boolean {
  if (row.kind !== 'server' || row.state !== 'succeeded' || row.ended_at === null) return false;
  // What was asked is heard, also when the time is over meanwhile.
  if (row.health_check?.isOver === false) return true;
  const until = row.ended_at.getTime() + known.campaign.policy.soakSeconds * 1000;
  return row.is_healthy !== false && known.now.getTime() < until;
}

async function check(pass: Pass, row: StepRow): Promise<boolean> {
  const last = row.health_check;
  if (last === null || last.isOver) {
    const isDue = last === null || pass.known.now.getTime() > Date.parse(last.at) + EVERY_MS;
    return isDue && ask(pass, row, (last?.number ?? 0) + 1);
  }
  const { job } = await readJob(pass.on.store, last.job);
  if (job.ended_at === null) return false;
  const { campaign } = pass.known;
  const isHealthy = job.state === 'succeeded';
  const found = isHealthy ? null : await jobEvidence(pass.on.store, job.id);
  await atHome(pass, async (client) => {
    const over: HealthCheck = { ...last, isOver: true };
    await client.query(
      `update campaign_steps set health_check = $3, is_healthy = $4
       where campaign_id = $1 and id = $2 and state = 'succeeded'`,
      [campaign.id, row.id, JSON.stringify(over), isHealthy],
    );
    if (found === null) return;
    const message = `${row.name} was healthy, and is not any more: ${found.message}`;
    const detail = { stage: 'health', job: job.id, evidence: found.lines };
    await noteEvent(client, campaign.id, { kind: 'stage', step: row.id, message, detail });
  });
  return true;
}

async function ask(pass: Pass, row: StepRow, number: number): Promise<boolean> {
  const { campaign, observed, now } = pass.known;
  const host = observed.servers.find(({ name }) => name === row.name)?.host ?? null;
  const work = workOf('health', servedOf(pass.known, stepOf(row) as ServerStep));
  if (host === null || work === null) return false;
  const id = digestId(`campaign ${campaign.id} ${row.id} ${row.attempt} hold ${number}`);
  const begun: HealthCheck = { job: id, number, at: now.toISOString(), isOver: false };
  await atHome(pass, async (client) => {
    await client.query(
      'update campaign_steps set health_check = $3 where campaign_id = $1 and id = $2',
      [campaign.id, row.id, JSON.stringify(begun)],
    );
    const about = { id, step: row.id, stage: 'health', name: row.name };
    await makeJob(client, pass.known, { ...about, host: host.id, work });
  });
  pass.on.jobs.kick();
  return true;
}
