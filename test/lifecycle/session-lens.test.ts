// Each kind of change through a session lens, on a shard that nobody has prepared: what the new
// release sees and writes, what the old one sees of it, and what is refused because the old layout
// cannot hold it. Random changes and statements are in test/oracle.

import { describe, expect, it } from 'vitest';
import { unlikeFresh } from '../evolving/catalogue.js';
import { type Compiled, compileLine } from '../evolving/releases.js';
import { installShard, shardOf } from '../evolving/shard.js';
import { closing, lines, refusal, sides, sidesOf } from './session-sides.js';

describe('a table and a column that are renamed', () => {
  it('are the old ones under new names, with every form of statement', async () => {
    const { old, new: fresh } = await sides(
      'create table owners (id serial primary key, mail text not null unique, gone int);',
      'create table teams (id serial primary key, address text not null unique);',
      `changes:
  - rename_table: { table: owners, to: teams }
  - rename_column: { table: owners, column: mail, to: address }
  - drop_column: { table: owners, column: gone, down: "7" }
`,
      "insert into owners (mail, gone) values ('a@x', 1);",
    );
    await fresh.query(
      `insert into teams (address) values ('b@x'), ('a@x')
       on conflict (address) do update set address = 'c@x'`,
    );
    await fresh.query('select from teams where id = 1 for update');
    expect(await lines(fresh, 'select * from teams order by id')).toEqual(['1|c@x', '2|b@x']);
    expect(await lines(old, 'select * from owners order by id')).toEqual(['1|c@x|1', '2|b@x|7']);
    expect(await refusal(fresh, "insert into teams (address) values ('b@x')")).toMatch(/^23505 /);
  });
});

describe('columns that only the new release has', () => {
  const FROM = `create table hosts (id int primary key, name text not null);
    create table log (line text);`;
  const TO = `create type mood as enum ('calm', 'busy');
    create table hosts (id int primary key, name text not null, mood mood not null default 'calm',
      note text, seen timestamptz not null default now(), check (note <> 'bad'));
    create table log (line text, level int not null default 3);`;

  it('hold their defaults, take these when written, and refuse all else', async () => {
    const { old, new: fresh } = await sides(
      FROM,
      TO.replace(', seen timestamptz not null default now()', ''),
      null,
      "insert into hosts values (1, 'a');",
    );
    await fresh.query("insert into hosts values (2, 'b', 'calm', null)");
    await fresh.query("insert into hosts (id, name) values (3, 'c')");
    await fresh.query("update hosts set name = upper(name), mood = 'calm' where id < 3");
    await fresh.query('delete from hosts where id = 3');
    const seen = await lines(fresh, 'select id, name, mood, note is null from hosts order by id');
    expect(seen).toEqual(['1|A|calm|t', '2|B|calm|t']);
    expect(await lines(old, 'select * from hosts order by id')).toEqual(['1|A', '2|B']);
    const cannot = 'HL001 release 1.0 of this shard cannot hold column';
    expect(await refusal(fresh, "update hosts set mood = 'busy'")).toBe(
      `${cannot} "mood" of hosts`,
    );
    expect(await refusal(fresh, "insert into hosts (id, name, note) values (4, 'd', 'x')")).toBe(
      `${cannot} "note" of hosts`,
    );
    expect(await refusal(fresh, "update hosts set note = 'bad'")).toMatch(/^23514 /);
    expect(await refusal(fresh, 'update hosts set mood = null')).toMatch(/^23502 /);
    expect(await lines(old, 'select * from hosts order by id')).toEqual(['1|A', '2|B']);
  });

  it('refuse every new row where a default has another value each time', async () => {
    const { new: fresh } = await sides(FROM, TO, null, "insert into hosts values (1, 'a');");
    await fresh.query("update hosts set name = 'b'");
    expect(await lines(fresh, 'select name, seen = now() from hosts')).toEqual(['b|t']);
    expect(await refusal(fresh, "insert into hosts (id, name) values (2, 'x')")).toBe(
      'HL001 release 1.0 of this shard cannot hold column "seen" of hosts',
    );
    await fresh.query('delete from hosts');
  });

  it('leave the rest to what the table does by itself', async () => {
    const own = `id bigint generated always as identity primary key, name text not null,
      length int generated always as (char_length(name)) stored, changed int not null default 0`;
    const touch = `create function touch() returns trigger language plpgsql as
        $$ begin new.changed := coalesce(old.changed, 0) + 1; new.name := lower(new.name);
          return new; end $$;`;
    const by =
      'create trigger touch before insert or update on t for each row execute function touch();';
    const skip = `create function skip() returns trigger language plpgsql as
        $$ begin if new.name = 'none' then return null; end if; return new; end $$;
      create trigger a_skip before insert on t for each row execute function skip();`;
    const { old, new: fresh } = await sides(
      `${touch} create table t (${own}); ${by} ${skip}`,
      `${touch} create table t (${own}, note text default 'x'); ${by} ${skip}`,
      null,
      "insert into t (name) values ('A');",
    );
    const made = "insert into t (name) values ('BB') returning *";
    expect(await lines(fresh, made)).toEqual(['2|bb|2|1|x']);
    const changed = "update t set name = 'CCC', note = 'x' where id = 2 returning *";
    expect(await lines(fresh, changed)).toEqual(['2|ccc|3|2|x']);
    expect((await fresh.query("insert into t (name) values ('none')")).rowCount).toBe(0);
    expect(await refusal(fresh, "insert into t (name, note) values ('d', 'y')")).toMatch(/^HL001 /);
    expect(await refusal(fresh, "update t set note = 'y'")).toMatch(/^HL001 /);
    expect(await lines(old, 'select * from t order by id')).toEqual(['1|a|1|1', '2|ccc|3|2']);
  });

  it('leave a table without a key to be read only', async () => {
    const { old, new: fresh } = await sides(FROM, TO, null, "insert into log values ('x');");
    expect(await lines(fresh, 'select * from log')).toEqual(['x|3']);
    for (const write of [
      "insert into log values ('y')",
      "update log set line = 'y'",
      'delete from log',
    ]) {
      expect(await refusal(fresh, write)).toBe(
        'HL003 log can only be read on a shard that is not prepared',
      );
    }
    expect(await lines(old, 'select * from log')).toEqual(['x']);
  });

  it('hide a row that breaks a rule of the new release, as a prepared shard does', async () => {
    const { old, new: fresh } = await sides(
      'create table t (id int primary key, v int);',
      'create table t (id int primary key, v int not null check (v < 9), w int default 1);',
      null,
      'insert into t values (1, 1), (2, null), (3, 10);',
    );
    expect(await lines(fresh, 'select * from t')).toEqual(['1|1|1']);
    await fresh.query('update t set v = v + 1');
    expect(await refusal(fresh, 'update t set v = 9')).toMatch(/^23514 /);
    expect(await lines(old, 'select * from t order by id')).toEqual(['1|2', '2|', '3|10']);
  });
});

describe('tables that only one release has', () => {
  it('are empty and take no row, or stay as they are', async () => {
    const { old, new: fresh } = await sides(
      'create table gone (id int primary key); create table a (id int primary key);',
      `create table a (id int primary key);
       create table notes (id bigserial primary key, a int references a, word text collate "C");`,
      null,
      'insert into gone values (1); insert into a values (1);',
    );
    expect(await lines(fresh, 'select * from notes')).toEqual([]);
    expect((await fresh.query('update notes set word = word')).rowCount).toBe(0);
    expect((await fresh.query('delete from notes')).rowCount).toBe(0);
    expect(await refusal(fresh, "insert into notes (a, word) values (1, 'x')")).toBe(
      'HL001 release 1.0 of this shard cannot hold rows of notes',
    );
    await fresh.query('insert into a values (2)');
    expect(await lines(old, 'select * from a order by id')).toEqual(['1', '2']);
  });

  it('may have the name of another in the other release', async () => {
    const { old, new: fresh } = await sides(
      'create table jobs (id int primary key, what text);',
      'create table tasks (id int primary key, what text); create table jobs (no int primary key);',
      'changes:\n  - rename_table: { table: jobs, to: tasks }\n',
      "insert into jobs values (1, 'x');",
    );
    expect(await lines(fresh, 'select * from tasks')).toEqual(['1|x']);
    expect(await lines(fresh, 'select * from jobs')).toEqual([]);
    expect(await refusal(fresh, 'insert into jobs values (1)')).toMatch(/^HL001 /);
    await fresh.query("update tasks set what = 'y'");
    expect(await lines(old, 'select * from jobs')).toEqual(['1|y']);
  });
});

describe('columns that are converted', () => {
  it('are computed from the old ones, and take what comes back', async () => {
    const { old, new: fresh } = await sides(
      'create table t (id int generated always as identity primary key, mb int, s varchar(3));',
      `create table t (id int generated always as identity primary key, bytes bigint,
        s varchar(2));`,
      `changes:
  - convert_column: { table: t, column: mb, to: bytes, up: "mb::bigint * 1024",
      down: "(bytes / 1024)::int" }
  - convert_column: { table: t, column: s, to: s, up: "left(s, 2)", down: "s" }
`,
      "insert into t (mb, s) values (1, 'ab');",
    );
    const { rows } = await fresh.query('insert into t (bytes) values (2048) returning *');
    expect(rows).toEqual([{ id: '2', bytes: '2048', s: null }]);
    await fresh.query("update t set bytes = bytes * 2, s = 'x' where id = 1");
    expect(await lines(old, 'select * from t order by id')).toEqual(['1|2|x', '2|2|']);
    expect(await refusal(fresh, 'update t set bytes = 1000 where id = 1')).toBe(
      'HL001 release 1.0 of this shard cannot hold this row of t',
    );
    await old.query("insert into t (mb, s) values (9, 'xyz')");
    expect(await lines(fresh, 'select * from t order by id')).toEqual([
      '1|2048|x',
      '2|2048|',
      '3|9216|xy',
    ]);
  });
});

describe('a table that is split', () => {
  const FROM = `create table hosts (id serial primary key, name text not null unique,
    seen date, status text not null default 'new');`;
  const TO = `create table hosts (id serial primary key, name text not null unique);
    create table seen (host int primary key references hosts on delete cascade, seen date not null);
    create table status (host int primary key references hosts on delete cascade,
      status text not null default 'new');`;
  const CHANGES = `changes:
  - split_table:
      table: hosts
      into:
        hosts: {}
        seen: { key: { host: id }, when: seen is not null }
        status: { key: { host: id } }
`;
  const ROWS = "insert into hosts (name, seen) values ('a', '2026-01-01'), ('b', null);";

  it('is written part by part', async () => {
    const { old, new: fresh } = await sides(FROM, TO, CHANGES, ROWS);
    await fresh.query("insert into seen values (2, '2026-02-02')");
    await fresh.query("update status set status = 'ok' where host = 1");
    await fresh.query('delete from seen where host = 1');
    await fresh.query('begin');
    await fresh.query("insert into hosts (name) values ('c') returning id");
    expect(await lines(fresh, 'select host from status order by host')).toEqual(['1', '2']);
    await fresh.query("insert into status values (3, 'up')");
    await fresh.query('commit');
    expect(await lines(old, 'select * from hosts order by id')).toEqual([
      '1|a||ok',
      '2|b|2026-02-02|new',
      '3|c||up',
    ]);
    await fresh.query('delete from hosts where id < 3');
    expect(await lines(old, 'select name from hosts')).toEqual(['c']);
    expect(await lines(fresh, 'select host from status')).toEqual(['3']);
  });

  it('refuses at commit what lacks a row that the old one implies', async () => {
    const { old, new: fresh } = await sides(FROM, TO, CHANGES, ROWS);
    const cannot =
      'HL001 release 1.0 of this shard cannot hold a row of hosts without one of status';
    expect(await refusal(fresh, "insert into hosts (name) values ('c')")).toBe(cannot);
    await fresh.query('begin');
    await fresh.query('delete from status where host = 1');
    expect(await lines(fresh, 'select host from status')).toEqual(['2']);
    const failed = await fresh.query('commit').catch((error: unknown) => error);
    expect(failed).toMatchObject({
      code: 'HL001',
      detail: 'Key (id)=(1), without a row by: delete from status where host = 1',
      hint: expect.stringMatching(/in the same transaction, or prepare the shard/),
    });
    expect(await lines(old, 'select id, status from hosts order by id')).toEqual([
      '1|new',
      '2|new',
    ]);
    // What was recorded does not outlive its transaction.
    expect(await lines(fresh, 'select host from status order by host')).toEqual(['1', '2']);
  });

  it('takes back what a transaction has recorded with its savepoints', async () => {
    const { old, new: fresh } = await sides(FROM, TO, CHANGES, ROWS);
    await fresh.query('begin');
    await fresh.query("insert into hosts (name) values ('c')");
    await fresh.query('savepoint s');
    await fresh.query("insert into status select id, 'up' from hosts where name = 'c'");
    await fresh.query('rollback to savepoint s');
    await fresh.query("delete from hosts where name = 'c'");
    await fresh.query('savepoint t');
    await fresh.query('delete from status');
    await fresh.query('rollback to savepoint t');
    await fresh.query('commit');
    expect(await lines(old, 'select name from hosts order by id')).toEqual(['a', 'b']);
    expect(await lines(fresh, 'select host from status order by host')).toEqual(['1', '2']);
  });

  it('keeps the key of a base row, which records are kept by', async () => {
    const { new: fresh } = await sides(FROM, TO, CHANGES, ROWS);
    expect(await refusal(fresh, 'update hosts set id = 9 where id = 1')).toMatch(/^0A000 /);
  });
});

describe('tables that become one', () => {
  it('are read as one and written as each needs', async () => {
    const { old, new: fresh } = await sides(
      `create table infos (id bigint primary key, surname text not null);
       create table logins (id bigint primary key references infos on delete cascade,
         username text not null unique, note text);`,
      `create table infos (id bigint primary key, surname text not null, username text unique,
        note text);`,
      'changes:\n  - merge_tables: { into: infos, from: { infos: {}, logins: {} } }\n',
      "insert into infos values (1, 'Ada'), (2, 'Bob'); insert into logins values (1, 'ada', 'n');",
    );
    expect(await lines(fresh, 'select * from infos order by id')).toEqual([
      '1|Ada|ada|n',
      '2|Bob||',
    ]);
    await fresh.query("update infos set username = 'bob' where id = 2");
    await fresh.query('update infos set username = null, note = null where id = 1');
    await fresh.query("insert into infos values (3, 'Cy', 'cy', null)");
    expect(await lines(old, 'select * from logins order by id')).toEqual(['2|bob|', '3|cy|']);
    expect(
      await refusal(fresh, "insert into infos (id, surname, note) values (4, 'x', 'y')"),
    ).toMatch(/^HL001 /);
    expect(await refusal(fresh, "update infos set username = 'bob' where id = 3")).toMatch(
      /^23505 /,
    );
    expect(await lines(old, 'select id from infos order by id')).toEqual(['1', '2', '3']);
  });
});

describe('a shard that came to its release by an evolution', () => {
  it('is served where its tables are, and left as it was', async () => {
    const compiled = await compileLine([
      {
        version: '1.0',
        schema: 'create table a (id int primary key, v int); create table b (id int primary key);',
        changes: null,
      },
      {
        version: '2.0',
        schema: `create type mood as enum ('calm');
          create table aa (id int primary key, v bigint, m mood default 'calm');
          create table b (id int primary key);`,
        changes: 'changes:\n  - rename_table: { table: a, to: aa }\n',
      },
      {
        version: '3.0',
        schema: `create type mood as enum ('calm');
          create table aaa (id int primary key, v bigint, m mood default 'calm', n int default 1);
          create table bb (id int primary key);`,
        changes: `changes:
  - rename_table: { table: aa, to: aaa }
  - rename_table: { table: b, to: bb }
`,
      },
    ]);
    const [first, second] = compiled as [Compiled, Compiled];
    const shard = await installShard(first);
    closing.push(() => shard.drop());
    for (const verb of ['prepare', 'expand', 'contract'] as const) await shard.run(verb);
    const next = shardOf(shard.url, second.bundle, async () => {});
    const { old, new: fresh } = await sidesOf(
      next,
      'insert into aa values (1, 5); insert into b values (1);',
      'shop_2_0,public',
    );
    await fresh.query('update aaa set v = v + 1; insert into bb values (2)');
    await fresh.query('insert into aaa (id, v) values (2, 7)');
    expect(await lines(fresh, 'select * from aaa order by id')).toEqual([
      '1|6|calm|1',
      '2|7|calm|1',
    ]);
    expect(await lines(old, 'select * from aa order by id')).toEqual(['1|6|calm', '2|7|calm']);
    expect(await lines(old, 'select * from b order by id')).toEqual(['1', '2']);
    expect(await unlikeFresh(shard.url, first.bundle)).toEqual([]);
  });
});
