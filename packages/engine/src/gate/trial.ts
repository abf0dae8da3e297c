// Does the evolution hold? Tried on a scratch database, with the same runner that customers use:
// there and back (prepare, expand, abort), then through to the end, with the catalogue compared
// with that of a fresh install at both ends.

import { HalflapError, type QuarantineRow, type Verb } from '@halflap/protocol';
import type { Bundle, Step } from '../compile/bundle.js';
import { messageOf, withSession } from '../pg.js';
import type { Scratch } from '../release/load.js';
import type { Release } from '../release/release.js';
import { runVerb } from '../shard/advance.js';
import { assertNotDrifted } from '../shard/drift.js';
import { installRelease } from '../shard/install.js';
import { readQuarantine } from '../shard/quarantine.js';
import { secondsSince } from '../shard/seconds.js';
import { insertSamples, type Untried } from './samples.js';
import { tryLens } from './trial-lens.js';

export interface TrialOptions {
  readonly bundle: Bundle;
  readonly from: Release;
  readonly scratch: Scratch;
  readonly signal?: AbortSignal;
  readonly log?: (line: string) => void;
}

export interface Trial {
  /** What no sample row holds: expressions over it were not evaluated. */
  readonly untried: readonly Untried[];
  /** Relations with sample rows that could not be carried to the new release. */
  readonly quarantined: readonly Quarantined[];
  readonly seconds: number;
}

export interface Quarantined {
  readonly relation: string;
  /** Each once: `check hosts_load_check of hosts`. */
  readonly reasons: readonly string[];
}

/** Nobody else is there, so there is nothing to watch for. */
const NOBODY = { evidenceWindowMs: 0 };

/** @throws CHECK_FAILED with what went wrong in which verb, and the engine's own error as cause. */
export async function tryEvolution(options: TrialOptions): Promise<Trial> {
  const startedAt = performance.now();
  const found = await thereAndBack(options);
  await throughToTheEnd(options);
  return { ...found, seconds: secondsSince(startedAt) };
}

/** Samples may break any rule, and are carried nonetheless. */
function withoutLooks(bundle: Bundle): Bundle {
  const acting = (steps: readonly Step[]) =>
    steps.filter((step) => step.kind !== 'transaction' || step.isLook !== true);
  const { prepare, expand } = bundle.steps;
  const steps = { ...bundle.steps, prepare: acting(prepare), expand: acting(expand) };
  return { ...bundle, steps };
}

/** On sample rows, to dual and back, twice. */
async function thereAndBack(given: TrialOptions) {
  const options = { ...given, bundle: withoutLooks(given.bundle) };
  const { bundle, from, scratch } = options;
  return scratch.withDatabase(async (url) => {
    await installRelease({ url, app: bundle.app, release: from });
    const untried = await withSession(url, 'check/samples', (session) =>
      insertSamples(session, from.catalog),
    );
    for (const verb of ['prepare', 'abort'] as const) await attempt(options, url, verb);
    await attemptLens(options, url);
    for (const verb of ['prepare', 'expand', 'verify'] as const) {
      await attempt(options, url, verb);
    }
    const quarantined = await readQuarantine(url);
    await attempt(options, url, 'abort');
    await compare(options, url, 'from');
    return {
      untried,
      quarantined: byRelation(quarantined),
    };
  });
}

function byRelation(rows: readonly QuarantineRow[]): Quarantined[] {
  const relations = [...new Set(rows.map((row) => row.relation))];
  return relations.map((relation) => {
    const own = rows.filter((row) => row.relation === relation);
    return { relation, reasons: [...new Set(own.map((row) => row.reason))] };
  });
}

/** On empty tables: samples that break a new rule would rightly keep contract from ending. */
async function throughToTheEnd(options: TrialOptions): Promise<void> {
  const { bundle, from, scratch } = options;
  const leftOut: string[] = [];
  await scratch.withDatabase(async (url) => {
    await installRelease({ url, app: bundle.app, release: from });
    const log = (line: string) => {
      const [, left] = line.split(': left out: ');
      if (left !== undefined) leftOut.push(left);
      options.log?.(line);
    };
    for (const verb of ['prepare', 'expand', 'contract'] as const) {
      await attempt({ ...options, log }, url, verb);
    }
    if (leftOut.length > 0) throw shippedAmiss(bundle, leftOut);
    await compare(options, url, 'to');
  });
}

/** On the tables of a fresh install nothing of a customer stands in the way. */
function shippedAmiss(bundle: Bundle, leftOut: readonly string[]): HalflapError {
  const error = failed(bundle, `rows that it ships do not come: ${leftOut.join('; ')}`, undefined);
  return new HalflapError(error.code, error.message, {
    detail: { evidence: leftOut },
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
}

async function attempt(options: TrialOptions, url: string, verb: Verb): Promise<void> {
  const { bundle, signal, log } = options;
  try {
    await runVerb({
      url,
      shard: 'scratch',
      bundle,
      verb,
      limits: NOBODY,
      ...(signal === undefined ? {} : { signal }),
      ...(log === undefined ? {} : { log }),
    });
  } catch (cause) {
    if (cause instanceof HalflapError && cause.code === 'INTERRUPTED') throw cause;
    throw failed(bundle, `${verb} failed: ${messageOf(cause)}`, cause);
  }
}

/** What servers of the new release see before anybody has prepared their shard. */
async function attemptLens({ bundle }: TrialOptions, url: string): Promise<void> {
  const found = await tryLens(url, bundle).catch((cause: unknown) => {
    throw failed(bundle, `the session lens failed: ${messageOf(cause)}`, cause);
  });
  if (found.length > 0) throw failed(bundle, `by the session lens ${found.join('; ')}`, undefined);
}

async function compare(options: TrialOptions, url: string, side: 'from' | 'to'): Promise<void> {
  const { bundle } = options;
  try {
    await withSession(url, 'check/compare', (session) =>
      assertNotDrifted(session, { shard: 'scratch', app: bundle.app, release: bundle[side] }),
    );
  } catch (cause) {
    const what = side === 'from' ? 'after abort' : 'after contract';
    throw failed(bundle, `${what} the catalogue differs: ${messageOf(cause)}`, cause);
  }
}

function failed(bundle: Bundle, what: string, cause: unknown): HalflapError {
  const evidence = cause instanceof HalflapError ? cause.detail.evidence : undefined;
  return new HalflapError(
    'CHECK_FAILED',
    `${bundle.app} ${bundle.from.version} to ${bundle.to.version}: ${what}`,
    {
      ...(evidence === undefined ? {} : { detail: { evidence } }),
      hint: 'correct schema.sql or evolution.yaml of the newer release, then check again',
      cause,
    },
  );
}
