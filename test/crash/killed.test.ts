// SIGKILL for the runner after every step of a compiled evolution and in the middle of its
// backfill, and for PostgreSQL itself while it fills; then somebody else goes on.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installRelease } from '@halflap/engine';
import { withPostgres } from '@halflap/engine/testing';
import type { Verb } from '@halflap/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withClient } from '../evolving/databases.js';
import { APP, type Compiled, compilePair } from '../evolving/releases.js';
import { installShard, LIMITS, NEW_PATH, type Shard, shardOf } from '../evolving/shard.js';

const PROGRAM = fileURLToPath(
  new URL('../../packages/engine/src/shard/testing/doomed-runner.mjs', import.meta.url),
);
const OLD = `create table items (id bigint generated always as identity primary key,
  name text not null,
  size int, note text);`;
const NEW = `create table items (id bigint generated always as identity primary key,
  title text not null,
  bytes bigint);
  create index items_bytes on items (bytes);
  create table notes (item bigint primary key references items (id) on delete cascade,
    note text not null);`;
const EVOLUTION = `changes:
  - rename_column: { table: items, column: name, to: title }
  - convert_column:
      table: items
      columns: [size]
      to: [bytes]
      up: { bytes: "size::bigint * 1024" }
      down: { size: "(bytes / 1024)::int" }
  - split_table:
      table: items
      into:
        items: {}
        notes: { key: { item: id }, when: note is not null }
`;
const ROWS = `insert into items (name, size, note)
  select 'item ' || i, i % 9, case when i % 3 = 0 then 'note ' || i end
  from generate_series(1, 2000) i`;
const AS_OLD = `select i.id, title as name, bytes / 1024 as size, note
  from items i left join notes n on n.item = i.id`;

let directory: string;
let compiled: Compiled;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'halflap-crash-'));
  compiled = await compilePair(OLD, NEW, EVOLUTION);
  await writeFile(join(directory, 'bundle.json'), JSON.stringify(compiled.bundle));
});

afterAll(() => rm(directory, { recursive: true }));

/** A runner in a process of its own that kills itself at its n-th sign of life; whether it did. */
async function doomed(url: string, verb: Verb, doom: { on: 'log' | 'progress'; at: number }) {
  const force = verb === 'contract' ? { force: { reason: 'writers have stopped' } } : {};
  const options = { url, shard: 'eu1', verb, limits: LIMITS, pace: { batchRows: 100 }, ...force };
  const argument = JSON.stringify({ ...doom, options });
  const child = spawn(process.execPath, [PROGRAM, join(directory, 'bundle.json'), argument], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const [, signal] = await once(child, 'exit');
  return signal === 'SIGKILL';
}

async function expectWhole(shard: Shard, isFenced = false): Promise<void> {
  const fresh = await withClient(shard.url, NEW_PATH, (client) =>
    client.query(`${AS_OLD} order by i.id`),
  );
  expect(fresh.rows.length).toBeGreaterThan(1900);
  if (isFenced) return;
  const old = await withClient(shard.url, null, (client) =>
    client.query('select id, name, size, note from items order by id'),
  );
  expect(fresh.rows).toEqual(old.rows);
}

/** What the old release does while nobody runs the shard. */
function write(shard: Shard, turn: number): Promise<unknown> {
  return withClient(shard.url, null, (client) =>
    client.query(`update items set size = size + 1, note = 'turn ${turn}' where id % 50 = ${turn};
      delete from items where id = ${turn} * 7 + 1;
      insert into items (name, note) values ('turn ${turn}', 'n')`),
  );
}

describe('a runner killed by SIGKILL', () => {
  it('is continued by the next one, from whatever step it died in, to the end', async () => {
    const shard = await installShard(compiled);
    await withClient(shard.url, null, (client) => client.query(ROWS));
    let deaths = 0;
    for (const verb of ['prepare', 'expand', 'contract'] as const) {
      // Each runner dies when it tells of its second line: after one step, or in the next.
      while (await doomed(shard.url, verb, { on: 'log', at: 3 })) {
        deaths += 1;
        if (verb === 'expand') await write(shard, deaths);
      }
      if (verb === 'expand') await shard.run('verify');
      await expectWhole(shard, verb === 'contract');
    }
    expect(deaths).toBeGreaterThan(5);
    await shard.drop();
  });

  it('is continued from its cursor in the middle of the backfill', async () => {
    const shard = await installShard(compiled);
    await withClient(shard.url, null, (client) => client.query(ROWS));
    await shard.run('prepare');
    for (const at of [2, 3, 4]) {
      expect(await doomed(shard.url, 'expand', { on: 'progress', at })).toBe(true);
      await write(shard, at);
    }
    await shard.run('expand');
    await shard.run('verify');
    await expectWhole(shard);
    await shard.drop();
  });
});

describe('PostgreSQL killed by SIGKILL while it fills', () => {
  it('loses nothing, and the next runner goes on', async () => {
    await withPostgres(async (server) => {
      await server.createDatabase('eu1');
      const shard = shardOf(server.url('eu1'), compiled.bundle, async () => {});
      await installRelease({ url: shard.url, app: APP, release: compiled.from });
      await withClient(shard.url, null, (client) => client.query(ROWS));
      await shard.run('prepare');
      // The sync step, then the death of the server under the backfill.
      await shard.step('expand');
      const filling = shard.run('expand').then(
        () => 'done',
        () => 'failed',
      );
      await server.kill();
      await filling;
      await server.restart();
      await write(shard, 3);
      await shard.run('expand');
      await shard.run('verify');
      await expectWhole(shard);
    });
  });
});
