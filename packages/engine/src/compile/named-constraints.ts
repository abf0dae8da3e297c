// What ON CONFLICT ON CONSTRAINT names of a table that both releases share. Until contract the new
// release sees it as a view, which has no constraints, or under the constraint names of the old
// one. The columns of such a key say the same to PostgreSQL, so the client names those instead
// (packages/client/src/upsert.ts); it finds them in this view.

import type { Key, Table } from '../release/catalog.js';
import { joined, literal, name, type Sql, sql } from '../sql.js';
import type { Statement } from './bundle.js';
import { keysOf, matchedExclusions, matchedKeys } from './classify.js';
import type { Shared } from './contract.js';
import { isOnceForNull } from './guarantees.js';
import { type Places, work } from './places.js';
import { HASH_HOLE } from './routine.js';
import { statement } from './statement.js';

/** The client finds it by this name. */
const VIEW = 'halflap_constraints';

export interface Named {
  readonly table: string;
  readonly constraint: string;
  /** Null where no list of columns means just this one. */
  readonly columns: readonly string[] | null;
}

/** One row for each constraint that is not there under its name; no view where there is none. */
export function constraintsView(shared: readonly Shared[], places: Places): Statement[] {
  const rows = shared.flatMap(namedConstraints).map(rowOf);
  if (rows.length === 0) return [];
  const view = work(places, VIEW);
  const columns = joined(
    ['relation', 'constraint', 'columns'].map((one) => name(one)),
    ', ',
  );
  const origin = `Halflap ${places.evolution} ${HASH_HOLE}`;
  const comment = `${origin}: what ON CONFLICT ON CONSTRAINT of release ${places.to} means`;
  return [
    statement(
      sql`create view ${view} as select ${columns}
from (values ${rows}) as c (${columns})`,
    ),
    statement(sql`comment on view ${view} is ${literal(comment)}`),
    ...(places.isTemporary ? [] : [statement(sql`grant select on ${view} to public`)]),
  ];
}

/** Those of one table that are not there under their names. */
export function namedConstraints({ pair, kind }: Shared): Named[] {
  if (kind === 'same') return [];
  const table = pair.new.name;
  const isOther = (one: { readonly old: { name: string }; readonly new: { name: string } }) =>
    kind === 'overlay' || one.old.name !== one.new.name;
  return [
    ...matchedKeys(pair)
      .pairs.filter(isOther)
      .map(({ new: key }) => ({
        table,
        constraint: key.name,
        columns: isAlone(key, pair.new) ? key.columns : null,
      })),
    ...matchedExclusions(pair)
      .pairs.filter(isOther)
      .map((one) => ({ table, constraint: one.new.name, columns: null })),
  ];
}

/** Whether whatever else is unique in the same columns takes and refuses the same rows. */
function isAlone(key: Key, table: Table): boolean {
  const isSame = (columns: readonly (string | null)[]) =>
    columns.length === key.columns.length && key.columns.every((one) => columns.includes(one));
  const form = (one: Pick<Key, 'definition'>, deferrable: Key['deferrable']) =>
    `${isOnceForNull(one)} ${deferrable}`;
  return [
    ...keysOf(table).map((one) => ({ ...one, form: form(one, one.deferrable) })),
    ...table.indexes
      .filter((one) => one.isUnique && !/ WHERE /.test(one.definition))
      .map((one) => ({ ...one, form: form(one, 'no') })),
  ].every((one) => !isSame(one.columns) || one.form === form(key, key.deferrable));
}

function rowOf({ table, constraint, columns }: Named): Sql {
  const listed = columns === null ? sql`null` : literal(JSON.stringify(columns));
  return sql`(${literal(table)}, ${literal(constraint)}, ${listed}::json)`;
}
