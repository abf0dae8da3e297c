// The longest that a busy client waited for one small statement, by what Halflap did at that
// moment. A quiet stretch says how much of it is the machine's own.

import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { runVerb } from '@halflap/engine';
import { searchPath, type Verb } from '@halflap/protocol';
import type { BusyOrder, BusyReport, Slow } from './busy-client.js';
import type { BenchOptions } from './options.js';
import { type Bench, createFilled } from './shards.js';

export interface Stall {
  readonly what: string;
  readonly oldMs: number;
  /** Null where the new release is not served. */
  readonly newMs: number | null;
  /** All the time that it took, over all repetitions. */
  readonly seconds: number;
}

export interface StallFigures {
  readonly stalls: readonly Stall[];
  readonly statements: number;
  readonly failures: readonly string[];
}

interface Interval {
  readonly what: string;
  readonly from: number;
  readonly to: number;
}

const OLD_STATEMENTS = [
  'select name, owner, status from hosts where id = $1',
  'update hosts set last_seen = now(), heartbeat_count = heartbeat_count + 1 where id = $1',
];
const NEW_STATEMENTS = [
  'select last_seen, load from host_heartbeats where host_id = $1',
  `update host_heartbeats set last_seen = now(), heartbeat_count = heartbeat_count + 1
   where host_id = $1`,
];
const QUIET_MS = 5000;
const WAYS: readonly Verb[] = ['prepare', 'expand', 'verify', 'abort'];

export async function measureStalls(
  bench: Bench,
  { rows, cycles }: BenchOptions,
  tell: (line: string) => void,
): Promise<StallFigures> {
  const { bundle } = bench;
  const url = await createFilled(bench, { name: 'stalls', release: bench.from, rows });
  const old = startBusy({ url, searchPath: 'public', rows, statements: OLD_STATEMENTS });
  const fresh: Busy[] = [];
  const startNew = () => {
    const path = searchPath(bundle.app, bundle.to.version);
    fresh.push(startBusy({ url, searchPath: path, rows, statements: NEW_STATEMENTS }));
  };
  const quietFrom = now();
  await delay(QUIET_MS);
  const intervals: Interval[] = [{ what: 'nothing (control)', from: quietFrom, to: now() }];
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    for (const verb of WAYS) {
      tell(`stalls: ${verb}, repetition ${cycle + 1}`);
      // Servers of the new release leave before abort, as an operator would have it.
      if (verb === 'abort') await fresh.at(-1)?.stop();
      intervals.push(...(await watch(bench, url, verb)));
      if (verb === 'prepare') startNew();
    }
  }
  await watch(bench, url, 'prepare');
  startNew();
  await watch(bench, url, 'expand');
  const oldReport = await old.stop();
  tell('stalls: contract');
  intervals.push(...(await watch(bench, url, 'contract')));
  const newReports = await Promise.all(fresh.map((one) => one.stop()));
  return summarize(intervals, oldReport, newReports);
}

interface Busy {
  /** Ends the loop after its statement. Idempotent. */
  stop(): Promise<BusyReport>;
}

function startBusy(order: BusyOrder): Busy {
  const worker = new Worker(new URL('./busy-client.js', import.meta.url), { workerData: order });
  const report = once(worker, 'message').then(([message]) => message as BusyReport);
  return {
    stop: () => {
      worker.postMessage('stop');
      return report;
    },
  };
}

/** Runs a verb and notes from when to when each of its steps ran. */
async function watch({ bundle }: Bench, url: string, verb: Verb): Promise<Interval[]> {
  const intervals: Interval[] = [];
  const begun = new Map<string, number>();
  await runVerb({
    url,
    shard: 'stalls',
    bundle,
    verb,
    // Statistics of the last seconds would show the client that has just left.
    ...(verb === 'contract' ? { force: { reason: 'benchmark' } } : {}),
    log: (line) => {
      const step = line.slice(0, line.indexOf(':'));
      const from = begun.get(step);
      if (from === undefined) begun.set(step, now());
      else if (line.includes(': done in')) {
        intervals.push({ what: kindOf(step), from, to: now() });
      }
    },
  });
  return intervals;
}

/** `expand/backfill/hosts` → `expand/backfill`; `verify/verify/hosts` → `verify`. */
function kindOf(step: string): string {
  const [verb, kind] = step.split('/');
  return verb === kind ? `${verb}` : `${verb}/${kind}`;
}

function summarize(
  intervals: readonly Interval[],
  old: BusyReport,
  fresh: readonly BusyReport[],
): StallFigures {
  const kinds = [...new Set(intervals.map((one) => one.what))];
  const newSlow = fresh.flatMap((report) => report.slow);
  return {
    stalls: kinds.map((what) => {
      const own = intervals.filter((one) => one.what === what);
      const isServed =
        !what.startsWith('abort') && !['nothing (control)', 'prepare/lens'].includes(what);
      return {
        what,
        oldMs: what.startsWith('contract') ? Number.NaN : longest(own, old.slow),
        newMs: isServed ? longest(own, newSlow) : null,
        seconds: own.reduce((sum, one) => sum + one.to - one.from, 0) / 1000,
      };
    }),
    statements: [old, ...fresh].reduce((sum, report) => sum + report.statements, 0),
    failures: [...new Set([old, ...fresh].flatMap((report) => report.failures))],
  };
}

/** The longest statement that was under way at some moment of the intervals. */
function longest(intervals: readonly Interval[], slow: readonly Slow[]): number {
  const during = slow.filter(({ startedAt, ms }) =>
    intervals.some(({ from, to }) => startedAt <= to && startedAt + ms >= from),
  );
  return during.reduce((most, one) => Math.max(most, one.ms), 0);
}

function now(): number {
  return performance.timeOrigin + performance.now();
}
