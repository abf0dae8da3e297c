// Does a shard pass there, back, there and to the end beside sessions of both releases that never
// pause? For each step: how often its locks were asked for, how long it took, and the longest that
// a client waited for one statement meanwhile.

import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { runVerb } from '@halflap/engine';
import { HalflapError, searchPath, type Verb } from '@halflap/protocol';
import type { CrowdOrder, CrowdReport, Event } from './crowd.js';
import { quantile } from './measure.js';
import type { BenchOptions } from './options.js';
import { type Bench, createFilled } from './shards.js';

export interface StepUnderLoad {
  readonly step: string;
  /** Medians and worst over the repetitions. */
  readonly attempts: number;
  readonly mostAttempts: number;
  readonly ms: number;
  readonly mostMs: number;
  /** Longest statement of a client that was under way in the step, in ms. */
  readonly oldMs: number;
  readonly newMs: number;
  readonly failures: number;
}

export interface SaturationFigures {
  readonly sessions: number;
  readonly unitsPerSecond: number;
  /** Longest statement while nothing was done, in ms. */
  readonly controlMs: number;
  readonly steps: readonly StepUnderLoad[];
  /** Refusals of clients while their release was served, counted. */
  readonly refusals: Readonly<Record<string, number>>;
}

interface Interval {
  readonly step: string;
  readonly from: number;
  readonly to: number;
  readonly attempts: number;
  readonly isFailed: boolean;
}

/** Sessions of each release: more than two processors can serve. */
const SESSIONS = 6;
const QUIET_MS = 2000;
const CONTROL = 'nothing (control)';

export async function measureSaturation(
  bench: Bench,
  { rows, cycles }: BenchOptions,
  tell: (line: string) => void,
): Promise<SaturationFigures> {
  const intervals: Interval[] = [];
  const events: Event[] = [];
  let units = 0;
  let seconds = 0;
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    tell(`saturation: repetition ${cycle + 1}`);
    const url = await createFilled(bench, {
      name: `saturated_${cycle}`,
      release: bench.from,
      rows,
    });
    const startedAt = performance.now();
    const course = await drive(bench, { url, rows });
    seconds += (performance.now() - startedAt) / 1000;
    units += course.report.done.old + course.report.done.new;
    intervals.push(...course.intervals);
    events.push(...course.report.events.filter((event) => isOfInterest(event, course.served)));
  }
  const control = intervals.filter((one) => one.step === CONTROL);
  const steps = [...new Set(intervals.map((one) => one.step))].filter((one) => one !== CONTROL);
  return {
    sessions: 2 * SESSIONS,
    unitsPerSecond: Math.round(units / seconds),
    controlMs: longest(control, events),
    steps: steps.map((step) => stepOf(step, intervals, events)),
    refusals: countRefusals(events),
  };
}

type Window = readonly [from: number, to: number];

interface Course {
  readonly report: CrowdReport;
  readonly intervals: readonly Interval[];
  /** When the new release was served. */
  readonly served: readonly Window[];
}

async function drive(
  bench: Bench,
  { url, rows }: { readonly url: string; readonly rows: number },
): Promise<Course> {
  const newPath = searchPath(bench.bundle.app, bench.bundle.to.version);
  const order: CrowdOrder = { url, newPath, rows, sessions: SESSIONS };
  const worker = new Worker(new URL('./crowd.js', import.meta.url), { workerData: order });
  const report = once(worker, 'message').then(([message]) => message as CrowdReport);
  const intervals: Interval[] = [];
  const served: Window[] = [];
  const pass = async (verb: Verb) => {
    intervals.push(...(await watch(bench, url, verb)));
  };
  const quiet = async () => {
    const from = now();
    await delay(QUIET_MS);
    intervals.push({ step: CONTROL, from, to: now(), attempts: 1, isFailed: false });
  };
  for (const next of ['abort', 'contract'] as const) {
    await pass('prepare');
    const from = now();
    await quiet();
    await pass('expand');
    await quiet();
    if (next === 'contract') worker.postMessage('old');
    if (next === 'contract') await pass('contract');
    served.push([from, now()]);
    if (next === 'abort') await pass('abort');
  }
  worker.postMessage('new');
  return { report: await report, intervals, served };
}

/** Runs a verb and notes its steps; a step that fails ends it, and is noted as well. */
async function watch({ bundle }: Bench, url: string, verb: Verb): Promise<Interval[]> {
  const intervals: Interval[] = [];
  const begun = new Map<string, number>();
  const attempts = new Map<string, number>();
  const note = (step: string, isFailed: boolean) =>
    intervals.push({
      step: kindOf(step),
      from: begun.get(step) ?? now(),
      to: now(),
      attempts: attempts.get(step) ?? 1,
      isFailed,
    });
  await runVerb({
    url,
    shard: 'saturated',
    bundle,
    verb,
    ...(verb === 'contract' ? { force: { reason: 'benchmark' } } : {}),
    log: (line) => {
      const step = line.slice(0, line.indexOf(':'));
      if (!begun.has(step)) begun.set(step, now());
      const attempt = /had its locks in attempt (\d+)/.exec(line)?.[1];
      if (attempt !== undefined) attempts.set(step, Number(attempt));
      if (line.includes(': done in')) note(step, false);
    },
  }).catch((error: unknown) => {
    if (!(error instanceof HalflapError)) throw error;
    const step = error.detail.step ?? verb;
    attempts.set(step, Number(/in (\d+) attempts/.exec(error.message)?.[1] ?? 1));
    note(step, true);
  });
  return intervals;
}

/** `expand/backfill/hosts` → `expand/backfill`. */
function kindOf(step: string): string {
  return step.split('/').slice(0, 2).join('/');
}

function stepOf(
  step: string,
  intervals: readonly Interval[],
  events: readonly Event[],
): StepUnderLoad {
  const own = intervals.filter((one) => one.step === step);
  const attempts = own.map((one) => one.attempts);
  const took = own.map(({ from, to }) => to - from);
  const of = (release: Event['release']) => events.filter((one) => one.release === release);
  return {
    step,
    attempts: quantile(attempts, 0.5),
    mostAttempts: Math.max(...attempts),
    ms: quantile(took, 0.5),
    mostMs: Math.max(...took),
    oldMs: longest(own, of('old')),
    newMs: longest(own, of('new')),
    failures: own.filter((one) => one.isFailed).length,
  };
}

function isOfInterest({ release, startedAt }: Event, served: readonly Window[]): boolean {
  return release === 'old' || served.some(([from, to]) => startedAt >= from && startedAt <= to);
}

/** The longest statement that was under way at some moment of the intervals. */
function longest(intervals: readonly Interval[], events: readonly Event[]): number {
  const during = events.filter(({ startedAt, ms }) =>
    intervals.some(({ from, to }) => startedAt <= to && startedAt + ms >= from),
  );
  return during.reduce((most, one) => Math.max(most, one.ms), 0);
}

function countRefusals(events: readonly Event[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { release, refusal } of events) {
    if (refusal === null) continue;
    const answer = `${release} release: ${refusal}`;
    counts[answer] = (counts[answer] ?? 0) + 1;
  }
  return counts;
}

function now(): number {
  return performance.timeOrigin + performance.now();
}
