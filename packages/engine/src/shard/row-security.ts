// Row security that somebody has switched on by hand, on a table that the new release reaches by a
// view: no policy binds the view's owner, so the new release would read and write every row. The
// compiler refuses releases that have it; what a shard has is seen here.

import { HalflapError } from '@halflap/protocol';
import { floorTable, readFloorTables } from './holes.js';
import type { Run } from './run.js';

/** @throws SHARD_DRIFTED, naming the tables, before anything is done. */
export async function assertNoRowSecurity(run: Run): Promise<void> {
  const { bundle, session, shard, verb } = run;
  const covered = bundle.relations.flatMap(({ kind, old }) =>
    (kind === 'overlay' || kind === 'rebuilt') && old !== null ? [old] : [],
  );
  const floor = await readFloorTables(session, bundle);
  const rows = await session.query<{ table: string }>(
    `select distinct c.relname as "table"
     from unnest($1::text[]) as u (name)
     join pg_catalog.pg_class as c on c.oid = pg_catalog.to_regclass(u.name)
     where c.relrowsecurity
     order by 1`,
    [covered.map((table) => floorTable(floor, table).text)],
  );
  if (rows.length === 0) return;
  const { from, to } = bundle;
  const names = rows.map(({ table }) => table).join(', ');
  const back = verb === 'prepare' ? '' : `, or halflap abort --shard ${shard}`;
  throw new HalflapError(
    'SHARD_DRIFTED',
    `${verb} is refused on shard ${shard}: row security is on for ${names}, ` +
      `and ${bundle.app} ${from.version} has it off; until contract release ${to.version} works ` +
      "through a view, which has its owner's rights, and would reach rows past every policy",
    {
      detail: { shard, evidence: rows.map(({ table }) => `row security of ${table} is on`) },
      hint: `switch it off: alter table … disable row level security${back}`,
    },
  );
}
