// Does the evolution hold? Tried on a scratch database, with the same runner that customers use:
// there and back (prepare, expand, abort), then through to the end, with the catalogue compared
// with that of a fresh install at both ends. Sample rows are written while the shard is prepared,
// where both directions of the evolution can be asked about each of them.

import { HalflapError, type QuarantineRow, type Verb } from '@halflap/protocol';
import type { Bundle, Step } from '../compile/bundle.js';
import type { CompileInput } from '../compile/compile.js';
import { evolvingOf } from '../compile/resolve.js';
import { constraintOf, messageOf, withSession } from '../pg.js';
import type { Scratch } from '../release/load.js';
import { runVerb } from '../shard/advance.js';
import { assertNotDrifted } from '../shard/drift.js';
import { readFloorTables } from '../shard/holes.js';
import { installRelease } from '../shard/install.js';
import { readQuarantine } from '../shard/quarantine.js';
import { secondsSince } from '../shard/seconds.js';
import { type CounterExample, shownText } from './counter-example.js';
import { type BrokenRules, brokenRules, examine, lostRows } from './examine.js';
import { refusedWrites } from './refused-writes.js';
import { hintsFor } from './sample-hints.js';
import { insertSamples, type Untried } from './samples.js';
import { tryLens } from './trial-lens.js';

export interface TrialOptions {
  /** What the bundle was compiled from. */
  readonly input: CompileInput;
  readonly bundle: Bundle;
  readonly scratch: Scratch;
  readonly signal?: AbortSignal;
  readonly log?: (line: string) => void;
}

export interface Trial {
  /** What no sample row holds: expressions over it were not evaluated. */
  readonly untried: readonly Untried[];
  /** Relations with sample rows that could not be carried to the new release. */
  readonly quarantined: readonly Quarantined[];
  /** For each table the smallest row that the new release cannot write before contract. */
  readonly refused: readonly CounterExample[];
  readonly seconds: number;
}

export interface Quarantined {
  readonly relation: string;
  /** Each once: `check hosts_load_check of hosts`. */
  readonly reasons: readonly string[];
  /** The smallest rows that show them, where that is known. */
  readonly examples: readonly CounterExample[];
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
  const { bundle, input, scratch } = options;
  return scratch.withDatabase(async (url) => {
    await installRelease({ url, app: bundle.app, release: input.from });
    await attempt(options, url, 'prepare');
    const { untried, found, refused, broken } = await withSamples(options, url);
    await attempt(options, url, 'abort');
    const [first] = found;
    if (first !== undefined) throw refuted(options, first);
    await attemptLens(options, url);
    for (const verb of ['prepare', 'expand', 'verify'] as const) {
      await attempt(options, url, verb).catch((error: unknown) => {
        const rule = ruleBehind(error);
        const example = rule === undefined ? undefined : broken.get(rule);
        throw example === undefined ? error : refuted(options, example);
      });
    }
    const quarantined = await readQuarantine(url);
    await attempt(options, url, 'abort');
    await compare(options, url, 'from');
    return {
      untried,
      quarantined: byRelation(quarantined, broken),
      refused,
    };
  });
}

/** Writes sample rows as the old release does, and looks what becomes of them. */
function withSamples({ bundle, input }: TrialOptions, url: string) {
  return withSession(url, 'check/samples', async (session) => {
    const floor = await readFloorTables(session, bundle);
    const ground = { session, floor, bundle, evolving: evolvingOf(input) };
    const { untried, insertUnreadable } = await insertSamples(session, input.from.catalog, {
      hints: hintsFor(input, 'from'),
      countLost: (table) => lostRows(ground, table),
    });
    const found = await examine(ground);
    const refused = await withSession(url, 'check/values', async (asking) =>
      found.length > 0 ? [] : refusedWrites(ground, asking, input),
    );
    const broken = await brokenRules(ground);
    await insertUnreadable();
    return { untried, found, refused, broken };
  });
}

function byRelation(rows: readonly QuarantineRow[], broken: BrokenRules): Quarantined[] {
  const relations = [...new Set(rows.map((row) => row.relation))];
  return relations.map((relation) => {
    const own = rows.filter((row) => row.relation === relation);
    const reasons = [...new Set(own.map((row) => row.reason))];
    const words = new Set(reasons.flatMap((reason) => reason.split(/[^\p{L}\p{N}_$]+/u)));
    const examples = [...broken].flatMap(([rule, example]) => (words.has(rule) ? [example] : []));
    return { relation, reasons, examples };
  });
}

/** The constraint that a statement has violated. */
function ruleBehind(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  return constraintOf(error) ?? ruleBehind(error.cause);
}

/** On empty tables: samples that break a new rule would rightly keep contract from ending. */
async function throughToTheEnd(options: TrialOptions): Promise<void> {
  const { bundle, input, scratch } = options;
  const leftOut: string[] = [];
  await scratch.withDatabase(async (url) => {
    await installRelease({ url, app: bundle.app, release: input.from });
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
      assertNotDrifted(session, {
        shard: 'scratch',
        app: bundle.app,
        release: bundle[side],
        isScratch: true,
      }),
    );
  } catch (cause) {
    const what = side === 'from' ? 'after abort' : 'after contract';
    throw failed(bundle, `${what} the catalogue differs: ${messageOf(cause)}`, cause);
  }
}

/** With the place of the change, and with the rows, as text and as data. */
function refuted({ bundle }: TrialOptions, example: CounterExample): HalflapError {
  const { file, line, column, change, label, message, shown } = example;
  const place = line === null ? '' : `:${line}:${column}`;
  const where = file === null ? '' : `${file}${place}: `;
  return new HalflapError(
    'CHECK_FAILED',
    `${where}${bundle.app} ${bundle.from.version} to ${bundle.to.version}: ` +
      `${change} (${label}): ${message}`,
    {
      detail: {
        ...(file === null ? {} : { file }),
        ...(line === null || column === null ? {} : { line, column }),
        evidence: shownText(shown),
        counterExample: example,
      },
      hint: HINTS[example.kind],
    },
  );
}

const HINTS: Readonly<Record<CounterExample['kind'], string>> = {
  'not kept': 'let the queries of both directions have a place for such a row, then check again',
  'not stable': 'make down the inverse of up, or the two queries of each other, then check again',
  'breaks a rule': 'let up, or the query, give what the rule takes; or let the rule wait',
  'beyond its slice': 'let it follow from the rows of one slice, or let the slice be larger',
  refused: 'give the new release a rule that says what both can hold',
};

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
