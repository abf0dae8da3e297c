// Does a plan tell the truth about locks? The real runner takes shards with rows through every way
// there is, recording inside each of its transactions which locks it holds (recorder.ts), and that
// is compared with what the bundle states, both ways, statement by statement.

import {
  type Bundle,
  type HeldLock,
  LOCK_MODES,
  measureEffects,
  runVerb,
  textsOf,
} from '@halflap/engine';
import { withDatabase } from '@halflap/engine/testing';
import { describe, expect, it } from 'vitest';
import { type Client, withClient } from '../evolving/databases.js';
import { APP, type Compiled, compileLine } from '../evolving/releases.js';
import { installShard, type Shard, shardOf } from '../evolving/shard.js';
import { isDue } from '../setup/due.js';
import { CASES, type Case, MOVED } from './cases.js';
import {
  modeOf,
  prepareRecording,
  type Recorded,
  readRecorded,
  recording,
  type Taken,
  type When,
} from './recorder.js';

describe('a plan states every lock that is taken, and no other', () => {
  for (const one of CASES) {
    it.skipIf(!isDue(one.title))(`of ${one.title}`, async () => {
      const [compiled] = await compileLine(linesOf(one));
      const bundle = await measured(compiled as Compiled);
      const back = await thereAndBack(compiled as Compiled, one);
      const through = await throughToTheEnd(compiled as Compiled, one);
      const recorded = {
        locks: [...back.locks, ...through.locks],
        rewrites: [...back.rewrites, ...through.rewrites],
      };
      expect(unstated(bundle, recorded)).toEqual([]);
      expect(neverTaken(bundle, recorded, (lock) => !lock.isOnlyMoved)).toEqual([]);
      expect(rewritesOf(bundle)).toEqual([...new Set(recorded.rewrites)].sort());
      expect(unknownToRunner(bundle)).toEqual([]);
      expect(untrueForRunner(bundle)).toEqual([]);
    });
  }

  it('on a shard whose tables an earlier evolution has left elsewhere', async () => {
    const [first, second] = await compileLine(MOVED.line);
    const bundle = await measured(second as Compiled);
    const recorded = await onShard(first as Compiled, MOVED.rows, async (shard, client) => {
      for (const verb of ['prepare', 'expand', 'contract'] as const) await shard.run(verb);
      const next = shardOf(shard.url, recording(bundle, 'with its statement'), async () => {});
      for (const verb of ['prepare', 'expand', 'contract'] as const) await next.run(verb);
      return readRecorded(client, namesOf(bundle));
    });
    expect(unstated(bundle, recorded)).toEqual([]);
    expect(neverTaken(bundle, recorded, (lock) => lock.isOnlyMoved)).toEqual([]);
    expect(locksOf(bundle).filter(({ lock }) => lock.isOnlyMoved).length).toBeGreaterThan(0);
  });
});

describe('a runner that takes the locks of a step ahead', () => {
  it('takes none that no statement of the step needs', async () => {
    const one = CASES.find(({ title }) => title.startsWith('sequences and identities')) as Case;
    const [compiled] = await compileLine(linesOf(one));
    const stated = locksOf(await measured(compiled as Compiled));
    const { locks } = await throughToTheEnd(compiled as Compiled, one, 'ahead');
    const needed = (taken: Taken) =>
      stated.some(
        ({ step, lock }) =>
          step === taken.step && lock.relation === taken.relation && rank(lock) >= rank(taken),
      );
    expect(locks.length).toBeGreaterThan(0);
    expect(locks.filter((taken) => !needed(taken))).toEqual([]);
  });
});

describe('a concurrent build', () => {
  it('takes the one lock that is stated, as others see it while it waits for them', async () => {
    const [compiled] = await compileLine(linesOf(CASES[0] as Case));
    const bundle = await measured(compiled as Compiled);
    const seen: string[] = [];
    await withShardOf(compiled as Compiled, (CASES[0] as Case).rows, async (shard, client) => {
      await shard.run('prepare');
      await client.query(OLDER);
      let looking = Promise.resolve();
      await runVerb({
        url: shard.url,
        shard: 'eu1',
        bundle,
        verb: 'expand',
        onProgress: ({ step, waitingFor }) => {
          if (waitingFor === null) return;
          looking = looking.then(async () => {
            seen.push(...(await heldBy(client, step)).map((lock) => `${step}: ${lock}`));
            await client.query(`commit; ${OLDER}`);
          });
        },
      });
      await looking;
      await client.query('commit');
    });
    const stated = locksOf(bundle)
      .filter(({ step }) => step.startsWith('expand/index/'))
      .map(({ step, lock }) => `${step}: ${lock.mode} on ${lock.relation}`);
    expect([...new Set(seen)].sort()).toEqual(stated.sort());
    expect(stated).toHaveLength(3);
  });
});

/** A transaction with a snapshot, for which every build and every barrier waits. */
const OLDER = 'begin isolation level repeatable read; select 1';

/** Locks on tables that the runner holds in a step. */
async function heldBy(client: Client, step: string): Promise<string[]> {
  const { rows } = await client.query<{ mode: string; relation: string }>(
    `select l.mode, n.nspname || '.' || c.relname as relation
     from pg_locks as l join pg_stat_activity as a on a.pid = l.pid
     join pg_class as c on c.oid = l.relation join pg_namespace as n on n.oid = c.relnamespace
     where l.granted and a.application_name = $1 and c.relkind = 'r' and n.nspname <> 'pg_catalog'`,
    [`halflap/${step}`],
  );
  return rows.map(({ mode, relation }) => `${modeOf(mode)} on ${relation}`);
}

function linesOf({ from, to, changes }: Case) {
  return [
    { version: '1.0', schema: from, changes: null },
    { version: '2.0', schema: to, changes },
  ];
}

function measured({ bundle, from }: Compiled): Promise<Bundle> {
  return measureEffects({ bundle, from, scratch: { withDatabase } });
}

/** To each phase before contract, and back; what a step does depends on where it comes from. */
function thereAndBack(compiled: Compiled, { rows }: Case): Promise<Recorded> {
  return onShard(compiled, rows, async (_, client, shard) => {
    const { expand } = shard.bundle.steps;
    const beforeSwitch = expand.findIndex((step) => step.kind === 'barrier');
    for (const verb of ['prepare', 'abort', 'prepare'] as const) await shard.run(verb);
    for (let done = 0; done < beforeSwitch; done += 1) await shard.step('expand');
    for (const verb of ['abort', 'prepare', 'expand', 'abort'] as const) await shard.run(verb);
    return readRecorded(client, namesOf(compiled.bundle));
  });
}

function throughToTheEnd(
  compiled: Compiled,
  { rows }: Case,
  when: When = 'with its statement',
): Promise<Recorded> {
  const toTheEnd = async (_: Shard, client: Client, shard: Shard) => {
    for (const verb of ['prepare', 'expand', 'contract'] as const) await shard.run(verb);
    return readRecorded(client, namesOf(compiled.bundle));
  };
  return onShard(compiled, rows, toTheEnd, when);
}

/** A shard of the old release with rows; the second one is the same, recording. */
function onShard(
  compiled: Compiled,
  rows: string,
  body: (shard: Shard, client: Client, recorder: Shard) => Promise<Recorded>,
  when: When = 'with its statement',
): Promise<Recorded> {
  return withShardOf(compiled, rows, async (shard, client) => {
    await prepareRecording(client);
    return body(
      shard,
      client,
      shardOf(shard.url, recording(compiled.bundle, when), async () => {}),
    );
  });
}

async function withShardOf<Result>(
  compiled: Compiled,
  rows: string,
  body: (shard: Shard, client: Client) => Promise<Result>,
): Promise<Result> {
  const shard = await installShard(compiled);
  try {
    return await withClient(shard.url, null, async (client) => {
      await client.query(rows);
      return body(shard, client);
    });
  } finally {
    await shard.drop();
  }
}

/** As a plan calls relations: tables and sequences of the old release by their plain names. */
function namesOf({ from }: Bundle) {
  const tables = new Set(from.catalog.tables.map((table) => table.name));
  const floor = ['public', `${APP}_${from.version.replace('.', '_')}`];
  return ({ schema, name, kind }: { schema: string; name: string; kind: string }) => {
    const isPlain = floor.includes(schema) && (kind === 'S' || (kind !== 'v' && tables.has(name)));
    return isPlain ? name : `${schema}.${name}`;
  };
}

interface Stated {
  readonly step: string;
  readonly at: number;
  readonly lock: HeldLock;
}

function locksOf({ effects = {} }: Bundle): Stated[] {
  return Object.entries(effects).flatMap(([step, list]) =>
    list.flatMap(({ locks }, at) => locks.map((lock) => ({ step, at, lock }))),
  );
}

function unstated(bundle: Bundle, { locks }: Recorded): string[] {
  const stated = locksOf(bundle);
  const found = locks.filter(
    (taken) => !stated.some((one) => isSame(one, taken) && rank(one.lock) >= rank(taken)),
  );
  return found.map((taken) => say(bundle, taken));
}

function neverTaken(
  bundle: Bundle,
  { locks }: Recorded,
  which: (lock: HeldLock) => boolean,
): string[] {
  // A concurrent build is watched from outside: see below.
  const isIndex = new Set(
    bundle.steps.expand.flatMap((one) => (one.kind === 'index' ? [one.id] : [])),
  );
  return locksOf(bundle)
    .filter(({ step, lock }) => which(lock) && !isIndex.has(step))
    .filter((one) => !locks.some((taken) => isSame(one, taken) && rank(one.lock) === rank(taken)))
    .map(({ step, at, lock }) => say(bundle, { step, at, ...lock }));
}

function isSame({ step, at, lock }: Stated, taken: Taken): boolean {
  return step === taken.step && at === taken.at && lock.relation === taken.relation;
}

function rank({ mode }: { readonly mode: HeldLock['mode'] }): number {
  return LOCK_MODES.indexOf(mode);
}

function rewritesOf({ effects = {} }: Bundle): string[] {
  const all = Object.entries(effects).flatMap(([step, list]) =>
    list.flatMap(({ rewrites }) => rewrites.map((table) => `${step}: ${table}`)),
  );
  return [...new Set(all)].sort();
}

/** Statements that stop reads or writes of what is in use, of which the runner is told no lock. */
function unknownToRunner(bundle: Bundle): string[] {
  const steps = Object.values(bundle.steps).flat();
  return locksOf(bundle)
    .filter(({ lock }) => lock.isUsed && rank(lock) >= LOCK_MODES.indexOf('SHARE'))
    .filter(({ step, at }) => {
      const found = steps.find((one) => one.id === step);
      return found?.kind === 'transaction' && found.statements[at]?.lock === null;
    })
    .map(({ step, at, lock }) => say(bundle, { step, at, ...lock }));
}

/**
 * Locks of which the runner is told, and which its step does not take, or not so strong. What a
 * block does depends on what it finds on the shard.
 */
function untrueForRunner(bundle: Bundle): string[] {
  const stated = locksOf(bundle);
  return Object.values(bundle.steps)
    .flat()
    .flatMap((step) => {
      const statements = step.kind === 'transaction' ? step.statements : [];
      return statements.flatMap(({ lock, sql }, at) => {
        const isTaken = stated.some(
          (one) =>
            one.step === step.id &&
            one.at <= at &&
            one.lock.relation === lock?.relation &&
            rank(one.lock) >= rank(lock),
        );
        return lock === null || isTaken || sql.startsWith('do ')
          ? []
          : [say(bundle, { step: step.id, at, ...lock })];
      });
    });
}

function say(bundle: Bundle, { step, at, mode, relation }: Taken): string {
  const found = Object.values(bundle.steps)
    .flat()
    .find((one) => one.id === step);
  const text = found === undefined ? '' : (textsOf(found)[at] ?? '');
  return `${step} ${at}: ${mode} on ${relation}: ${text.replace(/\s+/g, ' ').slice(0, 120)}`;
}
