// An overlay: one physical table serves both releases; the new one sees it through a simple view
// that PostgreSQL updates by itself, so that ON CONFLICT, FOR UPDATE and RETURNING work as on a
// table.
//
// What binds the new release only (a new NOT NULL, a new check) is the view's condition with check
// option: its own writes are refused, the old release's rows that break it are hidden from it and
// reported by verify, and nothing ever stops a statement of the old release.
// A column that the new release no longer knows gets its value from the default of an inner view.
// The view's columns stand as the table's will after contract, and not in the order of schema.sql:
// a statement that names no columns then means the same in every phase.

import type { HalflapError } from '@halflap/protocol';
import type { Catalog, Column } from '../release/catalog.js';
import type { Evolution } from '../release/evolution.js';
import { bindColumns } from '../release/expression.js';
import { joined, literal, name, type Sql, sql, trusted } from '../sql.js';
import { assigned } from './assigned.js';
import type { Statement, Step, VerifyStep } from './bundle.js';
import {
  addedChecks,
  addedColumns,
  addedIndexes,
  isStable,
  physicalDefinition,
  physicalIndexName,
  physicalName,
  standingColumns,
  tightenedColumns,
} from './classify.js';
import { copyAllRights, sharedSources } from './grants.js';
import type { PairedTable } from './layout.js';
import { missingValue } from './lens-carried.js';
import { floorSchema, floorTable, inRelease, type Places, work } from './places.js';
import { assertOldSupplied, refuse, stateColumn, statedAt } from './refuse.js';
import { HASH_HOLE } from './routine.js';
import { drawsFromSequence } from './sequences.js';
import { type Lock, statement } from './statement.js';
import { indexStep, typeOf } from './tables.js';

/** Columns of the new release on the physical table: catalogue changes only. */
export function addColumns(pair: PairedTable, evolution: Evolution): Statement[] {
  const at = floorTable(pair.old.name);
  const lock: Lock = { mode: 'ACCESS EXCLUSIVE', relation: pair.old.name };
  const added = addedColumns(pair).flatMap((column) => {
    const named = name(column.name);
    const type = typeOf(column);
    if (column.generated !== null || column.identity !== null)
      throw unsupportedColumn(pair, column, evolution);
    const isOnce = column.default !== null && isStable(column.default);
    if (column.notNull && !isOnce) throw unsupportedColumn(pair, column, evolution);
    const value = isOnce ? sql` default ${trusted(column.default ?? '')}` : sql``;
    const notNull = column.notNull ? sql` not null` : sql``;
    return [
      statement(sql`alter table ${at} add column ${named} ${type}${value}${notNull}`, lock),
      ...(column.default === null || isOnce
        ? []
        : [
            statement(
              sql`alter table ${at} alter column ${named} set default ${trusted(column.default)}`,
              lock,
            ),
          ]),
    ];
  });
  for (const { column, down } of pair.backward) {
    if (down === null) assertOldSupplied(pair.old, column, evolution);
  }
  return added;
}

/** `again`: what it stands on is there already. Rights are those of the table both times. */
export function overlayView(
  pair: PairedTable,
  places: Places,
  when: 'first' | 'again' = 'first',
): Statement[] {
  const view = inRelease(places, pair.new.name);
  const hidden = hiddenDefaults(pair);
  const inner = work(places, 'halflap_inner', pair.new.name);
  const from = hidden.length === 0 ? floorTable(pair.old.name) : inner;
  const columns = standingColumns(pair).map((column) => overlayColumn(pair, column, places));
  const conditions = conditionsOf(pair);
  const where =
    conditions.length === 0
      ? sql``
      : sql` where ${joined(
          conditions.map((one) => one.condition),
          ' and ',
        )}`;
  const option = conditions.length === 0 ? sql`` : sql` with cascaded check option`;
  const origin = `Halflap ${places.evolution} ${HASH_HOLE}`;
  const comment = `${origin}: release ${places.to} of ${pair.old.name}`;
  return [
    ...(hidden.length === 0 || when === 'again' ? [] : innerView(pair, inner, hidden, places)),
    statement(sql`create view ${view} as select ${columns} from ${from} as t${where}${option}`),
    statement(sql`comment on view ${view} is ${literal(comment)}`),
    ...changedDefaults(pair, view, places),
    // The view of a session lens is the session's own.
    ...(places.isTemporary
      ? []
      : copyAllRights(places, { from: floorTable(pair.old.name), to: view }, sharedSources(pair))),
  ];
}

function overlayColumn(pair: PairedTable, column: Column, places: Places): Sql {
  const isMissing = places.isTemporary && addedColumns(pair).includes(column);
  const value = isMissing
    ? missingValue(column, pair.bases, places)
    : name('t', physicalName(pair, column.name));
  return sql`${value} as ${name(column.name)}`;
}

/** What binds the new release only, as conditions over its columns. */
export function overlayRules(pair: PairedTable): string[] {
  return [
    ...tightenedColumns(pair).map((column) => sql`${name(column.name)} is not null`.text),
    ...addedChecks(pair).map((check) => check.expression),
  ];
}

export function overlayIndexSteps(pair: PairedTable, from: Catalog): Step[] {
  return addedIndexes(pair).map((index): Step => {
    const at = { schema: floorSchema(pair.old.name).text, table: floorTable(pair.old.name) };
    const lock: Lock = { mode: 'SHARE UPDATE EXCLUSIVE', relation: pair.old.name };
    const called = physicalIndexName(from, index);
    const definition = physicalDefinition(pair, index);
    return indexStep(at, { isUnique: index.isUnique, name: called, definition }, lock);
  });
}

/**
 * Rows of the old release that break a rule of the new one; nothing is compared, all is one table.
 */
export function overlayVerify(pair: PairedTable, stage: 'expand' | 'verify'): VerifyStep[] {
  const conditions = conditionsOf(pair);
  const key = pair.old.primaryKey?.columns ?? [];
  if (conditions.length === 0 || key.length === 0) return [];
  const keys = key.map((column) => name('t', column));
  const none = sql`select ${keys} from ${floorTable(pair.old.name)} as t where false`;
  return [
    {
      kind: 'verify',
      id: `${stage}/verify/${pair.new.name}`,
      title: `check the new rules of ${pair.new.name}`,
      relation: pair.old.name,
      expected: none.text,
      actual: none.text,
      key: key.map((column) => ({
        name: column,
        type: pair.old.columns.find((one) => one.name === column)?.type ?? 'text',
      })),
      offenders: conditions.map((one) => ({
        rule: one.rule,
        sql: sql`select ${keys} from ${floorTable(pair.old.name)} as t
where (${one.condition}) is not true`.text,
      })),
      retry: null,
    },
  ];
}

interface Condition {
  readonly rule: string;
  readonly condition: Sql;
}

function conditionsOf(pair: PairedTable): Condition[] {
  const onTable = (expression: string) =>
    trusted(
      bindColumns(expression, (column) => ({ qualifier: 't', column: physicalName(pair, column) })),
    );
  return [
    ...tightenedColumns(pair).map((column) => ({
      rule: `${pair.new.name}.${column.name} is not null`,
      condition: sql`${name('t', physicalName(pair, column.name))} is not null`,
    })),
    ...addedChecks(pair).map((check) => ({
      rule: `check ${check.name} of ${pair.new.name}`,
      condition: sql`(${onTable(check.expression)}) is not false`,
    })),
  ];
}

function innerView(
  pair: PairedTable,
  inner: Sql,
  hidden: readonly Hidden[],
  places: Places,
): Statement[] {
  const added = places.isTemporary
    ? []
    : addedColumns(pair).map((column) => name('t', column.name));
  const columns = [...pair.old.columns.map((column) => name('t', column.name)), ...added];
  return [
    statement(
      sql`create view ${inner} as select ${columns} from ${floorTable(pair.old.name)} as t`,
    ),
    ...hidden.map(({ column, down }) =>
      statement(sql`alter view ${inner} alter column ${name(column.name)} set default ${down}`),
    ),
  ];
}

interface Hidden {
  readonly column: Column;
  readonly down: Sql;
}

/** Old columns that the new release does not see, with the constant that its rows hold there. */
function hiddenDefaults(pair: PairedTable): Hidden[] {
  return pair.backward.flatMap(({ column, down, source }) =>
    source === null && down !== null
      ? [{ column, down: assigned(trusted(down), column, pair.bases) }]
      : [],
  );
}

function changedDefaults(pair: PairedTable, view: Sql, places: Places): Statement[] {
  return pair.forward.flatMap(({ column, source }) => {
    const old = pair.old.columns.find((one) => one.name === source);
    if (old === undefined || column.default === old.default) return [];
    // One sequence serves both releases: the table's own default draws from it.
    if (drawsFromSequence(column) && drawsFromSequence(old)) return [];
    // The sequence of the new release is not there yet.
    if (places.isTemporary && drawsFromSequence(column)) return [];
    // A view's default that is the constant null is not kept by PostgreSQL; an expression is.
    const value = column.default ?? `nullif(1, 1)::text::${column.type}`;
    return [
      statement(
        sql`alter view ${view} alter column ${name(column.name)} set default ${trusted(value)}`,
      ),
    ];
  });
}

function unsupportedColumn(pair: PairedTable, column: Column, evolution: Evolution): HalflapError {
  const { name: table } = pair.new;
  const kind =
    column.generated !== null
      ? 'generated'
      : column.identity !== null
        ? 'an identity'
        : 'not null without a constant default';
  return refuse(evolution, {
    code: 'EVOLUTION_INCOMPLETE',
    message:
      `column ${table}.${column.name} needs a value for the rows of the old release: ` +
      `it is ${kind}`,
    hint: stateColumn(table, column.name),
    at: statedAt(evolution, pair.old.name),
  });
}
