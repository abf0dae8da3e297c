// Rows of the release in the field that break a rule of the new one. Until they are put right, the
// new release is not asked about them: it may not see them, or as they were before.

import type { Verb } from '@halflap/protocol';
import type { Client } from '../evolving/databases.js';
import type { Release, Statement } from './plain.js';
import type { Both } from './shape-model.js';
import type { Held } from './shapes.js';

/** Rows that wait, or may do so still, and all that the new release may see of each row. */
export async function createHeld({ client, shape }: Both): Promise<void> {
  await client.query('create table maps.held (name text, id int, primary key (name, id))');
  for (const { table, between } of shape.held ?? []) {
    if (between === undefined) continue;
    await client.query(`create table maps.was_${table} as table old.${table} with no data`);
  }
}

/** After each statement. */
export async function noteHeld({ client, shape }: Both): Promise<void> {
  for (const { table, when, cure, between } of shape.held ?? []) {
    if (between === undefined) continue;
    // Nothing else writes what the cure does.
    await client.query(`delete from maps.held
      where not exists (select from old.${table} where id = held.id and not (${cure}))`);
    await hold(client, table, when);
    // A row that waits because of another may keep the next one waiting.
    const behind = `exists (select from maps.was_${table} as was join maps.held as h
      on h.id = was.id and h.name = '${table}' where was.id <> ${table}.id and ${between})`;
    while ((await hold(client, table, behind)) > 0) {}
    const isHeld = `select from maps.held as h where h.name = '${table}' and h.id = was.id`;
    await client.query(`delete from maps.was_${table} as was where not exists (${isHeld})`);
    await client.query(`insert into maps.was_${table} select * from old.${table}`);
  }
}

async function hold(client: Client, table: string, when: string): Promise<number> {
  const { rowCount } = await client.query(`insert into maps.held
    select '${table}', id from old.${table} where ${when} on conflict do nothing`);
  return rowCount ?? 0;
}

/** Statements that put right what stands in the way; whoever reads meets all of it. */
export async function curesOf(
  { client, shape }: Both,
  way: Verb | 'reading',
): Promise<Statement[]> {
  const cures: Statement[] = [];
  for (const held of shape.held ?? []) {
    if (!standsInTheWay(held, way)) continue;
    const { table, when, cure, between } = held;
    const keys = await keysOf(client, held);
    if (keys.length === 0) continue;
    const where = between !== undefined ? `id in (${keys.join(', ')})` : when;
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

async function keysOf(client: Client, { table, when, between }: Held): Promise<string[]> {
  const isNoted = `id in (select h.id from maps.held as h where h.name = '${table}')`;
  const { rows } = await client.query<{ id: string }>(
    `select id from old.${table} where ${between !== undefined ? isNoted : when} order by id`,
  );
  return rows.map((row) => row.id);
}
