// `default` of `dirty`: a row of the old release that breaks a rule has a stated value for the new
// one. It is a part of how the column follows from the old row, so lens, sync, backfill and verify
// all see the same, and the old row keeps what it has until the new release writes the column.
//
// | the rule             | the column follows by                                          |
// |----------------------|----------------------------------------------------------------|
// | a value, of a copy   | `coalesce(column, value)`                                      |
// | a value, computed    | a function that catches what `up` raises                       |
// | a check              | `case when (check) is false then value else … end`             |
// | a unique key         | the same, over a record of the rows that came second           |
//
// What is caught is what a value can be to blame for: data exceptions, violated constraints (of
// domains), and errors that a function of the release raises itself. Anything else, as a function
// that is not there, sends the row to quarantine. pg_input_is_valid() would do without catching,
// but PostgreSQL has it since 16 only, and it knows casts from text and nothing else.

import type { Check, Column } from '../release/catalog.js';
import { findColumn } from '../release/catalog.js';
import type { DirtyPolicy, Evolution } from '../release/evolution.js';
import { bindColumns, columnsOf } from '../release/expression.js';
import { joined, name, sql, trusted } from '../sql.js';
import { assigned, unlimited } from './assigned.js';
import type { Statement } from './bundle.js';
import { type Duplicates, duplicatesIn, isSecond } from './duplicates.js';
import type { ForwardColumn, Layout, PairedTable } from './layout.js';
import { type Places, work } from './places.js';
import { type Routine, routine } from './routine.js';
import { statement } from './statement.js';

/** Conditions of PL/pgSQL, for what the value of a row can be to blame for. */
export const VALUE_IS_TO_BLAME = sql`data_exception or integrity_constraint_violation
    or raise_exception`;

interface WithDefaults {
  readonly layout: Layout;
  /** The functions that expressions of the layout call. */
  readonly defaults: readonly Routine[];
  /** Unique keys whose duplicates have a default. */
  readonly duplicates: readonly Duplicates[];
}

/** @param places where the functions are. */
export function withDefaults(layout: Layout, evolution: Evolution, places: Places): WithDefaults {
  const policies = evolution.dirty.filter((one) => one.kind === 'default');
  if (policies.length === 0) return { layout, defaults: [], duplicates: [] };
  const defaults: Routine[] = [];
  const duplicates = duplicatesIn(layout, evolution);
  const changed = (pair: PairedTable): PairedTable => {
    const own = policies.filter((one) => one.table === pair.new.name);
    return own.length === 0 ? pair : pairWithDefaults(pair, own, { places, defaults, duplicates });
  };
  return {
    layout: {
      ...layout,
      pairs: layout.pairs.map(changed),
      splits: layout.splits.map((split) => ({
        ...split,
        parts: split.parts.map((one) => ({ ...one, pair: changed(one.pair) })),
      })),
      merges: layout.merges.map((one) => ({ ...one, pairs: one.pairs.map(changed) })),
    },
    defaults,
    duplicates,
  };
}

export function defaultFunctions(
  { defaults }: { readonly defaults: readonly Routine[] },
  places: Places,
): Statement[] {
  return defaults.map((one) => statement(routine(places, one)));
}

interface Making {
  readonly places: Places;
  readonly defaults: Routine[];
  readonly duplicates: readonly Duplicates[];
}

function pairWithDefaults(
  pair: PairedTable,
  policies: readonly DirtyPolicy[],
  making: Making,
): PairedTable {
  const own: PairedTable = {
    ...pair,
    forward: pair.forward.map((one) => {
      const policy = policies.find(({ column }) => column === one.column.name);
      return policy === undefined || one.up === null ? one : valued(pair, one, policy, making);
    }),
  };
  return {
    ...own,
    forward: own.forward.map((one) =>
      policies
        .filter(({ constraint, values }) => constraint !== null && one.column.name in values)
        .reduce((column, policy) => keepingTo(own, column, policy, making), one),
    ),
  };
}

/** The column where `up` may fail, or give the null that it does not take. */
function valued(
  pair: PairedTable,
  one: ForwardColumn,
  policy: DirtyPolicy,
  making: Making,
): ForwardColumn {
  const { column, source } = one;
  const stated = policy.values[column.name]?.sql ?? 'null';
  const up = one.up ?? 'null';
  if (source !== null) return instead(one, firstOf(up, asText(stated, column, pair)));
  const read = [...new Set([...columnsOf(up), ...columnsOf(stated)])];
  const bound = (text: string) =>
    assigned(
      trusted(bindColumns(text, (column) => ({ expression: `$${read.indexOf(column) + 1}` }))),
      column,
      pair.bases,
    );
  const [value, otherwise] = [bound(up), bound(stated)];
  const at = work(making.places, 'value_of', pair.old.name, pair.new.name, column.name);
  making.defaults.push({
    at,
    parameters: joined(read.map((one) => trusted(findColumn(pair.old, one)?.type ?? 'text'))),
    returns: column.type,
    isStable: true,
    rights: 'caller',
    about: `${column.name} of ${pair.new.name}, with a default where ${pair.old.name} has no value`,
    body: [
      sql`begin
    return ${column.notNull ? sql`coalesce(${value}, ${otherwise})` : value};
  exception when ${VALUE_IS_TO_BLAME} then
    return ${otherwise};
  end;`,
    ],
  });
  return instead(one, sql`${at}(${read.map((one) => name(one))})`.text);
}

/** The column in rows that break a check, or stand against a unique key. */
function keepingTo(
  pair: PairedTable,
  one: ForwardColumn,
  policy: DirtyPolicy,
  { places, duplicates }: Making,
): ForwardColumn {
  const stated = asText(policy.values[one.column.name]?.sql ?? 'null', one.column, pair);
  const known = duplicates.find((other) => other.policy === policy);
  if (known !== undefined) {
    const isKnown = isSecond(known, places);
    return instead(one, `case when ${isKnown} then ${stated} else (${one.up}) end`);
  }
  const check = pair.new.checks.find((other) => other.name === policy.constraint) as Check;
  const isBroken = bindColumns(check.expression, (column) => ({
    expression: newValue(pair, column),
  }));
  return instead(one, `case when (${isBroken}) is false then ${stated} else (${one.up}) end`);
}

/** What a new column holds, as an expression over the old columns. */
export function newValue(pair: PairedTable, wanted: string): string {
  const one = pair.forward.find(({ column }) => column.name === wanted);
  if (one === undefined) return 'null';
  const { column, source } = one;
  if (column.generated !== null) {
    const computed = bindColumns(column.generated, (other) => ({
      expression: newValue(pair, other),
    }));
    return asText(computed, column, pair);
  }
  if (source !== null) return one.up ?? 'null';
  return asText(one.up ?? column.default ?? 'null', column, pair);
}

/** Of the column's type but for its limit, which is seen to when the whole value is assigned. */
function asText(text: string, column: Column, { bases }: PairedTable): string {
  return `(${text})::${unlimited(column, bases)}`;
}

function firstOf(value: string, otherwise: string): string {
  return `coalesce(${value}, ${otherwise})`;
}

/** The same column by another expression; what it would be without stays for people to read. */
function instead(one: ForwardColumn, up: string): ForwardColumn {
  const { column, said = one.up ?? '' } = one;
  return { column, up, source: null, said };
}
