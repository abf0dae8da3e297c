// A real client that nobody here wrote: pgbench and its built-in TPC-B script, unmodified, is the
// release in the field while its database passes through every phase, twice.
//
// One branch row is hot (scale 1), so clients queue for each other all the time, and for us.

import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  adopt,
  type Bundle,
  compile,
  lineage,
  listReleases,
  loadRelease,
  runVerb,
} from '@halflap/engine';
import { freshDatabase, withDatabase } from '@halflap/engine/testing';
import { searchPath, type Verb } from '@halflap/protocol';
import pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import { findPgbench, type PgbenchReport, type PgbenchRun, startPgbench } from './programs.js';

const RELEASES = fileURLToPath(new URL('./releases', import.meta.url));
const script = (path: string) => fileURLToPath(new URL(`./releases/${path}`, import.meta.url));
const APP = 'bank';

/** pgbench's own transactions that must pass in each phase before the next verb. */
const TRANSACTIONS_PER_PHASE = 100;
const NEW_TRANSACTIONS = 200;
/** On few accounts the two releases wait for each other most of the time. */
const HOT_TRANSACTIONS = 150;
/**
 * Where both releases change one value of one row at one moment, one of them must yield: the new
 * one, which is answered 40001 and runs its transaction again.
 */
const MAY_TRY_AGAIN = ['--max-tries', '1000'];
/**
 * Transactions a second of the release in the field where time is short: a third of what it makes
 * of two cores that it has for itself, so that clients still meet on the hot row and in the locks
 * of every verb. Elsewhere it makes what it can.
 */
const RATE = process.env.CI ? ['--rate', '300'] : [];
/** Between two looks at how far it is: to look costs a processor as well. */
const LOOK_MS = 20;
/** Longer than any run: it is ended by signal when the verbs are through. */
const OLD_SECONDS = 3600;
const TIMEOUT_MS = 300_000;

const program = await findPgbench();
if (program === undefined && process.env.CI === undefined) {
  process.stderr.write('pgbench is not installed (Debian: postgresql-contrib): test skipped\n');
}

let bundle: Bundle;

beforeAll(async () => {
  const scratch = {
    withDatabase: <Result>(body: (url: string) => Promise<Result>) => withDatabase(body),
  };
  const directories = await listReleases(RELEASES);
  const [from, to] = await Promise.all(
    directories.map(({ directory }) => loadRelease(directory, scratch)),
  );
  const [evolution] = await lineage(directories);
  if (from === undefined || to === undefined || evolution === undefined) {
    throw new Error(`two releases are expected in ${RELEASES}`);
  }
  bundle = compile({ app: APP, from, to, evolution });
});

describe.skipIf(program === undefined && process.env.CI === undefined)('pgbench', () => {
  it('makes, with -i, a database that is taken in as release 1.0', async () => {
    await withBank(async ({ query }) => {
      expect(await query('select floor, ceiling, phase from halflap.shard')).toEqual([
        { floor: '1.0', ceiling: '1.0', phase: 'settled' },
      ]);
    });
  });

  // The harder one alone where time is short: plans are kept over every phase.
  for (const protocol of process.env.CI ? ['prepared'] : ['simple', 'prepared']) {
    it(
      `loses nothing and sees no error in any phase (${protocol} protocol)`,
      () => withBank((bank) => throughAllPhases(bank, protocol)),
      TIMEOUT_MS,
    );
  }

  it(
    'keeps all sums while both releases write the same few rows',
    () => withBank(onFewAccounts),
    TIMEOUT_MS,
  );
});

/** Four clients of each release, on five accounts, in dual. */
async function onFewAccounts(bank: Bank): Promise<void> {
  await bank.run('prepare');
  await bank.run('expand');
  const clients = ['-n', '-c', '4', '-t', String(HOT_TRANSACTIONS)];
  const old = bank.start([...clients, '-f', script('1.0/few-accounts.sql')]);
  const fresh = bank.start([...clients, ...MAY_TRY_AGAIN, '-f', script('2.0/few-accounts.sql')], {
    searchPath: searchPath(APP, bundle.to.version),
  });
  const reports = (await Promise.all([old.ended, fresh.ended])).map(expectNoError);
  expect(reports.map((one) => one.processed)).toEqual([HOT_TRANSACTIONS * 4, HOT_TRANSACTIONS * 4]);
  expect(reports[0]?.retried).toBe(0);
  await expectTpcbInvariants(bank, reports);
}

async function throughAllPhases(bank: Bank, protocol: string): Promise<void> {
  const clients = ['-c', '4', '-j', '2', '-T', String(OLD_SECONDS)];
  const old = bank.start([...clients, '-M', protocol, ...RATE]);
  const reports: PgbenchReport[] = [];
  const runNew = async () => {
    const clients = ['-n', '-c', '2', '-t', String(NEW_TRANSACTIONS / 2), ...MAY_TRY_AGAIN];
    const started = bank.start([...clients, '-M', protocol, '-f', script('2.0/tpcb.sql')], {
      searchPath: searchPath(APP, bundle.to.version),
    });
    reports.push(expectNoError(await started.ended));
  };
  const through = async (verbs: readonly Verb[]) => {
    for (const verb of verbs) {
      await passed(bank, old);
      await bank.run(verb);
    }
  };

  await through(['prepare', 'expand', 'verify']);
  await runNew();
  await through(['verify', 'abort', 'prepare', 'expand']);
  await runNew();
  await passed(bank, old);
  const report = expectNoError(await old.finish());
  expect(report.retried).toBe(0);

  expect(reports.map((one) => one.processed)).toEqual([NEW_TRANSACTIONS, NEW_TRANSACTIONS]);
  await expectTpcbInvariants(bank, [report, ...reports]);
  await bank.run('verify');
  expect(await bank.query('select * from halflap.quarantine')).toEqual([]);
}

/** Waits until the release in the field has committed more of its transactions. */
async function passed(bank: Bank, old: PgbenchRun): Promise<void> {
  let hasEnded = false;
  void old.ended.then(() => {
    hasEnded = true;
  });
  const count = async () => {
    const [row] = await bank.query<{ n: number }>(
      'select count(*)::int as n from public.pgbench_history',
    );
    return row?.n ?? 0;
  };
  const wanted = (await count()) + TRANSACTIONS_PER_PHASE;
  while ((await count()) < wanted) {
    if (hasEnded) throw new Error(`pgbench ended too early:\n${(await old.ended).output}`);
    await delay(LOOK_MS);
  }
}

function expectNoError(report: PgbenchReport): PgbenchReport {
  expect(report, report.output).toMatchObject({ exitCode: 0, failed: 0 });
  expect(report.output).not.toMatch(/error|aborted/i);
  return report;
}

/** TPC-B, clause 2: all balances follow from the history; nothing acknowledged is missing. */
async function expectTpcbInvariants(bank: Bank, reports: readonly PgbenchReport[]): Promise<void> {
  const newSchema = bundle.releaseSchema;
  const [sums] = await bank.query<Record<string, number>>(`
    select
      (select count(*) from public.pgbench_history)::int as transactions,
      (select sum(delta) from public.pgbench_history)::int as history,
      (select sum(bbalance) from public.pgbench_branches)::int as branches,
      (select sum(tbalance) from public.pgbench_tellers)::int as tellers,
      (select sum(abalance) from public.pgbench_accounts)::int as accounts,
      (select sum(balance) from ${newSchema}.pgbench_tellers)::int as "newTellers",
      (select sum(abalance) from ${newSchema}.pgbench_account_balances)::int as "newAccounts"`);
  const history = sums?.history;
  expect(sums).toEqual({
    transactions: reports.reduce((sum, report) => sum + report.processed, 0),
    history,
    branches: history,
    tellers: history,
    accounts: history,
    newTellers: history,
    newAccounts: history,
  });
  const differing = await bank.query(`
    select aid, o, n
    from public.pgbench_accounts as o
    full join (
      select a.aid, a.bid, b.abalance, f.filler
      from ${newSchema}.pgbench_accounts as a
      full join ${newSchema}.pgbench_account_balances as b using (aid)
      full join ${newSchema}.pgbench_account_fillers as f on f.account = coalesce(a.aid, b.aid)
    ) as n using (aid)
    where row(o.aid, o.bid, o.abalance, o.filler)
      is distinct from row(n.aid, n.bid, n.abalance, n.filler)
    limit 10`);
  expect(differing).toEqual([]);
}

interface Bank {
  start(args: readonly string[], options?: { readonly searchPath?: string }): PgbenchRun;
  run(verb: Verb): Promise<void>;
  query<Row extends object = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<Row[]>;
}

/** A database made by `pgbench -i`, taken in as release 1.0. */
async function withBank<Result>(body: (bank: Bank) => Promise<Result>): Promise<Result> {
  if (program === undefined) throw new Error('pgbench is not installed: see .ci/run');
  const { url, drop } = await freshDatabase();
  const client = new pg.Client({ connectionString: url });
  const runs: PgbenchRun[] = [];
  const start: Bank['start'] = (args, options = {}) => {
    const run = startPgbench(program, url, { arguments: args, ...options });
    runs.push(run);
    return run;
  };
  try {
    await client.connect();
    const made = await start(['-i', '-q', '-s', '1']).ended;
    expect(made.exitCode, made.output).toBe(0);
    await adopt({ url, app: APP, release: bundle.from });
    return await body({
      start,
      run: async (verb) => {
        await runVerb({ url, shard: APP, bundle, verb });
      },
      query: async <Row extends object>(text: string, values: readonly unknown[] = []) =>
        (await client.query<Row>(text, [...values])).rows,
    });
  } finally {
    await Promise.all(runs.map((run) => run.finish()));
    await client.end();
    await drop();
  }
}
