// What people see of shards, how scripts wait for them, and how shards come into being.

import { applicationName, type Phase } from '@halflap/protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { connect, type Session } from '../pg.js';
import { type FreshDatabase, freshDatabase } from '../testing/index.js';
import { runVerb } from './advance.js';
import { readFleet, readShard } from './fleet.js';
import { adopt, installRelease } from './install.js';
import { setPace } from './pace.js';
import { installByHand, pausedAfterFirstStep } from './testing/hand-bundle.js';
import { waitFor } from './wait.js';

const NOWHERE = 'postgres://nobody@127.0.0.1:1/none';

let database: FreshDatabase;
let session: Session;

beforeEach(async () => {
  database = await freshDatabase();
  session = await connect(database.url, 'test');
  return async () => {
    await session.end();
    await database.drop();
  };
});

describe('readShard', () => {
  it('answers for a database that is unknown, and for one that is not there', async () => {
    expect(await readShard(database.url)).toMatchObject({ reachable: true, state: null });
    expect(await readShard(NOWHERE)).toMatchObject({
      reachable: false,
      error: expect.stringContaining('cannot connect'),
    });
  });

  it('says that a newer Halflap wrote the state, whatever that lacks', async () => {
    const bundle = await installByHand(database.url);
    await runVerb({ url: database.url, shard: 'eu1', bundle, verb: 'prepare' });
    await session.query('update halflap.format set min_reader = 2');
    await session.query('alter table halflap.progress rename to progress_2');
    const status = await readShard(database.url);
    expect(status).toMatchObject({ reachable: true, state: null });
    expect(status.error).toContain('it takes format 2');
  });

  it('sees servers without a lease by the names of their sessions', async () => {
    const bundle = await installByHand(database.url, { rows: "values (1, 'a', 1)" });
    await runVerb({ url: database.url, shard: 'eu1', bundle, verb: 'prepare' });
    const { app } = bundle;
    const open = async (server: string, release: string) => {
      const one = await connect(database.url, 'test');
      const name = applicationName({ server, app, release });
      await one.query("select set_config('application_name', $1, false)", [name]);
      return one;
    };
    const lease = "select halflap.renew_lease(gen_random_uuid(), $1, '1.0', 'native', 60)";
    await session.query(lease, ['büro 1']);
    const sessions = await Promise.all([
      ...[open('web1', '1.0'), open('web1', '1.0'), open('büro 1', '1.0')],
    ]);
    const { sessions: seen, leases } = await readShard(database.url);
    await Promise.all(sessions.map((one) => one.end()));
    expect(seen).toEqual([{ server: 'web1', release: '1.0' }]);
    expect(leases.map(({ server }) => server)).toEqual(['büro 1']);
  });

  it('shows phase, leases, the running step with its rows, and who runs it', async () => {
    const rows = "select n, 'item ' || n, n % 7 from generate_series(1, 1000) n";
    const bundle = await installByHand(database.url, { rows });
    const options = { url: database.url, shard: 'eu1', bundle };
    await runVerb({ ...options, verb: 'prepare' });
    await session.query("select halflap.renew_lease(gen_random_uuid(), 'web1', '2.0', 'lens', 60)");
    let seen: ReturnType<typeof readShard> | undefined;
    await runVerb({
      ...options,
      verb: 'expand',
      pace: { batchRows: 50, paceMs: 10 },
      onProgress: ({ relation }) => {
        if (relation === 'items') seen ??= readShard(database.url);
      },
    });
    expect(await seen).toMatchObject({
      state: { phase: 'expanding', floor: '1.0', ceiling: '2.0' },
      running: {
        verb: 'expand',
        step: 'expand/fill-items',
        relation: 'items',
        rowsEstimated: 1000,
      },
      runner: expect.stringMatching(/^halflap\/expand\/fill-items, session \d+ from 127\.0\.0\.1$/),
      leases: [{ server: 'web1', release: '2.0', mode: 'lens' }],
      blocked: null,
    });
    const fleet = await readFleet([{ url: database.url }, { url: NOWHERE }]);
    expect(fleet.map(({ status }) => status.state?.phase ?? null)).toEqual(['dual', null]);
    expect(fleet[0]?.status).toMatchObject({ running: null, runner: null, blocked: null });
  });

  it('says why a shard does not go on', async () => {
    const bundle = await installByHand(database.url, { rows: "values (1, 'a', 1)" });
    const options = { url: database.url, shard: 'eu1', bundle };
    await runVerb({ ...options, verb: 'prepare' });
    const paused = pausedAfterFirstStep(bundle);
    await runVerb({ ...options, bundle: paused, verb: 'expand' }).catch(() => {});
    expect(await readShard(database.url)).toMatchObject({ blocked: 'paused by an operator' });
    await setPace({ url: database.url, shard: 'eu1', app: bundle.app }, { paused: false });
    expect((await readShard(database.url)).blocked).toBe(
      'interrupted in step expand/fill-items: run expand again',
    );
  });
});

describe('setPace', () => {
  it('refuses a database that is unknown, and the shard of another application', async () => {
    const target = { url: database.url, shard: 'eu1', app: 'shoe' };
    await expect(setPace(target, { paused: true })).rejects.toMatchObject({
      code: 'SHARD_UNKNOWN',
      hint: expect.stringContaining('halflap adopt VERSION --shard eu1'),
    });
    const bundle = await installByHand(database.url);
    await runVerb({ url: database.url, shard: 'eu1', bundle, verb: 'prepare' });
    await expect(setPace(target, { paused: true })).rejects.toMatchObject({
      code: 'EVOLUTION_MISMATCH',
      message: `shard eu1 is of ${bundle.app}, not shoe`,
    });
    expect((await readShard(database.url)).state?.paused).toBe(false);
  });
});

describe('waitFor', () => {
  it('returns when the phase is reached', async () => {
    const bundle = await installByHand(database.url);
    const options = { url: database.url, shard: 'eu1', bundle };
    const waiting = waitFor({ url: database.url, phase: 'prepared', timeoutMs: 60_000 });
    await runVerb({ ...options, verb: 'prepare' });
    expect(await waiting).toMatchObject({ state: { phase: 'prepared' } });
  });

  it('gives up at the deadline and says what it found', async () => {
    const waiting = waitFor({ url: database.url, phase: 'dual', timeoutMs: 1, shard: 'eu1' });
    await expect(waiting).rejects.toMatchObject({
      code: 'WAIT_TIMED_OUT',
      message: expect.stringContaining('Halflap does not know the database'),
    });
    const dead = waitFor({ url: NOWHERE, phase: 'dual', timeoutMs: 1, shard: 'eu1' });
    await expect(dead).rejects.toMatchObject({
      message: expect.stringMatching(/: it could not be reached: cannot connect to 127.0.0.1:1, /),
    });
  });

  it('returns at once for a phase that is passed, and refuses one that cannot come', async () => {
    const bundle = await installByHand(database.url);
    const options = { url: database.url, shard: 'eu1', bundle };
    const wait = (phase: Phase, release?: string) =>
      waitFor({
        ...{ url: database.url, phase, timeoutMs: 1, shard: 'eu1' },
        ...(release === undefined ? {} : { release }),
      });
    await runVerb({ ...options, verb: 'prepare' });
    await runVerb({ ...options, verb: 'expand' });
    expect(await wait('prepared')).toMatchObject({ state: { phase: 'dual' } });
    expect(await wait('prepared', '2.0')).toMatchObject({ state: { phase: 'dual' } });
    await expect(wait('contracting')).rejects.toMatchObject({ code: 'WAIT_TIMED_OUT' });
    await expect(wait('prepared', '3.0')).rejects.toMatchObject({ code: 'WAIT_TIMED_OUT' });
    await expect(wait('settled', '1.0')).rejects.toMatchObject({ code: 'WAIT_TIMED_OUT' });
    await runVerb({ ...options, verb: 'contract', limits: { evidenceWindowMs: 30 } });
    expect(await wait('dual', '2.0')).toMatchObject({ state: { phase: 'settled' } });
    await expect(wait('dual')).rejects.toMatchObject({
      code: 'WAIT_TIMED_OUT',
      message: expect.stringContaining('it is settled at 2.0'),
    });
    await expect(wait('settled', '1.0')).rejects.toMatchObject({
      code: 'PHASE_REFUSED',
      message: 'shard eu1 is settled at 2.0: nothing leads back to settled at 1.0',
    });
  });
});

describe('installRelease and adopt', () => {
  const release = {
    version: '1.0',
    fingerprint: 'one',
    schemaSql: "select set_config('search_path', '', false);\ncreate table public.items (id int);",
  };

  it('installs a release on an empty database, once', async () => {
    const options = { url: database.url, app: 'shop', release };
    expect(await installRelease(options)).toMatchObject({ changed: true });
    expect(await installRelease(options)).toMatchObject({ changed: false });
    expect(await readShard(database.url)).toMatchObject({
      state: { app: 'shop', floor: '1.0', ceiling: '1.0', phase: 'settled', fingerprint: 'one' },
    });
  });

  it('leaves nothing behind when PostgreSQL refuses the schema', async () => {
    const broken = { ...release, schemaSql: 'create table a (id int); create tabel b (id int)' };
    const options = { url: database.url, app: 'shop', release: broken };
    await expect(installRelease(options)).rejects.toMatchObject({ code: 'RELEASE_UNREADABLE' });
    expect(await session.query("select to_regclass('a') as a")).toEqual([{ a: null }]);
    expect(await readShard(database.url)).toMatchObject({ state: null });
  });

  it('takes a dump with commands for psql, transactions and unknown roles', async () => {
    const schemaSql = [
      '\\restrict secret',
      'set a_setting_of.tomorrow = 1; set no_such_setting = 0;',
      'begin; create schema public; create table public.items (id int); commit;',
      'alter table public.items owner to nobody_here;',
      'grant select on public.items to nobody_here, public;',
      '\\unrestrict secret',
    ].join('\n');
    const dump = { ...release, schemaSql };
    expect(await installRelease({ url: database.url, app: 'shop', release: dump })).toMatchObject({
      changed: true,
    });
    expect(await session.query('select from items')).toEqual([]);
  });

  it('says what a shard is that holds another release, and does not touch it', async () => {
    const options = { url: database.url, app: 'shop', shard: 'eu1', release };
    await installRelease(options);
    const next = { ...release, version: '2.0' };
    await expect(installRelease({ ...options, release: next })).rejects.toMatchObject({
      code: 'EVOLUTION_MISMATCH',
      message: expect.stringMatching(
        /^shard eu1 is managed already: shop, settled at 1\.0 since .* UTC; expected shop/,
      ),
      hint: expect.stringContaining('halflap prepare --shard eu1'),
    });
    await expect(installRelease({ ...options, app: 'shoe' })).rejects.toMatchObject({
      code: 'EVOLUTION_MISMATCH',
      hint: expect.stringContaining('correct "app"'),
    });
  });

  it('does not install over tables', async () => {
    await session.query('create table mine (id int)');
    await expect(installRelease({ url: database.url, app: 'shop', release })).rejects.toMatchObject(
      { code: 'SHARD_DRIFTED', detail: { evidence: ['found mine'] } },
    );
  });

  it('adopts a database that holds the release, once, and no other', async () => {
    const bundle = await installByHand(database.url);
    const options = { url: database.url, app: 'shop', release: bundle.from };
    expect(await adopt(options)).toMatchObject({ changed: true });
    expect(await adopt(options)).toMatchObject({ changed: false });
    await expect(
      adopt({ ...options, release: { ...bundle.from, version: '1.1' } }),
    ).rejects.toMatchObject({ code: 'EVOLUTION_MISMATCH' });
  });
});
