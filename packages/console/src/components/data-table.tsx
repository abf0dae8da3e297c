// A list as a table; on a phone each row is a card of its own.

import { EmptyState, EmptyStateBody } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import type { ReactNode } from 'react';

export interface Column<Item> {
  readonly head: string;
  /** The name by which the server sorts it. */
  readonly sort?: string;
  /** For what is to stay in one piece. */
  readonly isNarrow?: boolean;
  cell(item: Item): ReactNode;
}

export interface Sorting {
  readonly by: string;
  readonly direction: 'asc' | 'desc';
  onSort(by: string, direction: 'asc' | 'desc'): void;
}

interface Props<Item> {
  /** What screen readers call it. */
  readonly label: string;
  readonly columns: readonly Column<Item>[];
  readonly items: readonly Item[];
  keyOf(item: Item): string;
  readonly sorting?: Sorting;
  /** What is said of an empty list. */
  readonly empty: string;
}

export function DataTable<Item>({ label, columns, items, keyOf, sorting, empty }: Props<Item>) {
  if (items.length === 0) {
    return (
      <EmptyState variant="sm" titleText="Nothing here" headingLevel="h2">
        <EmptyStateBody>{empty}</EmptyStateBody>
      </EmptyState>
    );
  }
  return (
    <div className="hf-table">
      <Table aria-label={label} variant="compact" gridBreakPoint="grid-md">
        <Thead>
          <Tr>
            {columns.map((column, index) => (
              <Th key={column.head || index} modifier="nowrap" {...sortOf(columns, index, sorting)}>
                {column.head === '' ? <span className="hf-unseen">Actions</span> : column.head}
              </Th>
            ))}
          </Tr>
        </Thead>
        <Tbody>
          {items.map((item) => (
            <Tr key={keyOf(item)}>
              {columns.map((column, index) => (
                <Td
                  key={column.head || index}
                  {...(column.head === '' ? {} : { dataLabel: column.head })}
                  {...(column.isNarrow ? { modifier: 'fitContent' as const } : {})}
                >
                  {column.cell(item)}
                </Td>
              ))}
            </Tr>
          ))}
        </Tbody>
      </Table>
    </div>
  );
}

function sortOf<Item>(columns: readonly Column<Item>[], index: number, sorting?: Sorting) {
  const name = columns[index]?.sort;
  if (name === undefined || sorting === undefined) return {};
  const sorted = columns.findIndex(({ sort }) => sort === sorting.by);
  return {
    sort: {
      columnIndex: index,
      sortBy: { index: sorted, direction: sorting.direction },
      onSort: (_: unknown, __: number, direction: 'asc' | 'desc') =>
        sorting.onSort(name, direction),
    },
  };
}
