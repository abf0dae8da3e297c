// Rows that could not be carried for a time, and are carried when nothing stands in their way.

import { describe, expect, it } from 'vitest';
import { type Client, withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH, type Shard } from '../evolving/shard.js';

interface Crossing {
  readonly from: string;
  readonly to: string;
  readonly evolution?: string;
  readonly seed: string;
}

interface Two {
  readonly shard: Shard;
  readonly asOld: Client;
  readonly asNew: Client;
}

async function withTwo(
  { from, to, evolution, seed }: Crossing,
  body: (two: Two) => Promise<void>,
): Promise<void> {
  const shard = await installShard(await compilePair(from, to, evolution ?? null));
  try {
    await withClient(shard.url, null, (asOld) =>
      withClient(shard.url, NEW_PATH, async (asNew) => {
        await asOld.query(seed);
        await shard.run('prepare');
        await body({ shard, asOld, asNew });
      }),
    );
  } finally {
    await shard.drop();
  }
}

const column = async (client: Client, query: string) =>
  (await client.query<Record<string, string>>(query)).rows.map((row) => Object.values(row)[0]);

const reasons = (client: Client) =>
  column(client, 'select sqlstate from halflap.quarantine order by id');

describe('a row in quarantine', () => {
  const conversion = {
    from: `create table t (id int primary key, v int, word text);`,
    to: `create table t (id int primary key, v bigint, word text, note text);`,
    seed: `insert into t values (1, 1, 'a'), (2, 2, 'b');`,
  };

  it('is carried before dual, when a snapshot from before the backfill wrote it', () =>
    withTwo(conversion, async ({ shard, asOld, asNew }) => {
      await shard.step('expand');
      await asOld.query('begin isolation level repeatable read');
      await asOld.query('select from t');
      await shard.step('expand');
      await asOld.query(`update t set word = 'late' where id = 1`);
      await asOld.query('commit');
      expect(await reasons(asOld)).toEqual(['40001']);
      await shard.run('expand');
      expect(await reasons(asOld)).toEqual([]);
      expect(await column(asNew, 'select word from t order by id')).toEqual(['late', 'b']);
    }));

  it('is carried by verify, when a snapshot from before the other release wrote it', () =>
    withTwo(conversion, async ({ shard, asOld, asNew }) => {
      await shard.run('expand');
      await asOld.query('begin isolation level serializable');
      await asOld.query('select from t');
      await asNew.query(`update t set note = 'kept' where id = 1`);
      await asOld.query(`update t set word = 'late' where id = 1`);
      await asOld.query('commit');
      expect(await reasons(asOld)).toEqual(['40001']);
      await shard.run('verify');
      expect(await reasons(asOld)).toEqual([]);
      expect(await column(asNew, `select word || note from t where id = 1`)).toEqual(['latekept']);
      await shard.run('contract');
    }));

  it('is carried by verify when the row that it collided with is gone', () =>
    withTwo(
      {
        from: `create table t (id int primary key, code text);`,
        to: `create table t (id int primary key, code text unique);`,
        seed: `insert into t values (1, 'a');`,
      },
      async ({ shard, asOld, asNew }) => {
        await shard.run('expand');
        await asOld.query(`insert into t values (2, 'a')`);
        expect(await reasons(asOld)).toEqual(['23505']);
        await shard.run('verify');
        expect(await reasons(asOld)).toEqual(['23505']);
        await asOld.query(`delete from t where id = 1`);
        await shard.run('verify');
        expect(await reasons(asOld)).toEqual([]);
        expect(await column(asNew, 'select id from t')).toEqual(['2']);
        await shard.run('contract');
      },
    ));

  it('is known by its key in every time zone', () =>
    withTwo(
      {
        from: `create table t (at timestamptz, id int, code text, primary key (at, id));`,
        to: `create table t (at timestamptz, id int, code int, primary key (at, id));`,
        seed: `insert into t values ('2026-01-01', 1, '1');`,
      },
      async ({ shard, asOld, asNew }) => {
        await shard.run('expand');
        await asOld.query(`set timezone = 'Asia/Kolkata'; set datestyle = 'german'`);
        await asOld.query(`insert into t values ('2026-02-02 10:00Z', 2, 'x')`);
        expect(await reasons(asOld)).toEqual(['22P02']);
        await shard.run('verify');
        await asOld.query(`set timezone = 'America/Lima'`);
        await asOld.query(`update t set code = '5' where id = 2`);
        expect(await reasons(asOld)).toEqual([]);
        await shard.run('verify');
        expect(await column(asNew, 'select code from t where id = 2')).toEqual(['5']);
      },
    ));

  const split = {
    from: `create table t (id int primary key, val text, note text);`,
    to: `create table t (id int primary key, val int);
      create table notes (id int primary key references t (id) on delete cascade,
        note text not null);`,
    evolution: `changes:
  - convert_column: { table: t, column: val, up: "val::int", down: "val::text" }
  - split_table: { table: t, into: { t: {}, notes: { when: note is not null } } }
`,
    seed: `insert into t values (1, '1', 'one'), (2, '2', 'two'), (3, 'bad', 'three');`,
  };
  const rows = `select t.id || ':' || coalesce(val::text, '-') || ':' || coalesce(note, '-')
    from t left join notes using (id) order by id`;

  it('is carried as a whole when the value that stood in the way is corrected', () =>
    withTwo(split, async ({ shard, asOld, asNew }) => {
      await shard.run('expand');
      await asOld.query(`update t set val = 'oops', note = 'precious' where id = 2`);
      await asOld.query(`insert into t values (29, 'oops', 'twentynine'), (30, 'oops', null)`);
      expect(await reasons(asOld)).toEqual(['22P02', '22P02', '22P02', '22P02']);
      await asOld.query(`update t set val = '2' where id in (2, 29)`);
      await asOld.query(`update t set val = '3' where id = 3`);
      await asOld.query(`delete from t where id = 30`);
      expect(await reasons(asOld)).toEqual([]);
      expect(await column(asNew, rows)).toEqual([
        '1:1:one',
        '2:2:precious',
        '3:3:three',
        '29:2:twentynine',
      ]);
      await shard.run('verify');
      await shard.run('contract');
      expect(await column(asNew, rows)).toHaveLength(4);
    }));

  it('is so for one expansion: an abort empties quarantine', () =>
    withTwo(split, async ({ shard, asOld, asNew }) => {
      await shard.run('expand');
      await asOld.query(`insert into t values (4, 'bad', 'd')`);
      expect(await reasons(asOld)).toEqual(['22P02', '22P02']);
      await shard.run('abort');
      expect(await reasons(asOld)).toEqual([]);
      await asOld.query(`delete from t where id in (3, 4)`);
      await shard.run('prepare');
      await shard.run('expand');
      await asOld.query(`insert into t values (4, '4', 'd')`);
      await shard.run('verify');
      expect(await reasons(asOld)).toEqual([]);
      expect(await column(asNew, rows)).toEqual(['1:1:one', '2:2:two', '4:4:d']);
      await shard.run('contract');
    }));
});

describe('a value that up cannot convert', () => {
  const crossing = (up: string): Crossing => ({
    from: `create table t (id int primary key, val text, note text);`,
    to: `create table t (id int primary key, val int, note text);`,
    evolution: `changes:
  - convert_column: { table: t, column: val, up: "${up}", down: "val::text" }
`,
    seed: `insert into t values (1, '1', 'one'), (2, 'bad', 'two');`,
  });
  const sqlState = (client: Client, query: string) =>
    client.query(query).then(
      () => null,
      (error: { code?: string }) => error.code,
    );

  it('fails the reads and writes through the lens that touch it, and no others', () =>
    withTwo(crossing('val::int'), async ({ shard, asOld, asNew }) => {
      expect(await sqlState(asNew, 'select * from t')).toBe('22P02');
      expect(await sqlState(asNew, 'select val from t where id = 2')).toBe('22P02');
      expect(await sqlState(asNew, 'select id from t where val = 1')).toBe('22P02');
      expect(await sqlState(asNew, `update t set note = 'x' where id = 2`)).toBe('22P02');
      expect(await sqlState(asNew, 'update t set val = 5 where id = 2')).toBe('22P02');
      expect(await column(asNew, 'select note from t order by id')).toEqual(['one', 'two']);
      expect(await column(asNew, 'select val from t where id = 1')).toEqual(['1']);
      await asNew.query(`update t set note = 'uno' where id = 1`);
      await shard.run('expand');
      expect(await column(asNew, 'select val from t')).toEqual(['1']);
      await asOld.query(`update t set val = '2' where id = 2`);
      expect(await column(asNew, 'select val from t order by id')).toEqual(['1', '2']);
    }));

  it('is null for the new release and stays for the old one, where up is guarded', () =>
    withTwo(
      crossing(`case when val ~ '^[0-9]{1,9}$' then val::int end`),
      async ({ shard, asOld, asNew }) => {
        const both = async () => [
          await column(asNew, 'select val from t order by id'),
          await column(asOld, 'select val from t order by id'),
        ];
        const kept = [
          ['1', null],
          ['1', 'bad'],
        ];
        await asNew.query(`update t set note = 'x'`);
        expect(await both()).toEqual(kept);
        await shard.run('expand');
        await asNew.query(`update t set note = 'y'`);
        expect(await both()).toEqual(kept);
        expect(await reasons(asOld)).toEqual([]);
        await shard.run('verify');
        await asNew.query('update t set val = 7 where id = 2');
        expect(await both()).toEqual([
          ['1', '7'],
          ['1', '7'],
        ]);
      },
    ));
});
