import { describe, expect, it } from 'vitest';
import { withSession } from '../pg.js';
import { introspect } from '../release/introspect.js';
import { withDatabase } from '../testing/index.js';
import { insertSamples } from './samples.js';

/** What is left untried, and the rows of a query afterwards. */
function sampled(schema: string, query = 'select 1') {
  return withDatabase((url) =>
    withSession(url, 'test', async (session) => {
      await session.query(schema);
      const { untried } = await insertSamples(session, await introspect(session, 'public'));
      return { untried, rows: await session.query(query) };
    }),
  );
}

describe('insertSamples', () => {
  it('gives one row with as little as it takes, and some with everything', async () => {
    const { untried, rows } = await sampled(
      `create table t (
        id int generated always as identity primary key,
        a text, b int default 7, c bool not null, d int generated always as (b + 1) stored
      )`,
      'select a, b, c, d from t order by id',
    );
    expect(untried).toEqual([]);
    expect(rows).toEqual([
      { a: null, b: 7, c: true, d: 8 },
      { a: 'a', b: 1, c: true, d: 2 },
      { a: '{}', b: 2, c: false, d: 3 },
      { a: '1', b: 0, c: true, d: 1 },
    ]);
  });

  it.each(
    `smallint; bigint; numeric(10, 2); numeric(2, 2); real; double precision; money;
    boolean; text; varchar(3); varchar(1); char(1); char(20); "char"; name; bit; bit(3);
    bit varying(5); bytea; date; time; time(3); timetz; timestamp; timestamptz(0);
    interval; uuid; json; jsonb; jsonpath; xml; inet; cidr; macaddr; macaddr8; int4range;
    numrange; tstzrange; daterange; int4multirange; point; line; lseg; box; path; polygon;
    circle; tsvector; tsquery; pg_lsn; oid; regclass; text[]; int[][]; varchar(2)[]; mood;
    mood[]; "Odd Mood"; pair; pair[]; span; email; email[]; code; mooded; pairs;
    "Odd Domain"; amounts; few; outer_code`
      .split(/;\s+/)
      .map((type) => [type]),
  )('has a value of type %s', async (type) => {
    const { untried } = await sampled(`
      create type mood as enum ('ok', 'sad');
      create type "Odd Mood" as enum ('ok; fine');
      create type pair as (one int, two text);
      create type span as range (subtype = text);
      create domain email as text check (value ~ '^[^@]+@[^@]+$');
      create domain code as varchar(12) not null check (length(value) = 8);
      create domain mooded as mood check (value <> 'ok');
      create domain pairs as pair;
      create domain "Odd Domain" as email check (length(value) > 3);
      create domain amounts as numeric(10, 2)[];
      create domain few as integer check (value in (100, 200));
      create domain inner_code as text check (value in ('x1', 'x2'));
      create domain outer_code as inner_code;
      create table t (it ${type} not null, perhaps ${type});`);
    expect(untried).toEqual([]);
  });

  it('looks for values that rules of the table take', async () => {
    const { untried, rows } = await sampled(
      `create table t (
        id int primary key check (id > 1000),
        state text not null check (state in ('it''s new', 'done')),
        kind text not null,
        size int not null,
        code text unique check (length(code) between 7 and 9),
        parts int[] check (cardinality(parts) > 0),
        check (kind = 'small' and size < 10 or kind = 'large' and size > 500)
      )`,
      "select distinct state from t where id > 1000 and state <> 'done'",
    );
    expect(untried).toEqual([]);
    expect(rows).toEqual([{ state: "it's new" }]);
  });

  it('refers to rows that are there, in a circle and to its own table too', async () => {
    const { untried, rows } = await sampled(
      `create table a (id int primary key check (id > 50));
      create table b (id int primary key references a, other int unique, unique (id, other));
      alter table a add b int references b deferrable, add above int references a;
      create table c (
        b int not null, other int not null, foreign key (b, other) references b (id, other)
      );
      create table d (id int primary key, self int not null references d);`,
      'select from c',
    );
    expect(untried).toEqual([]);
    expect(rows.length).toBeGreaterThan(0);
  });

  it('says what is left, and why', async () => {
    const { untried } = await sampled(`
      create domain never as int check (value * 2 = 7);
      create table strict (id int primary key, check (md5(id::text) = 'x'));
      create table odd (id never primary key);
      create table after (
        id int primary key, strict int references strict, note never, name text
      );`);
    expect(untried).toMatchObject([
      { table: 'strict', columns: [], reason: expect.stringContaining('violates check') },
      {
        table: 'after',
        columns: ['strict', 'note'],
        reason: expect.stringContaining('no value for strict, note: no sample fits'),
      },
      { table: 'odd', columns: [], reason: expect.stringContaining('no value for id') },
    ]);
  });
});
