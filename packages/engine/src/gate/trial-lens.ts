// The session lens of a bundle on a scratch database: it is installed as a server would, and shows
// each table of the new release with the columns and types that the release has.

import { sessionSearchPath } from '@halflap/protocol';
import type { Bundle } from '../compile/bundle.js';
import { withSession } from '../pg.js';
import type { Table } from '../release/catalog.js';
import { fillFloor, readFloorTables } from '../shard/holes.js';
import { name } from '../sql.js';

/**
 * Differences between what a session of the new release sees and what the release says; none is
 * expected. The database is settled at the old release, and is left as it was.
 * @throws PostgreSQL's error where the lens cannot be installed.
 */
export function tryLens(url: string, bundle: Bundle): Promise<string[]> {
  return withSession(url, 'check/session-lens', async (session) => {
    const { app, from, to, sessionLens } = bundle;
    if (sessionLens.impossible !== null) return [];
    await session.query("select set_config('search_path', $1, false)", [
      sessionSearchPath(app, from.version),
    ]);
    const floor = await readFloorTables(session, bundle);
    await session.query(sessionLens.statements.map((one) => fillFloor(one, floor)).join(';\n'));
    const found: string[] = [];
    for (const table of to.catalog.tables) {
      const columns = await session.query<{ column: string }>(
        `select attname || ' ' || format_type(atttypid, atttypmod) as column
         from pg_catalog.pg_attribute
         where attrelid = to_regclass($1) and attnum > 0 and not attisdropped order by attnum`,
        [name(table.name).text],
      );
      found.push(
        ...unlike(
          table,
          columns.map((one) => one.column),
        ),
      );
    }
    return found;
  });
}

function unlike(table: Table, columns: readonly string[]): string[] {
  const shown = columns.join(', ');
  const types = table.columns.map((one) => `${one.name} ${one.type}`);
  const wanted = types.join(', ');
  // The elements of an array that is computed have no limit there (compile/assigned.ts).
  const unlimited = (list: readonly string[]) =>
    list.map((one) => one.replace(/\(\d+\)((?:\[\])+)$/, '$1')).join(', ');
  return unlimited(columns) === unlimited(types)
    ? []
    : [`${table.name} is (${shown}), expected (${wanted})`];
}
