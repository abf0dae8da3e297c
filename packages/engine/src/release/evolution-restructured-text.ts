// The fields of changes that make rows several, or one of several, as evolution.yaml states them.

import type {
  CustomTable,
  Expression,
  LookupChange,
  RekeyTable,
  ShareOfRows,
  SlicedChange,
} from './evolution.js';

/** Without defaults, and in the order in which people read them. */
export function restructuredFields(
  change: SlicedChange | LookupChange | RekeyTable,
): Record<string, unknown> {
  switch (change.kind) {
    case 'rekey_table':
      return { table: change.table, column: oneOrAll(change.columns) };
    case 'extract_table':
    case 'inline_table': {
      const { table, values, into, reference } = change;
      const isExtract = change.kind === 'extract_table';
      const pairs = Object.entries(values).map(([column, other]) =>
        isExtract ? [other, column] : [column, other],
      );
      return { table, columns: Object.fromEntries(pairs), into, reference };
    }
    case 'unnest_column':
    case 'nest_table': {
      const { table, columns, into, value, position, key, delimiter } = change;
      return {
        table,
        ...(columns.length === 1 ? { column: columns[0] } : { columns }),
        into,
        value,
        ...(position === null ? {} : { position }),
        ...(key === null ? {} : { key }),
        ...(delimiter === null ? {} : { delimiter }),
      };
    }
    case 'partition_rows':
      return { table: change.table, into: sharesOf(change.into) };
    case 'unite_tables':
      return { into: change.into, from: sharesOf(change.from) };
    case 'move_column': {
      const { table, column, to, as } = change;
      return { table, column, to, ...(as === column ? {} : { as }) };
    }
    case 'custom':
      return { from: queriesOf(change.from), into: queriesOf(change.into) };
    default:
      return change satisfies never;
  }
}

function sharesOf(shares: readonly ShareOfRows[]): Record<string, unknown> {
  const text = ({ sql }: Expression) => sql;
  return Object.fromEntries(
    shares.map(({ table, when, values }) => {
      const entries = Object.entries(values).map(([column, one]) => [column, text(one)]);
      const stated = entries.length === 0 ? {} : { values: Object.fromEntries(entries) };
      return [table, { when: text(when), ...stated }];
    }),
  );
}

function queriesOf(tables: readonly CustomTable[]): Record<string, unknown> {
  return Object.fromEntries(
    tables.map(({ table, slice, via, query }) => {
      const columns = oneOrAll(slice);
      return [
        table,
        { slice: via === null ? columns : { [via]: columns }, query: query.query.sql },
      ];
    }),
  );
}

function oneOrAll(list: readonly string[]): string | readonly string[] {
  const [only] = list;
  return only !== undefined && list.length === 1 ? only : list;
}
