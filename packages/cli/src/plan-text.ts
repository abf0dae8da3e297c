// A plan as text. Each step leads with what an operator wants to know: whom it holds up and for how
// long, what it rewrites or reads, whether it can be undone. Below stand the statements that are
// the reason; all others are counted, unless they are asked for.

import type { RelationPlan } from '@halflap/engine';
import { TRANSITIONS, VERBS, type Verb } from '@halflap/protocol';
import {
  BLOCKS,
  type Blocks,
  type PlanView,
  type StatementView,
  type StepView,
} from './plan-view.js';
import { type Colors, excerpt, wrapped } from './print.js';
import { table } from './table.js';

export interface PlanTextOptions {
  readonly colors: Colors;
  /** Columns of the terminal. */
  readonly width: number;
  /** Every statement, and not only those that hold up, rewrite or read something in use. */
  readonly isAll: boolean;
  /** Whole statements instead of their beginnings. */
  readonly isWhole: boolean;
}

/** As much of a statement as tells which one it is, where the terminal is wide. */
const EXCERPT_LENGTH = 100;

/** Tables of the work schema that no release knows. */
const OWN = "Halflap's own tables";

/** Locks that take more than this, or leave less than that, have their statement below them. */
const MOST_LOCKS = 44;
const LEAST_EXCERPT = 40;

/**
 * The plan as text: relations first, then the verbs in the order in which an operator runs them.
 */
export function planText(plan: PlanView, options: PlanTextOptions): string {
  const { colors, width } = options;
  const lines = [
    colors.bold(`${plan.app} ${plan.from} → ${plan.to}`),
    ...introduction(plan).flatMap((line) => wrapped(line, width)),
    '',
    colors.bold('RELATIONS'),
    relationsText(plan.relations, width),
  ];
  for (const verb of VERBS) {
    const steps = plan.steps[verb];
    const [first = '', ...rest] = wrapped(summaryOf(steps, { verb, plan }), width, 2);
    lines.push('', first.replace(/^\w+/, colors.bold), ...rest);
    for (const step of steps) lines.push('', ...stepLines(step, verb, plan, options));
  }
  const more = options.isAll ? '' : 'Every statement: halflap plan --all. ';
  return [...lines, '', `${more}Whole statements: --sql; for programs: --json.`].join('\n');
}

function introduction({ hash, to, releaseSchema }: PlanView): string[] {
  return [
    `Bundle ${hash.slice(0, 12)}; sessions of ${to} find schema ${releaseSchema} first.`,
    'A step is one transaction where it says nothing else. It waits for a lock no longer than ' +
      '60 ms, then it is tried again as a whole; its locks last until its end.',
  ];
}

/** One row per relation: old and new name, how it crosses, its label, and the notes below. */
export function relationsText(relations: readonly RelationPlan[], width: number): string {
  const cells = relations.map(({ old, new: now, kind, label }) => [
    old ?? '–',
    now ?? '–',
    kind as string,
    label as string,
  ]);
  const head = ['old', 'new', 'kind', 'label'];
  const taken = head
    .map((title, at) => Math.max(title.length, ...cells.map((row) => row[at]?.length ?? 0)) + 2)
    .reduce((sum, column) => sum + column, 0);
  const rows = relations.map((relation, at) => [
    ...(cells[at] ?? []),
    notesOf(relation)
      .flatMap((note) => wrapped(note, Math.max(LEAST_EXCERPT, width - taken), 2))
      .join('\n'),
  ]);
  return table([...head, 'notes'], rows);
}

/** The notes of a relation, with the one that every author must act upon. */
function notesOf(relation: RelationPlan): string[] {
  if (!relation.isLensWithoutOnConflict) return [...relation.notes];
  return [...relation.notes, 'warning: ON CONFLICT needs the client before its shard is dual'];
}

/** `EXPAND  ends dual; 15 steps, 86 statements; blocks at most writes of hosts; no rewrite` */
function summaryOf(steps: readonly StepView[], naming: Naming): string {
  const { to } = TRANSITIONS[naming.verb];
  const statements = steps.flatMap((step) => step.statements);
  const groups = groupsOf(statements, naming, false).map(inWords);
  const rewritten = namesOf(
    statements.flatMap((one) => one.rewritten),
    naming,
  );
  return [
    `${naming.verb.toUpperCase()}  ${to === 'unchanged' ? 'changes no phase' : `ends ${to}`}`,
    `${counted(steps.length, 'step')}, ${counted(statements.length, 'statement')}`,
    groups.length === 0 ? 'blocks nothing' : `blocks at most ${groups.join(', and ')}`,
    rewritten.length === 0 ? 'no rewrite' : `rewrites ${rewritten.join(', ')}`,
  ].join('; ');
}

function stepLines(step: StepView, verb: Verb, plan: PlanView, options: PlanTextOptions): string[] {
  const { colors, width, isWhole } = options;
  const naming = { verb, plan };
  const lead = leadOf(step, naming);
  const [first = '', ...rest] = wrapped(`  ${step.id}  ${lead.text}`, width, 6);
  const colored = first.replace(step.id, colors.cyan(step.id));
  const color = lead.blocks === 'nothing' ? colors.green : colors.yellow;
  return [
    colored.replace(/blocks \S+/, color).replace('cannot be undone', colors.red),
    ...rest.map((line) => line.replace('cannot be undone', colors.red)),
    ...wrapped(`    ${aboutOf(step)}`, width, 4).map((line) => colors.dim(line)),
    ...(isWhole ? wholeStatements(step, naming) : statementLines(step, naming, options)),
  ];
}

/** What the step does, and how it runs where that is not as for most. */
function aboutOf({ title, kind, how }: StepView): string {
  const [, after] = how.split('; then ');
  if (kind === 'transaction') return after === undefined ? title : `${title}; then ${after}`;
  return kind === 'barrier' ? title : `${title}: ${how}`;
}

interface Naming {
  readonly verb: Verb;
  readonly plan: PlanView;
}

/** `blocks writes of hosts for an instant; no rewrite; abort undoes it` */
export function leadOf(step: StepView, naming: Naming): { blocks: Blocks; text: string } {
  const { blocks, text } = blockingOf(step, naming);
  const reads = namesOf(
    step.statements.flatMap((one) => one.reads),
    naming,
  );
  const known = reads.filter((name) => name !== OWN);
  const parts = [text, ...movedOf(step, naming)];
  if (step.kind === 'backfill') parts.push('reads the old table once');
  else if (known.length > 0) parts.push(`reads all of ${known.join(', ')} once`);
  return {
    blocks,
    text: [...parts, rewriteOf(step, naming), undoOf(step, naming)].flat().join('; '),
  };
}

function blockingOf(step: StepView, naming: Naming): { blocks: Blocks; text: string } {
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

interface Group {
  readonly blocks: Blocks;
  readonly names: readonly string[];
}

/** What is held up, most first; each relation where it is held up most. */
function groupsOf(
  statements: readonly StatementView[],
  naming: Naming,
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

function inWords({ blocks, names }: Group): string {
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
function durationOf({ statements }: StepView, naming: Naming): string {
  const first = statements.findIndex((one) => one.locks.some((lock) => isBlocking(lock.blocks)));
  const long = statements.slice(first).flatMap((one) => [...one.reads, ...one.rewritten]);
  const names = namesOf(long, naming);
  return names.length === 0 ? 'for an instant' : `while all of ${names.join(', ')} is read`;
}

function movedOf(step: StepView, naming: Naming): string[] {
  const groups = groupsOf(step.statements, naming, true).map(inWords);
  if (groups.length === 0) return [];
  return [`if an earlier evolution left them outside of public, ${groups.join(', and ')} as well`];
}

function rewriteOf(step: StepView, naming: Naming): string[] {
  const tables = namesOf(
    step.statements.flatMap((one) => one.rewritten),
    naming,
  );
  if (tables.length > 0) return [`rewrites ${tables.join(', ')}`];
  return step.kind === 'barrier' || step.kind === 'verify' ? [] : ['no rewrite'];
}

function undoOf(step: StepView, { verb }: Naming): string {
  if (step.kind === 'barrier' || step.kind === 'verify') return 'changes nothing';
  if (step.undoneBy === null) return 'cannot be undone';
  return verb === 'abort' ? 'prepare begins anew' : `${step.undoneBy} undoes it`;
}

function namesOf(relations: readonly string[], naming: Naming): string[] {
  return [...new Set(relations.map((relation) => readable(relation, naming)))];
}

/**
 * `hosts` of the old release or of both, `hosts of 2.0`; what the work schema holds is the new
 * release's until contract puts the old tables there.
 */
function readable(relation: string, { verb, plan }: Naming): string {
  const [schema = '', ...rest] = relation.split('.');
  const name = rest.join('.');
  if (schema === plan.releaseSchema) return `${name} of ${plan.to}`;
  if (schema !== plan.workSchema) return relation;
  if (name.startsWith('halflap_')) return OWN;
  return `${name} of ${verb === 'contract' ? plan.from : plan.to}`;
}

function statementLines(step: StepView, naming: Naming, options: PlanTextOptions): string[] {
  const { colors, width, isAll } = options;
  const shown = step.statements.filter((one) => isAll || isNotable(one, step));
  const rows = shown.map((one) => ({
    what: effectsOf(one, naming, isAll),
    text: plainly(one.text),
  }));
  const left = Math.min(MOST_LOCKS, Math.max(0, ...rows.map(({ what }) => what.length)));
  const isBeside = width - left - 8 >= LEAST_EXCERPT;
  const room = Math.min(EXCERPT_LENGTH, isBeside ? width - left - 8 : width - 8);
  const lines = rows.flatMap(({ what, text }) => {
    const begin = colors.dim(excerpt(text, room));
    if (isBeside && what.length <= left) return [`      ${what.padEnd(left)}  ${begin}`];
    const indent = isBeside ? left + 8 : 8;
    return [...wrapped(`      ${what}`, width, 8), `${' '.repeat(indent)}${begin}`];
  });
  const hidden = step.statements.length - shown.length;
  if (hidden === 0) return lines;
  const others = shown.length === 0 ? counted(hidden, 'statement') : `${hidden} more`;
  return [...lines, colors.dim(`      ${others}`)];
}

/** Whether a statement asks something of what somebody uses. */
function isNotable({ locks, reads, rewritten }: StatementView, { kind }: StepView): boolean {
  if (kind === 'verify' || kind === 'backfill') return false;
  return reads.length + rewritten.length > 0 || locks.some((lock) => lock.blocks !== 'nothing');
}

/** `SHARE ROW EXCLUSIVE on events, hosts of 2.0` */
function effectsOf({ locks, rewritten }: StatementView, naming: Naming, isAll: boolean): string {
  const byMode = new Map<string, string[]>();
  for (const lock of locks.filter((one) => isAll || one.blocks !== 'nothing')) {
    const about = [...(lock.isUsed ? [] : ['unused']), ...(lock.isOnlyMoved ? ['if moved'] : [])];
    const name = readable(lock.relation, naming);
    const said = about.length === 0 ? name : `${name} (${about.join(', ')})`;
    byMode.set(lock.mode, [...new Set([...(byMode.get(lock.mode) ?? []), said])]);
  }
  const parts = [...byMode].map(([mode, names]) => `${mode} on ${names.join(', ')}`);
  if (rewritten.length > 0) parts.push(`rewrites ${namesOf(rewritten, naming).join(', ')}`);
  return parts.length === 0 ? '–' : parts.join('; ');
}

function wholeStatements(step: StepView, naming: Naming): string[] {
  return step.statements.flatMap((one) => [
    `    - ${effectsOf(one, naming, true)}`,
    ...one.text
      .trimEnd()
      .split('\n')
      .map((line) => `      ${line}`),
  ]);
}

/** Without the quotes that names do not need, and without the frame of a block. */
function plainly(text: string): string {
  return text
    .replace(/"([a-z_][a-z0-9_]*)"/g, '$1')
    .replace(/^do \$halflap\$\s+(declare[\s\S]*?\n)?begin\s+/, 'do: ');
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
