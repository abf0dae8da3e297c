// Contract and the real use of a shard in dual: a session of the old release that writes, holds
// locks or only reads keeps it from going, whatever the triggers do on its behalf; the new release
// alone does not; and when the use has ended, it goes through without force.

import { runVerb, type VerbOptions } from '@halflap/engine';
import { type FreshDatabase, freshDatabase } from '@halflap/engine/testing';
import { HalflapError } from '@halflap/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Client, openClient, stateOf, withClient } from '../evolving/databases.js';
import { type Compiled, compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH, type Shard } from '../evolving/shard.js';
import {
  WAREHOUSE_CHANGES,
  WAREHOUSE_NEW,
  WAREHOUSE_OLD,
  warehouseRows,
} from '../evolving/warehouse.js';

/** Long enough for six looks between which a busy session gets its turn. */
const WINDOW_MS = 300;

let compiled: Compiled;
let dual: Shard;
let database: FreshDatabase;
let old: Client;

beforeAll(async () => {
  compiled = await compilePair(WAREHOUSE_OLD, WAREHOUSE_NEW, WAREHOUSE_CHANGES);
  dual = await installShard(compiled);
  await withClient(dual.url, null, (client) => client.query(warehouseRows(200)));
  for (const verb of ['prepare', 'expand', 'verify'] as const) await dual.run(verb);
});

afterAll(() => dual.drop());

beforeEach(async () => {
  database = await freshDatabase({ template: new URL(dual.url).pathname.slice(1) });
  old = await openClient(database.url);
  return async () => {
    await old.end();
    await database.drop();
  };
});

function contract(force?: VerbOptions['force'], windowMs = WINDOW_MS) {
  return runVerb({
    url: database.url,
    shard: 'eu1',
    bundle: compiled.bundle,
    verb: 'contract',
    limits: { evidenceWindowMs: windowMs, busyPatienceMs: 10_000, lockPatienceMs: 20_000 },
    ...(force === undefined ? {} : { force }),
  });
}

/** What contract finds; fails when it goes through. */
async function refusal(windowMs = WINDOW_MS): Promise<readonly string[]> {
  const error = await contract(undefined, windowMs).then(
    () => null,
    (failure: unknown) => failure,
  );
  expect(error).toMatchObject({ code: 'CONTRACT_REFUSED' });
  const { rows } = await old.query('select phase from halflap.shard');
  expect(rows).toEqual([{ phase: 'dual' }]);
  return error instanceof HalflapError ? (error.detail.evidence ?? []) : [];
}

/**
 * Does the work again and again for the time of `body`; its first turn is over when it begins. What
 * meets the fence may be asked to come again, and nothing else.
 */
async function beside<Result>(
  client: Client,
  work: string,
  body: () => Promise<Result>,
): Promise<Result> {
  let isOver = false;
  await client.query(work);
  const working = (async () => {
    while (!isOver) await client.query(work).catch(expectConflict);
  })();
  working.catch(() => {});
  try {
    return await body();
  } finally {
    isOver = true;
    await working;
  }
}

function expectConflict(error: unknown): void {
  expect(stateOf(error)).toBe('40001');
}

const expectContracted = async () =>
  expect(await contract()).toMatchObject({ phase: 'settled', floor: '2.0', changed: true });

describe('contract, while the old release is in use', () => {
  const writes = {
    insert: `insert into items (place, name) values (1, 'late')`,
    update: `update items set size = size + 1 where id = 7`,
    delete: `delete from items where id = (select max(id) from items where id < 200)`,
    'key change': `update items set id = -id where id in (11, -11)`,
    'statement that finds no row': `update items set size = 0 where id = 0`,
  };
  for (const [kind, statement] of Object.entries(writes)) {
    it(`is refused for each ${kind}, which its triggers have counted`, async () => {
      const found = await beside(old, statement, () => refusal());
      expect(found).toContainEqual(expect.stringMatching(/^\d+ writes of 1\.0 within 0\.3 s$/));
      await expectContracted();
    });
  }

  it('is refused for a transaction that wrote before anybody looked, and is open', async () => {
    await old.query(`begin; update items set size = size + 1 where id = 7`);
    expect(await refusal()).toEqual([
      expect.stringMatching(
        /^session \d+ \(application\) has written as 1\.0 in a transaction that is open$/,
      ),
    ]);
    await old.query('commit');
    await expectContracted();
  });

  it('is refused for a transaction that has only read, and is open', async () => {
    await old.query(`begin; select count(*) from items`);
    expect(await refusal()).toEqual([
      expect.stringMatching(/^session \d+ \(application\) uses tables of 1\.0 alone$/),
    ]);
    await old.query('commit');
    await expectContracted();
  });

  it('is refused for reads that end before anybody looks, by statistics', async () => {
    const { rows } = await old.query<{ can_flush: string | null }>(
      `select to_regproc('pg_catalog.pg_stat_force_next_flush') as can_flush`,
    );
    // Before PostgreSQL 15 a session that is busy reports twice a second, unasked.
    const canFlush = rows[0]?.can_flush !== null;
    const report = canFlush ? ';select pg_stat_force_next_flush()' : '';
    const read = `select count(*) from items${report}`;
    const found = await beside(old, read, () => refusal(canFlush ? WINDOW_MS : 2000));
    expect(found).toContainEqual(expect.stringMatching(/items was read within \d\.\d s$/));
    await expectContracted();
  });
});

describe('contract, while a row cannot be carried', () => {
  it('is refused even by force, with key and reason, until the row is corrected', async () => {
    await old.query('update items set size = -1 where id = 5');
    const force = { reason: 'in a hurry' };
    await expect(contract(force)).rejects.toMatchObject({
      code: 'CONTRACT_REFUSED',
      detail: { evidence: [expect.stringMatching(/^1 rows of items .*"id": ?5.*bytes/)] },
    });
    await old.query('update items set size = 1 where id = 5');
    await expectContracted();
  });
});

describe('contract, while the new release alone is in use', () => {
  const work = {
    'reads and writes': `update items set bytes = bytes + 1024 where id = 3;
      insert into notes (item, note) values (1, 'n') on conflict (item) do update set note = 'm';
      delete from notes where item = 1;
      select count(*) from items join notes on item = id`,
    'runs statements that find no row': `update items set bytes = 0 where id = 0;
      delete from notes where item = 0; update places set level = 0 where id = 0`,
    'writes tables that both releases have': `update places set level = level + 1 where id = 3`,
  };
  for (const [kind, statements] of Object.entries(work)) {
    it(`goes through although it ${kind}`, async () => {
      const fresh = await openClient(database.url, NEW_PATH);
      const flush = await fresh.query<{ can_flush: string | null }>(
        `select to_regproc('pg_catalog.pg_stat_force_next_flush') as can_flush`,
      );
      const report = flush.rows[0]?.can_flush === null ? '' : ';select pg_stat_force_next_flush()';
      await beside(fresh, statements + report, expectContracted);
      await fresh.end();
    });
  }
});
