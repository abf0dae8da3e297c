// A tombstone stands where a release looks for a table that it is not served any more, and answers
// every statement with one clear error, so that a forgotten server hits a wall and does not half
// work, above all where another release's table of the same name would answer (DESIGN section 5,
// names).
//
// After contract the old release meets them in the home schema; after abort the new release meets
// them in its own, which would otherwise let its sessions fall through to the old release's tables.

import { STATE_SCHEMA } from '@halflap/protocol';
import type { Table } from '../release/catalog.js';
import { elementOf } from '../release/types-apart.js';
import { literal, name, type Sql, sql, trusted } from '../sql.js';
import type { Statement } from './bundle.js';
import { eachRelation } from './each-relation.js';
import type { Places } from './places.js';
import { HASH_HOLE } from './routine.js';
import { statement } from './statement.js';

/** Marks a tombstone for whatever takes it away later. */
const TOMBSTONE_MARK = 'Halflap tombstone';

export interface Fence {
  /** The release that is fenced, and the one that the shard serves. */
  readonly release: string;
  readonly successor: string;
  /** Types that go with the release: columns of them, and of their arrays, stand as text. */
  readonly goneTypes: ReadonlySet<string>;
}

export function tombstone(table: Table, at: Sql, fence: Fence, places: Places): Statement[] {
  const columns = table.columns.map((column) => {
    const type = fence.goneTypes.has(elementOf(column.type)) ? 'text' : column.type;
    // Not a plain null: the planner would fold a condition on it, and never ask for the rows.
    return sql`case when t.refused then null::${trusted(type)} end as ${name(column.name)}`;
  });
  const names = [literal(table.name), literal(fence.release), literal(fence.successor)];
  const refuse = sql`execute function ${name(STATE_SCHEMA, 'refuse_write')}(${names})`;
  const origin = `${places.evolution} ${HASH_HOLE}`;
  const mark = `${TOMBSTONE_MARK}: ${table.name} of release ${fence.release}, ${origin}`;
  const events = sql`insert or update or delete on ${at}`;
  return [
    replaceOlder(at),
    statement(
      sql`create view ${at} as select ${columns}
from ${name(STATE_SCHEMA, 'refuse_read')}(${names}) as t(refused)`,
    ),
    statement(sql`comment on view ${at} is ${literal(mark)}`),
    statement(
      sql`create trigger ${name('halflap_fenced_row')} instead of ${events} for each row ${refuse}`,
    ),
    statement(
      sql`create trigger ${name('halflap_fenced')} before ${events} for each statement ${refuse}`,
    ),
    // A right to be refused: without it a role would read of missing rights instead.
    statement(sql`grant select, insert, update, delete on ${at} to public`),
  ];
}

/** An earlier evolution may have left a tombstone there: the newest one has the last word. */
function replaceOlder(at: Sql): Statement {
  return statement(sql`do $halflap$
begin
  if exists (
    select from pg_class as c where c.oid = to_regclass($r$${at}$r$) and ${isTombstone('c')}
  ) then
    drop view ${at};
  end if;
end
$halflap$`);
}

/**
 * Drops a schema that holds tombstones and nothing else. Without cascade: whatever else is in it,
 * of any kind, stops the statement.
 */
export function dropTombstones(schema: string): Statement {
  return statement(
    eachRelation({
      schema,
      which: isTombstone('c'),
      body: sql`execute format('drop view %I.%I', ${literal(schema)}, relation.relname);`,
      afterwards: sql`
  drop schema if exists ${name(schema)};
exception
  when dependent_objects_still_exist then
    raise exception using
      errcode = 'duplicate_schema',
      message = ${literal(`schema ${schema} holds objects that are not Halflap's`)},
      hint = 'Move or drop them, then run the verb again.';`,
    }),
  );
}

/** A condition on a row of pg_class. */
export function isTombstone(alias: string): Sql {
  const comment = sql`obj_description(${name(alias, 'oid')}, 'pg_class')`;
  return sql`${name(alias, 'relkind')} = 'v' and ${comment} like ${literal(`${TOMBSTONE_MARK}%`)}`;
}
