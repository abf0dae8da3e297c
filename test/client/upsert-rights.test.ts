// ON CONFLICT through a lens works with its caller's rights, also where one new table stands for
// two old ones: whoever may insert and update may upsert, and nobody else.

import { randomBytes } from 'node:crypto';
import { open } from '@halflap/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withClient } from '../evolving/databases.js';
import { APP, compilePair } from '../evolving/releases.js';
import { installShard, type Shard } from '../evolving/shard.js';

const suffix = randomBytes(4).toString('hex');
/** May do all; may insert and read; may read alone. */
const ROLES = { writer: `w_${suffix}`, adder: `a_${suffix}`, reader: `r_${suffix}` } as const;

const FROM = `create table infos (id int primary key, name text not null, mail text);
  create table logins (id int primary key references infos (id) on delete cascade, word text);`;
const TO = `create table people (id int primary key, name text not null, mail text, word text);`;
const CHANGES = `changes:
  - merge_tables: { into: people, from: { infos: {}, logins: {} } }
`;

let shard: Shard;

beforeAll(async () => {
  shard = await installShard(await compilePair(FROM, TO, CHANGES));
  const { writer, adder, reader } = ROLES;
  await withClient(shard.url, null, (client) =>
    client.query(`
      create role ${writer} login; create role ${adder} login; create role ${reader} login;
      grant all on infos, logins to ${writer};
      grant select, insert on infos, logins to ${adder};
      grant select on infos, logins to ${reader};
      insert into infos values (1, 'Ada'); insert into logins values (1, 'w');`),
  );
  await shard.run('prepare');
});

afterAll(async () => {
  const url = new URL(shard.url);
  url.pathname = '/postgres';
  await shard.drop();
  const { writer, adder, reader } = ROLES;
  await withClient(url.toString(), null, (client) =>
    client.query(`drop role ${writer}; drop role ${adder}; drop role ${reader}`),
  );
});

/** Rows that were written, or the SQLSTATE that answered; the same on a shard that is dual. */
async function answers(role: keyof typeof ROLES): Promise<unknown[]> {
  const shards = [{ name: 'eu1', url: shard.url }];
  const fleet = await open({ app: APP, release: '2.0', server: 'web1', shards, poolSize: 1 });
  const given: unknown[] = [];
  for (const text of [
    `insert into people values (1, 'Bob', null, 'x'), (2, 'Eve', null, 'y') on conflict (id)
     do update set name = excluded.name, word = people.word || excluded.word returning name, word`,
    `insert into people values (1, 'Bob'), (3, 'Joe') on conflict (id) do nothing returning name`,
  ]) {
    const undo = new Error('undone');
    const run = fleet.shard('eu1').transaction(async (client) => {
      await client.query(`set local role ${ROLES[role]}`);
      given.push((await client.query(text)).rows);
      throw undo;
    });
    await run.catch((error) => {
      if (error !== undo) given.push(error.code);
    });
  }
  await fleet.close();
  return given;
}

describe.each(['prepare', 'expand'] as const)('ON CONFLICT after %s', (verb) => {
  beforeAll(() => shard.run(verb));

  it('is for those who may insert and update', async () => {
    const updated = [
      { name: 'Bob', word: 'wx' },
      { name: 'Eve', word: 'y' },
    ];
    const added = [{ name: 'Joe' }];
    expect(await answers('writer')).toEqual([updated, added]);
    expect(await answers('adder')).toEqual(['42501', added]);
    expect(await answers('reader')).toEqual(['42501', '42501']);
  });
});
