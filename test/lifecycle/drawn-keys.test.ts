// rekey_table through every phase, beside other changes of the same tables: references that may be
// null, several to the same rows, one to a row of the same table, and one within a key.

import { describe, expect, it } from 'vitest';
import { withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH } from '../evolving/shard.js';
import { lifecycleCase, newWrite, oldWrite } from './lifecycle-case.js';

const FROM = `create table users (id serial primary key, name text not null unique, cents int,
    boss int references users (id));
  create table notes (id int primary key, maker_id int not null references users (id)
    on delete cascade, reader_id int references users (id) on delete cascade, body text);
  create index on notes (maker_id);
  create index on notes (reader_id);
  create table badges (user_id int references users (id) on delete cascade, badge text,
    primary key (user_id, badge));`;
const TO = `create table people (id uuid primary key default gen_random_uuid(),
    login text not null unique, euros numeric, boss uuid references people (id),
    color text default 'red');
  create table notes (id int primary key, maker_uuid uuid not null references people (id)
    on delete cascade, reader_uuid uuid references people (id) on delete cascade, body text);
  create index on notes (maker_uuid);
  create index on notes (reader_uuid);
  create table badges (user_id uuid references people (id) on delete cascade, badge text,
    primary key (user_id, badge));`;
const EVOLUTION = `changes:
  - rename_table: { table: users, to: people }
  - rename_column: { table: users, column: name, to: login }
  - convert_column:
      { table: users, column: cents, to: euros, up: "cents / 100.0", down: "(euros * 100)::int" }
  - rekey_table: { table: users, column: id }
`;

const old = (text: string) => text.replaceAll('$id', '(select id from users where name =');
const as = (text: string) => text.replaceAll('$id', '(select id from people where login =');
/** Statements that name rows by what both releases know; `$id 'x')` is a row's key. */
const OLD = ['users', 'name', 'maker_id', 'reader_id'];
const NEW = ['people', 'login', 'maker_uuid', 'reader_uuid'];
const translated = (text: string) =>
  OLD.reduce((all, word, at) => all.replace(new RegExp(`\\b${word}\\b`, 'g'), NEW[at] ?? ''), text);
const both = (text: string) => [old(text), as(translated(text))] as const;
const byOld = (text: string) => oldWrite(...both(text));
const byNew = (text: string) => {
  const [own, other] = both(text);
  return newWrite(other, own);
};

const SEED = both(`insert into users (name) values ('ann'), ('bob');
  insert into notes values (1, $id 'ann'), null, 'a'), (2, $id 'bob'), $id 'ann'), 'b');
  insert into badges values ($id 'ann'), 'x')`);

describe('keys that are drawn', () => {
  it('are followed by every reference, beside other changes', () =>
    lifecycleCase({
      from: FROM,
      to: TO,
      evolution: EVOLUTION,
      seed: { old: SEED[0], new: SEED[1] },
      ignored: [
        'people.id',
        'people.boss',
        'notes.maker_uuid',
        'notes.reader_uuid',
        'badges.user_id',
      ],
      ignoredOfOld: ['users.id', 'users.boss', 'notes.maker_id', 'notes.reader_id'],
      writes: (n) => [
        byOld(`insert into users (name, boss) values ('old${n}', $id 'ann'))`),
        byNew(`insert into users (name, boss) values ('new${n}', $id 'bob'))`),
        byOld(`insert into notes select ${n}00, id, null, 'o' from users where name = 'new${n}'`),
        byNew(`insert into notes select ${n}01, id, $id 'ann'), 'n'
          from users where name in ('old${n}', 'new${n}') order by name limit 1`),
        byNew(`insert into badges select id, 'n${n}' from users where name <> 'bob'`),
        byOld(`insert into badges select id, 'o${n}' from users where name <> 'ann'`),
        // Who refers to whom shows in what is compared.
        byOld(`update users as u set name = 'old${n}' ||
            (select count(*) from notes as o where o.maker_id = u.id) ||
            (select count(*) from badges as b where b.user_id = u.id)
          where name = 'old${n}'`),
        byNew(`update notes as o set body = (select u.name from users as u where u.id = o.maker_id)
            || coalesce((select u.name from users as u where u.id = o.reader_id), '-')`),
        oldWrite(
          `update users set cents = ${n}50 where name in ('ann', 'new${n}')`,
          `update people set euros = ${n}50 / 100.0 where login in ('ann', 'new${n}')`,
        ),
        byNew(`update notes set reader_id = $id 'bob') where reader_id is null and id <> 1`),
        byOld(`update users set boss = null where name like 'old${n}%'`),
        byNew(`delete from badges where badge = 'n${n}' and user_id = $id 'ann')`),
        byOld(`delete from users where name = 'new${n}'`),
        byNew(`delete from users where name like 'old${n}%'`),
      ],
    }));

  it('are drawn when a row is carried again, whatever stood in the way at first', async () => {
    const compiled = await compilePair(
      'create table users (id int primary key, name text not null);',
      `create table users (key bigint generated by default as identity primary key,
        id int not null unique, name text not null);`,
      'changes:\n  - rekey_table: { table: users, column: key }\n',
    );
    const shard = await installShard(compiled);
    await shard.run('prepare');
    await shard.run('expand');
    await withClient(shard.url, null, async (client) => {
      // The next key that is drawn is taken: in the map, as by whoever gives keys of his own.
      const map = 'halflap_shop_2_0."keys_halflap keys of users"';
      await client.query(`insert into ${map} (old_id, new_key) values (-1, 1)`);
      await client.query("insert into users values (1, 'one')");
      const { rows } = await client.query('select * from halflap.quarantine');
      expect(rows).toEqual([]);
      await client.query(`delete from ${map} where old_id = -1`);
    });
    await withClient(shard.url, NEW_PATH, async (client) => {
      const { rows } = await client.query('select id, name from users');
      expect(rows).toEqual([{ id: '1', name: 'one' }]);
    });
    await shard.run('verify');
    await shard.drop();
  });

  it('stay when the old release gives its rows others, whatever keys are called', async () => {
    const compiled = await compilePair(
      'create table users (id int primary key, name text not null unique);',
      `create table users (id int generated by default as identity primary key,
        name text not null unique, old_id int not null unique);`,
      `changes:
  - rename_column: { table: users, column: id, to: old_id }
  - rekey_table: { table: users, column: id }
`,
    );
    const shard = await installShard(compiled);
    await withClient(shard.url, null, (client) =>
      client.query("insert into users values (2, 'two'), (5, 'five')"),
    );
    await shard.run('prepare');
    await shard.run('expand');
    const seen = () =>
      withClient(shard.url, NEW_PATH, async (client) => {
        const { rows } = await client.query('select id, name, old_id from users order by name');
        return rows.map(({ id, name, old_id: old }) => ({ id, name, old }));
      });
    const [five, two] = await seen();
    // Its old key is the drawn one of the other row.
    expect([five?.id, two?.id].sort()).toEqual(['1', '2']);
    await withClient(shard.url, null, (client) =>
      client.query('update users set id = 9 where id = 2'),
    );
    expect(await seen()).toEqual([five, { ...two, old: '9' }]);
    await shard.run('verify');
    await shard.drop();
  });

  it('may be given that of a row which is gone', async () => {
    const compiled = await compilePair(
      'create table users (id int primary key, name text not null unique);',
      `create table users (key bigint generated by default as identity primary key,
        id int not null unique, name text not null unique);`,
      'changes:\n  - rekey_table: { table: users, column: key }\n',
    );
    const shard = await installShard(compiled);
    const asNew = (text: string) => withClient(shard.url, NEW_PATH, (client) => client.query(text));
    const rows = async () => (await asNew('select key, id, name from users order by id')).rows;
    await shard.run('prepare');
    await asNew("insert into users values (71, 1, 'a')");
    await asNew('delete from users');
    await asNew("insert into users values (71, 2, 'b')");
    expect(await rows()).toEqual([{ key: '71', id: '2', name: 'b' }]);
    await expect(asNew("insert into users values (71, 3, 'c')")).rejects.toThrow('duplicate key');
    await shard.run('expand');
    await asNew("delete from users; insert into users values (71, 3, 'c'), (72, 4, 'd')");
    await asNew('delete from users where key = 71; update users set key = 71 where key = 72');
    expect(await rows()).toEqual([{ key: '71', id: '4', name: 'd' }]);
    await withClient(shard.url, null, async (client) => {
      const old = await client.query('select id, name from users');
      expect(old.rows).toEqual([{ id: '4', name: 'd' }]);
    });
    await shard.run('verify');
    await shard.drop();
  });

  it('are known of rows that come with others in one statement, and stay with theirs', async () => {
    const compiled = await compilePair(
      'create table vouchers (id int primary key, code text unique);',
      `create table vouchers (id int primary key);
      create table codes (id uuid primary key default gen_random_uuid(),
        voucher_id int not null references vouchers (id) on delete cascade,
        code text not null unique);
      create index on codes (voucher_id);`,
      `keys:
  code_ids: { from: vouchers, into: codes, column: id, key: { voucher_id: id } }
changes:
  - custom:
      from:
        vouchers:
          slice: id
          query: select v.id, c.code from vouchers v left join codes c on c.voucher_id = v.id
            and c.id in (select k.new_id from code_ids k where k.old_id = v.id)
      into:
        vouchers: { slice: id, query: select id from vouchers }
        codes:
          slice: voucher_id
          query: select k.new_id as id, v.id as voucher_id, v.code
            from vouchers v join code_ids k on k.old_id = v.id where v.code is not null
`,
    );
    const shard = await installShard(compiled);
    await shard.run('prepare');
    await shard.run('expand');
    const NEW = '00000000-0000-4000-8000-000000000001';
    await withClient(shard.url, NEW_PATH, (client) =>
      client.query(`with v as (insert into vouchers values (1) returning id)
        insert into codes select '${NEW}', id, 'a' from v`),
    );
    await withClient(shard.url, null, async (client) => {
      const { rows } = await client.query('select id, code from vouchers');
      expect(rows).toEqual([{ id: '1', code: 'a' }]);
    });
    // It belongs to the row of the old release, whatever number that has, and whoever gives it.
    await withClient(shard.url, NEW_PATH, async (client) => {
      await client.query('delete from codes');
      await client.query('update vouchers set id = 2');
    });
    await withClient(shard.url, null, async (client) => {
      await client.query("insert into vouchers values (1, 'b')");
      await client.query("update vouchers set code = 'a' where id = 2");
    });
    await withClient(shard.url, NEW_PATH, async (client) => {
      const { rows } = await client.query(`select code from codes where id = '${NEW}'`);
      expect(rows).toEqual([{ code: 'a' }]);
    });
    await shard.run('verify');
    await shard.drop();
  });
});
