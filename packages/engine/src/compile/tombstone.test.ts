import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connect, type Session, sqlStateOf } from '../pg.js';
import type { Table } from '../release/catalog.js';
import { loadParser } from '../release/expression.js';
import { introspect } from '../release/introspect.js';
import { writeStateSchema } from '../shard/state.js';
import { name } from '../sql.js';
import { type FreshDatabase, freshDatabase } from '../testing/index.js';
import type { Statement } from './bundle.js';
import { placesOf } from './places.js';
import { dropTombstones, type Fence, tombstone } from './tombstone.js';

const PLACES = placesOf('shop', '1.0', '2.0');
const FENCE: Fence = { release: '1.0', successor: '2.0', goneTypes: new Set(['mood']) };

let database: FreshDatabase;
let session: Session;
let table: Table;

const runAll = async (statements: readonly Statement[]) => {
  for (const one of statements) await session.query(one.sql);
};
const answer = (sql: string) => session.query(sql).catch((error: unknown) => error);

beforeAll(async () => {
  await loadParser();
  database = await freshDatabase();
  session = await connect(database.url, 'test');
  await writeStateSchema(session);
  await session.query(`
    create schema shape;
    create type shape.mood as enum ('ok');
    create table shape.hosts (id int primary key, name text not null, mood shape.mood);
  `);
  const catalog = await introspect(session, 'shape');
  table = catalog.tables[0] as Table;
  await session.query('drop schema shape cascade; create schema fenced;');
  await runAll(tombstone(table, name('fenced', 'hosts'), FENCE, PLACES));
});
afterAll(async () => {
  await session.end();
  await database.drop();
});

describe('a tombstone', () => {
  it.each([
    ['select', 'select * from fenced.hosts'],
    ['select of one column', 'select name from fenced.hosts limit 1'],
    ['select with a condition', 'select * from fenced.hosts where id = 1'],
    [
      'select with a condition that no row of nulls meets',
      'select 1 from fenced.hosts where id > 0',
    ],
    ['count', 'select count(*) from fenced.hosts'],
    ['exists', 'select exists (select from fenced.hosts where id = 1)'],
    ['insert', "insert into fenced.hosts (id, name) values (1, 'a')"],
    ['insert of nothing', 'insert into fenced.hosts (id, name) select 1, null where false'],
    ['update', "update fenced.hosts set name = 'b'"],
    ['update of one row', "update fenced.hosts set name = 'b' where id = 1"],
    ['delete', 'delete from fenced.hosts'],
    ['delete of one row', 'delete from fenced.hosts where id = 1 returning *'],
    ['copy out', 'copy (select * from fenced.hosts) to stdout'],
  ])('answers %s with HL002', async (_, statement) => {
    const error = await answer(statement);
    expect(sqlStateOf(error)).toBe('HL002');
    expect((error as Error).message).toBe(
      'release 1.0 is not served on this shard: hosts belongs to release 2.0',
    );
  });

  it('answers copy in', async () => {
    // The driver cannot stream rows; a program that gives none shows that not even those are asked.
    const error = await answer("copy fenced.hosts from program 'true'");
    expect(sqlStateOf(error)).toBe('HL002');
  });

  it('has the columns of the table, with text for a type that is gone', async () => {
    const columns = await session.query(`
      select column_name as name, data_type as type from information_schema.columns
      where table_schema = 'fenced' and table_name = 'hosts' order by ordinal_position`);
    expect(columns).toEqual([
      { name: 'id', type: 'integer' },
      { name: 'name', type: 'text' },
      { name: 'mood', type: 'text' },
    ]);
  });

  it('refuses a role without rights in the same words', async () => {
    const role = `halflap_test_${process.pid}`;
    await session.query(`create role ${role}; grant usage on schema fenced to ${role}`);
    try {
      await session.query(`set role ${role}`);
      expect(sqlStateOf(await answer('select * from fenced.hosts'))).toBe('HL002');
    } finally {
      await session.query(`reset role; drop owned by ${role}; drop role ${role}`);
    }
  });
});

describe('dropTombstones', () => {
  const run = () => answer(dropTombstones('release').sql);
  afterEach(() => session.query('drop schema if exists release cascade'));

  const isThere = async () =>
    (await session.query("select from pg_namespace where nspname = 'release'")).length > 0;

  it('removes a schema that holds tombstones alone', async () => {
    await session.query('create schema release');
    await runAll(tombstone(table, name('release', 'hosts'), FENCE, PLACES));
    expect(await run()).toEqual([]);
    expect(await isThere()).toBe(false);
  });

  it('does nothing where there is no such schema', async () => {
    expect(await run()).toEqual([]);
  });

  it.each([
    ['a table', 'create table release.mine (id int)'],
    [
      'a table with a comment',
      "create table release.mine (); comment on table release.mine is 'x'",
    ],
    ['a view', 'create view release.mine as select 1 as one'],
    ['a sequence', 'create sequence release.mine'],
    ['a type', 'create type release.mine as (a int)'],
    ['an enum', "create type release.mine as enum ('a')"],
    ['a function', 'create function release.mine() returns int language sql as $$ select 1 $$'],
  ])('refuses a schema that holds %s of somebody else, and keeps it', async (_, made) => {
    await session.query('create schema release');
    await runAll(tombstone(table, name('release', 'hosts'), FENCE, PLACES));
    await session.query(made);
    expect(sqlStateOf(await run())).toBe('42P06');
    expect(await isThere()).toBe(true);
  });
});
