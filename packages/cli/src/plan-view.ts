// A bundle as people and programs read it before anything happens: every relation with its label,
// every step with every statement, the lock each one takes, what the lock holds up, and rewrites.

import type { Bundle, LockMode, RelationPlan, Statement, Step, VerifyStep } from '@halflap/engine';
import { VERBS, type Verb } from '@halflap/protocol';
import { type Colors, table } from './print.js';

/** The shape of `plan --json`; additions only. */
export interface PlanView {
  readonly app: string;
  readonly from: string;
  readonly to: string;
  readonly hash: string;
  readonly releaseSchema: string;
  readonly relations: readonly RelationPlan[];
  readonly steps: Readonly<Record<Verb, readonly StepView[]>>;
}

export interface StepView {
  readonly id: string;
  readonly title: string;
  readonly kind: Step['kind'];
  /** How the statements run, in words: `one transaction; then the shard is prepared`. */
  readonly how: string;
  readonly statements: readonly StatementView[];
}

export interface StatementView {
  readonly sql: string;
  readonly lock: LockMode | null;
  readonly relation: string | null;
  readonly blocks: Blocks;
  readonly rewrites: boolean;
}

type Blocks = 'nothing' | 'maintenance' | 'writes' | 'reads and writes';

export interface PlanTextOptions {
  readonly colors: Colors;
  /** Whole statements, as they are in the bundle, instead of their first lines. */
  readonly isWhole: boolean;
}

const INDENT = '    ';

/** As much of a statement as tells which one it is. */
const EXCERPT_LENGTH = 100;

export function planView(bundle: Bundle): PlanView {
  const stepsOf = (verb: Verb) => bundle.steps[verb].map(stepView);
  return {
    app: bundle.app,
    from: bundle.from.version,
    to: bundle.to.version,
    hash: bundle.hash,
    releaseSchema: bundle.releaseSchema,
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

/**
 * The plan as text: relations first, then the verbs in the order in which an operator runs them.
 */
export function planText(plan: PlanView, options: PlanTextOptions): string {
  const { colors, isWhole } = options;
  const hash = plan.hash.slice(0, 12);
  const lines = [
    colors.bold(`${plan.app} ${plan.from} → ${plan.to}`),
    `bundle ${hash}, new release in schema ${plan.releaseSchema}`,
    '',
    colors.bold('RELATIONS'),
    relationsText(plan.relations),
  ];
  for (const verb of VERBS) {
    const steps = plan.steps[verb];
    lines.push('', `${colors.bold(verb.toUpperCase())}  ${summaryOf(steps)}`);
    for (const step of steps) {
      lines.push('', `  ${colors.cyan(step.id)}  ${step.title}`, colors.dim(`  ${step.how}`));
      lines.push(...(isWhole ? wholeStatements(step) : statementTable(step, hash)));
    }
  }
  if (isWhole) return [...lines, '', LEGEND].join('\n');
  lines.push('', 'Whole statements: halflap plan --sql, or --json.');
  return lines.join('\n');
}

const LEGEND = `In statements, {{floor:NAME}} stands for the table NAME wherever the shard
keeps it, {{range:…}} for the keys of the batch at hand, {{hash}} for the hash of the bundle.`;

/** One row per relation: old and new name, how it crosses, its label, and the notes below. */
export function relationsText(relations: readonly RelationPlan[]): string {
  const rows = relations.map((relation) => [
    relation.old ?? '–',
    relation.new ?? '–',
    relation.kind,
    relation.label,
    notesOf(relation).join('\n'),
  ]);
  return table(['old', 'new', 'kind', 'label', 'notes'], rows);
}

/** The notes of a relation, with the one that every author must act upon. */
export function notesOf(relation: RelationPlan): string[] {
  if (!relation.isLensWithoutOnConflict) return [...relation.notes];
  return [...relation.notes, 'warning: ON CONFLICT does not work on it before its shard is dual'];
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
      return 'writes';
    case 'ACCESS EXCLUSIVE':
      return 'reads and writes';
    default:
      return mode satisfies never;
  }
}

/** `12 statements; ACCESS EXCLUSIVE on hosts, events; no rewrite`: the locks that block anybody. */
function summaryOf(steps: readonly StepView[]): string {
  const statements = steps.flatMap((step) => step.statements);
  const locked = new Map<string, Set<string>>();
  for (const { blocks, lock, relation } of statements) {
    if (blocks === 'nothing' || lock === null || relation === null) continue;
    locked.set(lock, (locked.get(lock) ?? new Set()).add(relation));
  }
  const locks = [...locked].map(([lock, relations]) => `${lock} on ${[...relations].join(', ')}`);
  const rewritten = statements.filter((one) => one.rewrites).map((one) => one.relation);
  return [
    `${statements.length} statements`,
    ...(locks.length === 0 ? ['no lock that blocks'] : locks),
    rewritten.length === 0 ? 'no rewrite' : `rewrites ${[...new Set(rewritten)].join(', ')}`,
  ].join('; ');
}

function statementTable(step: StepView, hash: string): string[] {
  if (step.statements.length === 0) return [];
  const head = ['lock', 'on', 'blocks', 'rewrites', 'statement'];
  const rows = step.statements.map((statement) => [
    statement.lock ?? '–',
    statement.relation ?? '–',
    statement.blocks,
    statement.rewrites ? 'yes' : 'no',
    excerpt(statement.sql.replaceAll('{{hash}}', hash)),
  ]);
  return table(head, rows)
    .split('\n')
    .map((line) => `${INDENT}${line}`);
}

function wholeStatements(step: StepView): string[] {
  return step.statements.flatMap((statement) => {
    const lock = statement.lock === null ? 'no lock' : `${statement.lock} on ${statement.relation}`;
    const rewrites = statement.rewrites ? 'rewrites the table' : 'no rewrite';
    const lines = statement.sql.trimEnd().split('\n');
    return [
      `  - ${lock}; blocks ${statement.blocks}; ${rewrites}`,
      ...lines.map((line) => `${INDENT}${line}`),
    ];
  });
}

/** The first line, with tables by their plain names, cut where it is long. */
function excerpt(text: string): string {
  const [first = '', ...rest] = text.trim().split('\n');
  const plain = first.replace(/\{\{floor:([^}]*)\}\}/g, '$1');
  if (plain.length > EXCERPT_LENGTH) return `${plain.slice(0, EXCERPT_LENGTH - 1)}…`;
  return rest.length > 0 ? `${plain} …` : plain;
}

function stepView(step: Step): StepView {
  const { id, title, kind } = step;
  switch (step.kind) {
    case 'transaction': {
      const enters = step.entersPhase === null ? '' : `; then the shard is ${step.entersPhase}`;
      const how = `one transaction, retried as a whole when a lock is not granted${enters}`;
      return { id, title, kind, how, statements: step.statements.map(statementView) };
    }
    case 'index': {
      const how = 'outside a transaction; an invalid leftover is dropped and built again';
      return { id, title, kind, how, statements: [statementView(step.statement)] };
    }
    case 'barrier':
      return { id, title, kind, how: 'waits for transactions that are open now', statements: [] };
    case 'backfill': {
      const key = step.key.map((column) => column.name).join(', ');
      const how = `batch by batch along (${key}) of ${step.source}, a transaction each`;
      return { id, title, kind, how, statements: step.batch.map(rowStatement) };
    }
    case 'verify':
      return { id, title, kind, how: verifyHow(step), statements: verifyStatements(step) };
    default:
      return step satisfies never;
  }
}

function statementView(statement: Statement): StatementView {
  const mode = statement.lock?.mode ?? null;
  return {
    sql: statement.sql,
    lock: mode,
    relation: statement.lock?.relation ?? null,
    blocks: blocksOf(mode),
    rewrites: statement.rewrites,
  };
}

/** A statement that takes row locks of its own batch at most. */
function rowStatement(text: string): StatementView {
  return { sql: text, lock: null, relation: null, blocks: 'nothing', rewrites: false };
}

function verifyHow(step: VerifyStep): string {
  const key = step.key.map((column) => column.name).join(', ');
  return `compares range by range along (${key}); the first query must equal the second`;
}

function verifyStatements(step: VerifyStep): StatementView[] {
  const offenders = step.offenders.map((offender) => `-- ${offender.rule}\n${offender.sql}`);
  const retry = step.retry === null ? [] : [`-- for each row in quarantine\n${step.retry.sql}`];
  return [...retry, step.expected, step.actual, ...offenders].map(rowStatement);
}
