// What somebody has made on an old table outside of any release.

import { readShard } from '@halflap/engine';
import type { HalflapError, Verb } from '@halflap/protocol';
import { describe, expect, it } from 'vitest';
import { unlikeFresh } from '../evolving/catalogue.js';
import { stateOf, withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH } from '../evolving/shard.js';

describe('contract', () => {
  it('takes nothing along that depends on an old table, and says what is in its way', async () => {
    const compiled = await compilePair(
      `create table t (id int primary key, v int, parent int references t (id));
       create sequence numbers; create sequence others;
       create table gone (id int primary key default nextval('numbers'), t int references t (id));`,
      `create sequence others;
       create table t (id int primary key, v bigint, parent int references t (id));`,
      null,
    );
    const shard = await installShard(compiled);
    try {
      await withClient(shard.url, null, async (client) => {
        await client.query(`insert into t values (1, 1);
          create schema reports; create view reports.all_of_t as select * from t;
          create view reports.again as select id from reports.all_of_t;
          create table reports.noted (t int references t (id), gone int references gone (id));
          create table reports.numbered (
            id int default nextval('numbers'), o int default nextval('others'));
          create function reports.count_gone() returns bigint
            begin atomic select count(*) from gone; end;`);
        for (const verb of ['prepare', 'expand'] as const) await shard.run(verb);
        const refused = await shard.run('contract').catch((error: unknown) => error);
        expect(refused).toMatchObject({
          code: 'STEP_FAILED',
          message: expect.stringMatching(/function reports.count_gone\(\), view reports.all_of_t/),
        });
        expect(String(refused)).toMatch(/noted_t_fkey on table reports.noted/);
        expect(String(refused)).toMatch(/default value for column id of table reports.numbered/);
        expect(String(refused)).not.toMatch(/column o of/);
        expect((await client.query('select phase from halflap.shard')).rows[0]).toEqual({
          phase: 'dual',
        });
        await client.query(`drop function reports.count_gone; drop table reports.noted;
          alter table reports.numbered alter column id drop default;
          drop view reports.all_of_t cascade`);
        await shard.run('contract');
      });
      expect(await unlikeFresh(shard.url, compiled.bundle)).toEqual([]);
    } finally {
      await shard.drop();
    }
  });
});

describe('the schema of a release', () => {
  const old = `create table t (id int primary key, v int); create table s (id int primary key);`;
  const to = `create sequence numbers; create type mood as enum ('fine');
    create table t (id int primary key, v bigint);
    create table s (id int primary key, n bigint default nextval('numbers'), mood mood);
    create table added (id bigserial primary key, mood mood);`;

  it('is Halflap’s own: a verb that would drop somebody’s object in it is refused', async () => {
    const shard = await installShard(await compilePair(old, to, null));
    const strange = `create view shop_2_0.report as select 1;
      create function shop_2_0.one() returns int language sql return 1;
      create type shop_2_0.kind as enum ('a'); create table shop_2_0.mine (id serial primary key);
      create schema reports; create view reports.seen as select id from shop_2_0.t;
      create table reports.noted (id int references shop_2_0.added,
        n int default nextval('shop_2_0.numbers'), m shop_2_0.mood)`;
    const gone = `drop view shop_2_0.report; drop function shop_2_0.one; drop type shop_2_0.kind;
      drop table shop_2_0.mine; drop schema reports cascade`;
    const inside = ['function shop_2_0.one()', 'table shop_2_0.mine', 'type shop_2_0.kind'];
    const outside = [
      'constraint noted_id_fkey on table reports.noted',
      'default value for column n of table reports.noted',
      'table reports.noted',
      'view reports.seen',
    ];
    const refusal = (verb: Verb) => shard.run(verb).catch((error: HalflapError) => error);
    try {
      await withClient(shard.url, null, async (client) => {
        for (const [before, verb] of [
          ['prepare', 'expand'],
          [null, 'abort'],
          ['expand', 'abort'],
          [null, 'contract'],
        ] as const) {
          if (before !== null) await shard.run(before);
          await client.query(strange);
          const found = await refusal(verb);
          expect(found, verb).toMatchObject({
            code: 'SHARD_DRIFTED',
            detail: {
              evidence: [
                ...inside,
                'view shop_2_0.report',
                ...(verb === 'contract' ? [] : outside),
              ],
            },
          });
          expect(found?.hint).toContain(`then halflap ${verb} --shard eu1`);
          await client.query(gone);
        }
      });
      for (const verb of ['abort', 'prepare', 'expand', 'contract'] as const) await shard.run(verb);
      expect(await unlikeFresh(shard.url, shard.bundle)).toEqual([]);
    } finally {
      await shard.drop();
    }
  });

  it('is refused to its servers from the first step of abort, and the shard says so', async () => {
    const shard = await installShard(await compilePair(old, to, null));
    try {
      await withClient(shard.url, NEW_PATH, async (client) => {
        for (const verb of ['prepare', 'expand'] as const) await shard.run(verb);
        const state = async () => {
          const { state: row, blocked } = await readShard(shard.url);
          return [row?.phase, row?.floor, row?.ceiling, blocked];
        };
        const serves = () => client.query('select from t').then(() => 'served', stateOf);
        expect([await state(), await serves()]).toEqual([['dual', '1.0', '2.0', null], 'served']);
        let steps = 0;
        while ((await shard.step('abort')) && (await state())[0] !== 'settled') {
          expect([await state(), await serves()], `step ${++steps}`).toEqual([
            ['dual', '1.0', '1.0', 'an abort is not finished: run abort again'],
            'HL002',
          ]);
          await expect(shard.run('expand')).rejects.toMatchObject({ code: 'PHASE_REFUSED' });
        }
        expect(steps).toBeGreaterThan(1);
        expect(await state()).toEqual(['settled', '1.0', '1.0', null]);
      });
    } finally {
      await shard.drop();
    }
  });
});
