// Contract: the old release is fenced in one transaction, constraints that bound it no longer are
// validated, then the old layout goes. Abort: everything of the evolution goes.
//
// Names (DESIGN section 5): a table whose name or columns changed leaves the home schema for the
// release schema, and a tombstone stands in its place; the contract of the next evolution moves
// home what that evolution left as it was.

import { HOME_SCHEMA } from '@halflap/protocol';
import type { SplitCluster, SplitPartPlan } from '../changes/split-table.js';
import type { Catalog, Column, ForeignKey, Key, Table } from '../release/catalog.js';
import { literal, name, type Sql, sql, trusted } from '../sql.js';
import type { Statement, TransactionStep } from './bundle.js';
import {
  addedChecks,
  addedColumns,
  addedIndexes,
  droppedColumns,
  droppedIndexes,
  physicalDefinition,
  physicalName,
  renamedIndexes,
  tightenedColumns,
} from './classify.js';
import type { PairedTable } from './layout.js';
import { floorTable, inRelease, type Places, work } from './places.js';
import type { Rebuilt } from './rebuilt.js';
import { drawsFromSequence, handOver, renameSequence } from './sequences.js';
import { type Lock, statement, transactionStep } from './statement.js';
import { backwardName, type SyncPlan } from './sync-plan.js';
import { addForeignKey, validateConstraint } from './tables.js';
import { type Fence, TOMBSTONE_MARK, tombstone } from './tombstone.js';

/** One table that both releases shared, on its way to be the new release's alone. */
export interface Shared {
  readonly pair: PairedTable;
  readonly kind: 'same' | 'native' | 'overlay';
}

/** What the old release meets after contract. */
export function oldFence(places: Places): Fence {
  return { release: places.from, successor: places.to, goneTypes: new Set() };
}

export function exclusive(relation: string): Lock {
  return { mode: 'ACCESS EXCLUSIVE', relation };
}

/** The old table of a cluster goes aside; the new ones stand on their own. */
export function fenceCluster({ cluster, dual: plan, places, to }: Rebuilt): Statement[] {
  const old = floorTable(cluster.id);
  return [
    ...cluster.parts.flatMap((part) => dropBackward(part, plan)),
    ...cluster.parts.flatMap((part) => handOver(part, cluster.id, to, places)),
    statement(sql`alter table ${old} set schema ${name(places.workSchema)}`, exclusive(cluster.id)),
    ...tombstone(cluster.old, name(HOME_SCHEMA, cluster.id), oldFence(places), places),
  ];
}

function dropBackward(part: SplitPartPlan, plan: SyncPlan): Statement[] {
  const table = part.table.name;
  const events = [
    'insert',
    'update',
    'delete',
    'truncate',
    ...(part.isBase ? ['key'] : []),
  ] as const;
  return events.map((event) =>
    statement(
      sql`drop function ${backwardName(plan, table, event as 'key')}() cascade`,
      exclusive(`${plan.places.releaseSchema}.${table}`),
    ),
  );
}

/** An overlaid table gets the new release's names and rules, in the new release's schema. */
export function fenceShared({ pair, kind }: Shared, places: Places, to: Catalog): Statement[] {
  const lock = exclusive(pair.old.name);
  if (kind !== 'overlay') return newRules(pair, floorTable(pair.old.name), lock);
  const moved = name(places.releaseSchema, pair.old.name);
  const at = inRelease(places, pair.new.name);
  const renames = pair.forward.filter(
    (one) => one.source !== null && one.source !== one.column.name,
  );
  // Through interim names, so that two columns can change places.
  const interim = (index: number) => name(`halflap_${index}`);
  return [
    statement(sql`drop view ${at}`, exclusive(`${places.releaseSchema}.${pair.new.name}`)),
    ...(hasInner(pair) ? [statement(sql`drop view ${work(places, 'inner', pair.new.name)}`)] : []),
    statement(
      sql`alter table ${floorTable(pair.old.name)} set schema ${name(places.releaseSchema)}`,
      lock,
    ),
    ...tombstone(pair.old, name(HOME_SCHEMA, pair.old.name), oldFence(places), places),
    ...(pair.old.name === pair.new.name
      ? []
      : [statement(sql`alter table ${moved} rename to ${name(pair.new.name)}`, lock)]),
    ...droppedColumns(pair).map((column) =>
      statement(sql`alter table ${at} drop column ${name(column.name)}`, lock),
    ),
    ...renames.map((one, index) =>
      statement(
        sql`alter table ${at} rename column ${name(one.source ?? '')} to ${interim(index)}`,
        lock,
      ),
    ),
    ...renames.map((one, index) =>
      statement(
        sql`alter table ${at} rename column ${interim(index)} to ${name(one.column.name)}`,
        lock,
      ),
    ),
    ...sequenceColumns(pair).flatMap((column) => renameSequence(at, column, pair.new.name, to)),
    ...newRules(pair, at, lock),
  ];
}

function hasInner(pair: PairedTable): boolean {
  return pair.backward.some((one) => one.source === null && one.down !== null);
}

/** Defaults, nullability, checks and index names of the new release on the shared table. */
function newRules(pair: PairedTable, at: Sql, lock: Lock): Statement[] {
  const alter = (what: Sql) => statement(sql`alter table ${at} ${what}`, lock);
  const checks = addedChecks(pair).filter(
    (check) => !pair.old.checks.some((one) => one.name === check.name),
  );
  const goneChecks = pair.old.checks.filter(
    (check) => !pair.new.checks.some((one) => one.name === check.name),
  );
  const goneKeys = pair.old.uniques.filter(
    (key) => !pair.new.uniques.some((one) => isSameKey(pair, key, one)),
  );
  return [
    ...pair.forward.flatMap(({ column, source }) => {
      const old = pair.old.columns.find((one) => one.name === source);
      if (old === undefined) return [];
      const named = name(column.name);
      return [
        ...(column.default === old.default || sequenceColumns(pair).includes(column)
          ? []
          : [
              alter(
                column.default === null
                  ? sql`alter column ${named} drop default`
                  : sql`alter column ${named} set default ${trusted(column.default)}`,
              ),
            ]),
        ...(old.notNull && !column.notNull
          ? [alter(sql`alter column ${named} drop not null`)]
          : []),
      ];
    }),
    ...renamedObjects(pair, at, lock),
    ...goneChecks.map((check) => alter(sql`drop constraint ${name(check.name)}`)),
    ...goneKeys.map((key) => alter(sql`drop constraint ${name(key.name)}`)),
    ...tightenedColumns(pair).map((column) =>
      alter(
        sql`add constraint ${interimCheck(column.name)} check (${name(column.name)} is not null) not valid`,
      ),
    ),
    ...checks.map((check) =>
      alter(sql`add constraint ${name(check.name)} check (${trusted(check.expression)}) not valid`),
    ),
  ];
}

/** Columns that draw from a sequence in both releases, which stays theirs. */
function sequenceColumns(pair: PairedTable): Column[] {
  return pair.forward.flatMap(({ column, source }) => {
    const old = pair.old.columns.find((one) => one.name === source);
    return old !== undefined && drawsFromSequence(old) && drawsFromSequence(column) ? [column] : [];
  });
}

/** Keys and indexes that are the same under another name. */
function renamedObjects(pair: PairedTable, at: Sql, lock: Lock): Statement[] {
  const oldKeys = [pair.old.primaryKey, ...pair.old.uniques].filter((key) => key !== null);
  const newKeys = [pair.new.primaryKey, ...pair.new.uniques].filter((key) => key !== null);
  const keys = newKeys.flatMap((key) => {
    const old = oldKeys.find((one) => isSameKey(pair, one, key));
    return old === undefined || old.name === key.name ? [] : [{ from: old.name, to: key.name }];
  });
  const foreignKeys = pair.new.foreignKeys.flatMap((key) => {
    const old = pair.old.foreignKeys.find((one) => sameForeignKey(pair, one, key));
    return old === undefined || old.name === key.name ? [] : [{ from: old.name, to: key.name }];
  });
  return [
    ...keys.map((one) =>
      statement(
        sql`alter table ${at} rename constraint ${name(one.from)} to ${name(one.to)}`,
        lock,
      ),
    ),
    ...foreignKeys.map((one) =>
      statement(
        sql`alter table ${at} rename constraint ${name(one.from)} to ${name(one.to)}`,
        lock,
      ),
    ),
    ...renamedIndexes(pair).map((one) =>
      statement(
        sql`alter index ${indexPlace(pair, at)}.${name(one.from)} rename to ${name(one.to)}`,
        lock,
      ),
    ),
  ];
}

/** The schema of the table, as it stands in its qualified name. */
function indexPlace(pair: PairedTable, at: Sql): Sql {
  const isFloor = at.text === floorTable(pair.old.name).text;
  return trusted(isFloor ? `{{schema:${pair.old.name}}}` : at.text.slice(0, at.text.indexOf('.')));
}

function isSameKey(pair: PairedTable, old: Key, key: Key): boolean {
  return (
    old.columns.length === key.columns.length &&
    key.columns.every((column, index) => physicalName(pair, column) === old.columns[index])
  );
}

/**
 * Validation without stopping writers, each in a transaction of its own, then the real NOT NULL.
 */
export function validateShared({ pair, kind }: Shared, places: Places): TransactionStep[] {
  const at = kind === 'overlay' ? inRelease(places, pair.new.name) : floorTable(pair.old.name);
  const lock: Lock = { mode: 'SHARE UPDATE EXCLUSIVE', relation: pair.new.name };
  const checks = addedChecks(pair).filter(
    (check) => !pair.old.checks.some((one) => one.name === check.name),
  );
  const validate = (constraint: string, shown: string) =>
    transactionStep(
      `contract/validate/${pair.new.name}/${shown}`,
      `validate ${shown} of ${pair.new.name}`,
      [validateConstraint(at, constraint, lock)],
    );
  return [
    ...checks.map((check) => validate(check.name, check.name)),
    ...tightenedColumns(pair).flatMap((column) => [
      validate(interimName(column.name), `${column.name} not null`),
      transactionStep(
        `contract/not-null/${pair.new.name}/${column.name}`,
        `make ${pair.new.name}.${column.name} not null`,
        [
          statement(
            sql`alter table ${at} alter column ${name(column.name)} set not null`,
            exclusive(pair.new.name),
          ),
          statement(
            sql`alter table ${at} drop constraint ${interimCheck(column.name)}`,
            exclusive(pair.new.name),
          ),
        ],
      ),
    ]),
  ];
}

function interimName(column: string): string {
  return `halflap_${column}_not_null`.slice(0, 60);
}

function interimCheck(column: string): Sql {
  return name(interimName(column));
}

export function dropIndexes({ pair, kind }: Shared, places: Places): Statement[] {
  return droppedIndexes(pair).map((index) =>
    statement(
      sql`drop index if exists ${kind === 'overlay' ? name(places.releaseSchema, index.name) : sql`${trusted(`{{schema:${pair.old.name}}}`)}.${name(index.name)}`}`,
      exclusive(pair.new.name),
    ),
  );
}

/** Where a foreign key points to once the old layout is gone. */
export interface Repointed {
  /** The table that holds the key, and where it is then. */
  readonly table: Table;
  readonly at: Sql;
  readonly key: ForeignKey;
  readonly target: Sql;
}

export function dropForeignKey(table: string, at: Sql, key: ForeignKey): Statement {
  return statement(sql`alter table ${at} drop constraint ${name(key.name)}`, exclusive(table));
}

export function repoint(one: Repointed): Statement {
  return addForeignKey(one.at, one.key, one.target, {
    mode: 'SHARE ROW EXCLUSIVE',
    relation: one.table.name,
  });
}

export function validateRepointed(one: Repointed): TransactionStep {
  return transactionStep(
    `contract/validate/${one.table.name}/${one.key.name}`,
    `validate foreign key ${one.key.name} of ${one.table.name}`,
    [
      validateConstraint(one.at, one.key.name, {
        mode: 'SHARE UPDATE EXCLUSIVE',
        relation: one.table.name,
      }),
    ],
  );
}

/**
 * Tables that the last evolution left in its release schema come home, if this one left them alone.
 */
export function moveHome(places: Places, floorSchema: string): Statement[] {
  return [
    statement(
      sql`do $halflap$
declare
  relation record;
begin
  for relation in
    select c.relname
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = ${literal(floorSchema)} and c.relkind in ('r', 'p') and not c.relispartition
    order by c.relname
  loop
    if exists (
      select from pg_class as v join pg_namespace as n on n.oid = v.relnamespace
      where n.nspname = ${literal(HOME_SCHEMA)} and v.relname = relation.relname and v.relkind = 'v'
        and obj_description(v.oid, 'pg_class') like ${literal(`${TOMBSTONE_MARK}%`)}
    ) then
      execute format('drop view %I.%I', ${literal(HOME_SCHEMA)}, relation.relname);
    end if;
    execute format('alter table %I.%I set schema %I', ${literal(floorSchema)}, relation.relname, ${literal(HOME_SCHEMA)});
  end loop;
end
$halflap$`,
      exclusive(`tables of ${places.from} that stay`),
    ),
  ];
}

export function abortStatements(
  clusters: readonly SplitCluster[],
  shared: readonly Shared[],
  places: Places,
): Statement[] {
  const touched = [
    ...clusters.map((cluster) => cluster.id),
    ...shared.filter((one) => one.kind !== 'same').map((one) => one.pair.old.name),
  ].sort();
  return [
    // Views first: sessions of the new release lock the view and then the table under it. Then the
    // tables in one order: what follows needs no further lock that an application holds.
    dropViews(places),
    ...touched.map((table) =>
      statement(sql`lock table ${floorTable(table)} in access exclusive mode`, exclusive(table)),
    ),
    statement(sql`drop schema if exists ${name(places.releaseSchema)} cascade`),
    statement(sql`drop schema if exists ${name(places.workSchema)} cascade`),
    ...shared.flatMap(({ pair, kind }) =>
      kind === 'same'
        ? []
        : [
            ...addedIndexes(pair)
              .filter((index) => physicalDefinition(pair, index) !== null)
              .map((index) =>
                statement(
                  sql`drop index if exists ${trusted(`{{schema:${pair.old.name}}}`)}.${name(index.name)}`,
                  exclusive(pair.old.name),
                ),
              ),
            ...addedColumns(pair).map((column) =>
              statement(
                sql`alter table ${floorTable(pair.old.name)} drop column if exists ${name(column.name)}`,
                exclusive(pair.old.name),
              ),
            ),
          ],
    ),
  ];
}

function dropViews(places: Places): Statement {
  return statement(
    sql`do $halflap$
declare
  relation record;
begin
  for relation in
    select c.relname
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = ${literal(places.releaseSchema)} and c.relkind = 'v'
    order by c.relname
  loop
    execute format('drop view %I.%I', ${literal(places.releaseSchema)}, relation.relname);
  end loop;
end
$halflap$`,
    exclusive(`views of ${places.releaseSchema}`),
  );
}

export function sameForeignKey(pair: PairedTable, old: ForeignKey, other: ForeignKey): boolean {
  return (
    old.columns.length === other.columns.length &&
    other.columns.every((column, index) => physicalName(pair, column) === old.columns[index]) &&
    old.onDelete === other.onDelete &&
    old.onUpdate === other.onUpdate &&
    old.deferrable === other.deferrable
  );
}
