// What a step of a plan asks of those who work meanwhile, in one line: whom it holds up and for how
// long, what it rewrites or reads, whether it can be undone; and a word for its kind.

import type { Verb } from '@halflap/protocol';
import {
  BLOCKS,
  type Blocks,
  type PlanView,
  type StatementView,
  type StepView,
} from './plan-view.js';

/** Tables of the work schema that no release knows. */
const OWN = "Halflap's own tables";

/** What names of relations are said by. */
export interface PlanNaming {
  readonly verb: Verb;
  readonly plan: PlanView;
}

/**
 *   instant   one transaction of catalogue work
 *   scan      one transaction, and a table is read from end to end within it
 *   rewrite   one transaction, and the rows of a table are written anew within it
 *   index     an index is built beside those who write
 *   wait      for transactions that are open now
 *   backfill  batch by batch, a transaction each
 *   compare   range by range, and nothing is locked
 */
export const STEP_LABELS = [
  'instant',
  'scan',
  'rewrite',
  'index',
  'wait',
  'backfill',
  'compare',
] as const;
export type StepLabel = (typeof STEP_LABELS)[number];

export function labelOf({ kind, statements }: StepView, naming: PlanNaming): StepLabel {
  switch (kind) {
    case 'index':
      return 'index';
    case 'barrier':
      return 'wait';
    case 'backfill':
      return 'backfill';
    case 'verify':
      return 'compare';
    case 'transaction': {
      if (statements.some((one) => one.rewrites)) return 'rewrite';
      return knownReads(statements, naming).length > 0 ? 'scan' : 'instant';
    }
    default:
      return kind satisfies never;
  }
}

/** `blocks writes of hosts for an instant; no rewrite; abort undoes it` */
export function leadOf(step: StepView, naming: PlanNaming): { blocks: Blocks; text: string } {
  const { blocks, text } = blockingOf(step, naming);
  const known = knownReads(step.statements, naming);
  const parts = [text, ...movedOf(step, naming)];
  if (step.kind === 'backfill') parts.push('reads the old table once');
  else if (known.length > 0) parts.push(`reads all of ${known.join(', ')} once`);
  return {
    blocks,
    text: [...parts, rewriteOf(step, naming), undoOf(step, naming)].flat().join('; '),
  };
}

/** Tables that users know, of those that are read from end to end. */
function knownReads(statements: readonly StatementView[], naming: PlanNaming): string[] {
  const reads = statements.flatMap((one) => one.reads);
  return namesOf(reads, naming).filter((name) => name !== OWN);
}

function blockingOf(step: StepView, naming: PlanNaming): { blocks: Blocks; text: string } {
  switch (step.kind) {
    case 'backfill':
      return { blocks: 'writes', text: 'blocks writes of the rows of a batch for an instant' };
    case 'barrier':
      return {
        blocks: 'nothing',
        text: 'blocks nothing; waits for transactions that are open now',
      };
    case 'index':
    case 'verify':
      return { blocks: 'nothing', text: 'blocks nothing' };
    case 'transaction': {
      const groups = groupsOf(step.statements, naming, false);
      const [strongest] = groups;
      if (strongest === undefined) return { blocks: 'nothing', text: 'blocks nothing' };
      const words = groups.map(inWords);
      return {
        blocks: strongest.blocks,
        text: `blocks ${words.join(', and ')} ${durationOf(step, naming)}`,
      };
    }
    default:
      return step.kind satisfies never;
  }
}

export interface Group {
  readonly blocks: Blocks;
  readonly names: readonly string[];
}

/** What is held up, most first; each relation where it is held up most. */
export function groupsOf(
  statements: readonly StatementView[],
  naming: PlanNaming,
  isOnlyMoved: boolean,
): Group[] {
  const most = new Map<string, Blocks>();
  for (const lock of statements.flatMap((one) => one.locks)) {
    if (lock.isOnlyMoved !== isOnlyMoved || !isBlocking(lock.blocks)) continue;
    const name = readable(lock.relation, naming);
    const known = most.get(name) ?? 'nothing';
    if (BLOCKS.indexOf(lock.blocks) > BLOCKS.indexOf(known)) most.set(name, lock.blocks);
  }
  const all = [...most].sort(([left], [right]) => byName(left, right));
  return (['reads and writes', 'writes'] as const).flatMap((blocks) => {
    const names = all.filter(([, one]) => one === blocks).map(([name]) => name);
    return names.length === 0 ? [] : [{ blocks, names }];
  });
}

export function inWords({ blocks, names }: Group): string {
  return `${blocks} of ${names.join(', ')}`;
}

/** What users know comes before what is ours. */
function byName(left: string, right: string): number {
  if ((left === OWN) !== (right === OWN)) return left === OWN ? 1 : -1;
  return left < right ? -1 : 1;
}

function isBlocking(blocks: Blocks): boolean {
  return BLOCKS.indexOf(blocks) >= BLOCKS.indexOf('writes');
}

/** A lock lasts for what comes after it in its transaction: catalogue work, or whole tables. */
function durationOf({ statements }: StepView, naming: PlanNaming): string {
  const first = statements.findIndex((one) => one.locks.some((lock) => isBlocking(lock.blocks)));
  const long = statements.slice(first).flatMap((one) => [...one.reads, ...one.rewritten]);
  const names = namesOf(long, naming);
  return names.length === 0 ? 'for an instant' : `while all of ${names.join(', ')} is read`;
}

function movedOf(step: StepView, naming: PlanNaming): string[] {
  const groups = groupsOf(step.statements, naming, true).map(inWords);
  if (groups.length === 0) return [];
  return [`if an earlier evolution left them outside of public, ${groups.join(', and ')} as well`];
}

function rewriteOf(step: StepView, naming: PlanNaming): string[] {
  const tables = namesOf(
    step.statements.flatMap((one) => one.rewritten),
    naming,
  );
  if (tables.length > 0) return [`rewrites ${tables.join(', ')}`];
  return step.kind === 'barrier' || step.kind === 'verify' ? [] : ['no rewrite'];
}

function undoOf(step: StepView, { verb }: PlanNaming): string {
  if (step.kind === 'barrier' || step.kind === 'verify') return 'changes nothing';
  if (step.undoneBy === null) return 'cannot be undone';
  return verb === 'abort' ? 'prepare begins anew' : `${step.undoneBy} undoes it`;
}

export function namesOf(relations: readonly string[], naming: PlanNaming): string[] {
  return [...new Set(relations.map((relation) => readable(relation, naming)))];
}

/**
 * `hosts` of the old release or of both, `hosts of 2.0`; what the work schema holds is the new
 * release's until contract puts the old tables there.
 */
export function readable(relation: string, { verb, plan }: PlanNaming): string {
  const [schema = '', ...rest] = relation.split('.');
  const name = rest.join('.');
  if (schema === plan.releaseSchema) return `${name} of ${plan.to}`;
  if (schema !== plan.workSchema) return relation;
  if (name.startsWith('halflap_')) return OWN;
  return `${name} of ${verb === 'contract' ? plan.from : plan.to}`;
}
