// One statement on many shards, their rows as one list, and an account of every shard.
//
// Invariant: every shard that was asked has exactly one outcome, in the order asked; a shard that
// fails takes nothing away from the others.

import { HalflapError } from '@halflap/protocol';
import type { FieldDef } from 'pg';
import { exactTypes } from './exact.js';
import { messageOf } from './failure.js';
import { checkChoice, checkInteger, checkTimeout, wrong } from './given.js';
import { assertSorted, compareRows, mergeSorted, type OrderBy, type Row } from './merge.js';
import type { Mode } from './mode.js';
import type { Shard, Statement } from './shard.js';

export interface GatherOptions {
  /** The order that the statement itself asks for; without it rows come shard by shard. */
  readonly orderBy?: readonly OrderBy[];
  /**
   * Most rows of the merged list. The statement should have the same limit, to spare the shards.
   */
  readonly limit?: number;
  /** True makes the failure of one shard the failure of the call. Default false. */
  readonly requireAll?: boolean;
  /** Longest wait for each shard, in ms; its statement is then cancelled. Default: none. */
  readonly timeoutMs?: number;
  /** Names of the shards to ask; default: all. */
  readonly shards?: readonly string[];
  /** Adds to every row the name of its shard, under this column. */
  readonly shardColumn?: string;
}

export interface Gathered<Result> {
  /** In the order of `orderBy`; all of them in memory. */
  readonly rows: Result[];
  /** One per shard asked, in the order asked. */
  readonly outcomes: readonly Outcome[];
}

export interface Outcome {
  readonly shard: string;
  readonly ok: boolean;
  /** How the shard served, or refused, when the call ended. */
  readonly mode: Mode;
  /** Rows that this shard gave, before `limit`. */
  readonly rows: number;
  readonly milliseconds: number;
  readonly error?: Error;
}

interface Answer {
  readonly outcome: Outcome;
  readonly rows: Row[];
  readonly fields: readonly FieldDef[];
}

/**
 * Runs the statement on all given shards at once and merges what they answer. It is sent as
 * `Shard.query` sends it, so it should only read: there is no transaction across shards.
 * @throws GATHER_FAILED with requireAll, one line of evidence per failed shard; CLIENT_OPTIONS when
 * the rows are not in the order that `orderBy` states.
 */
export async function gather<Result extends Row = Row>(
  shards: readonly Shard[],
  statement: Statement,
  values: readonly unknown[] | undefined,
  options: GatherOptions,
): Promise<Gathered<Result>> {
  checkOptions(options);
  const answers = await Promise.all(shards.map((shard) => ask(shard, statement, values, options)));
  const outcomes = answers.map((answer) => answer.outcome);
  if (options.requireAll === true) assertAll(outcomes);
  const rows = merge(
    answers.filter((answer) => answer.outcome.ok),
    options,
  );
  // The type of the rows is the caller's word on its statement, as everywhere with the driver.
  return { rows: rows as Result[], outcomes };
}

async function ask(
  shard: Shard,
  statement: Statement,
  values: readonly unknown[] | undefined,
  { timeoutMs, orderBy = [] }: GatherOptions,
): Promise<Answer> {
  const startedAt = performance.now();
  const outcome = (rows: number) => ({
    shard: shard.name,
    mode: shard.status.mode,
    rows,
    milliseconds: performance.now() - startedAt,
  });
  try {
    const limits = timeoutMs === undefined ? {} : { timeoutMs };
    const sent = orderBy.length > 0 ? readExactly(statement, shard) : statement;
    const { rows, fields } = await shard.query<Row>(sent, values, limits);
    return { outcome: { ok: true, ...outcome(rows.length) }, rows, fields };
  } catch (cause) {
    const error = cause instanceof Error ? cause : new Error(String(cause));
    return { outcome: { ok: false, ...outcome(0), error }, rows: [], fields: [] };
  }
}

function readExactly(statement: Statement, shard: Shard): Statement {
  const config = typeof statement === 'string' ? { text: statement } : statement;
  return { ...config, types: exactTypes(config.types ?? shard.types) };
}

/** A wrong word would be taken for the default, and the list be in another order than asked for. */
function checkOptions({ orderBy = [], limit, timeoutMs, shards = [] }: GatherOptions): void {
  for (const { column, direction = 'asc', nulls = 'last' } of orderBy) {
    checkChoice(`gather: direction of ${column}`, DIRECTIONS, direction);
    checkChoice(`gather: nulls of ${column}`, NULLS, nulls);
  }
  if (limit !== undefined) checkInteger('gather: limit', limit, [0, Number.MAX_SAFE_INTEGER]);
  if (timeoutMs !== undefined) checkTimeout(timeoutMs);
  const twice = shards.find((name, at) => shards.indexOf(name) !== at);
  if (twice !== undefined) throw wrong('gather: shards', `${twice} twice`, 'each name once');
}

const DIRECTIONS = { asc: 'asc', desc: 'desc' } as const;
const NULLS = { first: 'first', last: 'last' } as const;

function merge(answers: readonly Answer[], options: GatherOptions): Row[] {
  const lists = answers.map(({ rows, outcome }) => tagged(rows, outcome.shard, options));
  const limit = options.limit ?? Number.POSITIVE_INFINITY;
  const { orderBy = [] } = options;
  // Without an answer there are no columns to be in order.
  if (answers.length === 0) return [];
  if (orderBy.length === 0) return lists.flat().slice(0, limit);
  assertSameTypes(answers, orderBy);
  const tag =
    options.shardColumn === undefined ? [] : [{ name: options.shardColumn, dataTypeID: TEXT }];
  const compare = compareRows(orderBy, [...tag, ...(answers[0]?.fields ?? [])]);
  answers.forEach(({ outcome }, at) => {
    assertSorted(lists[at] ?? [], compare, outcome.shard);
  });
  return mergeSorted(lists, compare, limit);
}

/** Oid of type text. */
const TEXT = 25;

function tagged(rows: Row[], shard: string, options: GatherOptions): Row[] {
  const { shardColumn } = options;
  if (shardColumn === undefined) return rows;
  return rows.map((row) => ({ ...row, [shardColumn]: shard }));
}

/** Values of two types may each be sorted and still not be comparable: `'10'` and 9. */
function assertSameTypes(answers: readonly Answer[], orderBy: readonly OrderBy[]): void {
  const [first, ...others] = answers;
  if (first === undefined) return;
  for (const { column } of orderBy) {
    const expected = typeOf(first, column);
    const odd = others.find((answer) => typeOf(answer, column) !== expected);
    if (odd === undefined) continue;
    throw new HalflapError(
      'CLIENT_OPTIONS',
      `gather: column ${column} has type ${typeOf(odd, column)} (oid) on shard ` +
        `${odd.outcome.shard}, ${expected} on shard ${first.outcome.shard}`,
      { detail: { shard: odd.outcome.shard }, hint: `cast ${column} to one type in the statement` },
    );
  }
}

function typeOf(answer: Answer, column: string): number | undefined {
  return answer.fields.find((field) => field.name === column)?.dataTypeID;
}

function assertAll(outcomes: readonly Outcome[]): void {
  const failed = outcomes.filter((outcome) => !outcome.ok);
  if (failed.length === 0) return;
  const evidence = failed.map(
    ({ shard, mode, error }) =>
      `${shard} (${mode}): ${error === undefined ? '' : messageOf(error)}`,
  );
  throw new HalflapError(
    'GATHER_FAILED',
    `gather: ${failed.length} of ${outcomes.length} shards failed: ${evidence.join('; ')}`,
    { detail: { evidence }, cause: failed[0]?.error, hint: 'see fleet.status() for why' },
  );
}
