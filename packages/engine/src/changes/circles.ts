// Parts of a split whose keys refer to one another in a circle. Through a lens each row is written
// by itself, and foreign keys are asked about at once: of rows that need one another none can come
// first.

import { refuse, statedAt } from '../compile/refuse.js';
import type { ForeignKey } from '../release/catalog.js';
import type { Evolution } from '../release/evolution.js';
import type { Part } from './part.js';

/** A foreign key by which no row of a part can be there before a row of another. */
interface Need {
  readonly table: string;
  readonly key: ForeignKey;
}

/** @throws EVOLUTION_UNSUPPORTED with the position of the split. */
export function assertNoCircle(parts: readonly Part[], evolution: Evolution): void {
  const needs = parts.flatMap(needsOf);
  for (const { table, key } of needs) {
    if (!leadsTo(key.referencedTable, table, needs)) continue;
    throw refuse(evolution, {
      code: 'EVOLUTION_UNSUPPORTED',
      message:
        `a row of ${table} needs one of ${key.referencedTable} (${key.name}), which needs one of ` +
        `${table}: through a lens neither can be written first`,
      hint:
        `leave ${key.name} out of the new release: a part without a condition has a row for ` +
        'every row of the old release, and the release after this one may add the key',
      at: statedAt(evolution, parts[0]?.pair.old.name ?? table),
    });
  }
}

function needsOf({ table, key }: Part): Need[] {
  const own = new Set(key.map((one) => one.new.name));
  return table.foreignKeys
    .filter((one) => one.referencedTable !== table.name)
    .filter((one) => one.columns.every((column) => own.has(column)))
    .map((one) => ({ table: table.name, key: one }));
}

function leadsTo(from: string, to: string, needs: readonly Need[]): boolean {
  const reached = new Set([from]);
  for (const table of reached) {
    for (const need of needs) if (need.table === table) reached.add(need.key.referencedTable);
  }
  return reached.has(to);
}
