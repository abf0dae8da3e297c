// Writers of both releases who want one value of a unique key at the same moment: exactly one of
// them has it, in every phase, whether the key goes to another table, is converted, or stays.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Client, openClient, stateOf } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH, type Shard } from '../evolving/shard.js';
import { AGAIN } from './load.js';
import { waitsForLock } from './waiting.js';

const OLD = `create table people (
  id int primary key, name text unique, email text unique, badge int unique);`;
const NEW = `create table people (id int primary key, name text unique, badge text unique);
  create table logins (person int primary key references people (id) on delete cascade,
    email text not null unique);`;
const EVOLUTION = `changes:
  - split_table:
      table: people
      into:
        people: {}
        logins: { key: { person: id }, when: email is not null }
  - convert_column: { table: people, column: badge, up: "'B' || badge",
      down: "substr(badge, 2)::int" }
`;

type Release = 'old' | 'new';
type Claim = (id: number, n: number) => string;

/** How each release takes the value, in one transaction. */
const CLAIMS: Record<string, Record<Release, Claim>> = {
  name: {
    old: (id, n) => `insert into people (id, name) values (${id}, 'n${n}')`,
    new: (id, n) => `insert into people (id, name) values (${id}, 'n${n}')`,
  },
  email: {
    old: (id, n) => `insert into people (id, email) values (${id}, 'e${n}')`,
    new: (id, n) => `insert into people (id) values (${id});
      insert into logins values (${id}, 'e${n}')`,
  },
  badge: {
    old: (id, n) => `insert into people (id, badge) values (${id}, ${n})`,
    new: (id, n) => `insert into people (id, badge) values (${id}, 'B${n}')`,
  },
};
const LEVELS = ['read committed', 'repeatable read', 'serializable'];
const ROUNDS = 2 * LEVELS.length;
const UNIQUE_VIOLATION = '23505';

let shard: Shard;
let clients: { readonly release: Release; readonly client: Client }[];
let ids = 0;
let values = 0;

beforeAll(async () => {
  shard = await installShard(await compilePair(OLD, NEW, EVOLUTION));
  const open = async (release: Release) => ({
    release,
    client: await openClient(shard.url, release === 'new' ? NEW_PATH : null),
  });
  clients = await Promise.all((['old', 'new', 'old', 'new'] as const).map(open));
  // A promise that is broken ends as an error and not as a test that never ends.
  for (const { client } of clients) await client.query("set statement_timeout = '20s'");
});

afterAll(async () => {
  await Promise.all(clients.map(({ client }) => client.end()));
  await shard.drop();
});

/** What the last attempt was answered; only a transaction that may be told so comes again. */
async function answer(client: Client, statements: string, again: boolean): Promise<string> {
  for (;;) {
    const state = await client.query(`${statements}; commit`).then(() => 'taken', stateOf);
    if (state !== 'taken') await client.query('rollback');
    if (!again || !AGAIN.has(state)) return state;
  }
}

async function atOnce(key: keyof typeof CLAIMS, level: string): Promise<string[]> {
  values += 1;
  const answers = clients.map(({ release, client }) => {
    ids += 1;
    const again = release === 'new' || level !== LEVELS[0];
    const claim = CLAIMS[key]?.[release](ids, values);
    return answer(client, `begin isolation level ${level}; ${claim}`, again);
  });
  return (await Promise.all(answers)).sort();
}

/** The first has it and lets it go again, while the second waits. */
async function afterAnother(key: keyof typeof CLAIMS, first: Release): Promise<string> {
  values += 1;
  const holder = clients.find(({ release }) => release === first);
  const other = clients.find(({ release }) => release !== first);
  if (holder === undefined || other === undefined) throw new Error('there are two of each');
  await holder.client.query(`begin; ${CLAIMS[key]?.[holder.release](++ids, values)}`);
  const claim = CLAIMS[key]?.[other.release](++ids, values);
  const second = answer(other.client, `begin; ${claim}`, other.release === 'new');
  await waitsForLock(shard.url, other.client);
  await holder.client.query('rollback');
  return second;
}

async function expectOneEach(at: string): Promise<void> {
  const one = ['taken', UNIQUE_VIOLATION, UNIQUE_VIOLATION, UNIQUE_VIOLATION].sort();
  for (const key of Object.keys(CLAIMS)) {
    for (let round = 0; round < ROUNDS; round += 1) {
      const level = LEVELS[round % LEVELS.length] ?? '';
      expect(await atOnce(key, level), `${at}: ${key}, ${level}`).toEqual(one);
    }
    for (const first of ['old', 'new'] as const) {
      expect(await afterAnother(key, first), `${at}: ${key} after ${first}`).toBe('taken');
    }
  }
}

/**
 * The old statement has its row and is not at its end when the new one comes, whose deadlock
 * detector looks once and finds no circle yet.
 */
async function whileUnderWay(row: string): Promise<string[]> {
  const [old, fresh, gate] = clients.map(({ client }) => client) as [Client, Client, Client];
  await old.query(`set deadlock_timeout = '20ms';
    create function pg_temp.late() returns int language sql
      as 'select 1 from pg_advisory_xact_lock(7)'`);
  await fresh.query(`set deadlock_timeout = '1ms'`);
  await gate.query('begin; select pg_advisory_xact_lock(7)');
  const insert = 'insert into people (id, name) values';
  const first = answer(old, `begin; ${insert} ${row}, (-2, 'late ' || pg_temp.late())`, false);
  await waitsForLock(shard.url, old);
  const second = answer(fresh, `begin; ${insert} ${row}`, false);
  await waitsForLock(shard.url, fresh);
  await gate.query('commit');
  return Promise.all([first, second]);
}

it('one of them has it, and the old release is told nothing else', async () => {
  await shard.run('prepare');
  await expectOneEach('prepared');
  const steps = shard.bundle.steps.expand.length;
  await shard.step('expand', { count: Math.ceil(steps / 2) });
  await expectOneEach('expanding');
  await shard.run('expand');
  await expectOneEach('dual');
  await shard.run('verify');
  const { rows } = await (clients[0] as { client: Client }).client.query(
    `select count(*) as kept, count(distinct (name, email, badge)) as values,
       (select count(*) from halflap.quarantine) as quarantined
     from people`,
  );
  expect(rows).toEqual([{ kept: String(values), values: String(values), quarantined: '0' }]);
});

it('nor does the old one wait for ever where its statement takes long', async () => {
  const [first, second] = await whileUnderWay(`(-1, 'wanted')`);
  expect(first).toBe('taken');
  expect(['23505', ...AGAIN]).toContain(second);
  await shard.run('verify');
  for (const { client } of clients) {
    const { rows } = await client.query('select name from people where id < 0 order by id');
    expect(rows).toEqual([{ name: 'late 1' }, { name: 'wanted' }]);
  }
  const { rows } = (await clients[0]?.client.query('select key from halflap.quarantine')) ?? {};
  expect(rows).toEqual([]);
});
