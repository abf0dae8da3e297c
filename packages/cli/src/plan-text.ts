// A plan as text. Each step leads with what an operator wants to know: whom it holds up and for how
// long, what it rewrites or reads, whether it can be undone. Below stand the statements that are
// the reason; all others are counted, unless they are asked for.

import {
  groupsOf,
  inWords,
  leadOf,
  namesOf,
  type PlanNaming,
  type PlanView,
  type RelationPlan,
  readable,
  type StatementView,
  type StepView,
} from '@halflap/engine/runner';
import { TRANSITIONS, VERBS, type Verb } from '@halflap/protocol';
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
function summaryOf(steps: readonly StepView[], naming: PlanNaming): string {
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

function statementLines(step: StepView, naming: PlanNaming, options: PlanTextOptions): string[] {
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
function effectsOf(
  { locks, rewritten }: StatementView,
  naming: PlanNaming,
  isAll: boolean,
): string {
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

function wholeStatements(step: StepView, naming: PlanNaming): string[] {
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
