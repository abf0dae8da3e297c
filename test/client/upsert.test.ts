// INSERT … ON CONFLICT of the new release, sent by the client to a shard behind a lens: the answer
// is that of a plain database of the release, whatever the statement, and nothing is lost where
// several write the same key at once.

import { type Fleet, type OpenOptions, open } from '@halflap/client';
import { installRelease } from '@halflap/engine';
import {
  findInstallations,
  freshDatabase,
  type PostgresServer,
  startPostgres,
  useServer,
} from '@halflap/engine/testing';
import type { QueryResult } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { APP, type Compiled } from '../evolving/releases.js';
import { installShard, type Shard } from '../evolving/shard.js';
import { CONTENT, compileUpserts, ROWS, SAID, type Said } from './upserts.js';

let compiled: Compiled;
const ends: (() => Promise<void>)[] = [];

async function fleetOn(url: string, more: Partial<OpenOptions> = {}): Promise<Fleet> {
  const shards = [{ name: 'eu1', url }];
  // No heartbeat comes by itself while a test is under way.
  const own = { app: APP, release: '2.0', server: 'web1', shards, poolSize: 1, leaseSeconds: 3600 };
  const fleet = await open({ ...own, ...more });
  ends.unshift(() => fleet.close());
  return fleet;
}

async function settled(): Promise<Shard> {
  const shard = await installShard(compiled);
  ends.unshift(() => shard.drop());
  return shard;
}

async function prepared(): Promise<Shard> {
  const shard = await settled();
  await shard.run('prepare');
  return shard;
}

beforeAll(async () => {
  compiled = await compileUpserts();
});

async function endAll(): Promise<void> {
  for (const end of ends.splice(0)) await end();
}

afterAll(endAll);

/** What a statement gives, and what it leaves behind. */
async function answer(fleet: Fleet, { text, values }: Said) {
  let said: unknown;
  const content: unknown[] = [];
  const undo = new Error('undone');
  // A sequence is not rolled back, and the numbers that are drawn are compared as well.
  const sequences = ['hosts_id_seq', 'bookings_id_seq', 'samples_turn_seq'];
  const drawn = sequences.map((sequence) => `setval('public.${sequence}', 100)`);
  await fleet.shard('eu1').query(`select ${drawn}`);
  const run = fleet.shard('eu1').transaction(async (client) => {
    const results = await client.query(text, values && [...values]);
    said = (Array.isArray(results) ? results : [results]).map((result: QueryResult) => ({
      command: result.command,
      rowCount: result.rowCount,
      rows: result.rows,
      types: result.fields.map((field) => [field.name, field.dataTypeID]),
    }));
    for (const read of CONTENT) content.push((await client.query(read)).rows);
    throw undo;
  });
  await run.catch((error) => {
    if (error !== undo) said = { code: error.code };
  });
  return { said, content };
}

const installations = await findInstallations(process.env);
const byAge = installations.sort((one, other) => one.major - other.major);

describe.each([...new Set([byAge.at(0), byAge.at(-1)])].flatMap((one) => one ?? []))(
  'INSERT … ON CONFLICT through a lens on PostgreSQL $major',
  (installation) => {
    let server: PostgresServer;
    let table: Fleet;
    let lens: Fleet;
    let dual: Fleet;
    let told: Fleet;
    let own: Fleet;

    beforeAll(async () => {
      server = await startPostgres({ installation });
      useServer(server.url('postgres'));
      const plain = await freshDatabase();
      ends.unshift(() => plain.drop());
      await installRelease({ url: plain.url, app: APP, release: compiled.to });
      table = await fleetOn(plain.url);
      lens = await fleetOn((await prepared()).url);
      const moving = await prepared();
      // Bound to the lens, and told of nothing since.
      dual = await fleetOn(moving.url);
      const { bundle } = compiled;
      own = await fleetOn((await settled()).url, { bundle });
      const fleets = [table, lens, dual, own];
      for (const fleet of fleets) await fleet.shard('eu1').query(ROWS);
      await moving.run('expand');
      told = await fleetOn(moving.url);
      const modes = [...fleets, told].map((fleet) => fleet.status()[0]?.mode);
      expect(modes).toEqual(['native', 'lens', 'lens', 'session', 'native']);
    });

    afterAll(async () => {
      await endAll();
      useServer(inject('serverUrl'));
      await server.stop();
    });

    it.each(SAID)('answers as a table does: $text', async (said) => {
      const expected = await answer(table, said);
      expect(await answer(lens, said)).toEqual(expected);
      expect(await answer(dual, said)).toEqual(expected);
      // Nothing else is looked at there.
      if (said.text.includes('on constraint')) expect(await answer(told, said)).toEqual(expected);
      const unheld = { said: { code: 'HL001' }, content: [] };
      expect(await answer(own, said)).toEqual(said.isUnheld === true ? unheld : expected);
    });
  },
);

describe('a statement with ON CONFLICT that a lens cannot take', () => {
  let lens: Fleet;
  beforeAll(async () => {
    lens = await fleetOn((await prepared()).url);
    await lens.shard('eu1').query(ROWS);
  });

  const row = `insert into hosts (id, name) values (1, 'a')`;
  const refused: readonly (readonly [string, string, string])[] = [
    ['an expression', `${row} on conflict (lower(name)) do nothing`, 'is an expression'],
    ['a collation', `${row} on conflict (name collate "C") do nothing`, 'collation'],
    [
      'a part of a value',
      `${row} on conflict (id) do update set name[1] = 'x'`,
      'SET writes a part of name',
    ],
    [
      'a subquery for several columns',
      `${row} on conflict (id) do update set (name, serial) = (select 'a', 'b')`,
      'subquery to several columns',
    ],
    [
      'the row as a whole',
      `${row} on conflict (id) do nothing returning to_jsonb(hosts)`,
      'the row hosts as a whole',
    ],
    [
      'a constraint that no columns name, of a table that has it under another name',
      'insert into racks values (3) on conflict on constraint racks_span do nothing',
      'racks_span under another name',
    ],
    ['the row before', `${row} on conflict (id) do nothing returning old.name`, 'old.name'],
    [
      'a WITH in a WITH',
      `with a as (with b as (select 1) ${row} on conflict (id) do update set name = 'b' returning 1)
       select from a`,
      'has one of its own',
    ],
  ];

  it.each(refused)('is refused for %s, and says what to write', async (_, text, reason) => {
    const sent = lens.shard('eu1').query(text);
    await expect(sent).rejects.toMatchObject({
      code: 'CLIENT_UPSERT_REFUSED',
      message: expect.stringContaining(reason),
      hint: expect.stringMatching(/^(name|set|return|put) /),
    });
  });

  it.each([
    [`${row} on conflict (id) do update set id = 77`, 'HL003'],
    [`${row} on conflict (price) do nothing`, '42P10'],
  ])('is answered by PostgreSQL where only that can tell: %s', async (text, code) => {
    await expect(lens.shard('eu1').query(text)).rejects.toMatchObject({ code });
  });

  it('is refused by callback too, and others are not touched', async () => {
    await lens.shard('eu1').withClient(async (client) => {
      const told = new Promise((resolve) => {
        client.query(`${row} on conflict (lower(name)) do nothing`, (error) => resolve(error));
      });
      expect(await told).toMatchObject({ code: 'CLIENT_UPSERT_REFUSED' });
      const rows = new Promise((resolve) => {
        client.query(`${row} on conflict (id) do nothing`, [], (_, result) => resolve(result));
      });
      expect(await rows).toMatchObject({ command: 'INSERT', rowCount: 0 });
      const { rows: texts } = await client.query(`select 'on conflict' as words`);
      expect(texts).toEqual([{ words: 'on conflict' }]);
    });
  });
});

describe('isolation', () => {
  const up = `insert into hosts (name, memory_bytes) values ('new', 1048576) on conflict (name)
    do update set memory_bytes = hosts.memory_bytes + 1048576 returning memory_bytes`;

  it.each(['repeatable read', 'serializable'] as const)(
    'of %s answers 40001 where a table does, and the retry succeeds',
    async (isolation) => {
      const lens = await fleetOn((await prepared()).url, { poolSize: 3 });
      const shard = lens.shard('eu1');
      let runs = 0;
      const { rows } = await shard.transaction(
        async (client) => {
          runs += 1;
          await client.query('select from hosts');
          if (runs === 1) await shard.query(up);
          return client.query(up);
        },
        { isolation, retry: true },
      );
      expect({ runs, rows }).toEqual({ runs: 2, rows: [{ memory_bytes: '2097152' }] });
    },
  );

  it('of repeatable read is refused for a key that only the lens keeps', async () => {
    const lens = await fleetOn((await prepared()).url);
    const text = `insert into hosts (name, serial) values ('x', 'y')
      on conflict (serial) do nothing`;
    const late = lens
      .shard('eu1')
      .transaction((client) => client.query(text), { isolation: 'repeatable read' });
    await expect(late).rejects.toMatchObject({ code: 'HL003' });
  });

  it('of repeatable read leaves a row out whose way is seen to be barred', async () => {
    const lens = await fleetOn((await prepared()).url);
    const text = `insert into hosts (name, busy)
      values (left(gen_random_uuid()::text, 20), '[1,3)')
      on conflict on constraint hosts_busy do nothing returning busy`;
    const { rows } = await lens.shard('eu1').query(text);
    expect(rows).toHaveLength(1);
    const late = lens
      .shard('eu1')
      .transaction((client) => client.query(text), { isolation: 'repeatable read' });
    expect(await late).toMatchObject({ rowCount: 0 });
  });
});

describe('a shard that moves', () => {
  const up = {
    name: 'up',
    text: `insert into hosts (name, writes) values ($1, $2) on conflict (name)
      do update set writes = hosts.writes + excluded.writes returning writes`,
  };

  it('keeps prepared statements and open transactions right, from lens to table', async () => {
    const shard = await prepared();
    const fleet = await fleetOn(shard.url, { poolSize: 2 });
    const eu1 = fleet.shard('eu1');
    const write = async () => (await eu1.query(up, ['a', 1])).rows[0]?.writes;
    expect(await write()).toBe(1);
    const isDone = async (what: string) => (await eu1.query(what)).rowCount === 1;
    const barrier = `select from halflap.journal
      where step = 'expand/barrier' and finished_at is not null`;
    while (!(await isDone(barrier))) await shard.step('expand');
    const inside = await eu1.transaction(async (client) => {
      await client.query('select from labels');
      const switched = `select from halflap.shard where phase = 'dual'`;
      while (!(await isDone(switched))) await shard.step('expand');
      await client.query(up, ['b', 1]);
      return (await client.query(up, ['b', 1])).rows[0].writes;
    });
    expect(inside).toBe(2);
    await shard.run('expand');
    expect(await write()).toBe(2);
    // Contract takes away what the statements were written for, before a heartbeat tells of dual.
    await shard.run('contract');
    expect(fleet.status()[0]?.mode).toBe('lens');
    expect(await write()).toBe(3);
    await fleet.check();
    expect(fleet.status()[0]?.mode).toBe('native');
    expect(await write()).toBe(4);
  });

  it('runs a transaction again that meets the end of the lens, if it may', async () => {
    const shard = await prepared();
    const fleet = await fleetOn(shard.url);
    await fleet.shard('eu1').query(up, ['a', 1]);
    await shard.run('expand');
    await shard.run('contract');
    const { rows } = await fleet
      .shard('eu1')
      .transaction((client) => client.query(up, ['a', 1]), { retry: true });
    expect(rows).toEqual([{ writes: 2 }]);
  });
});
