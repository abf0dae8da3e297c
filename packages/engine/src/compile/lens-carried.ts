// Columns that only the new release knows, behind its lens: kept beside the old row on a prepared
// shard; on a settled one nothing keeps them, so a session lens takes their default and refuses all
// else.

import { isConstant } from '../changes/expression-shape.js';
import type { SplitPartPlan } from '../changes/split-table.js';
import type { BaseTypes } from '../release/base-type.js';
import type { Column } from '../release/catalog.js';
import { literal, name, names, type Sql, sql, trusted } from '../sql.js';
import { assigned } from './assigned.js';
import { differs, sameKey, typesOf } from './compared.js';
import { type Places, work } from './places.js';
import { raise } from './routine.js';
import { drawsFromSequence } from './sequences.js';
import type { Event } from './sync-plan.js';

/** What the lens shows for a row of which nothing is kept: the default. */
export function missingValue(column: Column, bases: BaseTypes, places: Places): Sql {
  // A sequence of the new release is not there yet, and a value that is drawn is not a row's own.
  const isDrawn = places.isTemporary && drawsFromSequence(column);
  const given = column.default ?? bases.defaults.get(column.type) ?? 'null';
  return assigned(trusted(isDrawn ? 'null' : given), column, bases);
}

/** Statements of a trigger that keep the columns of NEW, or refuse those that nothing keeps. */
export function keep(part: SplitPartPlan, places: Places, event: 'insert' | 'update'): Sql[] {
  if (part.carried.length === 0) return [];
  if (places.isTemporary) {
    return part.carried.map((column) => refuseValue(column, part, places, event));
  }
  const columns = part.table.columns.filter((column) => column.generated === null);
  const values = columns.map((column) => name('new', column.name));
  const set = part.carried.map(
    (column) => sql`${name(column.name)} = ${name('excluded', column.name)}`,
  );
  const isOverriding = columns.some((column) => column.identity === 'always');
  const overriding = isOverriding ? sql` overriding system value` : sql``;
  const into = names(columns.map((one) => one.name));
  return [
    sql`insert into ${work(places, part.table.name)} (${into})${overriding} values (${values})
    on conflict (${names(part.mapping.key)}) do update set ${set};`,
  ];
}

/** What is kept goes with OLD. */
export function forget(part: SplitPartPlan, places: Places): Sql[] {
  if (part.carried.length === 0 || places.isTemporary) return [];
  return [
    sql`delete from ${work(places, part.table.name)} as t
    where ${sameKey('t', part.mapping.key, 'old')};`,
  ];
}

function refuseValue(column: Column, part: SplitPartPlan, places: Places, event: Event): Sql {
  const written = name('new', column.name);
  const type = typesOf(part.table).get(column.name);
  const hint =
    `Leave the column out, or prepare the shard: it then keeps what only release ${places.to} ` +
    'knows.';
  const refusal = (why: string) =>
    raise(
      'HL001',
      literal(
        `release ${places.from} of this shard cannot hold column "${column.name}" ` +
          `of ${part.table.name}`,
      ),
      { detail: literal(why), hint: literal(hint) },
    );
  if (event === 'insert' && !isRepeatable(column)) {
    return refusal(
      'Its default gives another value each time, and nothing keeps that of this row.',
    );
  }
  const held =
    event === 'insert' ? missingValue(column, part.pair.bases, places) : name('old', column.name);
  const why = 'On a shard that is not prepared, each row holds the default there.';
  return sql`if ${differs(written, held, type)} then ${refusal(why)} end if;`;
}

/** Whether the default is the same whenever it is asked for. */
export function isRepeatable(column: Column): boolean {
  if (drawsFromSequence(column)) return false;
  return column.default === null || isConstant(column.default);
}
