// Keys that are drawn, in the model: it guesses one for every row that it makes, and learns the
// shard's own as soon as the row is seen there. From then on the key must stay.

import type { Client } from '../evolving/databases.js';
import type { Release } from './plain.js';
import type { Both } from './shape-model.js';
import { guessOf, isGuess, type ShapedMap, type ShapedTable } from './shapes.js';

export async function createMaps({ client, shape }: Both): Promise<void> {
  await client.query('create schema maps; create sequence maps.guesses');
  for (const { name, old, new: fresh } of shape.maps ?? []) {
    await client.query(`create table maps.${name}
      (old_id ${old.type} primary key, new_id ${fresh.type} not null unique)`);
  }
}

export async function forgetMaps(both: Both): Promise<void> {
  for (const { name } of both.shape.maps ?? []) await both.client.query(`truncate maps.${name}`);
  await forget(both);
}

/** When the tables are there. */
export async function createMemory({ client, shape: { memory } }: Both): Promise<void> {
  if (memory === undefined) return;
  await client.query(`create table maps.${memory.name} as ${memory.query} with no data`);
}

export async function forget({ client, shape: { memory } }: Both): Promise<void> {
  if (memory !== undefined) await client.query(`delete from maps.${memory.name}`);
}

export async function remember(both: Both): Promise<void> {
  const { memory } = both.shape;
  if (memory === undefined) return;
  await forget(both);
  await both.client.query(`insert into maps.${memory.name} ${memory.query}`);
}

/** Every row of the release that has written has an entry. */
export async function completeMaps({ client, shape }: Both, release: Release): Promise<void> {
  for (const map of shape.maps ?? []) {
    for (const text of release === 'old' ? drawNew(map) : drawOld(map)) await client.query(text);
  }
}

function drawNew({ name, old, new: fresh }: ShapedMap): string[] {
  return [
    `insert into maps.${name} select ${old.column}, ${guessOf(fresh.type)} from old.${old.table}
     where ${old.column} not in (select old_id from maps.${name})`,
  ];
}

function drawOld({ name, old, new: fresh, told }: ShapedMap): string[] {
  const rows = `new.${fresh.table}`;
  if (told === null) {
    return [
      `insert into maps.${name} select ${guessOf(old.type)}, ${fresh.column} from ${rows}
       where ${fresh.column} not in (select new_id from maps.${name})`,
    ];
  }
  const isStanding = `exists (select from ${rows} as s where s.${fresh.column} = k.new_id)`;
  // Of what was told before, the old row is left, and may come back under another key.
  return [
    `delete from maps.${name} as k using ${rows} as n where n.${told} = k.old_id
     and n.${fresh.column} <> k.new_id and not ${isStanding}`,
    `update maps.${name} as k set old_id = n.${told} from ${rows} as n
     where n.${fresh.column} = k.new_id and n.${told} <> k.old_id
     and n.${told} not in (select old_id from maps.${name})`,
    `insert into maps.${name} select ${told}, ${fresh.column} from ${rows}
     where ${told} not in (select old_id from maps.${name})
     and ${fresh.column} not in (select new_id from maps.${name})`,
  ];
}

/** A row that gets another key is the same row. */
export async function moveInMaps(
  { client, shape }: Both,
  release: Release,
  { table, from, to }: { readonly table: string; readonly from: string; readonly to: string },
): Promise<void> {
  for (const map of shape.maps ?? []) {
    if (map[release].table !== table) continue;
    const column = `${release}_id`;
    await client.query(`delete from maps.${map.name} where ${column} = ${to} and ${to} <> ${from}`);
    await client.query(`update maps.${map.name} set ${column} = ${to} where ${column} = ${from}`);
  }
}

/** @param isAll whether nothing keeps what does not follow. */
export async function followUnwritten({ client, shape }: Both, isAll: boolean): Promise<void> {
  for (const { query, isKept } of shape.memory?.following ?? []) {
    if (isAll || !isKept) await client.query(query);
  }
}

export async function moveInMemory(
  { client, shape: { memory } }: Both,
  from: string,
  to: string,
): Promise<void> {
  if (memory === undefined) return;
  await client.query(`update maps.${memory.name} set id = ${to} where id = ${from}`);
}

/** Guesses give way to what the shard has drawn for the same rows. */
export async function learn(both: Both, release: Release, mixed: Client): Promise<void> {
  for (const table of both.shape[release].tables) {
    if (table.drawn !== undefined) await learnTable(both, release, { table, mixed });
  }
}

interface Learnt {
  readonly table: ShapedTable;
  readonly mixed: Client;
}

async function learnTable(both: Both, release: Release, { table, mixed }: Learnt): Promise<void> {
  const { client, shape } = both;
  const { type, tells } = table.drawn ?? { type: 'int', tells: [] };
  const column = table.key[0]?.name ?? '';
  const at = `${release}.${table.name}`;
  const told = `row(${tells.join(', ')})::text`;
  const guessed = await client.query<{ guess: string; told: string }>(
    `select ${column} as guess, ${told} as told from ${at} where ${isGuess(type, column)}`,
  );
  for (const { guess, told: which } of guessed.rows) {
    const { rows } = await mixed.query<{ key: string }>(
      `select ${column} as key from ${table.name} where ${told} = $1`,
      [which],
    );
    const key = rows[0]?.key;
    if (key === undefined) continue;
    await client.query(`update ${at} set ${column} = $1 where ${column} = $2`, [key, guess]);
    for (const map of shape.maps ?? []) {
      if (map[release].table !== table.name || map[release].column !== column) continue;
      await client.query(
        `update maps.${map.name} set ${release}_id = $1 where ${release}_id = $2`,
        [key, guess],
      );
    }
  }
}

/** Rows that the new release alone has from the first, since they stay when nothing gives them. */
export async function adopt({ client, shape }: Both, mixed: Client): Promise<void> {
  for (const { name, key, drawn, isKept } of shape.new.tables) {
    if (isKept !== true || drawn === undefined) continue;
    const columns = [...key.map((one) => one.name), ...drawn.tells];
    const { rows } = await mixed.query<{ row: string }>(
      `select row_to_json(r) as row from (select ${columns.join(', ')} from ${name}) as r`,
    );
    for (const { row } of rows) {
      const told = drawn.tells.map((one) => `t.${one} = r.${one}`).join(' and ');
      await client.query(
        `insert into new.${name} (${columns.join(', ')})
         select ${columns.map((one) => `r.${one}`).join(', ')}
         from json_populate_record(null::new.${name}, $1) as r
         where not exists (select from new.${name} as t where ${told})`,
        [row],
      );
    }
  }
}
