// `halflap buckets`: what it says of the shards, and that it moves hosts to a shard that every
// server knows, and to no other.

import { freshDatabase } from '@halflap/engine/testing';
import { BUCKETS, installShard, openStore } from '@halflap/server';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { MOST_BUCKET } from '../../packages/cli/src/commands/buckets.js';
import { createWorkspace, jsonLines } from '../../packages/cli/test/run-cli.js';
import { addHost } from './api.js';
import { openTestStore, SILENT, type TestStore } from './store.js';

const HOSTS = 12;
const workspace = createWorkspace();
let test: TestStore;
let added: Awaited<ReturnType<typeof freshDatabase>>;

beforeAll(async () => {
  test = await openTestStore(2);
  added = await freshDatabase();
  const shards = [...test.shards, { name: 's3', url: added.url }];
  const lines = shards.map(({ name, url }) => `  - { name: ${name}, url: "${url}" }`);
  workspace.write('halflap.yaml', ['app: halflap', 'shards:', ...lines, ''].join('\n'));
  for (let at = 0; at < HOSTS; at += 1) await addHost(test.store, { hostname: `h${at}` });
});

afterAll(async () => {
  await test.drop();
  await added.drop();
  workspace.remove();
});

/** The values that `halflap buckets …` prints with --json, and how it ends. */
async function buckets(...args: readonly string[]) {
  const { code, stdout } = await workspace.run(['buckets', ...args, '--json']);
  return { code, values: jsonLines(stdout) };
}

const row = (shard: string, count: number) =>
  expect.objectContaining({ shard, buckets: count, leaving: 0 });

it('knows as many buckets as there are', () => expect(MOST_BUCKET).toBe(BUCKETS - 1));

it('moves to a shard that every server knows, with all hosts, and goes on', async () => {
  expect(await buckets('list')).toMatchObject({ code: 4 });
  const shards = [...test.shards, { name: 's3', url: added.url }];
  await installShard({ name: 's3', url: added.url });
  expect((await buckets('list')).values).toEqual([
    { shards: [row('s1', BUCKETS / 2), row('s2', BUCKETS / 2), row('s3', 0)] },
  ]);
  const dry = await workspace.run(['buckets', 'move', '--bucket', '7', '--to', 's3', '--dry-run']);
  expect(dry).toMatchObject({ code: 0, stdout: 's2 → s3: 1 bucket\n' });
  const refused = await buckets('move', '--bucket', '7', '--to', 's3');
  expect(refused).toMatchObject({ code: 3, values: [{ error: { code: 'API_CONFLICT' } }] });

  // The server that did not know the third shard goes; one that does comes in its place.
  await test.store.close();
  const server = await openStore({ shards, server: 'one', poolSize: 2, log: SILENT });
  const one = await buckets('move', '--bucket', '7', '--to', 's3');
  expect(one).toEqual({
    code: 0,
    values: [
      { event: 'moved', bucket: 7, from: 's2', to: 's3', done: 1, of: 1 },
      { event: 'outcome', moved: 1, left: 0 },
    ],
  });
  const again = await workspace.run(['buckets', 'move', '--bucket', '7', '--to', 's3']);
  expect(again).toMatchObject({ code: 0, stdout: 'nothing to move\n' });

  const stopped = workspace.start(['buckets', 'move', '--drain', 's1', '--json']);
  await stopped.shows('"done":1,');
  stopped.signal('SIGINT');
  expect(await stopped.ended).toMatchObject({
    code: 3,
    stdout: expect.stringMatching(/"INTERRUPTED","message":"stopped after \d+ of 512 buckets"/),
  });
  const { values } = await buckets('list');
  const [list] = values as { shards: { buckets: number; hosts: number }[] }[];
  const sum = (key: 'buckets' | 'hosts') => list?.shards.reduce((all, one) => all + one[key], 0);
  expect([sum('buckets'), sum('hosts')]).toEqual([BUCKETS, HOSTS]);
  await server.close();
});
