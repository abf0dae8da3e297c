// What every lens trigger does with a written row: computes what PostgreSQL would, refuses what
// changed meanwhile and what would leave others behind.

import { SQLSTATES } from '@halflap/protocol';
import { keptColumns } from '../changes/kept.js';
import { bindColumns } from '../release/expression.js';
import { joined, literal, name, type Sql, sql, trusted } from '../sql.js';
import { assigned } from './assigned.js';
import type { Statement } from './bundle.js';
import { anyDiffers, differs, sameKey, typesOf } from './compared.js';
import { cascades, isToBase } from './guarantees.js';
import type { Writing } from './lens-round-trip.js';
import { inRelease, work } from './places.js';
import { type Routine, raise, routine } from './routine.js';
import { writtenColumns } from './slices.js';
import { statement } from './statement.js';

/** The trigger of the lens for one event, and its function. */
export function lensTrigger(
  { part, plan, event }: Writing,
  { declare, settings = [], body }: Pick<Routine, 'declare' | 'settings' | 'body'>,
): Statement[] {
  const at = work(plan.places, 'lens', part.table.name, event);
  const lens = inRelease(plan.places, part.table.name);
  const about = `${event} of ${part.table.name} through the lens`;
  const own = { at, returns: 'trigger', about, settings, body } as const;
  return [
    statement(routine(plan.places, { ...own, ...(declare === undefined ? {} : { declare }) })),
    statement(
      sql`create trigger ${name(`halflap_lens_${event}`)} instead of ${trusted(event)} on ${lens}
for each row execute function ${at}()`,
    ),
  ];
}

/** What PostgreSQL computes from the row, and refuses to be given: rules are checked on it. */
export function computed({ part, event }: Writing): Sql[] {
  const types = typesOf(part.table);
  return part.table.columns.flatMap((column) => {
    if (column.generated === null) return [];
    const written = name('new', column.name);
    const given = sql`${written} is not null`;
    const isGiven =
      event === 'insert'
        ? given
        : sql`${given} and ${differs(written, name('old', column.name), types.get(column.name))}`;
    const message =
      event === 'insert'
        ? `cannot insert a non-DEFAULT value into column "${column.name}"`
        : `column "${column.name}" can only be updated to DEFAULT`;
    const value = bindColumns(column.generated, (one) => ({ qualifier: 'new', column: one }));
    return [
      sql`if ${isGiven} then ${raise('428C9', literal(message), {
        detail: literal(`Column "${column.name}" is a generated column.`),
      })} end if;`,
      sql`${written} := ${assigned(trusted(value), column, part.pair.bases)};`,
    ];
  });
}

export function fixedKey(writing: Writing): Sql {
  return fixedColumns(writing, writing.part.mapping.slice);
}

/** Columns by which rows are known to others than their own table. */
export function fixedColumns({ part, plan }: Writing, columns: readonly string[]): Sql {
  const changed = anyDiffers('new', 'old', columns, typesOf(part.table));
  return sql`if ${changed} then ${raise(
    'HL003',
    literal(`the key of ${part.table.name} cannot be changed through the lens`),
    {
      detail: literal(SQLSTATES.HL003),
      hint: literal(
        'Delete the row and insert it again, or expand the shard first ' +
          `(release ${plan.places.to} is then native).`,
      ),
    },
  )} end if;`;
}

/** Refuses to write over a value that changed since the statement read it; a row gone is no row. */
export function isUnchanged({ part, plan, event }: Writing): Sql {
  const types = typesOf(part.table);
  const lens = inRelease(plan.places, part.table.name);
  const columns = [...writtenColumns(part.mapping), ...part.carried.map((one) => one.name)];
  const kept = new Set(keptColumns(part).map((one) => one.column.name));
  const stale = columns.map((column) => {
    const moved = differs(name('found_row', column), name('old', column), types.get(column));
    // A value that is kept counts only as long as the same follows from what is written.
    if (event === 'delete' || kept.has(column)) return sql`(${moved})`;
    const written = differs(name('new', column), name('old', column), types.get(column));
    return sql`(${moved} and ${written})`;
  });
  const message = `could not serialize access to ${part.table.name} due to concurrent update`;
  return sql`select q.* into found_row from ${lens} as q
  where ${sameKey('q', part.mapping.key, 'old')};
  if not found then return null; end if;
  if ${joined(stale, ' or ')} then
    raise serialization_failure using
      message = ${literal(message)}, hint = 'Run the statement again.';
  end if;`;
}

/** A base row with dependent parts goes only as the foreign keys of the new release allow. */
export function dependents({ cluster, part, plan }: Writing): Sql[] {
  return cluster.parts
    .filter((one) => one !== part && !cascades(one, part))
    .map((one) => {
      const key = one.table.foreignKeys.find((candidate) => isToBase(candidate, part.table));
      const message =
        key === undefined
          ? `release ${plan.places.from} of this shard cannot hold ` +
            `rows of ${one.table.name} without one of ${part.table.name}`
          : `update or delete on table "${part.table.name}" ` +
            `violates foreign key constraint "${key.name}" on table "${one.table.name}"`;
      const lens = inRelease(plan.places, one.table.name);
      const baseKey = part.key.map((pair) => pair.new.name);
      return sql`if exists (
    select from ${lens} as q where ${sameKey('q', one.mapping.slice, 'old', baseKey)}
  ) then
    ${raise(key === undefined ? 'HL001' : '23503', literal(message))}
  end if;`;
    });
}
