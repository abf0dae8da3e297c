// extract_table and inline_table: values that repeat ⇄ a lookup table and references to it.
//
// rows(k, name) ⇄ rows(k, ref) · lookup(id, name unique)
//
// For the rows it is a conversion of columns, by functions that look up: the key of a value, and
// the values of a key. Which release has the lookup table makes the kind. That of the new release
// is there, filled, when the shard is prepared, or its keys would not last (compile/lookups.ts).

import type { BackwardColumn, ForwardColumn, PairedTable } from '../compile/layout.js';
import { assertFound, refuse } from '../compile/refuse.js';
import { generatedName } from '../names.js';
import {
  type Catalog,
  type Column,
  findColumn,
  findTable,
  hasKey,
  type Table,
} from '../release/catalog.js';
import type { Evolution, LookupChange } from '../release/evolution.js';
import { elementOf, isApart, plainType } from '../release/types-apart.js';
import { name } from '../sql.js';

export interface Lookup {
  readonly change: LookupChange;
  /** The lookup table. */
  readonly table: Table;
  /** Its column to which the reference refers. */
  readonly key: Column;
  readonly values: readonly LookupValue[];
  /** The table of the old release that has the values, or the reference. */
  readonly old: Table;
  /** The same of the new one. */
  readonly new: Table;
  /** Qualified names of the functions: the key of values, and each value of a key. */
  readonly keyFor: string;
  readonly valueFor: (column: string) => string;
}

export interface LookupValue {
  readonly column: Column;
  /** What holds it in the release without the lookup table. */
  readonly other: string;
}

export function lookupsOf(
  from: Catalog,
  to: Catalog,
  evolution: Evolution,
  workSchema: string,
): Lookup[] {
  return evolution.changes.flatMap((change): Lookup[] => {
    if (change.kind !== 'extract_table' && change.kind !== 'inline_table') return [];
    const isExtract = change.kind === 'extract_table';
    const find = (catalog: Catalog, table: string) =>
      assertFound(findTable(catalog, table), evolution, change.at, table);
    const renamed = evolution.changes.find(
      (one) =>
        one.kind === 'rename_table' &&
        (isExtract ? one.table === change.table : one.to === change.into),
    );
    const rename = renamed?.kind === 'rename_table' ? renamed : null;
    const table = isExtract ? find(to, change.into) : find(from, change.table);
    const old = isExtract ? find(from, change.table) : find(from, rename?.table ?? change.into);
    const target = isExtract ? find(to, rename?.to ?? change.table) : find(to, change.into);
    const called = (...parts: string[]) => name(workSchema, generatedName(...parts)).text;
    const lookup = {
      change,
      table,
      key: keyColumnOf(change, table, isExtract ? target : old, evolution),
      values: Object.entries(change.values).map(([column, other]) => ({
        column: findColumn(table, column) as Column,
        other,
      })),
      old,
      new: target,
      keyFor: called('key_of', table.name, ...Object.keys(change.values)),
      valueFor: (column: string) => called('value_of', table.name, column),
    };
    assertUsable(lookup, evolution);
    return [lookup];
  });
}

/** The pair with its values and references told by the functions. */
export function throughLookups(pair: PairedTable, lookups: readonly Lookup[]): PairedTable {
  const own = lookups.filter((one) => one.old === pair.old && one.new === pair.new);
  if (own.length === 0) return pair;
  return {
    ...pair,
    forward: pair.forward.map((one) => own.reduce(forwardColumn, one)),
    backward: pair.backward.map((one) => own.reduce(backwardColumn, one)),
  };
}

function forwardColumn(one: ForwardColumn, lookup: Lookup): ForwardColumn {
  const { column } = one;
  if (lookup.change.kind === 'extract_table') {
    if (column.name !== lookup.change.reference) return one;
    return { column, up: keyCall(lookup), source: null, lookup: 'key' };
  }
  const value = lookup.values.find(({ other }) => other === column.name);
  if (value === undefined) return one;
  return { column, up: valueCall(lookup, value), source: null, lookup: 'value' };
}

function backwardColumn(one: BackwardColumn, lookup: Lookup): BackwardColumn {
  const { column } = one;
  if (lookup.change.kind === 'inline_table') {
    if (column.name !== lookup.change.reference) return one;
    return { column, down: keyCall(lookup), source: null, lookup: 'key' };
  }
  const value = lookup.values.find(({ other }) => other === column.name);
  if (value === undefined) return one;
  return { column, down: valueCall(lookup, value), source: null, lookup: 'value' };
}

function keyCall({ keyFor, values }: Lookup): string {
  return `${keyFor}(${values.map(({ other }) => name(other).text).join(', ')})`;
}

function valueCall({ valueFor, change }: Lookup, { column }: LookupValue): string {
  return `${valueFor(column.name)}(${name(change.reference).text})`;
}

/** The one column that the reference's foreign key refers to, else the primary key. */
function keyColumnOf(
  change: LookupChange,
  table: Table,
  rows: Table,
  evolution: Evolution,
): Column {
  const foreign = rows.foreignKeys.find(
    (one) => one.referencedTable === table.name && one.columns.join() === change.reference,
  );
  const columns = foreign?.referencedColumns ?? table.primaryKey?.columns ?? [];
  const found = columns.length === 1 ? findColumn(table, columns[0] ?? '') : undefined;
  const reference = findColumn(rows, change.reference);
  if (found !== undefined && found.type === reference?.type) return found;
  throw refuse(evolution, {
    code: 'EVOLUTION_INCOMPLETE',
    message:
      `${rows.name}.${change.reference} does not refer to ${table.name}: ` +
      'it has no foreign key to it, or another type than its primary key',
    hint: `give it one: foreign key (${change.reference}) references ${table.name}`,
    at: change.at,
  });
}

/** Values are found by each other, which those of two types are not. */
function assertSameTypes({ values, change, old }: Lookup, evolution: Evolution): void {
  const columns = values.map(({ column, other }) =>
    change.kind === 'extract_table' ? findColumn(old, other) : column,
  );
  const apart = columns.find((one) => one !== undefined && isApart(elementOf(one.type)));
  if (apart === undefined) return;
  throw refuse(evolution, {
    code: 'EVOLUTION_UNSUPPORTED',
    message:
      `${change.kind} cannot find values of type ${plainType(apart.type)}, ` +
      `which release ${evolution.to} changes`,
    hint: 'change the type in a release before this one, or after it',
    at: change.at,
  });
}

function assertUsable(lookup: Lookup, evolution: Evolution): void {
  assertSameTypes(lookup, evolution);
  const { table, values, key, change, old } = lookup;
  const incomplete = (message: string, hint: string) =>
    refuse(evolution, { code: 'EVOLUTION_INCOMPLETE', message, hint, at: change.at });
  const columns = values.map((one) => one.column.name);
  const list = columns.join(', ');
  if (!hasKey(table, columns)) {
    throw incomplete(
      `${table.name} (${list}) is not unique, so a value may have several rows`,
      `give ${table.name} a unique key on (${list})`,
    );
  }
  const nullable = values.find((one) => !one.column.notNull);
  if (nullable !== undefined) {
    throw incomplete(
      `column ${table.name}.${nullable.column.name} may be null, so its row cannot be found by it`,
      `make ${table.name}.${nullable.column.name} not null`,
    );
  }
  const missing = table.columns.find(
    (one) =>
      !columns.includes(one.name) &&
      one.notNull &&
      one.default === null &&
      one.identity === null &&
      one.generated === null,
  );
  if (missing !== undefined) {
    throw incomplete(
      `column ${table.name}.${missing.name} is not null, has no default, ` +
        'and nothing says what it is in a row for a new value',
      missing.name === key.name
        ? `let ${table.name}.${missing.name} be generated: as identity, or by a default`
        : `give ${table.name}.${missing.name} a default`,
    );
  }
  const isOptional = ({ other }: LookupValue) =>
    change.kind === 'extract_table' && findColumn(old, other)?.notNull === false;
  const optional = values.find(isOptional);
  if (optional === undefined || values.length === 1) return;
  throw incomplete(
    `column ${old.name}.${optional.other} may be null beside values that are not, ` +
      'and such a row has none to refer to',
    `make ${old.name}.${optional.other} not null in a release before this one, or extract it alone`,
  );
}
