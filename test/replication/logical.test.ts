// A consumer of logical replication beside an evolution: a subscriber to one table of the release
// in the field gets every row of it through every phase, whichever release wrote it; and a
// publication of all tables hinders neither Halflap nor the applications.

import { runVerb } from '@halflap/engine';
import {
  type FreshDatabase,
  freshDatabase,
  type PostgresServer,
  startPostgres,
  useServer,
} from '@halflap/engine/testing';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { unlikeFresh } from '../evolving/catalogue.js';
import { withClient } from '../evolving/databases.js';
import { type Compiled, compilePair } from '../evolving/releases.js';
import { installShard, LIMITS, NEW_PATH, type Shard } from '../evolving/shard.js';
import {
  WAREHOUSE_CHANGES,
  WAREHOUSE_NEW,
  WAREHOUSE_OLD,
  WAREHOUSE_VIEWS,
  warehouseRows,
} from '../evolving/warehouse.js';

let publisher: PostgresServer;
let compiled: Compiled;
let shard: Shard;
let subscriber: FreshDatabase;

beforeAll(async () => {
  compiled = await compilePair(WAREHOUSE_OLD, WAREHOUSE_NEW, WAREHOUSE_CHANGES);
  const installation = inject('installation');
  publisher = await startPostgres({ installation, settings: { wal_level: 'logical' } });
  subscriber = await freshDatabase();
  useServer(publisher.url('postgres'));
  shard = await installShard(compiled);
  await query(shard.url, warehouseRows(300));
  await query(shard.url, 'create publication items_out for table items');
  await query(shard.url, 'create publication everything for all tables');
});

afterAll(async () => {
  useServer(inject('serverUrl'));
  // First of all: its slot is on the publisher, and its database cannot be dropped before it.
  await query(subscriber.url, 'drop subscription if exists items_in');
  await subscriber.drop();
  await publisher.stop();
});

function query(url: string, text: string, searchPath: string | null = null) {
  return withClient(url, searchPath, async (client) => {
    const { rows } = await client.query<Record<string, string>>(text);
    return rows;
  });
}

let round = 0;

/** Rows of round n, by each release that is served. */
async function write(releases: readonly ('old' | 'new')[]): Promise<void> {
  round += 1;
  if (releases.includes('old')) {
    await query(
      shard.url,
      `insert into items (id, place, name, size) values (${round}000, 1, 'old', 1);
       update items set size = size + 1 where id % 7 = ${round} % 7;
       delete from items where id = ${round};`,
    );
  }
  if (!releases.includes('new')) return;
  await query(
    shard.url,
    `insert into items (id, place, title, bytes) values (${round}001, 2, 'new', 2048);
     insert into notes values (${round}001, 'of the new');
     update items set bytes = bytes + 1024 where id % 9 = ${round} % 9;
     delete from items where id = 100 + ${round};
     update places set title = title || '!' where id = 1 + ${round} % 20;`,
    NEW_PATH,
  );
}

const ITEMS = 'select * from public.items order by id';

/** Resolves once the subscriber has confirmed all that the shard has written so far. */
async function confirmed(): Promise<void> {
  const [written] = await query(shard.url, 'select pg_current_wal_lsn()::text as lsn');
  const isThere = async () => {
    const [slot] = await query(
      publisher.url('postgres'),
      `select confirmed_flush_lsn >= '${written?.lsn}'::pg_lsn as is_there
       from pg_replication_slots where slot_name = 'items_in'`,
    );
    return slot?.is_there === 't';
  };
  while (!(await isThere()));
}

async function expectSame(): Promise<void> {
  await confirmed();
  expect(await query(subscriber.url, ITEMS)).toEqual(await query(shard.url, ITEMS));
}

/** Resolves once the rows that were there before are copied. */
async function subscribe(): Promise<void> {
  await query(subscriber.url, WAREHOUSE_OLD.replace('references places (id)', ''));
  await query(
    subscriber.url,
    `create subscription items_in connection '${shard.url}' publication items_out`,
  );
  const isCopied = async () => {
    const states = await query(
      subscriber.url,
      'select srsubstate as state from pg_subscription_rel',
    );
    return states.length > 0 && states.every(({ state }) => state === 'r');
  };
  while (!(await isCopied()));
}

describe('logical replication', () => {
  it('of a table of 1.0 has all rows of both releases until contract', async () => {
    await subscribe();
    await write(['old']);
    await expectSame();
    await shard.run('prepare');
    await write(['old', 'new']);
    await expectSame();
    while (await shard.step('expand')) await write(['old', 'new']);
    await expectSame();
    await shard.run('verify');
    await write(['old', 'new']);
    await expectSame();
    const { old, new: fresh } = WAREHOUSE_VIEWS;
    expect(await query(shard.url, old)).toEqual(await query(shard.url, fresh, NEW_PATH));
  });

  it('is not left behind by contract, which waits until nobody consumes that table', async () => {
    const options = { url: shard.url, shard: 'eu1', bundle: compiled.bundle, limits: LIMITS };
    await expect(runVerb({ ...options, verb: 'contract' })).rejects.toMatchObject({
      code: 'CONTRACT_REFUSED',
      detail: { evidence: expect.arrayContaining([expect.stringContaining('items_out')]) },
    });
    await expectSame();
    await query(shard.url, 'alter publication items_out drop table items');
    await query(shard.url, 'drop publication everything');
    const before = await query(subscriber.url, ITEMS);
    while (await shard.step('contract')) await write(['new']);
    await write(['new']);
    expect(await unlikeFresh(shard.url, compiled.bundle)).toEqual([]);
    await confirmed();
    expect(await query(subscriber.url, ITEMS)).toEqual(before);
  });
});
