// Which changes are made together because the rows of their tables hang together in slices.

import type { Change, Evolution, MergeTables, SlicedChange } from '../release/evolution.js';
import { isOuter } from '../release/evolution-merge.js';
import { renamedFrom, renamedTo } from '../release/evolution-tables.js';

/** Changes with the tables that they work on, those first to which others refer. */
export interface Group {
  readonly changes: readonly (SlicedChange | MergeTables)[];
  readonly olds: readonly string[];
  readonly news: readonly string[];
}

/** Several lists of one table are taken apart, or put together, at once. */
export function groupsOf(evolution: Evolution): Group[] {
  const union = (left: readonly string[], right: readonly string[]) => [
    ...new Set([...left, ...right]),
  ];
  return evolution.changes.reduce<Group[]>((groups, change) => {
    const own = tablesOfChange(evolution, change);
    if (own === null) return groups;
    const isShared = (group: Group) =>
      (change.kind === 'unnest_column' || change.kind === 'nest_table') &&
      group.changes[0]?.kind === change.kind &&
      (group.olds.some((one) => own.olds.includes(one)) ||
        group.news.some((one) => own.news.includes(one)));
    const merged = groups.filter(isShared).reduce(
      (all, group) => ({
        changes: [...group.changes, ...all.changes],
        olds: union(group.olds, all.olds),
        news: union(group.news, all.news),
      }),
      own,
    );
    return [...groups.filter((group) => !isShared(group)), merged];
  }, []);
}

/** The tables that a change works on, those that others refer to first. */
function tablesOfChange(evolution: Evolution, change: Change): Group | null {
  const changes = [change as SlicedChange];
  const named = (list: readonly { readonly table: string }[]) => list.map((one) => one.table);
  switch (change.kind) {
    case 'custom':
      return { changes, olds: named(change.from), news: named(change.into) };
    case 'unnest_column': {
      const { table, into } = change;
      return { changes, olds: [table], news: [renamedTo(evolution.changes, table), into] };
    }
    case 'nest_table': {
      const { table, into } = change;
      return { changes, olds: [renamedFrom(evolution.changes, into), table], news: [into] };
    }
    case 'partition_rows':
      return { changes, olds: [change.table], news: named(change.into) };
    case 'unite_tables':
      return { changes, olds: named(change.from), news: [change.into] };
    case 'merge_tables':
      return isOuter(change) ? { changes, olds: named(change.from), news: [change.into] } : null;
    case 'move_column': {
      const { table, to } = change;
      return {
        changes,
        olds: [table, renamedFrom(evolution.changes, to)],
        news: [renamedTo(evolution.changes, table), to],
      };
    }
    default:
      return null;
  }
}
