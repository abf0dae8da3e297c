// The forms in which one column, or several, hold elements: arrays, JSON, delimited text, and
// repeated columns; how each is taken apart and put together.

import { refuse } from '../compile/refuse.js';
import type { BaseTypes } from '../release/base-type.js';
import type { Column, Table } from '../release/catalog.js';
import type { Evolution, NestTable, UnnestColumn } from '../release/evolution.js';
import { integer, joined, literal, name, type Sql, sql, trusted } from '../sql.js';
import { columnOf } from './cluster-mappings.js';

type Nesting = UnnestColumn | NestTable;

interface Written {
  readonly evolution: Evolution;
  readonly bases: BaseTypes;
}

/** @throws EVOLUTION_INVALID for a column that holds no list, or a list of another form. */
export function assertList(change: Nesting, flat: Table, { evolution, bases }: Written): void {
  const { kind, columns, delimiter, places, at } = change;
  const [first] = columns;
  if (first === undefined || columns.length > 1) return;
  const column = columnOf(flat, first);
  const isArray = (bases.get(column.type) ?? column.type).endsWith('[]');
  if ((delimiter === null) === (isArray || isJson(column))) return;
  const what = `${flat.name}.${first} is ${column.type}`;
  throw refuse(evolution, {
    code: 'EVOLUTION_INVALID',
    message:
      delimiter === null
        ? `${what}: ${kind} takes arrays, json, jsonb, and text with a delimiter`
        : `${what}, whose elements have no delimiter between them`,
    hint:
      delimiter === null
        ? "say what stands between the elements of a text: delimiter: ','"
        : 'leave "delimiter" out',
    at: (delimiter === null ? places?.[`columns.${first}`] : places?.delimiter) ?? at,
  });
}

/**
 * A FROM item `e(value, position)`: the elements of a row `o` of the flat table.
 * @param value the column that takes them.
 */
export function elementsOf(change: Nesting, flat: Table, value: Column): Sql {
  const { columns, delimiter } = change;
  const called = trusted('e(value, position)');
  if (columns.length > 1) {
    const rows = columns.map((one, index) => sql`(${integer(index + 1)}, ${name('o', one)})`);
    return sql`(
      select r.value, r.position from (values ${rows}) as r(position, value)
      where r.value is not null
    ) as ${called}`;
  }
  const column = columnOf(flat, columns[0] ?? '');
  const list = name('o', column.name);
  const ordered = (elements: Sql) => sql`${elements} with ordinality as ${called}`;
  if (delimiter !== null) {
    return ordered(sql`unnest(string_to_array(${list}, ${literal(delimiter)}))`);
  }
  if (!isJson(column)) return ordered(sql`unnest(${list})`);
  const kind = trusted(column.type);
  const suffix = trusted(isJson(value) ? '' : '_text');
  // What is no list has no elements.
  const array = sql`case ${kind}_typeof(${list}) when 'array' then ${list} else '[]' end`;
  return ordered(sql`${kind}_array_elements${suffix}(${array})`);
}

interface Gathered {
  readonly flat: Table;
  /** The rows' table as a FROM item. */
  readonly rows: Sql;
  /** Whether a row `c` belongs to the row at hand. */
  readonly isRow: Sql;
}

/** Per column of the flat table: its elements put together. */
export function listValues(change: Nesting, { flat, rows, isRow }: Gathered) {
  const { columns, position, value, delimiter } = change;
  const element = name('c', value);
  const where = sql`from ${rows} as c where ${isRow}`;
  if (columns.length > 1) {
    return columns.map((column, index) => {
      const isHere = sql`${name('c', position ?? '')} = ${integer(index + 1)}`;
      return { column, value: sql`(select ${element} ${where} and ${isHere})` };
    });
  }
  const column = columnOf(flat, columns[0] ?? '');
  const order = sql`order by ${joined([name('c', position ?? value)])}`;
  const [together, none] =
    delimiter !== null
      ? [sql`string_agg(${element}::text, ${literal(delimiter)} ${order})`, sql`''`]
      : isJson(column)
        ? [sql`${trusted(column.type)}_agg(${element} ${order})`, sql`'[]'`]
        : [sql`array_agg(${element} ${order})`, sql`'{}'`];
  const list = sql`(select ${together} ${where})`;
  return [{ column: column.name, value: column.notNull ? sql`coalesce(${list}, ${none})` : list }];
}

function isJson({ type }: Column): boolean {
  return type === 'json' || type === 'jsonb';
}
