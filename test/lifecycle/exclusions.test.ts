// Exclusion constraints through every phase: on a table that is rebuilt, and on one that stays.

import { describe, expect, it } from 'vitest';
import { unlikeFresh } from '../evolving/catalogue.js';
import { stateOf, withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH } from '../evolving/shard.js';
import { lifecycleCase, newWrite, oldWrite } from './lifecycle-case.js';

describe('exclusion constraints', () => {
  it('are carried, added, renamed and dropped', () =>
    lifecycleCase({
      from: `create table bookings (id int primary key, during int4range not null, place int4range,
          note text, constraint b_during exclude using gist (during with &&, place with &&));
        create table slots (id int primary key, a int4range, b int4range,
          constraint s_a exclude using gist (a with &&) where (id > 1) deferrable,
          constraint s_b exclude using gist (b with &&));`,
      to: `create table bookings (id int primary key, during int4range not null, place int4range,
          note text, constraint b_during exclude using gist (during with &&, place with &&),
          constraint b_fixed exclude using gist (int4range(lower(place), null) with =)
            where (note = 'fixed'));
        create table slots (id int primary key, c int4range, b int4range,
          constraint s_c exclude using gist (c with &&) where (id > 1) deferrable);`,
      evolution: 'changes: [rename_column: { table: slots, column: a, to: c }]',
      isAbortedOnce: true,
      seed: {
        old: `insert into bookings values (1, '[1,5)', '[1,2)', 'fixed'), (2, '[1,5)', '[2,3)',
          'fixed'); insert into slots values (1, '[1,5)', '[1,5)'), (2, '[1,5)', '[5,6)');`,
        new: `insert into bookings values (1, '[1,5)', '[1,2)', 'fixed'), (2, '[1,5)', '[2,3)',
          'fixed'); insert into slots values (1, '[1,5)', '[1,5)'), (2, '[1,5)', '[5,6)');`,
      },
      writes: (n) => [
        oldWrite(`insert into bookings values (${n}0, '[${n}0,${n}5)', '[1,2)', 'old')`),
        newWrite(`insert into bookings values (${n}1, '[${n}0,${n}5)', '[2,3)', 'new')`),
        newWrite(`update bookings set place = '[${n}1,${n}2)', note = 'fixed' where id = ${n}1`),
        oldWrite(`update bookings set during = '[${n}6,${n}8)' where id = ${n}0`),
        oldWrite(`insert into slots values (${n}0, '[${n}0,${n}5)', '[${n}0,${n}5)')`),
        newWrite(
          `update slots set c = '[${n}6,${n}8)' where id = ${n}0`,
          `update slots set a = '[${n}6,${n}8)' where id = ${n}0`,
        ),
      ],
      refused: () => [
        {
          by: 'new',
          sql: `update bookings set place = '[1,9)' where id = 2`,
          lens: '23P01',
          dual: '23P01',
        },
        {
          by: 'new',
          sql: `insert into bookings values (-1, '[-9,-8)', '[1,9)', 'fixed')`,
          lens: '23P01',
          dual: '23P01',
        },
        { by: 'new', sql: `update slots set b = '[5,6)'`, lens: '23P01', dual: '23P01' },
        { by: 'new', sql: `update slots set c = '[1,9)'`, lens: '23P01', dual: '23P01' },
      ],
    }));

  it('of the new release alone keep rows that break them in quarantine', async () => {
    const table = 'create table bookings (id int primary key, during int4range';
    const exclusion = ', exclude using gist (during with &&) deferrable initially deferred';
    const compiled = await compilePair(`${table});`, `${table}${exclusion});`, null);
    const shard = await installShard(compiled);
    const keys = 'select key, sqlstate from halflap.quarantine order by key';
    try {
      await withClient(shard.url, null, async (client) => {
        await client.query(`insert into bookings values (1, '[1,3)'), (2, '[2,4)')`);
        for (const verb of ['prepare', 'expand'] as const) await shard.run(verb);
        await client.query(`insert into bookings values (3, '[1,2)')`);
        const { rows } = await client.query(keys);
        expect(rows).toEqual([
          { key: '{"id": 2}', sqlstate: '23P01' },
          { key: '{"id": 3}', sqlstate: '23P01' },
        ]);
        await client.query('delete from bookings where id = 1');
        await client.query('delete from bookings where id = 3');
        await shard.run('verify');
        expect((await client.query(keys)).rows).toEqual([]);
        await shard.run('contract');
        expect(await unlikeFresh(shard.url, compiled.bundle)).toEqual([]);
      });
    } finally {
      await shard.drop();
    }
  });

  it('hold for what the new release still sees of a row that waits', async () => {
    const table = 'create table bookings (id int primary key, during int4range';
    const rules = [
      `${table});`,
      `${table}, constraint once exclude using gist (during with &&));`,
    ] as const;
    const shard = await installShard(await compilePair(...rules, null));
    const seen = (path: string | null) =>
      withClient(shard.url, path, async (client) => {
        const query = `select id || during::text as line from bookings order by id`;
        return (await client.query<{ line: string }>(query)).rows.map((row) => row.line);
      });
    try {
      await withClient(shard.url, null, async (client) => {
        const waiting = async () =>
          (await client.query('select key from halflap.quarantine order by key')).rows.map(
            ({ key }) => key,
          );
        await client.query(`insert into bookings values (1, '[1,3)'), (2, '[5,9)')`);
        for (const verb of ['prepare', 'expand'] as const) await shard.run(verb);
        await client.query(`update bookings set during = '[5,6)' where id = 1`);
        expect(await seen(NEW_PATH)).toEqual(['1[1,3)', '2[5,9)']);
        // It breaks no rule with the rows of 1.0: with what 2.0 sees, it does.
        await client.query(`insert into bookings values (3, '[2,4)')`);
        expect(await seen(NEW_PATH)).toEqual(['1[1,3)', '2[5,9)']);
        expect(await waiting()).toEqual(['{"id": 1}', '{"id": 3}']);
        await client.query(`update bookings set during = '[20,21)' where id = 1`);
        expect(await waiting()).toEqual(['{"id": 3}']);
        await shard.run('verify');
        expect(await waiting()).toEqual([]);
        expect(await seen(NEW_PATH)).toEqual(await seen(null));
      });
    } finally {
      await shard.drop();
    }
  });

  it('of the old release alone leave rows out of DO NOTHING, until contract', async () => {
    const table = 'create table bookings (id int primary key, during int4range';
    const exclusion = ', constraint once exclude using gist (during with &&)';
    const shard = await installShard(
      await compilePair(`${table}${exclusion});`, `${table});`, null),
    );
    const answer = (clause: string) =>
      withClient(shard.url, NEW_PATH, (client) =>
        client
          .query(`insert into bookings values (2, '[2,4)') ${clause}`)
          .then(({ rowCount }) => rowCount, stateOf),
      );
    try {
      await withClient(shard.url, null, (client) =>
        client.query(`insert into bookings values (1, '[1,3)')`),
      );
      for (const verb of ['prepare', 'expand'] as const) {
        await shard.run(verb);
        expect(await answer('on conflict do nothing'), verb).toBe(0);
        expect(await answer('on conflict (id) do nothing'), verb).toBe('23P01');
      }
      await shard.run('verify');
      await shard.run('contract');
      expect(await answer('on conflict do nothing')).toBe(1);
    } finally {
      await shard.drop();
    }
  });
});
