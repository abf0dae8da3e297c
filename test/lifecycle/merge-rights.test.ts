// Of tables that become one, a role may use what it may use of each.

import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, stateOf, withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH, type Shard } from '../evolving/shard.js';

const suffix = randomBytes(4).toString('hex');
/** May use both tables; the first alone; the second alone and one column of the first. */
const [both, first, second] = [`both_${suffix}`, `first_${suffix}`, `second_${suffix}`] as const;

const FROM = `create table infos (id int primary key, name text not null, mail text);
  create table logins (id int primary key references infos (id) on delete cascade,
    word text not null, mail text);`;
const TO = `create table people (id int primary key, name text not null, mail text,
  word text, login_mail text, label text);`;
const EVOLUTION = `changes:
  - rename_column: { table: logins, column: mail, to: login_mail }
  - add_column: { table: people, column: label, up: "name || ' ' || word" }
  - merge_tables: { into: people, from: { infos: {}, logins: {} } }
`;

let shard: Shard;

beforeAll(async () => {
  shard = await installShard(await compilePair(FROM, TO, EVOLUTION));
  await withClient(shard.url, null, (client) =>
    client.query(`
      create role ${both}; create role ${first}; create role ${second};
      grant all on infos, logins to ${both};
      grant select, update, delete on infos to ${first};
      grant select on logins to ${second}; grant select (id, mail) on infos to ${second};
      insert into infos values (1, 'Ada', 'a@x'); insert into logins values (1, 'w', 'l@x');`),
  );
});

afterAll(async () => {
  const url = new URL(shard.url);
  url.pathname = '/postgres';
  await shard.drop();
  await withClient(url.toString(), null, (client) =>
    client.query(`drop role ${both}; drop role ${first}; drop role ${second}`),
  );
});

async function answer(client: Client, role: string, statement: string): Promise<string> {
  await client.query(`begin; set local role ${role}`);
  const found = await client.query(statement).then(() => 'yes', stateOf);
  await client.query('rollback');
  return `${role.slice(0, -9)}: ${statement}: ${found}`;
}

describe('a role, where tables become one', () => {
  it.each(['prepare', 'expand', 'contract'] as const)('has its rights after %s', async (verb) => {
    await shard.run(verb);
    const cases: [string, string, 'yes' | '42501'][] = [
      [both, 'select * from people', 'yes'],
      [both, "insert into people (id, name, word) values (2, 'B', 'b')", 'yes'],
      [both, 'delete from people where id = 1', 'yes'],
      [first, 'select id, name, mail from people', 'yes'],
      [first, "update people set name = 'C' where id = 1", 'yes'],
      [first, 'select word from people', '42501'],
      [first, 'select label from people', '42501'],
      [first, "update people set word = 'x' where id = 1", '42501'],
      [first, 'delete from people where id = 1', '42501'],
      [second, 'select id, mail, word, login_mail from people', 'yes'],
      [second, 'select name from people', '42501'],
    ];
    await withClient(shard.url, NEW_PATH, async (client) => {
      for (const [role, statement, expected] of cases) {
        const found = await answer(client, role, statement);
        expect(found).toBe(`${role.slice(0, -9)}: ${statement}: ${expected}`);
      }
    });
  });
});
