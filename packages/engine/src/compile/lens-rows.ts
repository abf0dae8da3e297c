// What every lens trigger does with a written row: computes what PostgreSQL would, refuses what
// changed meanwhile or cannot be held, and keeps what only the new release knows.

import { SQLSTATES } from '@halflap/protocol';
import type { SplitCluster, SplitPartPlan } from '../changes/split-table.js';
import { bindColumns } from '../release/expression.js';
import { joined, literal, name, names, type Sql, sql, trusted } from '../sql.js';
import { assigned } from './assigned.js';
import { anyDiffers, differs, sameKey, typesOf } from './compared.js';
import { cascades, isToBase } from './guarantees.js';
import { inRelease, work } from './places.js';
import { raise } from './routine.js';
import { writtenColumns } from './slices.js';
import type { Event, SyncPlan } from './sync-plan.js';

/** One event on one table of the lens. */
export interface Writing {
  readonly cluster: SplitCluster;
  readonly part: SplitPartPlan;
  readonly plan: SyncPlan;
  readonly event: Event;
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

export function fixedKey({ part, plan }: Writing): Sql {
  const changed = anyDiffers('new', 'old', part.mapping.slice, typesOf(part.table));
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
  const stale = columns.map((column) => {
    const moved = differs(name('found_row', column), name('old', column), types.get(column));
    if (event === 'delete') return sql`(${moved})`;
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

export function notRepresentable(plan: SyncPlan, part: SplitPartPlan, why: Sql): Sql {
  const message = literal(
    `release ${plan.places.from} of this shard cannot hold this row of ${part.table.name}`,
  );
  return raise('HL001', message, {
    detail: why,
    hint: literal(
      `Release ${plan.places.from} is in service on this shard. ` +
        'Write what it can hold, or wait until the shard is contracted.',
    ),
  });
}

/** Keeps the columns that only the new release knows, beside the old row. */
export function keep({ part, plan }: Writing): Sql[] {
  if (part.carried.length === 0) return [];
  const columns = part.table.columns.filter((column) => column.generated === null);
  const values = columns.map((column) => name('new', column.name));
  const set = part.carried.map(
    (column) => sql`${name(column.name)} = ${name('excluded', column.name)}`,
  );
  const isOverriding = columns.some((column) => column.identity === 'always');
  const overriding = isOverriding ? sql` overriding system value` : sql``;
  const into = names(columns.map((one) => one.name));
  return [
    sql`insert into ${work(plan.places, part.table.name)} (${into})${overriding} values (${values})
    on conflict (${names(part.mapping.key)}) do update set ${set};`,
  ];
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
