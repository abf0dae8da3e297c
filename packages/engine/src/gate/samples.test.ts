import { describe, expect, it } from 'vitest';
import { withSession } from '../pg.js';
import { introspect } from '../release/introspect.js';
import { withDatabase } from '../testing/index.js';
import { insertSamples } from './samples.js';

/** How many rows each table gets, and the rows of a query afterwards. */
function sampled(schema: string, query = 'select 1') {
  return withDatabase((url) =>
    withSession(url, 'test', async (session) => {
      await session.query(schema);
      const counts = await insertSamples(session, await introspect(session, 'public'));
      return { counts: Object.fromEntries(counts), rows: await session.query(query) };
    }),
  );
}

describe('insertSamples', () => {
  it('gives one row with everything and one with as little as it takes', async () => {
    const { counts, rows } = await sampled(
      `create table t (
        id int generated always as identity primary key,
        a text, b int default 7, c bool not null, d int generated always as (b + 1) stored
      )`,
      'select a, b, c, d from t order by id',
    );
    expect(counts).toEqual({ t: 2 });
    expect(rows).toEqual([
      { a: 'a', b: 1, c: true, d: 2 },
      { a: null, b: 7, c: true, d: 8 },
    ]);
  });

  it('knows the common types, enums and arrays', async () => {
    const { counts } = await sampled(`
      create type mood as enum ('ok', 'sad');
      create table t (
        a smallint not null, b bigint not null, c numeric(10, 2) not null, d real not null,
        e double precision not null, f varchar(3) not null, g char(1) not null,
        h date not null, i timestamptz not null, j time not null, k interval not null,
        l uuid not null, m json not null, n jsonb not null, o bytea not null,
        p inet not null, q cidr not null, r mood not null, s text[] not null
      )`);
    expect(counts).toEqual({ t: 2 });
  });

  it('fills referenced tables first', async () => {
    const { counts } = await sampled(`
      create table a (id int primary key);
      create table b (id int primary key references a);
      alter table a add b int references b deferrable;`);
    expect(counts.a).toBeGreaterThan(0);
    expect(counts.b).toBeGreaterThan(0);
  });

  it('leaves out what the table’s own rules refuse, and says how many are there', async () => {
    const { counts } = await sampled(`
      create table strict (id int primary key check (id > 1000));
      create table odd (id int primary key, place point not null);`);
    expect(counts).toEqual({ strict: 0, odd: 0 });
  });
});
