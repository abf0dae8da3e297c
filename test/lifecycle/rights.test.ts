// Whoever could use an old table, whole or by columns, can use what takes its place.

import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, stateOf, withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH, type Shard } from '../evolving/shard.js';

const suffix = randomBytes(4).toString('hex');
const [owner, clerk, late] = [`owner_${suffix}`, `clerk_${suffix}`, `late_${suffix}`] as const;

const FROM = `create table t (id serial primary key, a int, b text, secret text);
  create table s (id int primary key, b text, secret text);`;
const TO = `create table t (id serial primary key, a bigint, b text, secret text, ab text);
  create table s (id int primary key, word text, secret text);
  create table added (id serial primary key, number bigserial, note text);`;
const EVOLUTION = `changes:
  - rename_column: { table: s, column: b, to: word }
  - add_column: { table: t, column: ab, up: a::text || b }
`;

let shard: Shard;

beforeAll(async () => {
  shard = await installShard(await compilePair(FROM, TO, EVOLUTION));
  await withClient(shard.url, null, (client) =>
    client.query(`
      create role ${owner}; create role ${clerk}; create role ${late};
      alter table t owner to ${owner}; alter table s owner to ${owner};
      grant select (id, a, b), insert (a), update (a) on t to ${clerk};
      grant select (id, b), update (b) on s to ${clerk};
      grant usage on sequence t_id_seq to ${clerk};
      insert into t (a, b) values (1, 'b'); insert into s values (1, 'b');`),
  );
});

afterAll(async () => {
  const url = new URL(shard.url);
  url.pathname = '/postgres';
  await shard.drop();
  await withClient(url.toString(), null, (client) =>
    client.query(`drop role ${owner}; drop role ${clerk}; drop role ${late}`),
  );
});

async function answers(client: Client, role: string, statements: readonly string[]) {
  const found: string[] = [];
  await client.query(`set role ${role}`);
  for (const one of statements) {
    found.push(`${one}: ${await client.query(one).then(() => 'yes', stateOf)}`);
  }
  await client.query('reset role');
  return found;
}

const works = (statements: readonly string[]) => statements.map((one) => `${one}: yes`);
const denied = (statements: readonly string[]) => statements.map((one) => `${one}: 42501`);

describe('a role of the new release', () => {
  it('has the rights of its columns, and the owner all, in every phase', async () => {
    const own = ['select * from t', 'insert into t (a, b) values (5, null)', 'select * from s'];
    const can = [
      'select id, a, ab from t',
      'update t set a = a where id = 1',
      'select id, word from s',
      'update s set word = word',
    ];
    const cannot = ['select secret from t', 'update t set b = b', 'select secret from s'];
    for (const verb of ['prepare', 'expand', 'contract'] as const) {
      await shard.run(verb);
      await withClient(shard.url, NEW_PATH, async (client) => {
        const where = `after ${verb}`;
        expect(await answers(client, owner, own), where).toEqual(works(own));
        expect(await answers(client, clerk, can), where).toEqual(works(can));
        expect(await answers(client, clerk, cannot), where).toEqual(denied(cannot));
        const draw = [`insert into added (note) values ('${verb}')`];
        expect(await answers(client, owner, draw), where).toEqual(works(draw));
      });
      if (verb !== 'expand') continue;
      await withClient(shard.url, null, (client) =>
        client.query(`grant select, truncate on t to ${late}`),
      );
    }
    await withClient(shard.url, NEW_PATH, async (client) => {
      const granted = ['select * from t', 'truncate t'];
      expect(await answers(client, late, granted)).toEqual(works(granted));
    });
  });
});
