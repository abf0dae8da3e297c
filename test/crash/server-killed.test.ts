// PostgreSQL dies by SIGKILL, as a whole or one backend of it (after which it starts afresh by
// itself), while a runner is somewhere in a verb and both releases write. Then the verb is run
// again. What comes out must be what comes out of a run that nobody disturbed.
//
// The moment of death is a share of the WAL that an undisturbed run of the verb writes; so it falls
// into the midst of transactions, too. HALFLAP_SEED replays a run, HALFLAP_KILLS asks for more.

import { installRelease, runVerb } from '@halflap/engine';
import { type PostgresServer, startPostgres } from '@halflap/engine/testing';
import { HalflapError, type Verb } from '@halflap/protocol';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { leftovers, unlikeFresh } from '../evolving/catalogue.js';
import { type Client, openClient, withClient } from '../evolving/databases.js';
import { APP, type Compiled, compilePair } from '../evolving/releases.js';
import { LIMITS, NEW_PATH, shardOf } from '../evolving/shard.js';
import {
  WAREHOUSE_CHANGES,
  WAREHOUSE_NEW,
  WAREHOUSE_OLD,
  WAREHOUSE_VIEWS,
  warehouseRows,
} from '../evolving/warehouse.js';
import { randomFrom } from '../oracle/random.js';
import { snapshot } from './snapshot.js';
import { type SteadyWriter, startWriter, type WrittenRow } from './steady-writer.js';

const SEED = Number(process.env.HALFLAP_SEED ?? Date.now() % 1_000_000_000);
const KILLS = Number(process.env.HALFLAP_KILLS ?? 1);
const ROWS = 2000;
const TIMEOUT_MS = 60_000 * (1 + KILLS);
const FIRST_KEYS = { old: 10_000, new: 20_000 };

type Release = 'old' | 'new';
type Start = 'settled' | 'prepared' | 'expanding' | 'dual';

interface Scenario {
  readonly verb: Verb;
  readonly start: Start;
  /** Who writes meanwhile: only a release that the verb serves from its begin to its end. */
  readonly writers: readonly Release[];
}

const SCENARIOS: readonly Scenario[] = [
  { verb: 'prepare', start: 'settled', writers: ['old'] },
  { verb: 'expand', start: 'prepared', writers: ['old', 'new'] },
  { verb: 'verify', start: 'dual', writers: ['old', 'new'] },
  { verb: 'contract', start: 'dual', writers: ['new'] },
  { verb: 'abort', start: 'prepared', writers: ['old'] },
  { verb: 'abort', start: 'expanding', writers: ['old'] },
  { verb: 'abort', start: 'dual', writers: ['old'] },
];

let server: PostgresServer;
let compiled: Compiled;
let copies = 0;

beforeAll(async () => {
  compiled = await compilePair(WAREHOUSE_OLD, WAREHOUSE_NEW, WAREHOUSE_CHANGES);
  server = await startPostgres({ installation: inject('installation') });
  await server.createDatabase('settled');
  await installRelease({ url: server.url('settled'), app: APP, release: compiled.from });
  await withClient(server.url('settled'), null, (client) => client.query(warehouseRows(ROWS)));
  await server.createDatabase('prepared', { template: 'settled' });
  await run('prepared', 'prepare');
  await server.createDatabase('expanding', { template: 'prepared' });
  const shard = shardOf(server.url('expanding'), compiled.bundle, async () => {});
  const steps = compiled.bundle.steps.expand;
  const filling = steps.findIndex((step) => step.kind === 'backfill');
  for (let done = 0; done <= filling; done += 1) await shard.step('expand');
  await server.createDatabase('dual', { template: 'prepared' });
  await run('dual', 'expand');
});

afterAll(() => server.stop());

function run(database: string, verb: Verb) {
  return runVerb({
    url: server.url(database),
    shard: 'eu1',
    bundle: compiled.bundle,
    verb,
    limits: LIMITS,
    pace: { batchRows: 100 },
    ...(verb === 'contract' ? { force: { reason: 'its servers are stopped' } } : {}),
  });
}

interface Played {
  readonly walBytes: number;
  readonly outcome: Outcome;
  /** Whether the verb was under way when somebody died. */
  readonly isHit: boolean;
}

interface Outcome {
  readonly phase: string;
  readonly objects: readonly string[];
  /** Rows that no writer touches, as each release sees them that is served. */
  readonly rows: Readonly<Partial<Record<Release, readonly object[]>>>;
}

type Victim = 'server' | 'runner';

/** Runs the verb on a copy of its start; `killed` is who dies when so much WAL is written. */
async function play(
  scenario: Scenario,
  killed: { readonly victim: Victim; readonly walBytes: number } | null,
): Promise<Played> {
  copies += 1;
  const database = `copy_${copies}`;
  const url = server.url(database);
  await server.createDatabase(database, { template: scenario.start });
  // A copied sequence counts on values that only its template has logged ahead; after a checkpoint
  // it logs its own (nextval_internal in PostgreSQL's sequence.c).
  await withClient(url, null, (client) => client.query('checkpoint'));
  const writers = scenario.writers.map((release) => ({
    release,
    writer: startWriter(url, release, FIRST_KEYS[release]),
  }));
  await Promise.all(writers.map(({ writer }) => writer.written()));
  const begun = await withClient(url, null, walPosition);
  const attempt = run(database, scenario.verb).then(
    () => null,
    (error: unknown) => error,
  );
  if (killed !== null) {
    const runner = await whenWritten(url, begun + BigInt(killed.walBytes), attempt);
    if (runner !== null) await kill(killed.victim, url, runner);
  }
  const failure = await attempt;
  const walBytes = Number((await withClient(url, null, walPosition)) - begun);
  expectLost(failure);
  if (killed === null) expect(failure).toBe(null);
  else await run(database, scenario.verb);
  const accounts = await finish(writers);
  const outcome = await outcomeOf(url);
  for (const { release, rows } of accounts) await expectWritten(url, { outcome, release, rows });
  await expectConsistent(url, scenario.verb, outcome);
  await server.dropDatabase(database);
  return { walBytes, outcome, isHit: failure !== null };
}

async function walPosition(client: Client): Promise<bigint> {
  const { rows } = await client.query<{ position: string }>(
    "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') as position",
  );
  return BigInt(rows[0]?.position ?? 0);
}

/** The runner's backend at the position; null when the verb has come to its end before it. */
async function whenWritten(url: string, position: bigint, attempt: Promise<unknown>) {
  let hasEnded = false;
  void attempt.then(() => {
    hasEnded = true;
  });
  return withClient(url, null, async (client) => {
    while (!hasEnded) {
      const { rows } = await client.query<{ pid: string }>(
        `select l.pid from pg_locks l join pg_stat_activity a using (pid)
         where l.locktype = 'advisory' and l.database = (select oid from pg_database
             where datname = current_database())
           and a.application_name like 'halflap/%'
           and pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') >= $1`,
        [position.toString()],
      );
      if (rows[0] !== undefined) return Number(rows[0].pid);
    }
    return null;
  });
}

async function kill(victim: Victim, url: string, runner: number): Promise<void> {
  if (victim === 'server') {
    await server.kill();
    await server.restart();
    return;
  }
  const witness = await openClient(url);
  const ended = new Promise((resolve) => witness.once('end', resolve));
  // The runner may be about to end by itself, where a signal comes too late; so a session that
  // does nothing dies with it. The postmaster then ends all others, and recovers.
  await withBackend(url, (idle) => {
    for (const pid of [runner, idle]) signal(pid);
  });
  await ended;
  for (let isUp = false; !isUp; ) {
    isUp = await withClient(url, null, (client) => client.query('select')).then(
      () => true,
      () => false,
    );
  }
}

async function withBackend(url: string, body: (pid: number) => void): Promise<void> {
  const client = await openClient(url);
  const { rows } = await client.query<{ pid: string }>('select pg_backend_pid() as pid');
  body(Number(rows[0]?.pid));
  await client.end().catch(() => {});
}

function signal(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/** A verb that the death did not reach has passed; any other must say how it goes on. */
function expectLost(failure: unknown): void {
  if (failure === null) return;
  expect(failure).toBeInstanceOf(HalflapError);
  expect(failure).toMatchObject({ code: 'SHARD_UNREACHABLE', retryable: true });
}

async function finish(writers: readonly { release: Release; writer: SteadyWriter }[]) {
  return Promise.all(
    writers.map(async ({ release, writer }) => {
      await writer.written();
      return { release, rows: await writer.stop() };
    }),
  );
}

async function outcomeOf(url: string): Promise<Outcome> {
  return withClient(url, null, async (client) => {
    const { rows } = await client.query<{ phase: string; floor: string }>(
      'select phase, floor from halflap.shard',
    );
    const { phase = '', floor } = rows[0] ?? {};
    const isServed = { old: floor === '1.0', new: phase !== 'settled' || floor === '2.0' };
    const seen = async (release: Release) => ({
      [release]: isServed[release]
        ? (await see(url, release)).filter(({ id }) => Number(id) < FIRST_KEYS.old)
        : [],
    });
    const both = { ...(await seen('old')), ...(await seen('new')) };
    return { phase, objects: await snapshot(client), rows: both };
  });
}

async function see(url: string, release: Release): Promise<Record<string, string | null>[]> {
  const path = release === 'new' ? NEW_PATH : null;
  return withClient(
    url,
    path,
    async (client) => (await client.query(WAREHOUSE_VIEWS[release])).rows,
  );
}

/** The rows of a writer are those of its account, for each release that is served. */
async function expectWritten(
  url: string,
  one: { outcome: Outcome; release: Release; rows: ReadonlyMap<number, WrittenRow> },
): Promise<void> {
  const first = FIRST_KEYS[one.release];
  const wanted = [...one.rows]
    .sort(([left], [right]) => left - right)
    .map(([id, { name, size, note }]) => ({ id: `${id}`, name, size: `${size}`, note }));
  expect(wanted.length).toBeGreaterThan(0);
  for (const reader of ['old', 'new'] as const) {
    if (one.outcome.rows[reader]?.length === 0) continue;
    const found = (await see(url, reader))
      .filter(({ id }) => Number(id) >= first && Number(id) < first + 10_000)
      .map(({ id, name, size, note }) => ({ id, name, size, note }));
    expect(found, `what ${one.release} wrote, read by ${reader}`).toEqual(wanted);
  }
}

async function expectConsistent(url: string, verb: Verb, outcome: Outcome): Promise<void> {
  if (verb === 'abort') expect(await leftovers(url, compiled.bundle)).toEqual([]);
  if (verb === 'contract') expect(await unlikeFresh(url, compiled.bundle)).toEqual([]);
  if (outcome.phase !== 'dual') return;
  const verified = shardOf(url, compiled.bundle, async () => {});
  await verified.run('verify');
}

/** Draws moments until one falls into the verb: each is earlier than the one that came too late. */
async function playKilled(scenario: Scenario, victim: Victim, limit: number): Promise<Outcome> {
  for (let walBytes = limit; ; walBytes = Math.floor(walBytes / 2)) {
    const { outcome, isHit } = await play(scenario, { victim, walBytes });
    if (isHit) return outcome;
  }
}

describe(`PostgreSQL killed by SIGKILL (HALFLAP_SEED=${SEED})`, () => {
  for (const [index, scenario] of SCENARIOS.entries()) {
    const { verb, start } = scenario;
    it(
      `in ${verb} of a shard that is ${start} ends, run again, as if it had lived`,
      async () => {
        const random = randomFrom(SEED + index);
        const { walBytes, outcome } = await play(scenario, null);
        for (let kills = 0; kills < KILLS; kills += 1) {
          for (const victim of ['server', 'runner'] as const) {
            const limit = Math.floor((walBytes * random.below(1000)) / 1000);
            expect(await playKilled(scenario, victim, limit), `${victim} killed`).toEqual(outcome);
          }
        }
      },
      TIMEOUT_MS,
    );
  }
});
