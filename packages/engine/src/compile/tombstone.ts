// A tombstone stands where a table of a fenced release was and answers every statement with one clear
// error, so that a forgotten server hits a wall and does not half work (DESIGN section 5, names).

import { STATE_SCHEMA } from '@halflap/protocol';
import type { Table } from '../release/catalog.js';
import { literal, name, type Sql, sql, trusted } from '../sql.js';
import type { Statement } from './bundle.js';
import { copyRights } from './grants.js';
import type { Places } from './places.js';
import { HASH_HOLE } from './routine.js';
import { statement } from './statement.js';

/** Marks a tombstone for the next evolution, which takes it away. */
export const TOMBSTONE_MARK = 'Halflap tombstone';

export function tombstone(table: Table, at: Sql, rightsOf: Sql, places: Places): Statement[] {
  const columns = table.columns.map(
    (column) => sql`null::${trusted(column.type)} as ${name(column.name)}`,
  );
  const names = [literal(table.name), literal(places.from), literal(places.to)];
  const refuse = sql`execute function ${name(STATE_SCHEMA, 'refuse_write')}(${names})`;
  const mark = `${TOMBSTONE_MARK}: ${table.name} of release ${places.from}, gone since ${places.evolution} ${HASH_HOLE}`;
  return [
    statement(
      sql`create view ${at} as select ${columns} from ${name(STATE_SCHEMA, 'refuse_read')}(${names}) as refused`,
    ),
    statement(sql`comment on view ${at} is ${literal(mark)}`),
    statement(
      sql`create trigger ${name('halflap_fenced_row')} instead of insert or update or delete on ${at} for each row ${refuse}`,
    ),
    statement(
      sql`create trigger ${name('halflap_fenced')} before insert or update or delete on ${at} for each statement ${refuse}`,
    ),
    copyRights(places, rightsOf, at),
  ];
}
