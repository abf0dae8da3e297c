// What the real agent takes on this machine while nobody wants anything of it: processor, with the
// programs that it asks for facts, and memory.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { BenchOptions } from '../options.js';
import { type Caller, call, enrolmentToken, lasting, withGround } from './ground.js';

export interface IdleAgentFigures {
  readonly seconds: number;
  readonly packages: number;
  readonly services: number;
  /** Seconds of processor in a minute: of the agent, and of the programs that it asked. */
  readonly ownCpuPerMinute: number;
  readonly programsCpuPerMinute: number;
  readonly rssBytes: number;
  /** What no other process shares. */
  readonly privateBytes: number;
  /** From its start to its first session. */
  readonly openMs: number;
}

const HALFLAP = fileURLToPath(new URL('../../../packages/cli/bin/halflap.js', import.meta.url));
/** After the first facts have been told. */
const SETTLE_SECONDS = 10;
/** Clock ticks in a second, as proc(5) counts: the same on every Linux that Node runs on. */
const TICKS = 100;

export function measureIdleAgent(
  { watchSeconds: seconds, isDurable }: BenchOptions,
  tell: (line: string) => void,
): Promise<IdleAgentFigures> {
  return withGround({ shards: 1, isDurable }, async ({ startServer, token }) => {
    const caller = { server: await startServer(), token };
    const state = await mkdtemp(join(tmpdir(), 'halflap-bench-'));
    const startedAt = performance.now();
    const agent = await startAgent(caller, state);
    try {
      await opened(agent);
      const openMs = performance.now() - startedAt;
      tell(`agent: ${seconds} s of quiet`);
      await lasting(SETTLE_SECONDS);
      const before = await cpuOf(agent.pid ?? 0);
      await lasting(seconds);
      const after = await cpuOf(agent.pid ?? 0);
      const perMinute = (of: 'own' | 'programs') => ((after[of] - before[of]) * 60) / seconds;
      return {
        ...{ seconds, openMs, ...(await knownOf(caller)), ...(await memoryOf(agent.pid ?? 0)) },
        ownCpuPerMinute: perMinute('own'),
        programsCpuPerMinute: perMinute('programs'),
      };
    } finally {
      const exit = once(agent, 'exit');
      agent.kill('SIGTERM');
      await exit;
      await rm(state, { recursive: true });
    }
  });
}

async function startAgent(caller: Caller, state: string): Promise<ChildProcess> {
  const { pin } = await call<{ pin: string }>(caller, '/authority');
  const args = [
    ...[HALFLAP, '--json', 'agent', '--state', state, '--ca-pin', pin],
    ...['--server', `127.0.0.1:${caller.server.ready.agentsPort}`],
    ...['--enrol', await enrolmentToken(caller.server, caller.token, 1)],
  ];
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** It says so. @throws when it ends before. */
async function opened({ stdout }: ChildProcess): Promise<void> {
  if (stdout === null) throw new Error('the agent has no stdout');
  for await (const line of createInterface({ input: stdout })) {
    if ((JSON.parse(line) as { state?: string }).state === 'open') {
      stdout.resume();
      return;
    }
  }
  throw new Error('the agent has ended');
}

/** Seconds so far, of it and of the programs that it has waited for (proc(5), /proc/pid/stat). */
async function cpuOf(pid: number): Promise<{ readonly own: number; readonly programs: number }> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // After the name, which may have blanks: state is the third field, utime the fourteenth.
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15);
  return { own: (user + system) / TICKS, programs: (childUser + childSystem) / TICKS };
}

async function memoryOf(pid: number) {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  const bytesOf = (name: string) =>
    [...rollup.matchAll(new RegExp(`^${name}: +(\\d+) kB`, 'gm'))].reduce(
      (sum, [, kilobytes]) => sum + Number(kilobytes) * 1024,
      0,
    );
  return { rssBytes: bytesOf('Rss'), privateBytes: bytesOf('Private_(?:Clean|Dirty)') };
}

async function knownOf(caller: Caller) {
  const { items } = await call<{ items: { id: string }[] }>(caller, '/hosts');
  const count = async (part: string) => {
    let [found, next] = [0, ''];
    do {
      const cursor = next === '' ? '' : `&cursor=${encodeURIComponent(next)}`;
      const path = `/hosts/${items[0]?.id}/${part}?limit=200${cursor}`;
      const page = await call<{ items: unknown[]; next: string | null }>(caller, path);
      found += page.items.length;
      next = page.next ?? '';
    } while (next !== '');
    return found;
  };
  return { packages: await count('packages'), services: await count('services') };
}
