// Rows of the release in the field that break a rule of the new one. Until they are put right, the
// new release is not asked about them: it may not see them, or as they were before.

import type { Verb } from '@halflap/protocol';
import type { Client } from '../evolving/databases.js';
import type { Release, Statement } from './plain.js';
import type { Both } from './shape-model.js';
import type { Held } from './shapes.js';

/** Rows that wait, or may do so still. */
export async function createHeld({ client }: Both): Promise<void> {
  await client.query('create table maps.held (name text, id int, primary key (name, id))');
}

/** After each statement. */
export async function noteHeld({ client, shape }: Both): Promise<void> {
  for (const { table, when, cure, isSticky } of shape.held ?? []) {
    if (isSticky !== true) continue;
    // Nothing else writes what the cure does.
    await client.query(`delete from maps.held
      where not exists (select from old.${table} where id = held.id and not (${cure}))`);
    await client.query(`insert into maps.held
      select '${table}', id from old.${table} where ${when} on conflict do nothing`);
  }
}

/** Statements that put right what stands in the way; whoever reads meets all of it. */
export async function curesOf(
  { client, shape }: Both,
  way: Verb | 'reading',
): Promise<Statement[]> {
  const cures: Statement[] = [];
  for (const held of shape.held ?? []) {
    if (!standsInTheWay(held, way)) continue;
    const { table, when, cure, isSticky } = held;
    const keys = await keysOf(client, held);
    if (keys.length === 0) continue;
    const where = isSticky === true ? `id in (${keys.join(', ')})` : when;
    const text = `update ${table} set ${cure} where ${where}`;
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
  for (const held of shape.held ?? []) {
    const { table } = held;
    hidden.set(table, [...(hidden.get(table) ?? []), ...(await keysOf(client, held))]);
  }
  return hidden;
}

async function keysOf(client: Client, { table, when, isSticky }: Held): Promise<string[]> {
  const isNoted = `id in (select h.id from maps.held as h where h.name = '${table}')`;
  const { rows } = await client.query<{ id: string }>(
    `select id from old.${table} where ${isSticky === true ? isNoted : when} order by id`,
  );
  return rows.map((row) => row.id);
}
