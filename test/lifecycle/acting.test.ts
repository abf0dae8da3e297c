// What acts on a table by itself, whichever release writes: triggers, rules, and policies, from
// which no phase lets a role of the new release escape.

import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { unlikeFresh } from '../evolving/catalogue.js';
import { type Client, stateOf, withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { lendLens } from '../evolving/session-lens.js';
import { installShard, NEW_PATH, type Shard } from '../evolving/shard.js';

const tenant = `tenant_${randomBytes(4).toString('hex')}`;

const BOTH = `create table log (by text, at text);
  create function note() returns trigger language plpgsql as
    $$ begin insert into log values (tg_argv[0], tg_table_name); return null; end $$;
  create table owned (id int primary key, tenant name not null default current_user);
  alter table owned enable row level security;
  create policy own on owned using (tenant = current_user);`;
const FROM = `${BOTH}
  create table wider (id int primary key);
  create table same (id int primary key);
  create table hosts (id int primary key, owner text);
  create trigger old_wider after insert on wider for each row execute function note('old');
  create trigger kept after insert on wider for each row execute function note('both');
  create trigger old_same after insert on same for each row execute function note('old');
  create trigger old_hosts after insert on hosts for each row execute function note('old');
  create rule old_rule as on delete to same do instead nothing;
  create rule old_hosts as on delete to hosts do also insert into log values ('rule', 'hosts');`;
const TO = `${BOTH}
  create table wider (id int primary key, note text);
  create table same (id int primary key);
  create table hosts (id int primary key, team text);
  create trigger kept after insert on wider for each row execute function note('both');`;
const EVOLUTION = `changes:
  - rename_column: { table: hosts, column: owner, to: team }
`;

let shard: Shard;

beforeAll(async () => {
  shard = await installShard(await compilePair(FROM, TO, EVOLUTION));
  await withClient(shard.url, null, (client) =>
    client.query(`create role ${tenant}; grant all on owned to ${tenant};
      insert into owned values (1, 'somebody'), (2, '${tenant}')`),
  );
});

afterAll(async () => {
  const url = new URL(shard.url);
  url.pathname = '/postgres';
  await shard.drop();
  await withClient(url.toString(), null, (client) => client.query(`drop role ${tenant}`));
});

/** Writes to each table as the new release; tells what has acted. */
async function actedOn(client: Client, id: number): Promise<string[]> {
  for (const table of ['wider', 'same', 'hosts']) {
    await client.query(`insert into ${table} (id) values (${id})`);
    await client.query(`delete from ${table} where id = ${id}`);
  }
  const left = await client.query('select from same');
  const { rows } = await client.query<{ what: string }>(
    "delete from log returning by || ' on ' || at as what",
  );
  return [...rows.map(({ what }) => what).sort(), `${left.rowCount} left in same`];
}

it('acts for both releases until contract, and then for the new one what that has', async () => {
  expect(shard.bundle.relations.map(({ old, kind }) => [old, kind])).toEqual(
    expect.arrayContaining([
      ['hosts', 'overlay'],
      ['owned', 'same'],
      ['wider', 'native'],
    ]),
  );
  const found: Record<string, string[]> = {};
  for (const [at, verb] of (['prepare', 'expand', 'contract'] as const).entries()) {
    await shard.run(verb);
    await withClient(shard.url, NEW_PATH, async (client) => {
      found[verb] = await actedOn(client, at);
      await client.query(`set role ${tenant}`);
      expect((await client.query('select id from owned')).rows, verb).toEqual([{ id: '2' }]);
      const taken = "update owned set tenant = 'somebody'";
      expect(await client.query(taken).catch(stateOf), verb).toBe('42501');
    });
  }
  const old = ['old on hosts', 'old on same', 'old on wider', 'rule on hosts'];
  expect(found).toEqual({
    prepare: ['both on wider', ...old, '1 left in same'],
    expand: ['both on wider', ...old, '2 left in same'],
    contract: ['both on wider', '2 left in same'],
  });
  expect(await unlikeFresh(shard.url, shard.bundle)).toEqual([]);
});

it('is looked at before a view is made, or rows are carried, past a policy', async () => {
  const other = await installShard(
    await compilePair(
      'create table s (id int primary key, v int); create table t (id int primary key, a int);',
      'create table s (id int primary key, v bigint); create table t (id int primary key, b int);',
      'changes:\n  - rename_column: { table: t, column: a, to: b }\n',
    ),
  );
  const switchTo = (to: 'enable' | 'disable') =>
    withClient(other.url, null, (client) =>
      client.query(
        `alter table s ${to} row level security; alter table t ${to} row level security`,
      ),
    );
  try {
    await switchTo('enable');
    const lent = withClient(other.url, null, (client) => lendLens(client, other.bundle));
    await expect(lent).rejects.toThrow('a session lens would pass the row security of s, t');
    for (const verb of ['prepare', 'expand'] as const) {
      await switchTo('enable');
      expect(await other.run(verb).catch((error: unknown) => error)).toMatchObject({
        code: 'SHARD_DRIFTED',
        message: expect.stringContaining('row security is on for s, t, and shop 1.0 has it off'),
        detail: { evidence: ['row security of s is on', 'row security of t is on'] },
      });
      await switchTo('disable');
      await other.run(verb);
    }
  } finally {
    await other.drop();
  }
});
