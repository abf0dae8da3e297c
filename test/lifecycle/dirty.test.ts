// Rows of the old release that break a rule of the new one, by the policy that is stated for it.

import { HalflapError } from '@halflap/protocol';
import { describe, expect, it } from 'vitest';
import { type Client, withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { lendLens } from '../evolving/session-lens.js';
import { installShard, NEW_PATH, shardOf } from '../evolving/shard.js';
import { lifecycleCase, newWrite, oldWrite } from './lifecycle-case.js';

describe('a default', () => {
  it('is what the new release reads, and the old one keeps what it has', () =>
    lifecycleCase({
      from: `create domain "load" as numeric(6, 2) check (value >= 0);
        create table hosts (id int primary key, memory text, name varchar(20), cores int,
          "rated at" text, note text);`,
      to: `create domain "load" as numeric(6, 2) check (value >= 0);
        create table hosts (id int primary key, memory bigint not null,
          name varchar(20) not null, cores int, "rated at" "load", note text,
          constraint few check (cores between 1 and 64 and memory >= cores),
          constraint short check (length(note) < 9));`,
      evolution: `changes:
  - convert_column:
      table: hosts
      column: memory
      up: nullif(memory, '')::bigint
      down: memory::text
dirty:
  - default: { table: hosts, column: memory, value: 64 }
  - default: { table: hosts, column: name, value: "'host-' || id" }
  - default: { table: hosts, column: "rated at", value: "0" }
  - default: { table: hosts, constraint: few, values: { cores: 1 } }
  - default: { table: hosts, constraint: short, values: { note: "left(note, 8)" } }
`,
      seed: {
        old: `insert into hosts values (1, '128', 'a', 4, '1.5', 'n'),
          (2, 'much', null, 0, 'low', null),
          (3, '', '', null, '-1', 'much too long'), (4, '9', 'd', 8, null, null);`,
        new: `insert into hosts values (1, 128, 'a', 4, 1.5, 'n'), (2, 64, 'host-2', 1, 0, null),
          (3, 64, '', null, 0, 'much too'), (4, 9, 'd', 8, null, null);`,
      },
      writes: (n) => [
        oldWrite(
          `insert into hosts values (${10 + n}, 'none', null, 99, 'bad', 'long as a note')`,
          `insert into hosts values (${10 + n}, 64, 'host-${10 + n}', 1, 0, 'long as ')`,
        ),
        // What it writes beside leaves what the old release has where it was.
        newWrite(`update hosts set note = 'n${n}' where id = 2`),
        oldWrite(
          `update hosts set memory = '${n}x' where id = 4`,
          `update hosts set memory = 64 where id = 4`,
        ),
        // Nor does a key that it changes.
        newWrite(`update hosts set id = ${70 + n} where id = 4`),
        newWrite(`update hosts set id = 4 where id = ${70 + n}`),
        newWrite(
          `update hosts set memory = ${100 + n}, name = 'b' where id = 3`,
          `update hosts set memory = '${100 + n}', name = 'b' where id = 3`,
        ),
        oldWrite(
          `update hosts set memory = '', name = null, cores = ${n % 3} where id = 3`,
          `update hosts set memory = 64, name = 'host-3', cores = greatest(1, ${n % 3})
             where id = 3`,
        ),
        newWrite(
          `insert into hosts values (${50 + n}, ${n + 9}, 'new', 2, 0.5, null)`,
          `insert into hosts values (${50 + n}, '${n + 9}', 'new', 2, '0.50', null)`,
        ),
        newWrite(`delete from hosts where id = ${10 + n}`),
      ],
      refused: (n) => [
        {
          by: 'new',
          sql: `insert into hosts values (${90 + n}, 5, null, 1, 0, null)`,
          lens: '23502',
          dual: '23502',
        },
        {
          by: 'new',
          sql: `insert into hosts values (${90 + n}, 5, 'a', 0, 0, null)`,
          lens: '23514',
          dual: '23514',
        },
      ],
    }));
});

describe('a default of a part, and of a merged table', () => {
  const rows = `insert into hosts values (1, 'x', '2'), (2, '3', null), (3, '4', '5');
    insert into people values (1, '7'), (2, 'old'), (3, null);
    insert into logins values (1, ''), (2, 'Ann');`;
  const seen = `select array_agg(array[h.id, h.load, s.rank] order by h.id)::text as hosts
    from hosts h left join stays s on s.host_id = h.id
    union all select array_agg(array[id::text, age::text, name] order by id)::text from people`;
  const answer = ['{{1,9,2},{2,3,1},{3,4,5}}', '{{1,7,NULL},{2,0,Ann},{3,NULL,NULL}}'];

  it('is the same through a session lens, through the lens, and in dual', async () => {
    const compiled = await compilePair(
      `create table hosts (id int primary key, load text, rank text);
       create table people (id int primary key, age text);
       create table logins (id int primary key references people (id) on delete cascade,
         name text);`,
      `create table hosts (id int primary key, load int);
       create table stays (host_id int primary key references hosts (id) on delete cascade,
         rank int not null);
       create table people (id int primary key, age int, name text check (name <> ''));`,
      `changes:
  - split_table: { table: hosts, into: { hosts: {}, stays: { key: { host_id: id } } } }
  - merge_tables: { into: people, from: { people: {}, logins: {} } }
  - convert_column: { table: logins, column: name, up: "nullif(name, '')", down: name }
dirty:
  - default: { table: hosts, column: load, value: "9" }
  - default: { table: stays, column: rank, value: "1" }
  - default: { table: people, column: age, value: "0" }
`,
    );
    const shard = await installShard(compiled);
    try {
      await withClient(shard.url, null, async (asOld) => {
        await asOld.query(rows);
        const read = async (client: Client) =>
          (await client.query<{ hosts: string }>(seen)).rows.map((row) => row.hosts);
        await withClient(shard.url, null, async (asNew) => {
          await lendLens(asNew, shard.bundle);
          expect(await read(asNew), 'session lens').toEqual(answer);
        });
        await shard.run('prepare');
        await withClient(shard.url, NEW_PATH, async (asNew) => {
          expect(await read(asNew), 'lens').toEqual(answer);
          await shard.run('expand');
          expect(await read(asNew), 'dual').toEqual(answer);
          await asNew.query(`update stays set rank = 8 where host_id = 2`);
          const { rows: kept } = await asOld.query('select load, rank from hosts order by id');
          expect(kept.map((row) => [row.load, row.rank])).toEqual([
            ['x', '2'],
            ['3', '8'],
            ['4', '5'],
          ]);
        });
      });
    } finally {
      await shard.drop();
    }
  });
});

const OLD = `create table sites (id int primary key);
create table people (id int primary key, email text, age text, born int, site int);
create table logs (note text);`;
const NEW = `create table sites (id int primary key);
create table people (id int primary key, email text, age int, born int not null, site int,
  constraint grown check (born > 1900), constraint one_email unique (email),
  constraint at_site foreign key (site) references sites (id));
create table logs (note text not null);`;
const REFUSING = `dirty:
  - refuse: { table: people, column: age }
  - refuse: { table: people, column: born }
  - refuse: { table: people, constraint: grown }
  - refuse: { table: people, constraint: one_email }
  - refuse: { table: people, constraint: at_site }
  - refuse: { table: logs, column: note }
`;

describe('a refusal', () => {
  it('tells the keys before anything is done, and what comes later is quarantined', async () => {
    const compiled = await compilePair(OLD, NEW, REFUSING);
    const shard = await installShard(compiled);
    const refusal = (verb: 'prepare' | 'expand') =>
      shard.run(verb).then(
        () => [],
        (error: unknown) => {
          if (!(error instanceof HalflapError)) throw error;
          return [error.code, ...(error.detail.evidence ?? [])];
        },
      );
    try {
      await withClient(shard.url, null, async (asOld) => {
        await asOld.query(`insert into sites values (1); insert into logs values (null);
          insert into people values (1, 'a', '1', 2000, 1), (2, 'b', 'old', 2000, 1),
            (3, 'c', '3', null, null), (4, 'd', '4', 1800, null), (5, 'a', '5', 2000, 9)`);
        expect(await refusal('prepare')).toEqual([
          'DIRTY_ROWS',
          'people (id=2): column people.age: invalid input syntax for type integer: "old"',
          'people (id=3): column people.born: it has none',
          'people (id=4): constraint grown of people: it breaks the check',
          'people (id=1): constraint one_email of people: another row has the same',
          'people (id=5): constraint one_email of people: another row has the same',
          'people (id=5): constraint at_site of people: it refers to nothing',
          'logs (without a key): column logs.note: it has none',
        ]);
        await asOld.query(
          `delete from logs; update people set email = id, age = id, born = 2000, site = 1`,
        );
        await shard.run('prepare');
        await asOld.query(`update people set age = 'none' where id = 3`);
        expect(await refusal('expand')).toHaveLength(2);
        await asOld.query(`update people set age = 3 where id = 3`);
        await shard.run('expand');
        await asOld.query(`update people set age = 'none' where id = 3`);
        const { rows } = await asOld.query(`select key->>'id' as id from halflap.quarantine`);
        expect(rows).toEqual([{ id: '3' }]);
        await asOld.query(`update people set age = 3 where id = 3`);
      });
      await withClient(shard.url, NEW_PATH, async (asNew) => {
        expect((await asNew.query('select from people')).rowCount).toBe(5);
      });
      await shard.run('contract');
    } finally {
      await shard.drop();
    }
  });

  it('leaves a shard for which another bundle may begin', async () => {
    const [first, second] = [
      await compilePair(OLD, NEW, REFUSING),
      await compilePair(OLD, NEW, 'changes: []\n'),
    ];
    const shard = await installShard(first);
    try {
      await withClient(shard.url, null, (asOld) =>
        asOld.query(`insert into people (id, age, born) values (1, 'x', 2000)`),
      );
      await expect(shard.run('prepare')).rejects.toMatchObject({ code: 'DIRTY_ROWS' });
      const corrected = shardOf(shard.url, second.bundle, async () => {});
      await corrected.run('prepare');
    } finally {
      await shard.drop();
    }
  });
});
