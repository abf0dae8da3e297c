// SIGKILL for servers in the middle of a job on 200 hosts, the one that drives it first: every host
// ends in one named state, and no host does its work twice.

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createJob, digestOf, openAuthority, readJob, SECRET_BYTES } from '@halflap/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomFrom } from '../oracle/random.js';
import { type AgentIdentity, makeHosts, ScriptedAgent } from './scripted-agent.js';
import { openTestStore, type TestStore } from './store.js';

const PROGRAM = fileURLToPath(new URL('jobs-server.mjs', import.meta.url));
const HOSTS = 200;
/** Dozens of connections and processes, on a machine that may be busy. */
const TIMEOUT_MS = 300_000;
const SEED = Number(process.env.HALFLAP_SEED ?? Date.now() % 1_000_000_000);

interface Running {
  readonly server: string;
  readonly port: number;
  readonly process: ChildProcess;
}

let test: TestStore;
const secret = randomBytes(SECRET_BYTES);
const running = new Map<string, Running>();
const agents: ScriptedAgent[] = [];

beforeAll(async () => {
  test = await openTestStore(3);
});

afterAll(async () => {
  await Promise.all(agents.map((agent) => agent.stop()));
  await Promise.all([...running.values()].map(kill));
  await test.drop();
});

async function start(server: string): Promise<void> {
  const options = { server, shards: test.shards, secret: secret.toString('hex') };
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  const died = once(child, 'exit').then(([code]) => {
    throw new Error(`${server} ended with ${code}`);
  });
  // Later it is killed.
  died.catch(() => {});
  const [line] = await Promise.race([once(lines, 'line'), died]);
  running.set(server, { server, port: Number(line), process: child });
}

async function kill({ server, process: child }: Running): Promise<void> {
  running.delete(server);
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

/** The server that drives the job, once there is one. */
async function driverOf(job: string): Promise<Running> {
  for (;;) {
    const { rows } = await test.store.home.query<{ owner: string }>(
      'select owner from leases where name = $1 and expires_at > now()',
      [`job/${job}`],
    );
    const found = running.get(rows[0]?.owner.split(' ')[0] ?? '');
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe(`a job on ${HOSTS} hosts (HALFLAP_SEED=${SEED})`, () => {
  it(
    'ends on each of them once, though servers are killed in the middle of it',
    async () => {
      const random = randomFrom(SEED);
      const options = { secret, hostCertificateDays: 30, clock: () => new Date() };
      const authority = await openAuthority(test.store, options);
      const hosts = await makeHosts(test.store, authority, { count: HOSTS, labels: {} });
      await Promise.all(['one', 'two'].map(start));
      let ended = 0;
      const waiting: { readonly at: number; readonly go: () => void }[] = [];
      const ends = (at: number) =>
        new Promise<void>((go) => {
          waiting.push({ at, go });
        });
      const ports = () => random.pick([...running.values()]).port;
      const agentOf = (identity: AgentIdentity, at: number) =>
        new ScriptedAgent(identity, { ports, authority }, () => ({
          output: [`host ${at}, `, 'done'],
          exitCode: at % 10 === 0 ? 1 : 0,
          until: new Promise((resolve) => setTimeout(resolve, random.below(150))).then(() => {
            ended += 1;
            for (const one of waiting) if (one.at === ended) one.go();
            if (random.percent(20)) agents[at]?.breakOff();
          }),
        }));
      agents.push(...hosts.map(agentOf));
      await Promise.all(agents.map((agent) => agent.connect()));
      const [first, second] = [ends(40), ends(120)];
      const ids = hosts.map(({ host }) => host);
      const job = await test.store.home.transaction((client) =>
        createJob(client, ids, {
          spec: {
            name: 'killed',
            work: {
              ...{ kind: 'command', program: '/bin/true', args: [], user: null, directory: null },
              environment: {},
            },
            ...{ batch: { percent: 40 }, concurrency: 30 },
          },
          ...{ about: {}, digest: digestOf(ids), by: 'anna' },
        }),
      );
      await first;
      await kill(await driverOf(job));
      await start('three');
      await second;
      await kill(await driverOf(job));
      for (;;) {
        const seen = await readJob(test.store, job);
        if (seen.job.ended_at !== null) {
          expect(seen.job.state).toBe('failed');
          expect(seen.counts).toEqual({ succeeded: HOSTS * 0.9, failed: HOSTS * 0.1 });
          break;
        }
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      const effects = agents.flatMap((agent) => [...agent.effects.values()]);
      expect(effects).toEqual(Array.from({ length: HOSTS }, () => 1));
      const { rows } = await test.store.gather<{ text: string }>(
        `select string_agg(o.text, '' order by o.number) as text
       from job_output as o join job_runs as r on r.id = o.run_id
       where r.job_id = $1 group by r.id`,
        [job],
        { requireAll: true },
      );
      const texts = rows.map(({ text }) => text).sort();
      expect(texts).toEqual(hosts.map((_, at) => `host ${at}, done`).sort());
    },
    TIMEOUT_MS,
  );
});
