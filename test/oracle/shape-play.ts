// Plays one random case of a shape: a shard that holds both releases, and a plain database that
// says what each of them should see after every statement, in every phase.

import { type Client, openClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { lendLens, takeLensBack } from '../evolving/session-lens.js';
import { installShard, NEW_PATH, type Shard } from '../evolving/shard.js';
import { assertLines, assertSame, type Outcome, outcomeOf, UNHELD } from './outcome.js';
import type { Played } from './play.js';
import { type Random, randomFrom } from './random.js';
import { shapeFrom } from './shape-draw.js';
import {
  type Both,
  become,
  beginAgain,
  follow,
  isHeld,
  keysOf,
  linesOf,
  OTHER,
  type Release,
  withBoth,
} from './shape-model.js';
import { type ShapedStatement, shapedStatement } from './shape-statements.js';
import type { Shape, ShapedTable } from './shapes.js';

interface Play {
  readonly random: Random;
  readonly shape: Shape;
  readonly shard: Shard;
  readonly mixed: Readonly<Record<Release, Client>>;
  readonly both: Both;
  readonly trace: string[];
  phase: 'settled' | 'prepared' | 'expanding' | 'dual' | 'contracted';
  /** Whether the release to come works through a lens of its session. */
  hasOwnLens: boolean;
}

/** @throws Error with the whole story when the shard and the plain database differ. */
export async function playShape(seed: number): Promise<Played> {
  const random = randomFrom(seed);
  const shape = shapeFrom(random);
  const trace: string[] = [];
  try {
    const compiled = await compilePair(shape.old.schema, shape.new.schema, shape.changes);
    const shard = await installShard(compiled);
    const mixed = { old: await openClient(shard.url), new: await openClient(shard.url, NEW_PATH) };
    try {
      const start = { random, shape, shard, mixed, trace, phase: 'settled', hasOwnLens: false };
      return await withBoth(shape, (both) => course({ ...start, both } as Play));
    } finally {
      await Promise.all([mixed.old.end(), mixed.new.end()]);
      await shard.drop();
    }
  } catch (error) {
    const { old, new: fresh, changes } = shape;
    const story = [`seed ${seed}`, old.schema, fresh.schema, changes, ...trace];
    throw new Error([...story, String((error as Error).stack ?? error)].join('\n'), {
      cause: error,
    });
  }
}

async function course(play: Play): Promise<Played> {
  const { random, shard } = play;
  await mayLend(play);
  let statements = await writeSome(play, 5 + random.below(6));
  const returns = random.below(2);
  for (let turn = 0; turn <= returns; turn += 1) {
    await advance(play, 'prepare', 'prepared');
    await mayTakeBack(play, 50);
    statements += await writeSome(play, random.below(10));
    const isLast = turn === returns;
    if (isLast || random.percent(75)) {
      statements += await expand(play, !isLast && random.percent(40));
      statements += await writeSome(play, 4 + random.below(12));
    }
    if (isLast) break;
    await advance(play, 'abort', 'settled');
    await beginAgain(play.both);
    await mayLend(play);
  }
  await shard.run('verify');
  if (random.percent(70)) {
    await mayTakeBack(play, 100);
    await advance(play, 'contract', 'contracted');
    statements += await writeSome(play, 4);
  }
  return { statements };
}

async function advance(play: Play, verb: 'prepare' | 'abort' | 'contract', phase: Play['phase']) {
  play.trace.push(`-- ${verb}`);
  await play.shard.run(verb);
  play.phase = phase;
  await compare(play);
}

async function expand(play: Play, isStopping: boolean): Promise<number> {
  const { random, shard, mixed, trace } = play;
  const { expand: steps } = shard.bundle.steps;
  const stopAt = isStopping ? 1 + random.below(steps.length) : steps.length;
  let statements = 0;
  for (let step = 0; step < stopAt; step += 1) {
    trace.push(`-- expand, step ${steps[step]?.id}`);
    await shard.step('expand');
    await mayTakeBack(play, 15);
    const { rows } = await mixed.old.query('select phase from halflap.shard');
    play.phase = rows[0]?.phase;
    await compare(play);
    if (random.percent(50)) statements += await writeSome(play, 1 + random.below(3));
  }
  if (!isStopping) await shard.run('expand');
  return statements;
}

async function mayLend(play: Play): Promise<void> {
  if (play.hasOwnLens || !play.random.percent(70)) return;
  play.trace.push('-- session lens');
  await lendLens(play.mixed.new, play.shard.bundle);
  play.hasOwnLens = true;
}

async function mayTakeBack(play: Play, percent: number): Promise<void> {
  if (!play.hasOwnLens || !play.random.percent(percent)) return;
  play.trace.push('-- session lens taken back');
  await takeLensBack(play.mixed.new, play.shard.bundle);
  play.hasOwnLens = false;
}

async function writeSome(play: Play, count: number): Promise<number> {
  for (let done = 0; done < count; done += 1) {
    const release = releaseOf(play);
    if (play.random.percent(25)) await transaction(play, release);
    else await write(play, release);
    await compare(play);
  }
  return count;
}

function releaseOf({ phase, hasOwnLens, random }: Play): Release {
  if (phase === 'settled' && !hasOwnLens) return 'old';
  if (phase === 'contracted') return 'new';
  return random.percent(50) ? 'old' : 'new';
}

/** One transaction of one release, with savepoints. */
async function transaction(play: Play, release: Release): Promise<void> {
  const { random, mixed, both, trace } = play;
  const say = async (text: string) => {
    trace.push(`${text};`);
    for (const client of [mixed[release], both.client]) await client.query(text);
  };
  await say('begin');
  const count = 2 + random.below(4);
  for (let done = 0; done < count; done += 1) {
    await say(`savepoint s${done}`);
    const isRight = await write(play, release);
    if (!isRight || random.percent(15)) await say(`rollback to savepoint s${done}`);
  }
  await say(random.percent(80) ? 'commit' : 'rollback');
}

/** @returns false when the statement was refused, on the shard and by the model alike. */
async function write(play: Play, release: Release): Promise<boolean> {
  const { mixed, both, trace, phase } = play;
  const isOpen = trace.findLast((line) => /^(begin|commit|rollback);/.test(line)) === 'begin;';
  const statement = await draw(play, release);
  trace.push(`/* ${release} */ ${statement.text};`);
  const found = await outcomeOf(mixed[release], statement.text);
  await both.client.query(isOpen ? 'savepoint statement' : 'begin');
  const wanted = await wantedOf(play, release, statement.text);
  if (!isLensRefusal(play, { release, statement, found })) assertSame(phase, { found, wanted });
  const isRight = found.state === null;
  const end = isOpen ? 'rollback to savepoint statement' : 'rollback';
  if (!isRight) await both.client.query(end);
  else if (!isOpen) await both.client.query('commit');
  return isRight;
}

/**
 * Through a lens the rows of a statement come one by one, each of which must be held; and a key
 * that is a slice's stays as it is.
 */
function isLensRefusal(
  { phase, hasOwnLens }: Play,
  { release, statement, found }: Answer,
): boolean {
  const isNative = phase === 'contracted' || (phase === 'dual' && !hasOwnLens);
  if (release === 'old' || isNative) return false;
  const { isStepwise, isMove } = statement;
  return (isStepwise && found.state === 'HL001') || (isMove === true && found.state === 'HL003');
}

interface Answer {
  readonly release: Release;
  readonly statement: ShapedStatement;
  readonly found: Outcome;
}

async function draw(play: Play, release: Release): Promise<ShapedStatement> {
  const { random, shape, both } = play;
  const { tables } = shape[release];
  const table = random.pick(tables);
  await become(both.client, release);
  const apart = table.isKeyApart === true && release === 'old';
  const taken: string[][] = [];
  const siblings = (one: ShapedTable) => one.isKeyApart === true && one !== table;
  for (const one of apart ? tables.filter(siblings) : []) {
    taken.push(...(await keysOf(both.client, one)));
  }
  const keys = await keysOf(both.client, table);
  return shapedStatement({ random, table, keys, taken, isInField: release === 'old' });
}

/** The model carries the statement out, and then what follows from it. */
async function wantedOf({ both, phase }: Play, release: Release, text: string): Promise<Outcome> {
  await become(both.client, release);
  const plainly = await outcomeOf(both.client, text);
  if (plainly.state !== null || phase === 'contracted') return plainly;
  try {
    await follow(both, OTHER[release]);
    if (release === 'new' && !(await isHeld(both, 'new'))) return UNHELD;
    return plainly;
  } catch (error) {
    if (release === 'old') throw error;
    return { ...UNHELD, state: '23000', message: String(error) };
  }
}

async function compare(play: Play): Promise<void> {
  const { phase, hasOwnLens } = play;
  if (phase !== 'contracted') await compareAs(play, 'old');
  if (phase !== 'settled' || hasOwnLens) await compareAs(play, 'new');
}

async function compareAs({ mixed, both, shape, phase }: Play, release: Release): Promise<void> {
  const found = await linesOf(mixed[release], shape[release]);
  await become(both.client, release);
  const wanted = await linesOf(both.client, shape[release]);
  assertLines(`${phase}: the ${release} release`, found, wanted);
}
