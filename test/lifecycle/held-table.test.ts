// A table in the hands of somebody who does not let go: maintenance or an operator's own DDL. The
// step asks again a limited number of times and gives up with who is in the way, since when, and
// harms nobody meanwhile; the same command passes when the table is free.

import { runVerb } from '@halflap/engine';
import { freshDatabase } from '@halflap/engine/testing';
import { HalflapError, type Verb } from '@halflap/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, openClient, withClient } from '../evolving/databases.js';
import { type Compiled, compilePair } from '../evolving/releases.js';
import { installShard, LIMITS, type Shard } from '../evolving/shard.js';
import {
  WAREHOUSE_CHANGES,
  WAREHOUSE_NEW,
  WAREHOUSE_OLD,
  warehouseRows,
} from '../evolving/warehouse.js';

const NAME = 'nightly maintenance';
const ATTEMPTS = 4;

interface Holder {
  readonly what: string;
  /** Takes hold of items; what it gives lets go. */
  readonly hold: (url: string, client: Client) => Promise<() => Promise<unknown>>;
  /** The lock that the error names. */
  readonly mode: string;
  readonly canWrite: boolean;
}

const inTransaction =
  (statement: string): Holder['hold'] =>
  async (_, client) => {
    await client.query(`begin; ${statement}`);
    return () => client.query('rollback');
  };

/** Freezing waits for a page that somebody else has in his hands, and holds the table meanwhile. */
async function holdByVacuum(url: string, client: Client): Promise<() => Promise<unknown>> {
  const reader = await openClient(url);
  await reader.query('begin; declare c cursor for select from items; fetch 1 from c');
  const vacuuming = client.query('vacuum (freeze) items');
  await withClient(url, null, async (watcher) => {
    const waits = async () =>
      (await watcher.query("select from pg_stat_activity where wait_event = 'BufferPin'")).rows;
    while ((await waits()).length === 0);
  });
  return async () => {
    await reader.end();
    await vacuuming;
  };
}

const HOLDERS: readonly Holder[] = [
  {
    what: 'a long analyze',
    hold: inTransaction('analyze items'),
    mode: 'ShareUpdateExclusiveLock',
    canWrite: true,
  },
  {
    what: 'a vacuum that does not get on',
    hold: holdByVacuum,
    mode: 'ShareUpdateExclusiveLock',
    canWrite: true,
  },
  {
    what: "an operator's own DDL",
    hold: inTransaction(
      'alter table items set (fillfactor = 90), alter column note set statistics 9',
    ),
    mode: 'ShareUpdateExclusiveLock',
    canWrite: true,
  },
  {
    what: 'an index that is built the blocking way',
    hold: inTransaction('create index held on items (name)'),
    mode: 'ShareLock',
    canWrite: false,
  },
];

let compiled: Compiled;
let prepared: Shard;
let dual: Shard;

beforeAll(async () => {
  compiled = await compilePair(WAREHOUSE_OLD, WAREHOUSE_NEW, WAREHOUSE_CHANGES);
  [prepared, dual] = [await installShard(compiled), await installShard(compiled)];
  for (const { url } of [prepared, dual]) {
    await withClient(url, null, (client) => client.query(warehouseRows(100)));
  }
  await prepared.run('prepare');
  for (const verb of ['prepare', 'expand', 'verify'] as const) await dual.run(verb);
});

afterAll(() => Promise.all([prepared, dual].map((shard) => shard.drop())));

async function expectHeld(start: Shard, verb: Verb, holder: Holder): Promise<void> {
  const database = await freshDatabase({ template: new URL(start.url).pathname.slice(1) });
  const { url } = database;
  const client = await openClient(url);
  const attempt = (attempts: number) =>
    runVerb({
      url,
      shard: 'eu1',
      bundle: compiled.bundle,
      verb,
      limits: { ...LIMITS, lockAttempts: attempts, lockPauseMs: 5 },
    });
  try {
    await client.query(`set application_name = '${NAME}'`);
    const { rows: own } = await client.query<{ pid: string }>('select pg_backend_pid() as pid');
    const letGo = await holder.hold(url, client);
    const failure = await attempt(ATTEMPTS).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'LOCK_TIMEOUT',
      retryable: true,
      message: expect.stringMatching(`a lock on items in ${ATTEMPTS} attempts$`),
      hint: expect.stringMatching(/^end the transactions listed; then halflap .* continues it$/),
    });
    const who = `^session ${own[0]?.pid} \\(${NAME}\\): `;
    const line = `${who}.*, transaction open for 00:0\\d:\\d\\d, holds .*`;
    const { evidence } = (failure as HalflapError).detail;
    expect(evidence).toContainEqual(expect.stringMatching(`${line}${holder.mode}`));
    expect(failure).toBeInstanceOf(HalflapError);
    await withClient(url, null, async (other) => {
      const { rows } = await other.query('select count(*) from items');
      expect(rows).toEqual([{ count: '100' }]);
      if (holder.canWrite) await other.query('update items set size = 1 where id = 7');
    });
    await letGo();
    expect(await attempt(200)).toMatchObject({ changed: true });
  } finally {
    await client.end();
    await database.drop();
  }
}

describe('a table that somebody holds', () => {
  for (const holder of HOLDERS) {
    it(`keeps expand waiting for ${holder.what}, which it names, and no longer`, () =>
      expectHeld(prepared, 'expand', holder));
  }

  for (const verb of ['contract', 'abort'] as const) {
    it(`keeps ${verb} waiting, which passes when it is free`, () =>
      expectHeld(dual, verb, HOLDERS[0] as Holder));
  }
});
