// The only loop that changes a shard: runs the steps of one verb, in order, each of them once.
//
// | verb     | runs                                             | ends in        |
// |----------|--------------------------------------------------|----------------|
// | prepare  | registration where needed; steps.prepare         | prepared       |
// | expand   | steps.expand, its verify steps among them        | dual           |
// | verify   | steps.verify, always afresh                      | unchanged      |
// | contract | steps.verify unless fresh; evidence; steps.contract | settled (to) |
// | abort    | steps.abort                                      | settled (from) |
//
// A verb whose end is reached or passed within the evolution runs nothing (admission.ts).
//
// Invariant: what is finished is in the journal and is not done again; so a verb that was
// interrupted, at whatever point, by whatever means, is continued by running it again, on any
// machine.

import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { HalflapError, type Phase, TRANSITIONS, type Verb } from '@halflap/protocol';
import type { Bundle, Step } from '../compile/bundle.js';
import { admit, hasActed } from './admission.js';
import { blockersBehind } from './contention.js';
import { readStaleVerify, refuseOnEvidence } from './contract.js';
import { assertNotDrifted } from './drift.js';
import { executeStep } from './execute.js';
import { failureOf } from './failure.js';
import { assertNoFeatures } from './feature-report.js';
import { type Journal, readJournal } from './journal.js';
import { LIMITS, type Limits } from './limits.js';
import { assertNothingLost } from './old-tables.js';
import { type OpenShard, withShard } from './opening.js';
import { assertOwnSchemas } from './own-schemas.js';
import { readPace } from './pace.js';
import { openState } from './register.js';
import { assertNoRowSecurity } from './row-security.js';
import { assertNotStopped, type Pace, type Progress, type Run } from './run.js';
import { secondsSince } from './seconds.js';
import { readState, type ShardState } from './state.js';

export interface VerbOptions {
  readonly url: string;
  /** Name of the shard, for messages. */
  readonly shard: string;
  readonly bundle: Bundle;
  readonly verb: Verb;
  /** Aborting ends the run with INTERRUPTED, cancelling a statement that is running. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  /** Lines for people, one per step begun and ended. */
  readonly log?: (line: string) => void;
  /** For this run only; what is kept in the shard is changed by setPace. */
  readonly pace?: Pace;
  /** Who runs it, for the journal; default: host, process and a random part. */
  readonly runner?: string;
  /** Contract in spite of leases, sessions and statistics; the reason goes into the journal. */
  readonly force?: { readonly reason: string };
  /** Defaults: LIMITS. */
  readonly limits?: Partial<Limits>;
}

export interface StepOutcome {
  readonly id: string;
  readonly title: string;
  /** `earlier`: finished by an earlier run of this verb. */
  readonly outcome: 'done' | 'earlier';
  readonly seconds: number;
}

export interface Outcome {
  readonly shard: string;
  readonly verb: Verb;
  /** The phase in which the shard is now. */
  readonly phase: Phase;
  /** The oldest and the newest release that it serves now; the same twice when it is settled. */
  readonly floor: string;
  readonly ceiling: string;
  /** False when the verb had nothing to do, and for verify. */
  readonly changed: boolean;
  readonly steps: readonly StepOutcome[];
  readonly seconds: number;
}

/**
 * Runs a verb to its end. Idempotent and resumable.
 * @throws SHARD_UNREACHABLE, SHARD_BUSY, SHARD_FORMAT, SHARD_UNKNOWN, SHARD_DRIFTED, PHASE_REFUSED,
 * EVOLUTION_MISMATCH, FEATURE_REFUSED, BUNDLE_INVALID, LOCK_TIMEOUT, STEP_FAILED, VERIFY_FAILED,
 * CONTRACT_REFUSED, PAUSED, INTERRUPTED.
 */
export async function runVerb(options: VerbOptions): Promise<Outcome> {
  const startedAt = performance.now();
  const { url, shard, verb, signal } = options;
  assertNotStopped({ shard, verb, signal });
  const limits = { ...LIMITS, ...options.limits };
  const opening = { url, shard, purpose: verb, signal, busyPatienceMs: limits.busyPatienceMs };
  const failed = (error: unknown, blockers: readonly string[] = []) => {
    throw failureOf({ shard, verb, signal }, null, error, blockers);
  };
  const { state, done } = await withShard(opening, (open) =>
    advance(open, options, limits).catch(async (error: unknown) =>
      failed(error, await blockersBehind(error, open)),
    ),
  ).catch(failed);
  return {
    shard,
    verb,
    phase: state.phase,
    floor: state.floor,
    ceiling: state.ceiling,
    changed: verb !== 'verify' && done.some((step) => step.outcome === 'done'),
    steps: done,
    seconds: secondsSince(startedAt),
  };
}

async function advance(open: OpenShard, options: VerbOptions, limits: Limits) {
  const { shard, bundle, verb } = options;
  const state = await openState(open.session, options);
  const journal = await readJournal(open.session, state.attempt);
  if (admit({ shard, state, journal, bundle, verb }) === 'done') return { state, done: [] };
  if (verb === 'abort') await assertNoFeatures(open.session, { shard, floor: state.floor });
  const run = runOf(options, open, { attempt: state.attempt, limits });
  const done = await runSteps(run, { state, journal, force: options.force });
  const after = await readState(open.session, shard);
  assertArrived(run, after);
  return { state: after ?? state, done };
}

interface Begun {
  readonly state: ShardState;
  readonly journal: Journal;
  readonly force: VerbOptions['force'];
}

async function runSteps(run: Run, begun: Begun): Promise<StepOutcome[]> {
  const { bundle, verb } = run;
  const { state, journal, force } = begun;
  const steps = bundle.steps[verb];
  // Paused means that nothing begins; the way back is always open.
  if (verb !== 'abort' && verb !== 'verify') await readPace(run);
  if (verb === 'prepare' || verb === 'expand') await assertNoRowSecurity(run);
  if (verb === 'prepare' && !hasActed(journal, steps)) {
    await assertNotDrifted(run.session, { ...run, app: bundle.app, release: bundle.from });
    await assertNothingLost(run);
  }
  if (verb !== 'verify' && verb !== 'prepare') await assertOwnSchemas(run);
  if (verb !== 'contract') {
    const isRestart = verb === 'verify';
    return runList(run, steps, { journal, isRestart, detail: {} });
  }
  if (state.phase !== 'dual') return runList(run, steps, { journal, isRestart: false, detail: {} });
  await assertNothingLost(run);
  const stale = await readStaleVerify(run);
  const verified = await runList(run, stale, { journal, isRestart: true, detail: {} });
  const detail = await refuseOnEvidence(run, force);
  return [...verified, ...(await runList(run, steps, { journal, isRestart: false, detail }))];
}

interface ListOptions {
  readonly journal: Journal;
  readonly isRestart: boolean;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Verify steps that stand together are all run before the first difference ends the verb. */
async function runList(
  run: Run,
  steps: readonly Step[],
  options: ListOptions,
): Promise<StepOutcome[]> {
  const outcomes: StepOutcome[] = [];
  let differing: HalflapError[] = [];
  for (const step of steps) {
    if (step.kind !== 'verify') differing = assertAllEqual(run, differing);
    const { id, title } = step;
    if (!options.isRestart && isDone(run, step, options.journal)) {
      outcomes.push({ id, title, outcome: 'earlier', seconds: 0 });
      continue;
    }
    try {
      const seconds = await executeStep(run, step, options);
      outcomes.push({ id, title, outcome: 'done', seconds });
    } catch (error) {
      if (!(error instanceof HalflapError && error.code === 'VERIFY_FAILED')) throw error;
      differing.push(error);
    }
  }
  assertAllEqual(run, differing);
  return outcomes;
}

/** What was looked at for another bundle is looked at again. */
function isDone(run: Run, step: Step, journal: Journal): boolean {
  const entry = journal.get(step.id);
  if (!entry?.finished_at) return false;
  const isLook = step.kind === 'transaction' && step.isLook === true;
  return !isLook || entry.bundle_hash === run.bundle.hash;
}

function assertAllEqual(run: Run, differing: readonly HalflapError[]): HalflapError[] {
  const [first, ...others] = differing;
  if (first === undefined) return [];
  if (others.length === 0) throw first;
  throw new HalflapError('VERIFY_FAILED', differing.map((error) => error.message).join('; '), {
    detail: {
      shard: run.shard,
      evidence: differing.flatMap((error) => error.detail.evidence ?? []),
    },
    ...(first.hint === undefined ? {} : { hint: first.hint }),
    cause: first,
  });
}

function runOf(
  options: VerbOptions,
  open: OpenShard,
  { attempt, limits }: { readonly attempt: number; readonly limits: Limits },
): Run {
  const random = randomUUID().slice(0, 8);
  return {
    url: options.url,
    shard: options.shard,
    session: open.session,
    pid: open.pid,
    bundle: options.bundle,
    verb: options.verb,
    attempt,
    runner: options.runner ?? `${hostname()}/${process.pid}/${random}`,
    limits,
    pace: options.pace ?? {},
    signal: options.signal,
    onProgress: options.onProgress,
    log: options.log ?? (() => {}),
  };
}

/** A bundle whose steps do not lead where the verb leads is a defect of the compiler. */
function assertArrived(run: Run, state: ShardState | null): void {
  const wanted = TRANSITIONS[run.verb].to;
  if (wanted === 'unchanged' || state?.phase === wanted) return;
  throw new HalflapError(
    'BUNDLE_INVALID',
    `the steps of ${run.verb} left shard ${run.shard} ${state?.phase}, expected ${wanted}`,
    { detail: { shard: run.shard }, hint: 'build the bundle again: halflap build' },
  );
}
