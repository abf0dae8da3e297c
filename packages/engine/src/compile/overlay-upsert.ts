// INSERT … ON CONFLICT on an overlay by a constraint that no list of columns names: an exclusion
// constraint above all. PostgreSQL takes every other form of the clause through the overlay's view;
// for these there is a view beside it, as beside a lens (lens-upsert.ts).

import { HalflapError } from '@halflap/protocol';
import { type SplitCluster, splitCluster } from '../changes/split-table.js';
import type { Evolution } from '../release/evolution.js';
import { name, type Sql, sql } from '../sql.js';
import type { Statement } from './bundle.js';
import type { Shared } from './contract.js';
import type { PairedTable } from './layout.js';
import { upsertView } from './lens-upsert.js';
import { namedConstraints } from './named-constraints.js';
import { type Places, work } from './places.js';
import { drawFunctions, rebuilt } from './rebuilt.js';
import { statement } from './statement.js';
import { typeOf } from './tables.js';

/** @param shared tables that the release sees otherwise than under its own constraints. */
export function overlayUpserts(
  shared: readonly Shared[],
  places: Places,
  evolution: Evolution,
): Statement[] {
  const overlays = shared.filter(
    (one) =>
      one.kind === 'overlay' && namedConstraints(one).some(({ columns }) => columns === null),
  );
  return overlays.flatMap(({ pair }) => {
    const cluster = clusterOf(pair, evolution);
    const [base] = cluster?.parts ?? [];
    if (cluster === null || base === undefined) return [];
    return [
      ...drawFunctions(cluster, places),
      ...(places.isTemporary ? [] : [rowType(pair, places)]),
      ...upsertView(cluster, base, rebuilt(cluster, places).filling, 'dual'),
    ];
  });
}

/** Null where its rows cannot be told apart: the client then refuses the statement. */
function clusterOf(pair: PairedTable, evolution: Evolution): SplitCluster | null {
  try {
    return splitCluster([pair], null, evolution);
  } catch (error) {
    if (!(error instanceof HalflapError)) throw error;
    return null;
  }
}

/** Not the view's own type: another view takes its place when the shard becomes dual. */
function rowType({ new: table }: PairedTable, places: Places): Statement {
  const columns = table.columns.map((one): Sql => sql`${name(one.name)} ${typeOf(one)}`);
  return statement(sql`create type ${work(places, table.name)} as (${columns})`);
}
