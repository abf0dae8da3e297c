// Shards that are read again and again: over one session each, whatever becomes of it.

import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { connect, type Session } from '../pg.js';
import { type FreshDatabase, freshDatabase } from '../testing/index.js';
import { ShardReader } from './reader.js';
import { installByHand } from './testing/hand-bundle.js';

/** Enough for a shard that answers, on a busy machine. */
const SILENCE_MS = 2000;

let database: FreshDatabase;
let session: Session;
let silent: Server;
let reader: ShardReader;

beforeEach(async () => {
  database = await freshDatabase();
  session = await connect(database.url, 'test');
  silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  reader = new ShardReader({ timeoutMs: SILENCE_MS });
});

afterEach(async () => {
  await reader.close();
  silent.close();
  await session.end();
  await database.drop();
});

/** Process ids of the sessions that readers have open. */
async function kept(): Promise<number[]> {
  const rows = await session.query<{ pid: number }>(
    `select pid from pg_stat_activity
     where datname = current_database() and application_name = 'halflap/status'`,
  );
  return rows.map(({ pid }) => pid);
}

it('keeps a session for the next time, and replaces one that was ended', async () => {
  const patient = new ShardReader({ timeoutMs: 10_000 });
  await patient.read(database.url);
  const [first] = await kept();
  await installByHand(database.url);
  expect(await patient.read(database.url)).toMatchObject({ state: null, error: null });
  expect(await kept()).toEqual([first]);
  await session.query('select pg_terminate_backend($1, 10000)', [first]);
  expect(await patient.read(database.url)).toMatchObject({ reachable: true, error: null });
  const [second] = await kept();
  expect(second).not.toBe(first);
  await patient.close();
  // The server notices a little later.
  while ((await kept()).length > 0);
});

it('says of a shard that does not answer that it does not, while many others wait', async () => {
  const { port } = silent.address() as { port: number };
  const away = `postgres://nobody@127.0.0.1:${port}/none`;
  // More than are asked at once.
  const answers = await Promise.all(
    [...Array(40).fill(away), database.url].map((url: string) => reader.read(url)),
  );
  const [one] = answers;
  expect(one).toMatchObject({ reachable: false, state: null });
  expect(one?.error).toMatch(/no answer|cannot connect/);
  expect(answers.at(-1)).toMatchObject({ reachable: true, error: null });
});
