// What the new release has written and the old layout cannot hold: kept beside the old tables until
// contract, and dropped by an abort. For people who watch: reads only.
//
// Source: docs/concepts.md, "Spill"; compile/spill-tables.ts makes the tables of values and of
// absences, and a rebuilt table that exists from prepare on holds its new columns itself.

import type { Bundle } from '../compile/bundle.js';
import { workSchema } from '../names.js';
import type { Session } from '../pg.js';
import { integer, name, sql } from '../sql.js';
import type { ShardState } from './state.js';

export interface Spill {
  /** A table of the work schema. */
  readonly table: string;
  /**
   *   absent   rows that the new release does not have, although the old row gives one
   *   kept     values that do not follow from the old row
   *   columns  rows with columns that only the new release has
   */
  readonly what: 'absent' | 'kept' | 'columns';
  /** At most COUNTED + 1, which stands for more. */
  readonly rows: number;
}

/** Rows of a table are counted up to here. */
export const COUNTED = 10_000;
const MOST_TABLES = 50;

/** By name. @param bundle null where none is at hand: then new columns are not told */
export async function readSpill(
  session: Session,
  { app, ceiling, phase }: ShardState,
  bundle: Bundle | null,
): Promise<Spill[]> {
  if (phase === 'settled' || phase === 'contracting') return [];
  const schema = workSchema(app, ceiling);
  const found = await session.query<{ table: string }>(
    `select c.relname::text as table
     from pg_catalog.pg_class c
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relkind in ('r', 'p')
       and (c.relname ~ '^halflap_(absent|kept)_' or c.relname = any ($2::text[]))
     order by 1 limit ${MOST_TABLES}`,
    [schema, phase === 'prepared' ? rebuiltTables(bundle) : []],
  );
  const spill: Spill[] = [];
  for (const { table } of found) {
    const [counted] = await session.query<{ rows: number }>(
      sql`select count(*)::int as rows
from (select from ${name(schema, table)} limit ${integer(COUNTED + 1)}) as counted`.text,
    );
    spill.push({ table, what: whatOf(table), rows: counted?.rows ?? 0 });
  }
  return spill;
}

/** Empty on a prepared shard but for what they keep; filled from expand on. */
function rebuiltTables(bundle: Bundle | null): readonly string[] {
  const rebuilt = bundle?.relations.filter(({ kind, old }) => kind === 'rebuilt' && old !== null);
  return rebuilt?.flatMap((one) => one.new ?? []) ?? [];
}

function whatOf(table: string): Spill['what'] {
  if (table.startsWith('halflap_absent_')) return 'absent';
  return table.startsWith('halflap_kept_') ? 'kept' : 'columns';
}
