// Drift in words, and the fingerprint that says whether there is any.

import { beforeAll, describe, expect, it } from 'vitest';
import { withSession } from '../pg.js';
import { withDatabase } from '../testing/index.js';
import type { Catalog } from './catalog.js';
import { differences, settingDifferences } from './compare.js';
import { fingerprint } from './fingerprint.js';
import { introspect } from './introspect.js';

const RELEASE = `
create type mood as enum ('sad', 'ok');
create table owners (id int primary key, name text unique);
create table hosts (
  id int primary key,
  owner varchar(40) not null,
  seen timestamptz default now(),
  owner_id int references owners on delete cascade,
  check (id > 0)
);
create index hosts_by_owner on hosts (owner);
create table moods (mood varchar(9) check (mood in ('sad', 'isn''t')), since date);
create index sad_moods on moods (since) where mood not in ('ok', 'fine');
create view live as select h.id, o.name from hosts h join owners o on o.id = h.owner_id;
`;

function catalogAfter(change: string): Promise<Catalog> {
  return withDatabase((url) =>
    withSession(url, 'test', async (session) => {
      await session.query(RELEASE);
      await session.query(change);
      return introspect(session, 'public');
    }),
  );
}

const CHECK = "(select oid from pg_constraint where conname = 'moods_mood_check')";

describe('differences', () => {
  let release: Catalog;

  beforeAll(async () => {
    release = await catalogAfter('select 1');
  });

  it('takes what PostgreSQL printed and read again for the same', async () => {
    const again = await catalogAfter(
      `do $$
      declare
        checks text := pg_get_constraintdef('moods_mood_check'::regconstraint);
        index text := pg_get_indexdef('sad_moods'::regclass);
      begin
        execute 'alter table moods drop constraint moods_mood_check, add ' || checks;
        drop index sad_moods;
        execute index;
        if checks = pg_get_constraintdef('moods_mood_check'::regconstraint) then
          raise 'PostgreSQL prints it as it was';
        end if;
      end $$`.replaceAll(/'moods_mood_check'::regconstraint/g, CHECK),
    );
    expect(differences(release, again)).toEqual([]);
  });

  it.each([
    [
      'alter table hosts alter owner type text',
      'table hosts: column owner is text, release 1.0 has character varying(40)',
    ],
    [
      'alter table hosts alter owner drop not null',
      'table hosts: nullability of column owner is null, release 1.0 has not null',
    ],
    [
      'alter table hosts alter seen drop default',
      'table hosts: default of column seen is none, release 1.0 has now()',
    ],
    [
      'alter table hosts alter id add generated always as identity',
      'table hosts: identity of column id is always, release 1.0 has none',
    ],
    [
      'drop index hosts_by_owner',
      'table hosts: index hosts_by_owner is missing, release 1.0 has it',
    ],
    [
      'drop index hosts_by_owner; create unique index hosts_by_owner on hosts (owner, id)',
      'table hosts: index hosts_by_owner is unique btree (owner, id), ' +
        'release 1.0 has btree (owner)',
    ],
    [
      'alter table hosts add extra int',
      'table hosts: column extra is there, release 1.0 has none of that name',
    ],
    [
      'alter table hosts drop constraint hosts_id_check',
      'table hosts: check hosts_id_check is missing, release 1.0 has it',
    ],
    [
      'alter table hosts drop constraint hosts_owner_id_fkey, ' +
        'add constraint hosts_owner_id_fkey foreign key (owner_id) references owners deferrable',
      'table hosts: foreign key hosts_owner_id_fkey is (owner_id) references owners (id) ' +
        'on delete no action on update no action deferrable immediate, ' +
        'release 1.0 has (owner_id) references owners (id) ' +
        'on delete cascade on update no action',
    ],
    [
      'alter table hosts enable row level security',
      'row security of table hosts is on, release 1.0 has off',
    ],
    [
      'alter table hosts enable row level security, force row level security',
      'row security of table hosts is on, for the owner too, release 1.0 has off',
    ],
    [
      'alter table hosts drop seen, add seen timestamptz default now()',
      'table hosts: order of columns is id, owner, owner_id, seen, ' +
        'release 1.0 has id, owner, seen, owner_id',
    ],
    [
      "alter type mood add value 'happy'",
      "enum mood is 'sad', 'ok', 'happy', release 1.0 has 'sad', 'ok'",
    ],
    ['drop view live', 'view live is missing, release 1.0 has it'],
    [
      'drop table hosts cascade; create view live as select 1',
      'table hosts is missing, release 1.0 has it',
    ],
  ])('says what %s has changed', async (change, text) => {
    const found = await catalogAfter(change);
    const texts = differences(release, found, 'release 1.0').map((difference) => difference.text);
    expect(texts[0]).toBe(text);
    expect(texts.filter((one) => !one.startsWith('view live is defined'))).toContain(text);
    expect(fingerprint(found)).not.toBe(fingerprint(release));
  });

  it('tells a table that nobody expected apart, in one line', async () => {
    const found = await catalogAfter(
      'create table mine (id serial primary key); create view my_view as select 1 as one',
    );
    expect(differences(release, found)).toMatchObject([
      { kind: 'extra table', table: 'mine', expected: null },
      { kind: 'extra object', table: null, object: 'view my_view' },
    ]);
  });

  it('finds none between equals, and tells comments and what is tuned apart', async () => {
    const found = await catalogAfter(
      "comment on table hosts is 'x'; comment on column hosts.id is 'y';" +
        'alter table hosts set (fillfactor = 70); alter table hosts alter id set statistics 0;' +
        'create statistics mine (mcv) on id, owner from hosts',
    );
    expect(differences(release, found)).toEqual([]);
    expect(fingerprint(found)).toBe(fingerprint(release));
    expect(settingDifferences(release, found, 'release 1.0')).toEqual([
      'table hosts: comment is x, release 1.0 has none',
      'table hosts: comment of column id is y, release 1.0 has none',
      'table hosts: statistics target of column id is 0, release 1.0 has none',
      'table hosts: definition of statistics mine is (mcv) on id, owner, release 1.0 has none',
      'table hosts: option fillfactor is 70, release 1.0 has none',
    ]);
  });
});

describe('fingerprint', () => {
  it('does not depend on the order of keys', () => {
    const one: Catalog = {
      tables: [],
      partitions: [],
      sequences: [],
      enums: [],
      domains: [],
      others: [],
    };
    const other: Catalog = {
      others: [],
      domains: [],
      enums: [],
      sequences: [],
      partitions: [],
      tables: [],
    };
    expect(fingerprint(one)).toBe(fingerprint(other));
    expect(fingerprint(one)).toMatch(/^[0-9a-f]{64}$/);
  });
});
