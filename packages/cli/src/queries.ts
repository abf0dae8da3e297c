// `check --queries`: which statements of an application, from files or from a database that it was
// tried on, a lens refuses or treats differently. Asked
// of PostgreSQL, on a prepared shard and on tables; by the parser where it shows at run time only;
// and of the client where that would send another statement.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type FoundUpsert,
  type Grammar,
  type LensRelations,
  loadGrammar,
  readLensRelations,
  throughLens,
  upsertsIn,
} from '@halflap/client/lens';
import {
  type Bundle,
  loadParser,
  type NoStatements,
  type QueryPlace,
  type QueryQuestions,
  type QueryText,
  type Refusal,
  readQueries,
  readStatements,
  type Statements,
} from '@halflap/engine';
import { HalflapError } from '@halflap/protocol';
import { nodesOf } from './syntax-nodes.js';
import { type OtherOrders, readOtherOrders, unnamedIn } from './unnamed-columns.js';

/**
 * | verdict   | through the lens                                   | on the release's own tables |
 * |-----------|----------------------------------------------------|-----------------------------|
 * | refused   | fails, by the client too                           | works                       |
 * | misplaced | works, and writes values into other columns        | works                       |
 * | client    | works by the client, fails for programs without it | works                       |
 * | differs   | works, and does not give the same                  | works                       |
 * | wrong     | –                                                  | fails                       |
 * | unread    | was not asked: does not parse, or touches no rows  | –                           |
 */
export type QueryVerdict = 'refused' | 'misplaced' | 'client' | 'differs' | 'wrong' | 'unread';

/** One finding of `check --queries --json`, with its place; additions only. */
export type QueryFinding = QueryPlace & Found;

interface Found {
  readonly verdict: QueryVerdict;
  /** What PostgreSQL answers; null for `unread` and `differs`, and where the client refuses. */
  readonly sqlstate: string | null;
  readonly message: string;
  /** What to write instead; null where the message says all. */
  readonly fix: string | null;
  /** The statement, where no file shows it. */
  readonly text?: string;
}

export interface QueriesChecked {
  /** Statements that were read. */
  readonly count: number;
  /** Statements of a database whose text its role may not see. */
  readonly hidden: number;
  readonly findings: readonly QueryFinding[];
}

/**
 * All `.sql` files of a directory and below, in the order of their names.
 * @throws COMMAND_INVALID
 */
export async function readDirectory(directory: string): Promise<QueryText[]> {
  await loadParser();
  let entries: string[];
  try {
    entries = await readdir(directory, { recursive: true });
  } catch (cause) {
    throw unusable(`${directory} cannot be read`, cause);
  }
  const files = entries.filter((one) => one.endsWith('.sql')).sort();
  if (files.length === 0) throw unusable(`${directory} holds no file that ends in .sql`);
  const texts = await Promise.all(
    files.map(async (file) => {
      const path = join(directory, file);
      return readQueries(await readFile(path, 'utf8'), path);
    }),
  );
  return texts.flat();
}

function unusable(message: string, cause?: unknown): HalflapError {
  return new HalflapError('COMMAND_INVALID', `--queries: ${message}`, {
    hint: 'name a directory with the statements of the release, one or more to a file',
    cause,
  });
}

/**
 * What the database of `url` was sent, as its pg_stat_statements knows it.
 * @throws COMMAND_INVALID where it knows nothing, SHARD_UNREACHABLE.
 */
export async function readDatabase(url: string): Promise<Statements> {
  const statements = await readStatements(url);
  if (typeof statements === 'string') throw without(statements);
  const { database, queries, hidden } = statements;
  if (queries.length > 0 || hidden > 0) return statements;
  throw new HalflapError(
    'COMMAND_INVALID',
    `--queries-from: pg_stat_statements knows no statement of database ${database}`,
    { hint: 'let the release work on that database, with its tests for instance, and ask again' },
  );
}

function without(reason: NoStatements): HalflapError {
  const message = `--queries-from: pg_stat_statements is ${reason}`;
  return reason === 'not installed'
    ? new HalflapError('COMMAND_INVALID', `${message} in that database`, {
        hint:
          'create extension pg_stat_statements; it needs shared_preload_libraries = ' +
          "'pg_stat_statements' in postgresql.conf, and a restart of the server",
      })
    : new HalflapError('COMMAND_INVALID', `${message} by that server`, {
        hint:
          "add 'pg_stat_statements' to shared_preload_libraries in postgresql.conf, restart the " +
          'server, and let the release work on the database',
      });
}

/** Asks about every statement; each has one finding at most. */
export async function checkQueries(
  texts: readonly QueryText[],
  bundle: Bundle,
  questions: QueryQuestions,
): Promise<readonly QueryFinding[]> {
  const { lens } = questions;
  const reader = {
    query: async (text: string, values: unknown[]) => ({ rows: await lens.query(text, values) }),
  };
  const release = bundle.to.version;
  const relations = await readLensRelations(reader, { app: bundle.app, release });
  const orders = await readOtherOrders(reader, bundle);
  const asking: Asking = { questions, relations, orders, grammar: await loadGrammar() };
  const findings: QueryFinding[] = [];
  for (const text of texts) {
    const found = await findingOf(text, asking);
    if (found !== null) findings.push({ ...placeOf(text), ...found });
  }
  return findings;
}

type Tree = NonNullable<QueryText['tree']>;

/** With the text where there is no file to look into. */
function placeOf(query: QueryText): QueryPlace & Pick<Found, 'text'> {
  return 'file' in query
    ? { file: query.file, line: query.line }
    : { queryid: query.queryid, calls: query.calls, text: query.text };
}

interface Asking {
  readonly questions: QueryQuestions;
  readonly relations: LensRelations;
  readonly orders: OtherOrders;
  readonly grammar: Grammar;
}

async function findingOf(query: QueryText, asking: Asking): Promise<Found | null> {
  const { text, tree, problem } = query;
  if (tree === null) return unread(problem ?? 'it is empty', 'correct it, or leave it out');
  const inner = innerOf(tree);
  if (inner !== null) {
    const alone = asking.grammar.print(inner);
    if (alone !== null) return findingOf({ ...query, text: alone, tree: inner }, asking);
  }
  const onTables = await asking.questions.onTables(text, tree);
  if (onTables === 'not a question') {
    const kind = Object.keys(tree)[0] ?? '';
    if (HARMLESS.has(kind)) return null;
    return unread(`${kind} was not asked: it is no statement that reads or writes rows`, null);
  }
  if (onTables !== null && 'queryid' in query && BY_NORMALISING.has(onTables.sqlstate)) {
    return unread(`without its constants PostgreSQL cannot plan it: ${onTables.message}`, null);
  }
  if (onTables !== null) return { verdict: 'wrong', ...onTables, fix: null };
  const misplaced = byOrder(tree, asking.orders);
  if (misplaced?.verdict === 'misplaced') return misplaced;
  const upsert = await upsertFinding(text, asking);
  if (upsert !== undefined) return upsert;
  const onLens = await asking.questions.onLens(text, tree);
  if (onLens !== null && onLens !== 'not a question') {
    return { verdict: 'refused', ...onLens, fix: fixOf(tree, onLens) };
  }
  return atRunTime(tree, asking.relations) ?? misplaced;
}

/** What names no columns of a table, whose order is not that of a fresh install. */
function byOrder(tree: Tree, orders: OtherOrders): Found | null {
  const found = unnamedIn(tree, orders);
  if (found === null) return null;
  const { table, isWritten } = found;
  const order = orders.get(table)?.join(', ');
  return {
    verdict: isWritten ? 'misplaced' : 'differs',
    sqlstate: null,
    message: `the columns of ${table} stand as ${order} once its shard is prepared, and for good`,
    fix: isWritten ? 'name the columns' : 'name the columns, where they are not read by name',
  };
}

/**
 * What a statement that once ran may be answered when its constants are parameters: a syntax error,
 * an ambiguous function, a parameter of no type, or of one that does not fit.
 */
const BY_NORMALISING = new Set(['42601', '42725', '42P18', '42P08', '42804']);

/**
 * Statements about the session, which mean the same everywhere, and about what another statement
 * has prepared or declared, which was asked about there.
 */
const HARMLESS = new Set(
  `TransactionStmt VariableSetStmt VariableShowStmt ListenStmt NotifyStmt UnlistenStmt DiscardStmt
   DeallocateStmt ExecuteStmt FetchStmt ClosePortalStmt`.split(/\s+/),
);

/** The statement of a cursor, of a COPY or to be explained, which is planned as it is by itself. */
function innerOf(tree: Tree): Tree | null {
  for (const kind of ['DeclareCursorStmt', 'ExplainStmt', 'CopyStmt']) {
    const content = kind in tree ? (tree as Record<string, { query?: Tree }>)[kind] : undefined;
    if (content?.query !== undefined) return content.query;
  }
  return null;
}

function unread(message: string, fix: string | null): Found {
  return { verdict: 'unread', sqlstate: null, message, fix };
}

/** Undefined where the statement has no ON CONFLICT, or only on relations that take it. */
async function upsertFinding(text: string, asking: Asking): Promise<Found | null | undefined> {
  const { relations, grammar, questions } = asking;
  let found: readonly FoundUpsert[];
  let rewritten: string;
  try {
    found = upsertsIn(text, relations, grammar);
    rewritten = throughLens(text, relations, grammar);
  } catch (error) {
    if (!(error instanceof HalflapError)) throw error;
    return {
      verdict: 'refused',
      sqlstate: null,
      message: error.message,
      fix: error.hint ?? null,
    };
  }
  if (found.length === 0) return undefined;
  const [tree] = grammar.read(rewritten) ?? [];
  const planned = tree === undefined ? null : await questions.onLens(rewritten, tree);
  const refusal = planned === 'not a question' ? null : planned;
  const unknown = refusal ?? (await unknownKey(found, questions));
  if (unknown !== null) return { verdict: 'refused', ...unknown, fix: UPSERT_FIX };
  return {
    verdict: 'client',
    sqlstate: withoutClient(found),
    message: `ON CONFLICT on ${[...new Set(found.map((one) => one.table))].join(', ')}`,
    fix: `nothing for programs that use @halflap/client; for others: ${UPSERT_FIX}`,
  };
}

/** What programs are answered that send the statement as it is. */
function withoutClient(found: readonly FoundUpsert[]): string {
  const key = found.find((one) => one.key !== 'any')?.key;
  if (key === undefined) return '23505';
  return key.startsWith('constraint ') ? '42704' : '42P10';
}

const UPSERT_FIX = 'update, then insert where nothing was updated';

/** PostgreSQL's answer where the lens has no such key. */
async function unknownKey(
  found: readonly FoundUpsert[],
  questions: QueryQuestions,
): Promise<Refusal | null> {
  for (const { view, key } of found) {
    if (view === null) continue;
    const refusal = await questions.onKey(view, key);
    if (refusal !== null) return refusal;
  }
  return null;
}

/** What is planned through a lens and then answers otherwise. */
function atRunTime(tree: object, { views }: LensRelations): Found | null {
  const asks = nodesOf(tree, 'FuncCall').find((call) =>
    JSON.stringify(call.funcname).includes('"pg_get_serial_sequence"'),
  );
  const table = [...views.keys()].find((one) => JSON.stringify(asks?.args ?? '').includes(one));
  if (table === undefined) return null;
  return {
    verdict: 'differs',
    sqlstate: null,
    message: `pg_get_serial_sequence gives null for ${table}: its sequence is the old table’s`,
    fix: 'use RETURNING, or lastval()',
  };
}

function fixOf(tree: object, { sqlstate }: Refusal): string | null {
  const has = (kind: string) => nodesOf(tree, kind).length > 0;
  if (sqlstate === '42809') {
    if (has('TruncateStmt')) return 'delete from the table';
    if (has('CopyStmt')) return 'copy (select … from it) to; or insert into it';
  }
  if (sqlstate === '42703') return 'name the row by its key; a view has no ctid, xmin or tableoid';
  if (sqlstate === '42803') return 'group by every column that is selected';
  if (sqlstate === '0A000') {
    if (has('MergeStmt')) return 'an UPDATE and an INSERT, as two statements or in a WITH';
    if (has('RangeTableSample')) return 'where random() < …';
    if (has('CurrentOfExpr')) return 'name the row by its key';
    if (has('UpdateStmt')) return 'delete the row and insert it with its new key';
  }
  return 'another form, or wait until the shard is dual';
}
