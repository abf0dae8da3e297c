// What PostgreSQL says of an application's statements, through the lens of its release and on
// tables of their own. Each statement is planned on a scratch shard that was prepared, and on a
// fresh install of the release; nothing is written.

import type { Node } from 'libpg-query';
import type { Bundle } from '../compile/bundle.js';
import { messageOf, type Session, sqlStateOf, withSession } from '../pg.js';
import { contentOf } from '../release/expression-tree.js';
import type { Scratch } from '../release/load.js';
import type { Release } from '../release/release.js';
import { runVerb } from '../shard/advance.js';
import { installRelease } from '../shard/install.js';
import { literal, name, type Sql, sql, trusted } from '../sql.js';

export interface QueryOptions {
  readonly bundle: Bundle;
  readonly from: Release;
  readonly to: Release;
  readonly scratch: Scratch;
  readonly signal?: AbortSignal;
}

/** PostgreSQL's answer to a statement that it refuses. */
export interface Refusal {
  readonly sqlstate: string;
  readonly message: string;
}

export interface QueryQuestions {
  /** A session of the release that is bound to the prepared shard. */
  readonly lens: Session;
  /** Null where the statement is planned; `not a question` where its kind touches no rows. */
  onLens(text: string, tree: Node): Promise<Refusal | null | 'not a question'>;
  onTables(text: string, tree: Node): Promise<Refusal | null | 'not a question'>;
  /** Whether the lens knows the key by which a statement wants to find rows in the way. */
  onKey(
    view: { readonly schema: string; readonly view: string },
    key: string,
  ): Promise<Refusal | null>;
}

/** Gives `body` both databases, for as long as it runs. */
export async function withQuestions<Result>(
  { bundle, from, to, scratch, signal }: QueryOptions,
  body: (questions: QueryQuestions) => Promise<Result>,
): Promise<Result> {
  return scratch.withDatabase((shard) =>
    scratch.withDatabase(async (plain) => {
      await installRelease({ url: plain, app: bundle.app, release: to });
      await installRelease({ url: shard, app: bundle.app, release: from });
      const stop = signal === undefined ? {} : { signal };
      const limits = { evidenceWindowMs: 0 };
      await runVerb({ url: shard, shard: 'scratch', bundle, verb: 'prepare', limits, ...stop });
      return withSession(shard, 'check/lens', (lens) =>
        withSession(plain, 'check/tables', async (tables) => {
          await lens.query(sql`set search_path = ${name(bundle.releaseSchema)}, public`.text);
          return body({
            lens,
            onLens: (text, tree) => answerOf(lens, text, tree),
            onTables: (text, tree) => answerOf(tables, text, tree),
            onKey: (view, key) => keyRefusal(lens, name(view.schema, view.view), key),
          });
        }),
      );
    }),
  );
}

/** Statements that PostgreSQL can plan without carrying them out. */
const PLANNED = ['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'];

/** Statements that lock or empty what they name, and are carried out and rolled back. */
const CARRIED_OUT = ['TruncateStmt', 'LockStmt'];

/** An error by which the transaction ends that leaves nothing behind. */
class Undone extends Error {}

/** Whether PostgreSQL is asked about such a statement: one that reads, writes or locks rows. */
export function isQuestion(tree: Node): boolean {
  const { kind, content } = contentOf(tree);
  if (kind === 'CopyStmt') return content.query === undefined;
  if (kind === 'PrepareStmt') return isQuestion(content.query as Node);
  return PLANNED.includes(kind) || CARRIED_OUT.includes(kind);
}

async function answerOf(
  session: Session,
  text: string,
  tree: Node,
): Promise<Refusal | null | 'not a question'> {
  if (!isQuestion(tree)) return 'not a question';
  const { kind, content } = contentOf(tree);
  if (kind === 'CopyStmt') return refusalOf(session, () => session.query(copyOf(content)));
  if (CARRIED_OUT.includes(kind)) return refusalOf(session, () => session.query(text));
  // With its own types of parameters, where it states them.
  const isPrepared = kind === 'PrepareStmt';
  const prepared = isPrepared ? String(content.name) : 'halflap_query';
  const refusal = await refusalOf(session, async () => {
    await session.query(isPrepared ? text : sql`prepare halflap_query as ${trusted(text)}`.text);
    await session.query("set local plan_cache_mode = 'force_generic_plan'");
    const [found] = await session.query<{ count: number }>(
      `select cardinality(parameter_types) as count from pg_prepared_statements
       where name = $1`,
      [prepared],
    );
    const nulls = Array.from({ length: found?.count ?? 0 }, () => sql`null`);
    const values = nulls.length === 0 ? sql`` : sql`(${nulls})`;
    await session.query(sql`explain execute ${name(prepared)}${values}`.text);
  });
  // It outlives the transaction that prepared it.
  await session.query('deallocate all');
  return refusal;
}

/** No such key, no such constraint, one that no conflict can be with, one that is put off. */
const NO_ARBITER = ['42P10', '42704', '42809', '55000'];

/** The view's trigger looks at the key first, and at a row that lacks everything afterwards. */
async function keyRefusal(lens: Session, view: Sql, key: string): Promise<Refusal | null> {
  const values = sql`'nothing', ${literal(key)}`;
  const probe = sql`insert into ${view} (halflap_do, halflap_key) values (${values})`;
  const refusal = await refusalOf(lens, () => lens.query(probe.text));
  return NO_ARBITER.includes(refusal?.sqlstate ?? '') ? refusal : null;
}

/** The relation of a COPY, copied from or to nowhere. */
function copyOf(content: Readonly<Record<string, unknown>>): string {
  const relation = content.relation as { schemaname?: string; relname: string };
  const parts = relation.schemaname === undefined ? [] : [relation.schemaname];
  const at = name(...parts, relation.relname);
  const way = content.is_from === true ? sql`from` : sql`to`;
  return sql`copy ${at} ${way} ${literal('/dev/null')}`.text;
}

async function refusalOf(session: Session, work: () => Promise<unknown>): Promise<Refusal | null> {
  try {
    await session.transaction(async () => {
      await work();
      throw new Undone();
    });
    return null;
  } catch (error) {
    if (error instanceof Undone) return null;
    const sqlstate = sqlStateOf(error);
    if (sqlstate === undefined) throw error;
    return { sqlstate, message: messageOf(error) };
  }
}
