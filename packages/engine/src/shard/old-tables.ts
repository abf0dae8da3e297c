// What somebody has put on tables that an evolution rebuilds or drops goes with them at contract.
// What belongs to such a table is refused before the shard is prepared, as a column is: triggers
// and rules would be met by what is carried from the other layout, and nothing of it comes along.
// So is a table that inherits from one: its rows are seen in the old table and never meet sync.
// Whatever else depends on an old table may stay until contract.

import { HalflapError } from '@halflap/protocol';
import type { Bundle } from '../compile/bundle.js';
import { generatedName } from '../names.js';
import { findTable, type Table } from '../release/catalog.js';
import { type KnownTable, namesOn, strangersWith } from '../strangers.js';
import { type FloorTables, floorTable, readFloorTables } from './holes.js';
import type { Run } from './run.js';

/** @throws SHARD_DRIFTED with each of them, before prepare or contract does anything. */
export async function assertNothingLost(run: Run): Promise<void> {
  const { session, bundle, shard, verb } = run;
  const floor = await readFloorTables(session, bundle);
  const { text } = strangersWith({
    tables: bundle.evidence.oldTables.map((table) => floorTable(floor, table)),
    sequences: [],
    columns: [],
    schemas: [],
    own: machinery(bundle),
    known: knownOfFloor(bundle, floor),
    knownSequences: bundle.from.catalog.sequences.map((one) => one.name),
  });
  const rows = await session.query<{ what: string; is_part: boolean; is_child: boolean }>(text);
  const found = rows
    .filter((row) => verb === 'contract' || row.is_part || row.is_child)
    .map(({ what }) => what)
    .sort();
  if (found.length === 0) return;
  const { from, to } = bundle;
  throw new HalflapError(
    'SHARD_DRIFTED',
    `${verb} is refused on shard ${shard}: ` +
      `contract would take along with tables of ${from.version} what is not its own: ` +
      found.join(', '),
    {
      detail: { shard, evidence: found },
      hint:
        `make them anew over the tables of release ${to.version} where they are needed` +
        `${verb === 'contract' ? '' : ', once the shard is dual'}, and drop them; ` +
        `then halflap ${verb} --shard ${shard}`,
    },
  );
}

/** Schemas in which everything is Halflap's. */
export function machinery({ releaseSchema, workSchema }: Bundle): string[] {
  const beside = ['lens', 'gone'].map((what) => generatedName(workSchema, what));
  return [releaseSchema, workSchema, ...beside];
}

/** What either release has on tables of the old one. */
export function knownOfFloor(bundle: Bundle, floor: FloorTables): KnownTable[] {
  const { from, to } = bundle;
  const shared = new Map(sharedTables(bundle));
  return from.catalog.tables.map((old) => {
    const table = shared.get(old);
    const both = table === undefined ? [] : [[table, to.catalog] as const];
    return { at: floorTable(floor, old.name), names: namesOn([old, from.catalog], ...both) };
  });
}

/** Tables that both releases use, as each of them knows it. */
export function sharedTables({ relations, from, to }: Bundle): (readonly [Table, Table])[] {
  return relations.flatMap((one) => {
    if (one.kind === 'rebuilt') return [];
    const old = findTable(from.catalog, one.old ?? '');
    const table = findTable(to.catalog, one.new ?? '');
    return old === undefined || table === undefined ? [] : [[old, table] as const];
  });
}
