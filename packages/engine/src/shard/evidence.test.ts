// Contract is refused while the old release is in use or something is unresolved, and says why.

import { beforeEach, describe, expect, it } from 'vitest';
import type { Bundle } from '../compile/bundle.js';
import { connect, type Session } from '../pg.js';
import { type FreshDatabase, freshDatabase } from '../testing/index.js';
import { runVerb, type VerbOptions } from './advance.js';
import { contractEvidence } from './evidence.js';
import { installByHand } from './testing/hand-bundle.js';

let database: FreshDatabase;
let session: Session;
let bundle: Bundle;

beforeEach(async () => {
  database = await freshDatabase();
  session = await connect(database.url, 'test');
  const made = await installByHand(database.url, { rows: "values (1, 'a', 1)" });
  bundle = { ...made, evidence: { ...made.evidence, oldWrites: 'public.old_writes' } };
  await session.query('create sequence old_writes');
  await run('prepare');
  await run('expand');
  return async () => {
    await session.end();
    await database.drop();
  };
});

const limits = { evidenceWindowMs: 60, lockAttempts: 5 };
const run = (verb: VerbOptions['verb'], more: Partial<VerbOptions> = {}) =>
  runVerb({ url: database.url, shard: 'eu1', bundle, verb, limits, ...more });

const refused = async () => {
  const error = await run('contract').catch((failure: unknown) => failure);
  expect(error).toMatchObject({ code: 'CONTRACT_REFUSED' });
  return error as { detail: { evidence: string[] }; hint: string };
};

describe('contract', () => {
  it('goes on where nobody uses the old release, after it has verified by itself', async () => {
    const { steps } = await run('contract');
    expect(steps.map(({ id }) => id)).toEqual([
      'verify/items',
      'contract/fence',
      'contract/barrier',
      'contract/drop',
    ]);
  });

  it('does not verify again what passed while dual, unless that is long ago', async () => {
    await run('verify');
    const find = (verifyFreshMs: number) =>
      contractEvidence(session, bundle, { windowMs: 1, verifyFreshMs });
    expect(await find(60_000)).toEqual([]);
    expect(await find(0)).toMatchObject([{ kind: 'verify', isOverridable: false }]);
    expect((await run('contract')).steps).toHaveLength(3);
  });

  it('is refused while a server of the old release holds a lease', async () => {
    const lease = "select halflap.renew_lease(gen_random_uuid(), 'web1', $1, 'native', $2)";
    await session.query(lease, ['2.0', 60]);
    await session.query(lease, ['1.0', -1]);
    await session.query(lease, ['1.0', 60]);
    const { detail, hint } = await refused();
    expect(detail.evidence).toEqual([expect.stringMatching(/^server web1 runs release 1\.0/)]);
    expect(hint).toBe(
      'upgrade or stop the servers of 1.0; then halflap contract --shard eu1 ' +
        '(--force-in-use "REASON" passes over what is known to be harmless)',
    );
  });

  it('is refused while the old layout is written', async () => {
    const stop = new AbortController();
    const writing = (async () => {
      while (!stop.signal.aborted) await session.query("select nextval('old_writes')");
    })();
    const { detail } = await refused();
    stop.abort();
    await writing;
    expect(detail.evidence).toEqual([expect.stringMatching(/^\d+ writes of 1\.0 within/)]);
  });

  it('is refused while a session uses old tables alone', async () => {
    await session.query("set application_name = 'web'; begin; select from items");
    const { detail } = await refused();
    expect(detail.evidence).toEqual([expect.stringMatching(/session \d+ \(web\) uses/)]);
    await session.query('select from shop_2_0.items; select 1');
    await session.query('rollback');
    expect(await run('contract')).toMatchObject({ phase: 'settled' });
  });

  it('is refused while an old table is published, and says how to end that', async () => {
    await session.query('create table other (id int primary key)');
    await session.query('create publication "Feed" for table items, other');
    await session.query('create publication everything for all tables');
    const { detail, hint } = await refused();
    expect(detail.evidence).toEqual([
      'publication "Feed" publishes public.items, where its subscribers cannot follow',
      'publication everything publishes public.items, where its subscribers cannot follow',
    ]);
    expect(hint).toContain('alter publication "Feed" drop table public.items;');
    await session.query('alter publication "Feed" drop table public.items');
    await session.query('drop publication everything');
    expect(await run('contract')).toMatchObject({ phase: 'settled' });
  });

  it('is refused when an old table was read in a quiet window', async () => {
    const reader = await connect(database.url, 'reader');
    // Before PostgreSQL 15 a session that is busy reports twice a second, unasked.
    const [version] = await reader.query<{ flush: string }>(
      `select case when to_regproc('pg_catalog.pg_stat_force_next_flush') is null then 'select 1'
         else 'select pg_stat_force_next_flush()' end as flush`,
    );
    const findings = contractEvidence(session, bundle, { windowMs: 2000, verifyFreshMs: 60_000 });
    const stop = new AbortController();
    const reading = (async () => {
      while (!stop.signal.aborted) {
        await reader.query('select count(*) from items');
        await reader.query(version?.flush ?? '');
      }
    })();
    expect((await findings).map(({ kind }) => kind)).toContain('scan');
    stop.abort();
    await reading;
    await reader.end();
  });

  it('goes on by force with a reason, which the journal keeps with what it overrode', async () => {
    await session.query(
      "select halflap.renew_lease(gen_random_uuid(), 'web1', '1.0', 'native', 60)",
    );
    const force = { reason: 'web1 burnt down' };
    expect(await run('contract', { force })).toMatchObject({ phase: 'settled' });
    const [row] = await session.query(
      "select detail->'force' as force from halflap.journal where step = 'contract/fence'",
    );
    expect(row).toMatchObject({
      force: { reason: 'web1 burnt down', overridden: [expect.stringContaining('web1')] },
    });
  });

  it('is refused in spite of force while rows are in quarantine', async () => {
    await session.query(
      `insert into halflap.quarantine (evolution, relation, key, sqlstate, reason)
       values ('1.0..2.0', 'items', '{"id": 7}', '22P02', 'not a number')`,
    );
    const force = { reason: 'in a hurry' };
    await expect(run('contract', { force })).rejects.toMatchObject({
      code: 'CONTRACT_REFUSED',
      detail: { evidence: [expect.stringContaining('{"id":7}: not a number')] },
    });
  });

  it('is refused in spite of force while verify fails', async () => {
    await session.query('delete from shop_2_0.items');
    const force = { reason: 'in a hurry' };
    await expect(run('contract', { force })).rejects.toMatchObject({ code: 'VERIFY_FAILED' });
    expect(await session.query('select phase from halflap.shard')).toEqual([{ phase: 'dual' }]);
  });
});
