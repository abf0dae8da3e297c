// What somebody has made on an old table outside of any release.

import { readShard } from '@halflap/engine';
import type { HalflapError, Verb } from '@halflap/protocol';
import { describe, expect, it } from 'vitest';
import { unlikeFresh } from '../evolving/catalogue.js';
import { stateOf, withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH } from '../evolving/shard.js';

/** Tables that go, one that loses a column, and what the release has on them. */
const OWN = `create table t (id int primary key, v int, w int, parent int references t (id));
  create sequence numbers; create sequence others;
  create table gone (id int primary key default nextval('numbers'), t int references t (id));
  create function stamp() returns trigger language plpgsql as 'begin return new; end';
  create trigger own_stamp before update on gone for each row execute function stamp();
  create table kept (id int primary key, a int, b int);
  create index on kept (a); create statistics own_pairs on v, w from t;`;

const MINE = `create schema reports; create view reports.all_of_t as select * from t;
  create view reports.again as select id from reports.all_of_t;
  create table reports.noted (t int references t (id), gone int references gone (id));
  create table reports.numbered (
    id int default nextval('numbers'), o int default nextval('others'));
  create function reports.count_gone() returns bigint begin atomic select count(*) from gone; end;
  create function reports.name_of(one t) returns text language sql return one.id::text;
  create table reports.saved (id int, row_of_t t, rows_of_t t[]);
  create policy only_known on reports.saved using (exists (select from t where t.id = saved.id));`;

/** Objects in it, as PostgreSQL calls them. */
const DEPENDING = [
  'column row_of_t of table reports.saved',
  'column rows_of_t of table reports.saved',
  'constraint noted_gone_fkey on table reports.noted',
  'constraint noted_t_fkey on table reports.noted',
  'function reports.count_gone()',
  'function reports.name_of(t)',
  'policy only_known on table reports.saved',
  'view reports.all_of_t',
];

/** On the old tables themselves, made at any time. */
const HUNG = `create trigger audit after insert on t for each statement execute function stamp();
  create rule quiet as on delete to gone do also select 1;
  create policy tenants on t using (v > 0); create statistics pairs on id, v from t;
  create table reports.child (more text) inherits (t);`;

const HANGING = [
  'policy tenants on table t',
  'rule quiet on table gone',
  'statistics object pairs',
  'table reports.child',
  'trigger audit on table t',
];

/** What prepare would refuse in any case, as no release has it; made after it. */
const LATE = `alter table t add column note text, add constraint few check (v < 100),
    add constraint by_v unique (v);
  create index mine on gone (t); create index b_and_a on kept (b, a); create index one on kept (b);
  create sequence counter owned by t.v;`;

const COMING = [
  'column note of table t',
  'constraint by_v on table t',
  'constraint few on table t',
  'index mine',
  'sequence counter',
];

describe('contract', () => {
  it('takes nothing along that is somebody’s, and says what is in its way', async () => {
    const compiled = await compilePair(
      OWN,
      `create sequence others;
       create function stamp() returns trigger language plpgsql as 'begin return new; end';
       create table t (id int primary key, v bigint, w int, parent int references t (id));
       create table kept (id int primary key, b int);`,
      null,
    );
    const shard = await installShard(compiled);
    const refusal = (verb: Verb) => shard.run(verb).catch((error: HalflapError) => error);
    try {
      await withClient(shard.url, null, async (client) => {
        await client.query(`insert into t values (1, 1); ${MINE} ${HUNG}`);
        const atFirst = await refusal('prepare');
        expect(atFirst).toMatchObject({ code: 'SHARD_DRIFTED', detail: { evidence: HANGING } });
        await client.query(`drop trigger audit on t; drop rule quiet on gone;
          drop policy tenants on t; drop statistics pairs; drop table reports.child`);
        for (const verb of ['prepare', 'expand'] as const) await shard.run(verb);

        await client.query(`${HUNG} ${LATE} insert into reports.child values (2, 2)`);
        const refused = await refusal('contract');
        expect(refused).toMatchObject({
          code: 'SHARD_DRIFTED',
          detail: { evidence: [...DEPENDING, ...HANGING, ...COMING].sort() },
        });
        expect(refused?.hint).toMatch(/over the tables of release 2.0 .*halflap contract/);
        expect((await client.query('select phase from halflap.shard')).rows).toEqual([
          { phase: 'dual' },
        ]);
        await client.query(`drop function reports.count_gone, reports.name_of;
          drop table reports.noted, reports.saved, reports.child;
          drop view reports.all_of_t cascade; drop trigger audit on t;
          drop rule quiet on gone; drop policy tenants on t; drop statistics pairs;
          alter table t drop column note, drop constraint few, drop constraint by_v;
          drop sequence counter; drop index mine`);
        const atLast = await refusal('contract');
        expect(atLast).toMatchObject({
          code: 'SHARD_DRIFTED',
          detail: {
            step: 'contract/fence',
            evidence: ['default value for column id of table reports.numbered', 'index b_and_a'],
          },
        });
        expect(atLast?.hint).toMatch(/over the tables of release 2.0 .*halflap contract/);
        await client.query('drop index b_and_a; alter table reports.numbered drop column id');

        await shard.step('contract');
        await client.query('create table late (one halflap_shop_2_0.t)');
        expect(await refusal('contract')).toMatchObject({
          code: 'SHARD_DRIFTED',
          detail: { step: 'contract/drop', evidence: ['column one of table late'] },
        });
        await client.query('drop table late');
        await shard.run('contract');
        // Nothing that goes is in it, so it has come along.
        await client.query('drop index shop_2_0.one');
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
      create function reports.of(shop_2_0.t) returns int language sql return 1;
      create table reports.noted (id int references shop_2_0.added,
        n int default nextval('shop_2_0.numbers'), m shop_2_0.mood);
      create index s_by_n on s (n); create trigger stamp before update on shop_2_0.added
        for each row execute function suppress_redundant_updates_trigger();
      alter table shop_2_0.added add column note text`;
    const gone = `drop index s_by_n; drop trigger stamp on shop_2_0.added;
      alter table shop_2_0.added drop column note; drop view shop_2_0.report;
      drop function shop_2_0.one; drop type shop_2_0.kind; drop table shop_2_0.mine;
      drop schema reports cascade`;
    const inside = ['function shop_2_0.one()', 'table shop_2_0.mine', 'type shop_2_0.kind'];
    const outside = [
      'column m of table reports.noted',
      'constraint noted_id_fkey on table reports.noted',
      'default value for column n of table reports.noted',
      'function reports.of(shop_2_0.t)',
      'view reports.seen',
    ];
    const hung = [
      'column note of table shop_2_0.added',
      'index s_by_n',
      'trigger stamp on table shop_2_0.added',
    ];
    const depending = {
      expand: outside,
      abort: [...outside, ...hung].sort(),
      contract: [],
    };
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
              evidence: [...inside, 'view shop_2_0.report', ...depending[verb]],
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
