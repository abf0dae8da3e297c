// A shape, for the player: one plain database with a schema for each release.

import { freshDatabase } from '@halflap/engine/testing';
import { type Client, openClient } from '../evolving/databases.js';
import type { Pair, Place, Plain, Release, Statement } from './plain.js';
import type { Random } from './random.js';
import { answersTo } from './shape-answer.js';
import { createMaps, learn } from './shape-keys.js';
import { type Both, become, beginAgain, keysOf, linesOf } from './shape-model.js';
import { shapedStatement } from './shape-statements.js';
import type { Shape } from './shapes.js';

export function shapePair(name: string, shape: Shape): Pair {
  return {
    name,
    schemas: { old: shape.old.schema, new: shape.new.schema },
    changes: shape.changes,
    head: shape.head ?? '',
    needsPrepared: shape.needsPrepared ?? false,
    open: () => openShape(shape),
    smaller: () => [],
  };
}

async function openShape(shape: Shape): Promise<Plain> {
  const database = await freshDatabase();
  const client = await openClient(database.url);
  const both: Both = { shape, client };
  await createMaps(both);
  for (const release of ['old', 'new'] as const) {
    await client.query(`create schema ${release}`);
    await become(client, release);
    await client.query(shape[release].schema);
  }
  return {
    tables: new Set([...shape.old.tables, ...shape.new.tables].map((one) => one.name)),
    say: async (text) => {
      await client.query(text);
    },
    draw: (random, { release }) => draw(both, random, release),
    answersTo: (asked) => answersTo(both, asked),
    isRefusedAtCommit: async (_: Place) => false,
    read: async (mixed: Client, release) => {
      await learn(both, release, mixed);
      return linesOf(mixed, shape[release]);
    },
    lines: async (release) => {
      await become(client, release);
      return linesOf(client, shape[release]);
    },
    beginAgain: () => beginAgain(both),
    close: async () => {
      await client.end();
      await database.drop();
    },
  };
}

async function draw(both: Both, random: Random, release: Release): Promise<Statement> {
  const { tables } = both.shape[release];
  const table = random.pick(tables);
  await become(both.client, release);
  const keys = new Map<string, string[][]>();
  for (const one of tables) keys.set(one.name, await keysOf(both.client, one));
  const apart = table.isKeyApart === true && release === 'old';
  const siblings = tables.filter((one) => one.isKeyApart === true && one !== table);
  const taken = apart ? siblings.flatMap((one) => keys.get(one.name) ?? []) : [];
  return shapedStatement({ random, table, keys, taken, isInField: release === 'old' });
}
