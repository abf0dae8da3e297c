// May this verb run on this shard now, or is its work done already? Pure: decided from the shard's
// row, its journal and the bundle, before anything is touched.
//
// Invariant: a verb whose goal is reached or passed within this evolution answers "done"; one that
// leads the wrong way, or could half-undo what another one has half-done, is refused. A hint never
// names contract, from which nothing leads back, unless contract has begun.

import { HalflapError, PASSED, TRANSITIONS, type Verb } from '@halflap/protocol';
import { BUNDLE_FORMAT, type Bundle, FIRST_LOOK, type Step } from '../compile/bundle.js';
import type { Journal } from './journal.js';
import type { ShardState } from './state.js';

export interface Request {
  readonly shard: string;
  readonly state: ShardState;
  readonly journal: Journal;
  readonly bundle: Bundle;
  readonly verb: Verb;
}

/** @throws EVOLUTION_MISMATCH, PHASE_REFUSED, BUNDLE_INVALID. */
export function admit(request: Request): 'go' | 'done' {
  assertBundle(request.bundle);
  assertEvolution(request);
  const { state, verb } = request;
  return state.phase === 'settled' ? admitSettled(request) : admitUnderWay(request, verb);
}

function admitSettled(request: Request): 'go' | 'done' {
  const { state, bundle, verb, journal } = request;
  const isAhead = state.floor === bundle.to.version;
  if (isAhead && verb !== 'abort') return 'done';
  if (isAhead) throw refused(request, `it is settled at ${state.floor}, nothing leads back`);
  if (verb === 'prepare') return 'go';
  // A prepare that died half-way leaves the phase as it was, and rows to undo in the journal.
  if (verb === 'abort') return hasActed(journal, bundle.steps.prepare) ? 'go' : 'done';
  throw refused(request, `it is settled at ${state.floor}`, 'prepare');
}

function admitUnderWay(request: Request, verb: Verb): 'go' | 'done' {
  const { state, bundle, journal } = request;
  const transition = TRANSITIONS[verb];
  if (verb !== 'abort' && hasActed(journal, bundle.steps.abort)) {
    throw refused(request, 'an abort is under way', 'abort');
  }
  if (state.phase === transition.to) {
    return bundle.steps[verb].every((step) => isFinished(journal, step)) ? 'done' : 'go';
  }
  if (PASSED[verb].includes(state.phase)) return 'done';
  if (transition.from.includes(state.phase)) return 'go';
  if (state.phase === 'contracting') {
    throw refused(request, 'it is contracting, nothing leads back', 'contract');
  }
  throw refused(request, `it is ${state.phase}`, 'expand');
}

function assertEvolution(request: Request): void {
  const { state, bundle, journal } = request;
  const wanted = `${bundle.app} ${bundle.from.version}→${bundle.to.version}`;
  if (state.app !== bundle.app) {
    throw mismatch(request, `it belongs to ${state.app}`, wanted, `a bundle of ${state.app}`);
  }
  const versions = [bundle.from.version, bundle.to.version];
  if (state.phase === 'settled') {
    if (!versions.includes(state.floor)) {
      const found = `it is settled at ${state.floor}`;
      throw mismatch(request, found, wanted, `the bundle that begins at ${state.floor}`);
    }
    const release = state.floor === bundle.from.version ? bundle.from : bundle.to;
    if (release.fingerprint !== state.fingerprint) {
      const found = `its ${state.floor} has another schema (fingerprint)`;
      throw mismatch(request, found, wanted, `one built from the ${state.floor} that it holds`);
    }
  } else if (state.floor !== versions[0] || !versions.includes(state.ceiling)) {
    // An abort has the floor as its ceiling as soon as it has fenced the newer release.
    const evolution = `${state.floor}→${state.ceiling}`;
    throw mismatch(request, `it is in ${evolution}`, wanted, `the bundle of ${evolution}`);
  }
  // Where nothing has been done yet, a corrected bundle may begin.
  const isUntouched = state.phase === 'settled' && hasOnlyTried(request);
  const hashes = isUntouched ? [] : [...journal.values()].map((entry) => entry.bundle_hash);
  const other = [state.bundle_hash, ...hashes].find((hash) => hash && hash !== bundle.hash);
  if (other !== undefined) {
    const found = `its evolution began with bundle ${other?.slice(0, 12)}`;
    throw mismatch(request, found, `bundle ${bundle.hash.slice(0, 12)}`, 'that bundle');
  }
}

function assertBundle(bundle: Bundle): void {
  const settling = [...bundle.steps.contract, ...bundle.steps.abort].filter(isSettling);
  const last = [bundle.steps.contract.at(-1), bundle.steps.abort.at(-1)];
  const isSound =
    bundle.format === BUNDLE_FORMAT && settling.length === 2 && last.every(isSettling);
  if (isSound) return;
  throw new HalflapError(
    'BUNDLE_INVALID',
    `bundle of ${bundle.app}: format ${bundle.format} is not ${BUNDLE_FORMAT}, or contract and ` +
      'abort do not each end in the one step that settles the shard',
    { hint: 'build the bundle again: halflap build' },
  );
}

function isSettling(step: Step | undefined): boolean {
  return step?.kind === 'transaction' && step.settles !== null;
}

/**
 * True when one of the steps may have changed the database: a transaction that began has not, nor
 * has one that only looks.
 */
export function hasActed(journal: Journal, steps: readonly Step[]): boolean {
  return steps.some((step) => {
    const entry = journal.get(step.id);
    if (entry === undefined) return false;
    if (step.kind !== 'transaction') return true;
    return entry.finished_at !== null && step.isLook !== true;
  });
}

/** Whether all that has begun are steps that changed nothing, whatever bundle they were of. */
function hasOnlyTried({ journal, bundle }: Request): boolean {
  return [...journal.values()].every(({ step: id, finished_at }) => {
    const step = bundle.steps.prepare.find((one) => one.id === id);
    return id === FIRST_LOOK || (finished_at === null && step?.kind === 'transaction');
  });
}

function isFinished(journal: Journal, step: Step): boolean {
  return (journal.get(step.id)?.finished_at ?? null) !== null;
}

function refused({ shard, verb }: Request, why: string, next?: Verb): HalflapError {
  const from = TRANSITIONS[verb].from.join(' or ');
  return new HalflapError(
    'PHASE_REFUSED',
    `${verb} is refused on shard ${shard}: ${why}, expected ${from}`,
    {
      detail: { shard },
      hint: `halflap ${next ?? 'status'} --shard ${shard}`,
    },
  );
}

function mismatch(
  { shard, verb }: Request,
  found: string,
  expected: string,
  remedy: string,
): HalflapError {
  return new HalflapError(
    'EVOLUTION_MISMATCH',
    `${verb} is refused on shard ${shard}: ${found}, against ${expected}`,
    { detail: { shard }, hint: `halflap ${verb} --shard ${shard} --bundle FILE, with ${remedy}` },
  );
}
