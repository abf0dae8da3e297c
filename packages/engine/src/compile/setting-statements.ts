// One setting of a table, or of what hangs on it, as a statement.

import type { Setting } from '../release/catalog.js';
import { literal, name, type Sql, sql, trusted } from '../sql.js';
import type { LockMode, Statement } from './bundle.js';
import { relationOf } from './places.js';
import { statement } from './statement.js';

/** With null for what PostgreSQL has by itself. */
export type Stated = Omit<Setting, 'value'> & { readonly value: string | null };

/** Where a table is; what hangs on it is in the same schema. */
export interface Place {
  readonly table: Sql;
  readonly schema: Sql;
  readonly isInUse: boolean;
}

/** @param table with its schema. */
export function placeAt(table: Sql, isInUse: boolean): Place {
  const floor = /^\{\{floor:(.*)\}\}$/.exec(table.text)?.[1];
  const schema = floor === undefined ? table.text.split('.')[0] : `{{schema:${floor}}}`;
  return { table, schema: trusted(schema ?? ''), isInUse };
}

/** What `create table` itself says: to change it rewrites every row. */
export function isMadeWith({ key }: Stated): boolean {
  return key === 'unlogged' || key === 'access method';
}

/** `unlogged ` and ` using columnar`, for a table that is made. */
export function madeWith(settings: readonly Setting[]): { kind: Sql; method: Sql } {
  const method = settings.find((one) => one.key === 'access method');
  return {
    kind: settings.some((one) => one.key === 'unlogged') ? sql`unlogged ` : sql``,
    method: method === undefined ? sql`` : sql` using ${name(method.value)}`,
  };
}

export function settingStatement(at: Place, one: Stated): Statement {
  const lock = at.isInUse ? { mode: modeOf(one), relation: relationOf(at.table) } : null;
  return statement(textOf(at, one), lock);
}

/** PostgreSQL manual, ALTER TABLE and COMMENT. */
function modeOf({ key }: Stated): LockMode {
  const isStrong =
    key.startsWith('replica identity') ||
    ['storage', 'compression', 'row security forced'].includes(key);
  return isStrong ? 'ACCESS EXCLUSIVE' : 'SHARE UPDATE EXCLUSIVE';
}

function textOf(at: Place, one: Stated): Sql {
  if (one.key === 'comment') return commentOn(at, one);
  switch (one.of) {
    case 'table':
      return sql`alter table ${at.table} ${ofTable(one)}`;
    case 'column':
      return one.key === 'storage' && one.value === null
        ? storageOfType(at, one.name)
        : sql`alter table ${at.table} alter column ${name(one.name)} ${ofColumn(one)}`;
    case 'index':
      return sql`alter index ${at.schema}.${name(one.name)} ${option(one)}`;
    case 'statistics':
      return ofStatistics(at, one);
    case 'constraint':
      throw new TypeError(`a constraint has no ${one.key}`);
    default:
      return one.of satisfies never;
  }
}

function commentOn({ table, schema }: Place, { of, name: called, value }: Stated): Sql {
  const text = value === null ? sql`null` : literal(value);
  const what = {
    table: () => sql`table ${table}`,
    column: () => sql`column ${table}.${name(called)}`,
    constraint: () => sql`constraint ${name(called)} on ${table}`,
    index: () => sql`index ${schema}.${name(called)}`,
    statistics: () => sql`statistics ${schema}.${name(called)}`,
  } as const;
  return sql`comment on ${what[of]()} is ${text}`;
}

function option({ key, value }: Stated): Sql {
  const named = trusted(key.replace(/^option /, ''));
  return value === null ? sql`reset (${named})` : sql`set (${named} = ${literal(value)})`;
}

function ofTable(one: Stated): Sql {
  const { key, value } = one;
  switch (key) {
    case 'replica identity':
      return sql`replica identity ${trusted(value ?? 'default')}`;
    case 'replica identity index':
      return value === null
        ? sql`replica identity default`
        : sql`replica identity using index ${name(value)}`;
    case 'clustered by':
      return value === null ? sql`set without cluster` : sql`cluster on ${name(value)}`;
    case 'row security forced':
      return value === null ? sql`no force row level security` : sql`force row level security`;
    default:
      return option(one);
  }
}

function ofColumn(one: Stated): Sql {
  const { key, value } = one;
  switch (key) {
    case 'statistics target':
      return sql`set statistics ${trusted(value ?? '-1')}`;
    case 'storage':
    case 'compression':
      return sql`set ${trusted(key)} ${trusted(value ?? 'default')}`;
    default:
      return option(one);
  }
}

/** `set storage default` is known from PostgreSQL 16 on. */
function storageOfType({ table }: Place, column: string): Sql {
  return sql`do $halflap$
begin
  execute (
    select format('alter table %s alter column %I set storage %s', a.attrelid::regclass, a.attname,
      case t.typstorage
        when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended'
      end)
    from pg_attribute as a join pg_type as t on t.oid = a.atttypid
    where a.attrelid = $r$${table}$r$::regclass and a.attname = ${literal(column)}
  );
end
$halflap$`;
}

/** Those that a table brings along may be in the schema where it was before. */
function ofStatistics({ table, schema }: Place, { name: called, key, value }: Stated): Sql {
  if (key !== 'definition') {
    const target = trusted(value ?? '-1');
    return sql`alter statistics ${schema}.${name(called)} set statistics ${target}`;
  }
  if (value !== null) {
    // `(ndistinct, mcv) on a, b`
    return sql`create statistics ${schema}.${name(called)} ${trusted(value)} from ${table}`;
  }
  return sql`do $halflap$
declare
  gone record;
begin
  for gone in
    select s.stxnamespace::regnamespace as schema, s.stxname
    from pg_statistic_ext as s
    where s.stxrelid = $r$${table}$r$::regclass and s.stxname = ${literal(called)}
  loop
    execute format('drop statistics %s.%I', gone.schema, gone.stxname);
  end loop;
end
$halflap$`;
}

/** Extended statistics do not follow their table into another schema: they are sent after it. */
export function moveStatistics(table: Sql): Statement {
  return sentAfter(sql`s.stxrelid = $r$${table}$r$::regclass`);
}

/** Those whose table has left the schema, which is about to go. */
export function moveStatisticsFrom(schema: string): Statement {
  return sentAfter(sql`exists (
        select from pg_namespace as n
        where n.oid = s.stxnamespace and n.nspname = ${literal(schema)}
      )`);
}

function sentAfter(which: Sql): Statement {
  return statement(sql`do $halflap$
declare
  moved record;
begin
  for moved in
    select s.stxnamespace::regnamespace as schema, s.stxname, c.relnamespace::regnamespace as target
    from pg_statistic_ext as s join pg_class as c on c.oid = s.stxrelid
    where s.stxnamespace <> c.relnamespace
      and ${which}
  loop
    execute format('alter statistics %s.%I set schema %s', moved.schema, moved.stxname,
      moved.target);
  end loop;
end
$halflap$`);
}
