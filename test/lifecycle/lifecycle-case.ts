// Takes one change through every phase, three times back and once to the end, and writes through
// one release and reads through the other after every single step. The truth is kept by two plain
// databases, one of each release, which get the same statements.
//
// | round | path                                                                   |
// |-------|------------------------------------------------------------------------|
// | 1     | settled → prepared → abort; before that half-way, where it takes steps |
// | 2     | prepared → expanding, half of the steps → abort                        |
// | 3     | prepared → expanding → dual, step by step; verify; abort               |
// | 4     | prepared → dual at once → contract, step by step                       |
//
// With CI set, a case takes this road when it has its turn (setup/due.ts); an abort from prepared
// and one from half-way into expand are left out, and a runner goes on over steps after which
// statements find nothing else.

import type { Step } from '@halflap/engine';
import { freshDatabase } from '@halflap/engine/testing';
import { expect, type RunnerTestCase as Test, TestRunner } from 'vitest';
import { leftovers, unlikeFresh } from '../evolving/catalogue.js';
import { type Client, openClient, readAll, stateOf } from '../evolving/databases.js';
import { type Compiled, compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH, type Shard } from '../evolving/shard.js';
import { isDue, NOT_DUE } from '../setup/due.js';

/** One statement, as each release says it; `by` says which of the two runs on the shard. */
export interface Write {
  readonly by: 'old' | 'new';
  readonly old: string;
  readonly new: string;
  /** What a lens refuses and a table takes: left out while the lens stands. */
  readonly since?: 'dual';
}

/** A statement of the new release that a shard between the two must refuse. */
export interface Refused {
  readonly by: 'old' | 'new';
  readonly sql: string;
  /** SQLSTATE while the lens stands, and in dual; null where it is not tried. */
  readonly lens: string | null;
  readonly dual: string | null;
}

export interface LifecycleCase {
  readonly from: string;
  readonly to: string;
  /** evolution.yaml without `from`; left out when everything is inferred. */
  readonly evolution?: string;
  /** The rows at the start, as each release says it. */
  readonly seed: { readonly old: string; readonly new: string };
  /** Statements of round n: each round writes other values. */
  readonly writes: (round: number) => readonly Write[];
  readonly refused?: (round: number) => readonly Refused[];
  /** What the old release cannot hold goes with an abort: the same,
    as a statement of the new one. */
  readonly lostByAbort?: string;
  /** What the old release could not see is nonetheless there after contract. */
  readonly ignored?: readonly string[];
  /** Columns of the old release, such as keys that are drawn for rows of the new one. */
  readonly ignoredOfOld?: readonly string[];
  /** Without rounds 1 and 2, and by phases: for evolutions whose kinds have cases of their own. */
  readonly isAbortedOnce?: boolean;
}

export const oldWrite = (old: string, as: string = old): Write => ({ by: 'old', old, new: as });
export const newWrite = (as: string, old: string = as): Write => ({ by: 'new', old, new: as });

/**
 * Writes of both releases after each change of each phase; all comparisons are by `expect`.
 * `built` is the evolution as compiled elsewhere, where it is not to be compiled here.
 */
export async function lifecycleCase(one: LifecycleCase, built?: Compiled): Promise<void> {
  const test = TestRunner.getCurrentTest<Test>();
  if (!isDue(test.fullTestName)) test.context.skip(NOT_DUE);
  const compiled = built ?? (await compilePair(one.from, one.to, one.evolution ?? null));
  const course = await openCourse(one, compiled);
  try {
    await course.round('settled');
    await (one.isAbortedOnce === true ? byPhases : byRounds)(course, compiled);
    await course.contract();
  } finally {
    await course.close();
  }
}

type OpenCourse = Awaited<ReturnType<typeof openCourse>>;

/** Where time is short, roads that other cases take as well are left out. */
const IS_SHORT = process.env.CI !== undefined;

async function byPhases(course: OpenCourse): Promise<void> {
  await course.advance('prepare', 'at once');
  await course.advance('expand', 'halfway');
  await course.advance('expand', 'at once');
  await course.advance('verify', 'at once');
  if (IS_SHORT) return;
  await course.abort();
  await course.shard.run('prepare');
  await course.shard.run('expand');
}

async function byRounds(course: OpenCourse, { bundle }: Compiled): Promise<void> {
  if (bundle.steps.prepare.length > 1) {
    await course.advance('prepare', 'halfway');
    await course.abort();
  }
  if (!IS_SHORT) {
    await course.advance('prepare', 'at once');
    await course.abort();
    await course.advance('prepare', 'at once');
    await course.advance('expand', 'halfway');
    await course.abort();
  }
  await course.advance('prepare', 'stepwise');
  await course.advance('expand', 'stepwise');
  await course.advance('verify', 'at once');
  await course.abort();
  await course.advance('prepare', 'at once');
  await course.advance('expand', 'at once');
}

interface Course {
  readonly one: LifecycleCase;
  readonly compiled: Compiled;
  readonly shard: Shard;
  readonly plainOld: Client;
  readonly plainNew: Client;
  /** Sessions on the shard that stay open over all phases. */
  readonly asOld: Client;
  readonly asNew: Client;
}

async function openCourse(one: LifecycleCase, compiled: Compiled) {
  const databases = [await freshDatabase(), await freshDatabase()];
  const shard = await installShard(compiled);
  const [plainOld, plainNew] = await Promise.all(databases.map((two) => openClient(two.url)));
  const course: Course = {
    one,
    compiled,
    shard,
    plainOld: plainOld as Client,
    plainNew: plainNew as Client,
    asOld: await openClient(shard.url),
    asNew: await openClient(shard.url, NEW_PATH),
  };
  await course.plainOld.query(compiled.from.schemaSql + one.seed.old);
  await course.plainNew.query(compiled.to.schemaSql + one.seed.new);
  await course.asOld.query(one.seed.old);
  let rounds = 0;
  const round = (at: string) => {
    rounds += 1;
    return writeAndCompare(course, rounds, at);
  };
  return {
    shard,
    round,
    advance: async (verb: 'prepare' | 'expand' | 'verify', pace: 'at once' | Pace) => {
      if (pace === 'at once') await shard.run(verb);
      else await stepwise(course, verb, { pace, round });
      await round(`after ${verb}, ${pace}`);
    },
    abort: async () => {
      await shard.run('abort');
      if (one.lostByAbort !== undefined) await course.plainNew.query(one.lostByAbort);
      expect(await leftovers(shard.url, compiled.bundle), 'after abort').toEqual([]);
      await round('after abort');
    },
    contract: async () => {
      const steps = compiled.bundle.steps.contract.length;
      const isShort = one.isAbortedOnce === true || IS_SHORT;
      const stops = isShort ? [1, Math.max(1, Math.ceil(steps / 2) - 1)] : Array(steps).fill(1);
      for (const count of stops) {
        if (await shard.step('contract', { count })) await round('after a step of contract');
      }
      await shard.run('contract');
      expect(await unlikeFresh(shard.url, compiled.bundle), 'after contract').toEqual([]);
      await round('after contract');
    },
    close: async () => {
      const clients = [course.plainOld, course.plainNew, course.asOld, course.asNew];
      await Promise.all(clients.map((client) => client.end()));
      await Promise.all([...databases, shard].map((database) => database.drop()));
    },
  };
}

type Pace = 'stepwise' | 'halfway';

async function stepwise(
  { shard, compiled }: Course,
  verb: 'prepare' | 'expand' | 'verify',
  { pace, round }: { pace: Pace; round: (at: string) => Promise<void> },
): Promise<void> {
  const steps = compiled.bundle.steps[verb];
  if (pace === 'halfway') {
    await shard.step(verb, { count: Math.ceil(steps.length / 2) });
    return;
  }
  let count = 0;
  for (const step of steps) {
    count += 1;
    if (IS_SHORT && !isSeen(step)) continue;
    await shard.step(verb, { count });
    count = 0;
    if (isSeen(step)) await round(`after step ${step.id}`);
  }
  expect(await shard.step(verb, { count: count + 1 }), `${verb} is over`).toBe(false);
}

/** Whether statements may find anything else after the step than before it. */
function isSeen({ kind, id }: Step): boolean {
  if (kind !== 'transaction') return kind === 'backfill';
  return !/^expand\/(analyze|validate|unique)\b/.test(id);
}

async function writeAndCompare(course: Course, round: number, at: string): Promise<void> {
  const { one, asOld, asNew, plainOld, plainNew } = course;
  const phase = await phaseOf(asOld);
  const served = { old: phase.old, new: phase.new !== 'refused' };
  const where = `round ${round}, ${at}, ${phase.name}`;
  for (const write of one.writes(round)) {
    if (!served[write.by] || (write.since === 'dual' && phase.new !== 'native')) continue;
    await run(write.by === 'old' ? asOld : asNew, write[write.by], `${where}, ${write.by}`);
    await run(plainOld, write.old, `${where}, plain old`);
    await run(plainNew, write.new, `${where}, plain new`);
    if (process.env.HALFLAP_EACH) await compare(course, served, `${where}: ${write[write.by]}`);
  }
  for (const refused of one.refused?.(round) ?? []) {
    const state = phase.new === 'lens' ? refused.lens : phase.name === 'dual' ? refused.dual : null;
    if (state === null) continue;
    const client = refused.by === 'old' ? asOld : asNew;
    const found = await client.query(refused.sql).then(() => 'accepted', stateOf);
    expect(found, `${where}: ${refused.sql}`).toBe(state);
  }
  await compare(course, served, where);
}

async function run(client: Client, statement: string, where: string): Promise<void> {
  if (statement === '') return;
  await client.query(statement).catch((error: unknown) => {
    const state = stateOf(error);
    throw new Error(`${where}: ${statement}: ${state} ${String(error)}`, { cause: error });
  });
}

async function compare(
  { one, compiled, asOld, asNew, plainOld, plainNew }: Course,
  served: { readonly old: boolean; readonly new: boolean },
  where: string,
): Promise<void> {
  const ignored = new Set(one.ignored ?? []);
  if (served.old) {
    const catalog = compiled.from.catalog;
    const ofOld = new Set(one.ignoredOfOld ?? []);
    const found = await readAll(asOld, catalog, ofOld);
    expect(found, `${where}: what the old release sees`).toEqual(
      await readAll(plainOld, catalog, ofOld),
    );
  }
  if (served.new) {
    const catalog = compiled.to.catalog;
    const found = await readAll(asNew, catalog, ignored);
    expect(found, `${where}: what the new release sees`).toEqual(
      await readAll(plainNew, catalog, ignored),
    );
  }
}

/** Which release is served how, read from the shard itself. */
async function phaseOf(client: Client) {
  const { rows } = await client.query<{ phase: string; floor: string }>(
    'select phase, floor from halflap.shard',
  );
  const { phase = '', floor = '' } = rows[0] ?? {};
  const isNew = floor === '2.0';
  const newer = {
    settled: isNew ? 'native' : 'refused',
    prepared: 'lens',
    expanding: 'lens',
    dual: 'native',
    contracting: 'native',
  }[phase];
  return {
    name: phase,
    old: !isNew && phase !== 'contracting',
    new: newer as 'refused' | 'lens' | 'native',
  };
}
