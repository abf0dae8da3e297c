// The statements of the table in docs/sql-through-a-lens.md, and where they are tried: on an
// overlay (labels), a part that PostgreSQL updates by itself (heartbeats), one with a computed
// column (hosts), a table of slices (posts), all but the second again in dual; and on a table that
// has gained a column (sites) through a session lens, where it is no table.

import type { ClientBase, QueryConfig, QueryResult } from 'pg';

export type Phase = 'settled' | 'prepared' | 'dual';
export const PLACES = {
  overlay: { phase: 'prepared', table: 'labels' },
  'part, plain': { phase: 'prepared', table: 'heartbeats' },
  'part, computed': { phase: 'prepared', table: 'hosts' },
  'of slices': { phase: 'prepared', table: 'posts' },
  'overlay in dual': { phase: 'dual', table: 'labels' },
  'part in dual': { phase: 'dual', table: 'hosts' },
  'of slices in dual': { phase: 'dual', table: 'posts' },
  'new columns, session lens': { phase: 'settled', table: 'sites' },
} as const satisfies Record<string, { phase: Phase; table: keyof typeof TABLES }>;

/** Its key; two free rows, one whose key is taken; what to write; what draws from a sequence. */
export const TABLES = {
  labels: {
    key: 'code',
    columns: 'code, caption',
    row: "99, 'x'",
    more: "98, 'z'",
    taken: "1, 'x'",
    set: "caption = 'x'",
    written: 'caption',
    drawn: 'code',
    sequence: 'labels_code_seq',
  },
  sites: {
    key: 'code',
    columns: 'code, city',
    row: "99, 'x'",
    more: "98, 'z'",
    taken: "1, 'x'",
    set: "city = 'x'",
    written: 'city',
    drawn: 'code',
    sequence: 'sites_code_seq',
  },
  posts: {
    key: 'code',
    columns: 'code, title',
    row: "99, 'x'",
    more: "98, 'z'",
    taken: "1, 'x'",
    set: "title = 'x'",
    written: 'title',
    drawn: 'code',
    sequence: 'posts_code_seq',
  },
  hosts: {
    key: 'id',
    columns: 'id, name',
    row: "99, 'x'",
    more: "98, 'z'",
    taken: "1, 'y'",
    set: "name = 'x'",
    written: 'name',
    drawn: 'id',
    sequence: 'hosts_id_seq',
  },
  heartbeats: {
    key: 'host_id',
    columns: 'host_id, last_seen',
    row: "5, '2026-02-02'",
    more: "6, '2026-02-02'",
    taken: "1, '2026-02-02'",
    set: 'beats = 7',
    written: 'beats',
    drawn: 'turn',
    sequence: 'turns',
  },
} as const;

export type Name = keyof typeof TABLES;

/** What a session of the release sends; `isHeld`: while another one holds the row of key 1. */
export interface LensStatement {
  readonly sql: (table: Name) => string;
  readonly isHeld?: true;
}

const lock = (t: Name, clause: string) => `select * from ${t} where ${at(t)} ${clause}`;
const merge = (t: Name, key: number, ...branches: readonly string[]) =>
  `merge into ${t} as t using (values (${key})) as v (k) on t.${TABLES[t].key} = v.k
   ${branches.join(' ')}`;
const thenUpdate = (t: Name) => `when matched then update set ${TABLES[t].set}`;
const thenInsert = (t: Name) =>
  `when not matched then insert (${TABLES[t].columns}) values (${TABLES[t].row})`;

/** First cell of the table → the statement. Each runs in a transaction that is rolled back. */
export const STATEMENTS: Readonly<Record<string, LensStatement>> = {
  '`SELECT`, joins, subqueries': {
    sql: (t) => `select * from ${t} as a join ${t} as b using (${TABLES[t].key})`,
  },
  '`SELECT … FOR UPDATE`, `FOR NO KEY UPDATE`': {
    sql: (t) => `${lock(t, 'for update')}; select * from ${t} for no key update`,
  },
  '`SELECT … FOR SHARE`, `FOR KEY SHARE`': {
    sql: (t) => `${lock(t, 'for share')}; select * from ${t} for key share`,
  },
  '`SELECT … SKIP LOCKED` beside a locked row': {
    sql: (t) => `select * from ${t} for update skip locked`,
    isHeld: true,
  },
  '`SELECT … NOWAIT` of a locked row': { sql: (t) => lock(t, 'for update nowait'), isHeld: true },
  '`INSERT`, also of several rows, `INSERT … SELECT`': {
    sql: (t) =>
      `${insert(t, TABLES[t].row)}, (${TABLES[t].more}); ${remove(t)}
       insert into ${t} (${TABLES[t].columns}) select ${TABLES[t].row}`,
  },
  '`INSERT … RETURNING`': { sql: (t) => `${insert(t, TABLES[t].row)} returning ${TABLES[t].key}` },
  '`INSERT` of a key that is taken': { sql: (t) => insert(t, TABLES[t].taken) },
  '`INSERT … ON CONFLICT DO NOTHING`, no conflict': {
    sql: (t) => `${insert(t, TABLES[t].row)} on conflict do nothing`,
  },
  '`INSERT … ON CONFLICT DO NOTHING`, conflict': {
    sql: (t) => `${insert(t, TABLES[t].taken)} on conflict do nothing`,
  },
  '`INSERT … ON CONFLICT (key) DO NOTHING`': {
    sql: (t) => `${insert(t, TABLES[t].row)} on conflict (${TABLES[t].key}) do nothing`,
  },
  '`INSERT … ON CONFLICT (key) DO UPDATE`': { sql: (t) => upsert(t, `(${TABLES[t].key})`) },
  '`INSERT … ON CONFLICT (key) DO UPDATE … RETURNING`': {
    sql: (t) => `${upsert(t, `(${TABLES[t].key})`)} returning ${TABLES[t].columns}`,
  },
  '`INSERT … ON CONFLICT ON CONSTRAINT name DO UPDATE`': {
    sql: (t) => upsert(t, `on constraint ${t}_pkey`),
  },
  '`UPDATE`': { sql: (t) => update(t) },
  '`UPDATE … FROM`': {
    sql: (t) =>
      `update ${t} as t set ${TABLES[t].set} from (values (1)) as v (k)
       where t.${TABLES[t].key} = v.k`,
  },
  '`UPDATE … RETURNING`, also in `WITH`': {
    sql: (t) => `with u as (${update(t)} returning *) select * from u`,
  },
  '`UPDATE … RETURNING old, new`': {
    sql: (t) => `${update(t)} returning old.${TABLES[t].written}, new.${TABLES[t].written}`,
  },
  '`UPDATE` of the key': {
    sql: (t) => `update ${t} set ${TABLES[t].key} = ${freeKey(t)} where ${at(t)}`,
  },
  '`DELETE`, also `USING`': {
    sql: (t) => `delete from ${t} as t using (values (1)) as v (k) where t.${TABLES[t].key} = v.k`,
  },
  '`DELETE … RETURNING`': { sql: (t) => `delete from ${t} where ${at(t)} returning *` },
  '`MERGE` with `UPDATE`': { sql: (t) => merge(t, 1, thenUpdate(t)) },
  '`MERGE` with `INSERT`': { sql: (t) => merge(t, -1, thenInsert(t)) },
  '`MERGE` with both': { sql: (t) => merge(t, 1, thenUpdate(t), thenInsert(t)) },
  '`MERGE … RETURNING`': {
    sql: (t) => `${merge(t, 1, thenUpdate(t))} returning merge_action(), t.*`,
  },
  '`COPY table TO`': { sql: (t) => `copy ${t} to '/dev/null'` },
  '`COPY (SELECT …) TO`': { sql: (t) => `copy (select * from ${t}) to '/dev/null'` },
  '`COPY table FROM`': {
    sql: (t) => `copy ${t} (${TABLES[t].columns}) from program ${line(t)} (format csv)`,
  },
  '`COPY` into a temporary table, `INSERT … SELECT`': {
    sql: (t) =>
      `create temp table given as select ${TABLES[t].columns} from ${t} limit 0;
       copy given from program ${line(t)} (format csv);
       insert into ${t} (${TABLES[t].columns}) select * from given`,
  },
  '`TRUNCATE`': { sql: (t) => `truncate ${t} cascade` },
  '`DELETE FROM table` in place of it': { sql: (t) => `delete from ${t}` },
  '`LOCK TABLE`': { sql: (t) => `lock table ${t} in share mode` },
  '`DECLARE` of a cursor, `FETCH`, `MOVE`': {
    sql: (t) =>
      `declare c scroll cursor with hold for select * from ${t} order by 1;
       fetch 2 from c; move last from c; fetch backward 1 from c; close c`,
  },
  '`UPDATE … WHERE CURRENT OF`': {
    sql: (t) =>
      `declare c cursor for ${lock(t, 'for update')}; fetch c;
       update ${t} set ${TABLES[t].set} where current of c`,
  },
  "`lastval()`, `currval('sequence')` after an `INSERT`": {
    sql: (t) =>
      `${draw(t)}; select lastval() = max(${TABLES[t].drawn}),
         currval('${TABLES[t].sequence}') = max(${TABLES[t].drawn}) from ${t}`,
  },
  '`currval(pg_get_serial_sequence(…))` after it': {
    sql: (t) =>
      `${draw(t)}; select currval(pg_get_serial_sequence('${t}', '${TABLES[t].drawn}'))
         = max(${TABLES[t].drawn}) from ${t}`,
  },
  '`ctid`, `xmin`, `tableoid`': {
    sql: (t) => `select count(ctid), count(xmin), count(tableoid) from ${t}`,
  },
  '`TABLESAMPLE`': { sql: (t) => `select * from ${t} tablesample system (100)` },
  '`GROUP BY` the key alone': { sql: (t) => `select * from ${t} group by ${TABLES[t].key}` },
};

/** Those that a session may have prepared before its shard moves. */
export const PREPARED = [
  '`SELECT`, joins, subqueries',
  '`INSERT … RETURNING`',
  '`INSERT … ON CONFLICT (key) DO UPDATE … RETURNING`',
  '`UPDATE … RETURNING`, also in `WITH`',
  '`DELETE … RETURNING`',
  '`MERGE` with `UPDATE`',
] as const satisfies readonly (keyof typeof STATEMENTS)[];

function upsert(table: Name, target: string): string {
  const { taken, set } = TABLES[table];
  return `${insert(table, taken)} on conflict ${target} do update set ${set}`;
}

function remove(table: Name): string {
  return `delete from ${table} where ${TABLES[table].key} = ${freeKey(table)};`;
}

/** A row whose `drawn` column comes from its sequence, the same number each time. */
function draw(table: Name): string {
  const { columns, row, key, sequence } = TABLES[table];
  const restart = `select setval('${sequence}', 50);`;
  if (table === 'heartbeats') return `${restart} ${insert(table, row)}`;
  const rest = (list: string) => list.slice(list.indexOf(',') + 1);
  return `${restart}
    insert into ${table} (${rest(columns)}) values (${rest(row)}) returning ${key} > 0`;
}

/** The new row as a line of CSV. */
function line(table: Name): string {
  const csv = TABLES[table].row.replaceAll(/[' ]/g, '');
  return `'echo ${csv}'`;
}

function insert(table: Name, row: string): string {
  return `insert into ${table} (${TABLES[table].columns}) values (${row})`;
}

function update(table: Name): string {
  return `update ${table} set ${TABLES[table].set} where ${at(table)}`;
}

function at(table: Name): string {
  return `${TABLES[table].key} = 1`;
}

/** Of a host without heartbeat, for heartbeats. */
function freeKey(table: Name): number {
  return table === 'heartbeats' ? 5 : 99;
}

/** What a statement gave and what the table then held, comparable; or what it was answered with. */
export type Outcome = { readonly given: string } | { readonly code: string };

type Queries = Pick<ClientBase, 'query'>;

/** Tries the statement in a transaction that is rolled back. */
export async function outcomeOf(
  client: Queries,
  table: Name,
  statement: string | QueryConfig,
): Promise<Outcome> {
  const { columns, written } = TABLES[table];
  await client.query('begin');
  try {
    const results = [await client.query(statement)].flat();
    const left = await client.query(`select ${columns}, ${written} from ${table}`);
    return { given: JSON.stringify([...results, left].map(comparable)) };
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    return { code: String(error.code) };
  } finally {
    await client.query('rollback');
  }
}

function comparable({ command, rowCount, rows }: QueryResult): object {
  return { command, rowCount, rows: rows.map((row) => JSON.stringify(row)).sort() };
}
