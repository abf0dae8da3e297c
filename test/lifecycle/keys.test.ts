// Unique and foreign keys that the new release has in another form, or alone: they bind it, they
// never stop the old one, and they are there at the end as in a fresh install.

import { describe, expect, it } from 'vitest';
import { unlikeFresh } from '../evolving/catalogue.js';
import { type Client, withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH, type Shard } from '../evolving/shard.js';
import { lifecycleCase, newWrite, oldWrite } from './lifecycle-case.js';

describe('a unique key', () => {
  it('may take another form, and change places with the primary key', () =>
    lifecycleCase({
      from: `create table t (id int primary key, a int, b text, uid text not null unique);
        create table p (a int, b int, v text, primary key (a, b));`,
      to: `create table t (
          id int not null unique, a int, b text, uid text primary key,
          constraint t_a unique nulls not distinct (a),
          constraint t_b unique (b) include (a) with (fillfactor = 70) deferrable
        );
        create table p (a int, b int, v text, primary key (b, a));`,
      seed: {
        old: `insert into t values (1, 1, 'x', 'u'); insert into p values (1, 2, 'v')`,
        new: `insert into t values (1, 1, 'x', 'u'); insert into p values (1, 2, 'v')`,
      },
      writes: (n) => [
        oldWrite(`insert into t values (100 + ${n}, 100 + ${n}, 'o${n}', 'o${n}')`),
        newWrite(`insert into t values (200 + ${n}, 200 + ${n}, 'n${n}', 'n${n}')`),
        oldWrite(`update t set uid = uid || '.' where id = 200 + ${n}`),
        newWrite(`update t set id = id + 200 where id = 100 + ${n}`),
        oldWrite(`insert into p values (10 + ${n}, 1, 'o')`),
        newWrite(`update p set v = v || 'n' where a > 10`),
      ],
      refused: () => [
        { by: 'new', sql: `update t set a = 101 where id = 1`, lens: '23505', dual: '23505' },
      ],
    }));

  it('may be on a column that only the new release writes', () =>
    lifecycleCase({
      from: `create table t (id int primary key, a int);`,
      to: `create table t (id int primary key, a int, code text unique);`,
      seed: { old: `insert into t values (1, 1)`, new: `insert into t values (1, 1)` },
      writes: (n) => [
        newWrite(
          `insert into t values (100 + ${n}, 1, 'c${n}')`,
          `insert into t values (100 + ${n}, 1)`,
        ),
        oldWrite(`insert into t values (200 + ${n}, 1)`),
      ],
      refused: (n) => [
        {
          by: 'new',
          sql: `update t set code = 'c${n}' where id = 1`,
          lens: '23505',
          dual: '23505',
        },
      ],
      lostByAbort: `update t set code = null`,
    }));
});

describe('a foreign key of an added table', () => {
  const to = `create table h (id int primary key, v int);
    create table r (id int primary key, v bigint);
    create table tags (
      id int primary key,
      h int references h (id) on delete cascade,
      r int references r (id) on delete cascade,
      seen int references r (id) on delete set null
    );
    create table notes (tag int references tags (id) on delete cascade);`;
  it('goes with the keys and rows that the old release changes and deletes', () =>
    lifecycleCase({
      from: `create table h (id int primary key, v int);
        create table r (id int primary key, v int);`,
      to,
      seed: {
        old: `insert into h values (1, 1); insert into r values (1, 1)`,
        new: `insert into h values (1, 1); insert into r values (1, 1)`,
      },
      writes: (n) => [
        newWrite(`insert into h values (100 + ${n}, 1); insert into r values (100 + ${n}, 1)`),
        newWrite(`insert into tags values (${n}, 100 + ${n}, 100 + ${n}, 100 + ${n})`, ''),
        newWrite(`insert into notes values (${n})`, ''),
        // In a database of its own, the new release would have to move the references by hand.
        oldWrite(
          `update h set id = 200 + ${n} where id = 100 + ${n};
           update r set id = 200 + ${n} where id = 100 + ${n}`,
          `insert into h select 200 + ${n}, v from h where id = 100 + ${n};
           insert into r select 200 + ${n}, v from r where id = 100 + ${n};
           update tags set h = 200 + ${n}, r = 200 + ${n}, seen = 200 + ${n} where id = ${n};
           delete from h where id = 100 + ${n}; delete from r where id = 100 + ${n}`,
        ),
        oldWrite(`delete from h where id = 200 + ${n - 1}`),
        oldWrite(`delete from r where id = 200 + ${n - 2}`),
      ],
      lostByAbort: `truncate tags, notes`,
    }));

  it('is left until contract where rows that go with others would be held by a third', () =>
    lifecycleCase({
      from: `create table h (id int primary key, v int);`,
      to: `create table h (id int primary key, v int);
        create table tags (id int primary key, h int references h (id) on delete cascade);
        create table notes (tag int references tags (id));
        create table marks (h int not null references h (id) on delete set null);`,
      seed: { old: `insert into h values (1, 1)`, new: `insert into h values (1, 1)` },
      writes: (n) => [oldWrite(`insert into h values (100 + ${n}, 1)`)],
    }));
});

interface Two {
  readonly shard: Shard;
  readonly asOld: Client;
  readonly asNew: Client;
}

async function withTwo(
  releases: { readonly from: string; readonly to: string; readonly seed: string },
  body: (two: Two) => Promise<void>,
): Promise<void> {
  const shard = await installShard(await compilePair(releases.from, releases.to, null));
  try {
    await withClient(shard.url, null, (asOld) =>
      withClient(shard.url, NEW_PATH, async (asNew) => {
        await asOld.query(releases.seed);
        await shard.run('prepare');
        await body({ shard, asOld, asNew });
      }),
    );
  } finally {
    await shard.drop();
  }
}

const quarantined = async (client: Client) =>
  (
    await client.query(`select distinct key ->> 'id' as id from halflap.quarantine order by 1`)
  ).rows.map(({ id }) => id);

describe('rows of the old release that break a key of the new one', () => {
  it('go to quarantine, whether they are there before expand or come in dual', () =>
    withTwo(
      {
        from: `create table s (id int primary key);
          create table t (id int primary key, a int, b int, s int);`,
        to: `create table s (id int primary key);
          create table t (
            id int primary key,
            a int unique deferrable initially deferred,
            b int,
            s int references s (id) on delete cascade deferrable initially deferred
          );
          create unique index t_b on t (b) where b > 0;`,
        seed: `insert into s values (1);
          insert into t values (1, 1, 1, 1), (2, 1, 2, 1), (3, 3, 1, 1), (4, 4, 4, 9);`,
      },
      async ({ shard, asOld, asNew }) => {
        await shard.run('expand');
        expect(await quarantined(asOld)).toEqual(['2', '3']);
        await asOld.query('insert into t values (5, 1, 5, 1)');
        await asOld.query('begin');
        await asOld.query('set constraints all deferred');
        await asOld.query('insert into t values (6, 6, 6, 66)');
        await asOld.query('commit');
        await shard.run('verify');
        expect(await quarantined(asOld)).toEqual(['2', '3', '4', '5', '6']);
        await expect(shard.run('contract')).rejects.toMatchObject({ code: 'CONTRACT_REFUSED' });
        // A key that the old release does not have takes no rows of it along.
        await asOld.query('delete from s');
        expect((await asOld.query('select from t')).rows).toHaveLength(6);
        await asOld.query('update t set a = id, b = id, s = null');
        await shard.run('verify');
        expect(await quarantined(asOld)).toEqual([]);
        expect((await asNew.query('select from t')).rows).toHaveLength(6);
        await shard.run('contract');
        expect(await unlikeFresh(shard.url, shard.bundle)).toEqual([]);
      },
    ));
});

describe('a foreign key of the old release that is checked at commit', () => {
  it('may be checked at once by the new one', () =>
    withTwo(
      {
        from: `create table s (id int primary key);
          create table t (id int primary key, v int,
            s int references s (id) deferrable initially deferred);`,
        to: `create table s (id int primary key);
          create table t (id int primary key, v bigint, s int references s (id));`,
        seed: `insert into s values (1); insert into t values (1, 1, 1);`,
      },
      async ({ shard, asOld }) => {
        await shard.run('expand');
        await asOld.query('begin; delete from s; delete from t; commit');
        await asOld.query(
          'begin; insert into t values (2, 2, 2); insert into s values (2); commit',
        );
        await shard.run('verify');
        expect(await quarantined(asOld)).toEqual([]);
        await shard.run('contract');
        expect(await unlikeFresh(shard.url, shard.bundle)).toEqual([]);
      },
    ));
});
