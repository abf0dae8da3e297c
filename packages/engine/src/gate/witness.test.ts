// What a witness tells of statements whose effects are known: so that none of them is missed where
// the compiler happens to make no such statement.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, type Session } from '../pg.js';
import { type FreshDatabase, freshDatabase } from '../testing/index.js';
import { openWitness, type Scene } from './witness.js';

const SCENE: Scene = {
  floorSchemas: ['public'],
  floorTables: new Set(['hosts', 'sites']),
  asideSchemas: ['aside'],
  workSchema: 'work',
};

let database: FreshDatabase;
let session: Session;
beforeAll(async () => {
  database = await freshDatabase();
  session = await connect(database.url, 'test');
  await session.query(`
    create schema aside; create schema work; create table aside.t (a int);
    create table work.goes (a int); create table work.stays (a int);
    create table sites (code text primary key);
    create table hosts (id serial primary key, site text references sites, load int, note text);
    create index hosts_load on hosts (load); create materialized view public.copy as select 1;
    insert into sites values ('x'); insert into hosts (site, load) values ('x', 1)`);
});
afterAll(async () => {
  await session.end();
  await database.drop();
});

/** What statements do together; nothing of it stays. */
async function told(...statements: readonly string[]) {
  await session.query('begin');
  const witness = await openWitness(session, SCENE);
  for (const one of statements) {
    await session.query(one);
    await witness.look();
  }
  const all = witness.tell();
  await session.query('rollback');
  return all.map(({ locks, rewrites, reads }) => ({
    locks: locks.map((lock) => `${lock.mode} ${lock.relation}${lock.isUsed ? '' : ' unused'}`),
    rewrites,
    reads,
  }));
}

describe('a witness', () => {
  it.each([
    ['alter table hosts alter load type bigint', ['hosts']],
    ['alter table hosts add at timestamptz default clock_timestamp()', ['hosts']],
    ['refresh materialized view public.copy', ['public.copy']],
    ['alter table hosts add at timestamptz default now()', []],
    ['alter table hosts add level int not null default 5', []],
    ['alter table hosts drop column note', []],
  ])('sees whether a table is rewritten: %s', async (statement, rewrites) => {
    const [effects] = await told(statement);
    expect(effects?.rewrites).toEqual(rewrites);
    expect(effects?.locks[0]).toMatch(/^ACCESS EXCLUSIVE/);
  });

  it.each([
    ['alter table hosts add check (load > 0)', ['hosts']],
    ['alter table hosts alter load set not null', ['hosts']],
    ['create index again on hosts (note)', ['hosts']],
    ['alter table hosts add foreign key (site) references sites', ['hosts', 'sites']],
    ['alter table hosts add check (load > 0) not valid', []],
    ['alter table hosts add foreign key (site) references sites not valid', []],
  ])('sees what is read from end to end: %s', async (statement, reads) => {
    expect((await told(statement))[0]?.reads).toEqual(reads);
  });

  it('names an index by its table, and both tables of a foreign key', async () => {
    const key = 'alter table hosts add foreign key (site) references sites not valid';
    expect(await told('alter index hosts_load rename to other', key)).toMatchObject([
      { locks: ['SHARE UPDATE EXCLUSIVE hosts'] },
      { locks: ['SHARE ROW EXCLUSIVE hosts', 'SHARE ROW EXCLUSIVE sites'] },
    ]);
  });

  it('tells a lock once, where it is taken first, and again where it grows', async () => {
    const lock = (mode: string) => `lock table hosts in ${mode} mode`;
    expect(
      (await told(lock('share'), lock('share'), lock('access exclusive'))).map((one) => one.locks),
    ).toEqual([['SHARE hosts'], [], ['ACCESS EXCLUSIVE hosts']]);
  });

  it('tells nothing of what the transaction has made itself', async () => {
    expect(
      (await told('create table own (a int)', 'alter table own add b int')).map((one) => one.locks),
    ).toEqual([[], []]);
  });

  it('knows what nobody can find any more', async () => {
    const [effects] = await told('drop table aside.t, work.goes; alter table work.stays add b int');
    expect(effects?.locks).toEqual([
      'ACCESS EXCLUSIVE aside.t unused',
      'ACCESS EXCLUSIVE work.goes unused',
      'ACCESS EXCLUSIVE work.stays',
    ]);
  });
});
