// A bundle as people and programs read it before anything happens: every relation with its label,
// every step with what it holds up, and every statement with what it was seen to do.

import { HalflapError, type Verb } from '@halflap/protocol';
import type {
  Bundle,
  Effects,
  HeldLock,
  LockMode,
  RelationPlan,
  Statement,
  Step,
} from './compile/bundle.js';
import { textsOf } from './compile/texts.js';
import { fillForPeople } from './shard/holes.js';

/** The shape of `plan --json`; additions only. */
export interface PlanView {
  readonly app: string;
  readonly from: string;
  readonly to: string;
  readonly hash: string;
  readonly releaseSchema: string;
  readonly workSchema: string;
  readonly relations: readonly RelationPlan[];
  readonly steps: Readonly<Record<Verb, readonly StepView[]>>;
}

export interface StepView {
  readonly id: string;
  readonly title: string;
  readonly kind: Step['kind'];
  /** How the statements run, in words: `one transaction; then the shard is prepared`. */
  readonly how: string;
  /** What has been done can be taken back by this verb; null where by none. */
  readonly undoneBy: 'abort' | 'prepare' | null;
  readonly statements: readonly StatementView[];
}

export interface StatementView {
  /** As it is in the bundle, with its holes. */
  readonly sql: string;
  /** As it stands on a shard of a fresh install. */
  readonly text: string;
  /** The strongest lock on a relation that somebody uses, on whatever shard. */
  readonly lock: LockMode | null;
  readonly relation: string | null;
  readonly blocks: Blocks;
  readonly rewrites: boolean;
  /** All locks that it is the first to take in its transaction; they last until its end. */
  readonly locks: readonly LockView[];
  readonly rewritten: readonly string[];
  /** Tables that it reads from end to end. */
  readonly reads: readonly string[];
}

export interface LockView extends HeldLock {
  readonly blocks: Blocks;
}

export type Blocks = 'nothing' | 'maintenance' | 'writes' | 'reads and writes';

/** Least first. */
export const BLOCKS: readonly Blocks[] = ['nothing', 'maintenance', 'writes', 'reads and writes'];

/** @throws BUNDLE_INVALID when nobody has looked at what the statements do. */
export function planView(bundle: Bundle): PlanView {
  const { app, to, effects } = bundle;
  if (effects === undefined) {
    throw new HalflapError('BUNDLE_INVALID', `the bundle of ${app} ${to.version} states no locks`, {
      hint: `build it again: halflap build ${to.version}`,
    });
  }
  return planOf(bundle);
}

/** The same of a bundle whose statements nobody has watched: with the locks that are waited for. */
export function planOf(bundle: Bundle): PlanView {
  const { app, from, to, hash } = bundle;
  const stepsOf = (verb: Verb) => bundle.steps[verb].map((step) => stepView(step, verb, bundle));
  return {
    app,
    from: from.version,
    to: to.version,
    hash,
    releaseSchema: bundle.releaseSchema,
    workSchema: bundle.workSchema,
    relations: bundle.relations,
    steps: {
      prepare: stepsOf('prepare'),
      expand: stepsOf('expand'),
      verify: stepsOf('verify'),
      contract: stepsOf('contract'),
      abort: stepsOf('abort'),
    },
  };
}

/** What a lock on a relation keeps others from doing (PostgreSQL manual, section 13.3.1). */
export function blocksOf(mode: LockMode | null): Blocks {
  switch (mode) {
    case null:
    case 'ACCESS SHARE':
    case 'ROW SHARE':
    case 'ROW EXCLUSIVE':
      return 'nothing';
    case 'SHARE UPDATE EXCLUSIVE':
      return 'maintenance';
    case 'SHARE':
    case 'SHARE ROW EXCLUSIVE':
    case 'EXCLUSIVE':
      return 'writes';
    case 'ACCESS EXCLUSIVE':
      return 'reads and writes';
    default:
      return mode satisfies never;
  }
}

function stepView(step: Step, verb: Verb, bundle: Bundle): StepView {
  const effects = bundle.effects === undefined ? stated(step) : (bundle.effects[step.id] ?? []);
  return {
    id: step.id,
    title: step.title,
    kind: step.kind,
    how: howOf(step),
    undoneBy: undoneBy(verb),
    statements: textsOf(step).map((sql, at) =>
      statementView(sql, fillForPeople(sql, bundle), effects[at]),
    ),
  };
}

/** What the compiler knows by itself: the lock that the runner may have to wait for. */
function stated(step: Step): readonly Effects[] {
  const of = ({ lock }: Statement): Effects => ({
    locks: lock === null ? [] : [{ ...lock, isUsed: true, isOnlyMoved: false }],
    ...{ rewrites: [], reads: [] },
  });
  if (step.kind === 'transaction') return step.statements.map(of);
  return step.kind === 'index' ? [of(step.statement)] : [];
}

function undoneBy(verb: Verb): StepView['undoneBy'] {
  switch (verb) {
    case 'prepare':
    case 'expand':
    case 'verify':
      return 'abort';
    case 'abort':
      return 'prepare';
    case 'contract':
      return null;
    default:
      return verb satisfies never;
  }
}

function statementView(sql: string, text: string, effects: Effects | undefined): StatementView {
  const { locks: held = [], rewrites = [], reads = [] } = effects ?? {};
  const locks = held.map((lock) => ({
    ...lock,
    blocks: lock.isUsed ? blocksOf(lock.mode) : ('nothing' as const),
  }));
  const used = locks.filter((lock) => lock.isUsed);
  const [strongest = null] = used.sort(
    (left, right) => BLOCKS.indexOf(right.blocks) - BLOCKS.indexOf(left.blocks),
  );
  return {
    sql,
    text,
    lock: strongest?.mode ?? null,
    relation: strongest?.relation ?? null,
    blocks: strongest?.blocks ?? 'nothing',
    rewrites: rewrites.length > 0,
    locks,
    rewritten: rewrites,
    reads,
  };
}

function howOf(step: Step): string {
  switch (step.kind) {
    case 'transaction': {
      const enters = step.entersPhase === null ? '' : `; then the shard is ${step.entersPhase}`;
      return `one transaction, retried as a whole when a lock is not granted${enters}`;
    }
    case 'index':
      return 'outside a transaction; an invalid leftover is dropped and built again';
    case 'barrier':
      return 'waits for transactions that are open now';
    case 'backfill':
      return `batch by batch along (${keyOf(step)}) of ${step.relation}, a transaction each`;
    case 'verify':
      return `range by range along (${keyOf(step)})`;
    default:
      return step satisfies never;
  }
}

function keyOf({ key }: Extract<Step, { readonly key: unknown }>): string {
  return key.map((column) => column.name).join(', ');
}
