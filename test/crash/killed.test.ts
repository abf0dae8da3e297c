// SIGKILL for the runner in every step of a compiled evolution, before its transaction commits and
// after, and in the middle of its backfill; and for PostgreSQL itself while it fills, and before it
// commits what everybody sees. Then somebody else goes on.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installRelease, type Step } from '@halflap/engine';
import { withPostgres } from '@halflap/engine/testing';
import type { Verb } from '@halflap/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { leftovers, unlikeFresh } from '../evolving/catalogue.js';
import { withClient } from '../evolving/databases.js';
import { APP, type Compiled, compilePair } from '../evolving/releases.js';
import { installShard, LIMITS, NEW_PATH, type Shard, shardOf } from '../evolving/shard.js';
import { type StepGate, withStepGate } from './step-gate.js';

const PROGRAM = fileURLToPath(
  new URL('../../packages/engine/src/shard/testing/doomed-runner.mjs', import.meta.url),
);
const OLD = `create table items (id bigint generated always as identity primary key,
  name text not null,
  size int, note text);
  create table posts (id int primary key, tags text[] not null);
  create table orders (id int primary key, name text not null);
  create table scores (order_id int references orders (id) on delete cascade, place int,
    score int not null, primary key (order_id, place));
  create table units (code text primary key, title text);
  insert into units values ('m', 'metre'), ('s', 'sec');`;
const NEW = `create table items (id bigint generated always as identity primary key,
  title text not null,
  bytes bigint);
  create index items_bytes on items (bytes);
  create table notes (item bigint primary key references items (id) on delete cascade,
    note text not null);
  create table posts (id int primary key);
  create table post_tags (post int references posts (id) on delete cascade, place int,
    tag text not null, primary key (post, place));
  create table orders (id int primary key, name text not null, scores int[] not null);
  create table units (code text primary key, title text);
  insert into units values ('m', 'metre'), ('s', 'second'), ('g', 'gram');`;
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
  - unnest_column: { table: posts, column: tags, into: post_tags, value: tag, position: place }
  - nest_table: { table: scores, into: orders, column: scores, value: score, position: place }
`;
const ROWS = `insert into items (name, size, note)
  select 'item ' || i, i % 9, case when i % 3 = 0 then 'note ' || i end
  from generate_series(1, 2000) i;
  insert into posts select i, array['a', 'b'] from generate_series(1, 300) i;
  insert into orders select i, 'order' from generate_series(1, 300) i;
  insert into scores select i, p, p from generate_series(1, 300) i, generate_series(1, 2) p`;
const AS_OLD = `select i.id, title as name, bytes / 1024 as size, note
  from items i left join notes n on n.item = i.id`;
/** Where slices hold many rows: the same of both releases. */
const LISTS = {
  old: `select 'post ' || id as key, tags::text as list from posts
    union all select 'order ' || id, array(
      select score from scores where order_id = id order by place
    )::text from orders order by key`,
  new: `select 'post ' || id as key, array(
      select tag from post_tags where post = id order by place
    )::text as list from posts
    union all select 'order ' || id, scores::text from orders order by key`,
};

/** Rows that the releases ship. */
const UNITS = `select string_agg(code || ' ' || title, ', ' order by code) as units from units`;

/** Dozens of processes, one after another, on a machine that may be busy. */
const TIMEOUT_MS = 300_000;

let directory: string;
let compiled: Compiled;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'halflap-crash-'));
  compiled = await compilePair(OLD, NEW, EVOLUTION);
  await writeFile(join(directory, 'bundle.json'), JSON.stringify(compiled.bundle));
});

afterAll(() => rm(directory, { recursive: true }));

/** A runner in a process of its own; it kills itself at its n-th sign of progress, if any. */
function startRunner(
  url: string,
  verb: Verb,
  {
    at = 0,
    stderr = 'inherit',
  }: { readonly at?: number; readonly stderr?: 'inherit' | 'ignore' } = {},
) {
  const force = verb === 'contract' ? { force: { reason: 'writers have stopped' } } : {};
  // At the gate it waits for a lock for as long as the test takes.
  const limits = { ...LIMITS, lockTimeoutMs: 30_000 };
  const options = { url, shard: 'eu1', verb, limits, pace: { batchRows: 100 }, ...force };
  const argument = JSON.stringify({ on: 'progress', at, options });
  return spawn(process.execPath, [PROGRAM, join(directory, 'bundle.json'), argument], {
    stdio: ['ignore', 'inherit', stderr],
  });
}

async function expectWhole(shard: Shard, isFenced = false): Promise<void> {
  const fresh = await withClient(shard.url, NEW_PATH, (client) =>
    client.query(`${AS_OLD} order by i.id`),
  );
  expect(fresh.rows.length).toBeGreaterThan(1900);
  const lists = await withClient(shard.url, NEW_PATH, (client) => client.query(LISTS.new));
  expect(lists.rows.length).toBeGreaterThan(500);
  expect(await unitsOf(shard, NEW_PATH)).toBe('g gram, m metre, s second');
  if (isFenced) return;
  const oldLists = await withClient(shard.url, null, (client) => client.query(LISTS.old));
  expect(lists.rows).toEqual(oldLists.rows);
  const old = await withClient(shard.url, null, (client) =>
    client.query('select id, name, size, note from items order by id'),
  );
  expect(fresh.rows).toEqual(old.rows);
}

async function unitsOf(shard: Shard, path: string | null): Promise<string | undefined> {
  const { rows } = await withClient(shard.url, path, (client) =>
    client.query<{ units: string }>(UNITS),
  );
  return rows[0]?.units;
}

/** What the old release does while nobody runs the shard. */
function write(shard: Shard, turn: number): Promise<unknown> {
  return withClient(shard.url, null, (client) =>
    client.query(`update items set size = size + 1, note = 'turn ${turn}' where id % 50 = ${turn};
      delete from items where id = ${turn} * 7 + 1;
      insert into items (name, note) values ('turn ${turn}', 'n');
      update posts set tags = array_append(tags, 'turn ${turn}') where id % 30 = ${turn} % 30;
      delete from posts where id = ${turn} * 3 + 1;
      update scores set score = score + 1 where order_id % 30 = ${turn} % 30;
      insert into scores select id, 3, ${turn} from orders where id % 40 = ${turn} % 40
        on conflict (order_id, place) do update set score = excluded.score;
      delete from orders where id = ${turn} * 3 + 2`),
  );
}

/** What becomes of a step whose runner dies when all of it is done and nothing is committed. */
const FATES = ['rolled back', 'committed'] as const;

/** Where time is short, a step meets one of them. */
function fatesOf(kind: Step['kind'], index: number): readonly (typeof FATES)[number][] {
  // Steps that are no transaction have committed before, and only say so here.
  if (kind !== 'transaction') return FATES.slice(0, 1);
  if (process.env.CI === undefined) return FATES;
  return FATES.filter((_, place) => place === index % FATES.length);
}

async function killInEachStep(shard: Shard, gate: StepGate, verb: Verb): Promise<void> {
  for (const [index, { id, kind }] of compiled.bundle.steps[verb].entries()) {
    for (const fate of fatesOf(kind, index)) {
      await gate.shut(id);
      const runner = startRunner(shard.url, verb);
      const backend = await gate.reached(runner);
      runner.kill('SIGKILL');
      expect(await once(runner, 'exit')).toEqual([null, 'SIGKILL']);
      // What PostgreSQL has been told to do it does, though nobody waits for it any more.
      if (fate === 'rolled back') await gate.endBackend(backend);
      await gate.open();
      await gate.ended(backend);
      expect(await gate.isFinished(id), `${id} ${fate}`).toBe(fate === 'committed');
      if (verb === 'expand' && fate === 'rolled back') await write(shard, index);
    }
  }
}

describe('a runner killed by SIGKILL', () => {
  it('is continued by the next one, from within each step and after it, to the end', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const shard = await installShard(compiled);
    await withClient(shard.url, null, (client) => client.query(ROWS));
    await withStepGate(shard.url, async (gate) => {
      for (const verb of ['prepare', 'expand', 'contract'] as const) {
        await killInEachStep(shard, gate, verb);
        await shard.run(verb);
        if (verb === 'expand') await shard.run('verify');
        await expectWhole(shard, verb === 'contract');
      }
    });
    expect(await unlikeFresh(shard.url, compiled.bundle)).toEqual([]);
    await shard.drop();
  });

  it('is continued from within each step of abort, which leaves nothing', async () => {
    const shard = await installShard(compiled);
    await withClient(shard.url, null, (client) => client.query(ROWS));
    await shard.run('prepare');
    await shard.run('expand');
    await withStepGate(shard.url, (gate) => killInEachStep(shard, gate, 'abort'));
    await shard.run('abort');
    expect(await leftovers(shard.url, compiled.bundle)).toEqual([]);
    expect(await unitsOf(shard, null)).toBe('m metre, s sec');
    await shard.run('prepare');
    await shard.run('expand');
    await expectWhole(shard);
    await shard.drop();
  });

  it('is continued from its cursor in the middle of the backfill', async () => {
    const shard = await installShard(compiled);
    await withClient(shard.url, null, (client) => client.query(ROWS));
    await shard.run('prepare');
    for (const at of [2, 3, 4]) {
      const runner = startRunner(shard.url, 'expand', { at });
      expect(await once(runner, 'exit')).toEqual([null, 'SIGKILL']);
      await write(shard, at);
    }
    await shard.run('expand');
    await shard.run('verify');
    await expectWhole(shard);
    await shard.drop();
  });
});

describe('PostgreSQL killed by SIGKILL while it fills, switches and fences', () => {
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
      for (const [verb, step] of [
        ['expand', 'expand/switch'],
        ['contract', 'contract/fence'],
      ] as const) {
        await withStepGate(shard.url, async (gate) => {
          await gate.shut(step);
          const runner = startRunner(shard.url, verb, { stderr: 'ignore' });
          const ended = once(runner, 'exit');
          await gate.reached(runner);
          await server.kill();
          expect(await ended).toEqual([1, null]);
        });
        await server.restart();
        await expectWhole(shard);
        await shard.run(verb);
        if (verb === 'expand') await shard.run('verify');
        await expectWhole(shard, verb === 'contract');
      }
    });
  });
});
