// Statements that a database was sent, as the extension pg_stat_statements remembers them.
//
// It keeps texts normalised: each constant is a parameter. PostgreSQL itself does not take all of
// those back: `interval $1` and `extract($1 from …)` are no SQL, while the parser that is used here
// reads them. They are written in a form that means the same.
//
// Source: PostgreSQL manual, appendix F, pg_stat_statements.

import { scanSync } from 'libpg-query';
import { sqlStateOf, withSession } from '../pg.js';
import { loadParser } from '../release/expression.js';
import { literal, name, sql, trusted } from '../sql.js';
import { isQuestion } from './queries.js';
import { type QueryText, readQuery } from './query-texts.js';

export interface Statements {
  readonly database: string;
  /** Those that read or write rows, and those that do not parse; the most called first. */
  readonly queries: readonly QueryText[];
  /** How many more there are whose text the role may not see. */
  readonly hidden: number;
}

/**
 * | answer         | the database                                              |
 * |----------------|-----------------------------------------------------------|
 * | not installed  | has no extension pg_stat_statements                       |
 * | not loaded     | has it, and the server was started without its library    |
 */
export type NoStatements = 'not installed' | 'not loaded';

/**
 * What is asked here is remembered as well, and told apart by this. A comment in front of a
 * statement is not remembered from PostgreSQL 18 on.
 */
const OWN = 'select /* halflap */';

/** PostgreSQL's answer where shared_preload_libraries lacks the extension. */
const NOT_LOADED = '55000';

/**
 * Of the current database alone. Statements inside of functions are the functions', and left out.
 * @throws SHARD_UNREACHABLE
 */
export async function readStatements(url: string): Promise<Statements | NoStatements> {
  await loadParser();
  return withSession(url, 'check/statements', async (session) => {
    const [database] = await session.query<{ name: string; schema: string | null }>(
      `${OWN} pg_catalog.current_database() as name,
         (select n.nspname from pg_catalog.pg_extension as e
          join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
          where e.extname = 'pg_stat_statements') as schema`,
    );
    const { name: current = '', schema = null } = database ?? {};
    if (schema === null) return 'not installed';
    // Roles have a row each for the same statement. The number is null where the text is hidden.
    const statistics = name(schema, 'pg_stat_statements');
    const query = sql`${trusted(OWN)} queryid::text as queryid,
        case when queryid is not null then query end as text,
        pg_catalog.sum(calls)::float8 as calls, pg_catalog.count(*)::int as entries
      from ${statistics}
      where toplevel and dbid =
        (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
        and query not like ${literal(`${OWN}%`)}
      group by 1, 2
      order by 3 desc, 1`;
    try {
      return statementsOf(current, await session.query<Entry>(query.text));
    } catch (error) {
      if (sqlStateOf(error) === NOT_LOADED) return 'not loaded';
      throw error;
    }
  });
}

interface Entry {
  readonly queryid: string | null;
  readonly text: string | null;
  readonly calls: number;
  readonly entries: number;
}

function statementsOf(database: string, found: readonly Entry[]): Statements {
  const queries: QueryText[] = [];
  let hidden = 0;
  for (const { queryid, text, calls, entries } of found) {
    if (queryid === null || text === null) {
      hidden += entries;
      continue;
    }
    const query = { queryid, calls, ...readQuery(withoutBareConstants(text)) };
    if (query.tree === null || isQuestion(query.tree)) queries.push(query);
  }
  return { database, queries, hidden };
}

/** Keywords of PostgreSQL that are types; other types are identifiers to its scanner. */
const TYPE_WORDS = new Set(['interval', 'timestamp', 'time', 'numeric', 'varchar', 'char', 'bit']);

/** `interval $1` → `$1::interval`, `extract($1 from x)` → `date_part($1, x)`. */
export function withoutBareConstants(text: string): string {
  const bytes = Buffer.from(text);
  let tokens: ReturnType<typeof scanSync>['tokens'];
  try {
    tokens = scanSync(text).tokens;
  } catch {
    // The parser says the same of it, with a reason.
    return text;
  }
  let result = '';
  let at = 0;
  const put = (token: { readonly start: number; readonly end: number }, by: string) => {
    result += bytes.subarray(at, token.start).toString() + by;
    at = token.end;
  };
  tokens.forEach((token, index) => {
    const next = tokens[index + 1];
    const isType = token.tokenName === 'IDENT' || TYPE_WORDS.has(token.text.toLowerCase());
    if (isType && next?.tokenName === 'PARAM') {
      put({ start: token.start, end: next.end }, `${next.text}::${token.text}`);
    }
    const [field, from] = [tokens[index + 2], tokens[index + 3]];
    const isExtract = token.text.toLowerCase() === 'extract' && next?.text === '(';
    if (isExtract && field?.tokenName === 'PARAM' && from?.text.toLowerCase() === 'from') {
      put({ start: token.start, end: from.end }, `date_part(${field.text},`);
    }
  });
  return result + bytes.subarray(at).toString();
}
