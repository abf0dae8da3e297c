// Rows of the release in the field that break a rule of the new one. Until they are put right, the
// new release is not asked about them: it may not see them, or as they were before.

import type { Verb } from '@halflap/protocol';
import type { Release, Statement } from './plain.js';
import type { Both } from './shape-model.js';
import type { Held } from './shapes.js';

/** Statements that put right what stands in the way; whoever reads meets all of it. */
export async function curesOf(
  { client, shape }: Both,
  way: Verb | 'reading',
): Promise<Statement[]> {
  const cures: Statement[] = [];
  for (const held of shape.held ?? []) {
    if (!standsInTheWay(held, way)) continue;
    const { table, when, cure } = held;
    const { rows } = await client.query(
      `select exists (select from old.${table} where ${when}) as is_held`,
    );
    if (rows[0]?.is_held !== 't') continue;
    const text = `update ${table} set ${cure} where ${when}`;
    cures.push({ table, text, withKey: null, rows: null, copy: null, move: null });
  }
  return cures;
}

function standsInTheWay({ isRefused, isUnreadable }: Held, way: Verb | 'reading'): boolean {
  switch (way) {
    case 'prepare':
      return isRefused || isUnreadable;
    case 'expand':
      return isRefused;
    case 'abort':
      return isUnreadable;
    default:
      return true;
  }
}

/** Keys of rows that are not compared, by table. */
export async function hiddenFrom(
  { client, shape }: Both,
  release: Release,
): Promise<ReadonlyMap<string, string[]>> {
  const hidden = new Map<string, string[]>();
  if (release === 'old') return hidden;
  for (const { table, when } of shape.held ?? []) {
    const { rows } = await client.query<{ id: string }>(
      `select id from old.${table} where ${when}`,
    );
    hidden.set(table, [...(hidden.get(table) ?? []), ...rows.map((row) => row.id)]);
  }
  return hidden;
}
