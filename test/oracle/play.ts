// Plays one random case: a shard that holds both releases, and a plain database of each. Whatever a
// release writes on the shard must have the same outcome as in its plain database, and after every
// step each release must see on the shard what its plain database holds.
//
// On a settled shard the coming release has, mostly, a session lens. It keeps it for a while when
// the shard moves: it must stay right until its session is bound anew.

import { freshDatabase } from '@halflap/engine/testing';
import { type Client, openClient } from '../evolving/databases.js';
import { type Compiled, compilePair } from '../evolving/releases.js';
import { lendLens, takeLensBack } from '../evolving/session-lens.js';
import { installShard, NEW_PATH, type Shard } from '../evolving/shard.js';
import { type Model, modelFrom } from './model.js';
import { assertLines, assertSame, type Outcome, outcomeOf, UNHELD } from './outcome.js';
import { type Random, randomFrom } from './random.js';
import {
  carryBackward,
  carryForward,
  keyNames,
  linesOf,
  type NewState,
  type OldState,
  readNew,
  readOld,
  unheldRows,
} from './rows.js';
import { type Statement, statementOf } from './statements.js';
import { beginAgain, isKeyFixed, unheldOf } from './unheld.js';

type Release = 'old' | 'new';

/** Clients are known by what their release is called in the model, not by which came first. */
interface Play {
  readonly random: Random;
  readonly model: Model;
  readonly compiled: Compiled;
  readonly shard: Shard;
  readonly mixed: Readonly<Record<Release, Client>>;
  readonly plain: Readonly<Record<Release, Client>>;
  readonly trace: string[];
  phase: 'settled' | 'prepared' | 'expanding' | 'dual' | 'contracted';
  /** Whether the coming release works through a lens of its session. */
  hasOwnLens: boolean;
}

export interface Played {
  readonly statements: number;
}

/** @throws Error with the whole story when the shard and a plain database differ. */
export async function play(seed: number): Promise<Played> {
  const random = randomFrom(seed);
  const model = modelFrom(random);
  const trace: string[] = [];
  try {
    const { old, new: fresh } = model.schemas;
    const [from, to] = model.isReversed ? [fresh, old] : [old, fresh];
    const compiled = await compilePair(from, to, model.changes);
    return await withPlay({ random, model, compiled, trace }, course);
  } catch (error) {
    const story = [
      `seed ${seed}`,
      model.schemas.old,
      model.schemas.new,
      model.changes ?? 'no evolution file',
      ...trace,
      String((error as Error).stack ?? error),
    ];
    throw new Error(story.join('\n'), { cause: error });
  }
}

async function withPlay(
  start: Pick<Play, 'random' | 'model' | 'compiled' | 'trace'>,
  body: (play: Play) => Promise<Played>,
): Promise<Played> {
  const shard = await installShard(start.compiled);
  const databases = [await freshDatabase(), await freshDatabase()] as const;
  const [field, coming] = [await openClient(shard.url), await openClient(shard.url, NEW_PATH)];
  const mixed = start.model.isReversed ? { old: coming, new: field } : { old: field, new: coming };
  const plain = {
    old: await openClient(databases[0].url),
    new: await openClient(databases[1].url),
  };
  try {
    await plain.old.query(start.model.schemas.old);
    await plain.new.query(start.model.schemas.new);
    return await body({ ...start, shard, mixed, plain, phase: 'settled', hasOwnLens: false });
  } finally {
    const clients = [mixed.old, mixed.new, plain.old, plain.new];
    await Promise.all(clients.map((client) => client.end()));
    await Promise.all([shard, ...databases].map((database) => database.drop()));
  }
}

/** Some statements in every phase; perhaps back again; at last, mostly, to the end. */
async function course(play: Play): Promise<Played> {
  const { random } = play;
  await mayLend(play);
  let statements = await writeSome(play, 4 + random.below(6));
  const returns = random.below(3);
  for (let turn = 0; turn <= returns; turn += 1) {
    await advance(play, 'prepare', 'prepared');
    await mayTakeBack(play, 50);
    statements += await writeSome(play, random.below(10));
    const isLast = turn === returns;
    if (isLast || random.percent(75)) {
      statements += await expandBySteps(play, !isLast && random.percent(40));
      statements += await writeSome(play, 4 + random.below(12));
    }
    if (isLast) break;
    await advance(play, 'abort', 'settled');
    await beginAgain(play);
    await mayLend(play);
    statements += await writeSome(play, random.below(5));
  }
  await play.shard.run('verify');
  if (random.percent(70)) {
    await mayTakeBack(play, 100);
    await advance(play, 'contract', 'contracted');
    statements += await writeSome(play, 5);
  }
  return { statements };
}

async function advance(play: Play, verb: 'prepare' | 'abort' | 'contract', phase: Play['phase']) {
  play.trace.push(`-- ${verb}`);
  await play.shard.run(verb);
  play.phase = phase;
  await compare(play);
}

async function expandBySteps(play: Play, isStopping: boolean): Promise<number> {
  let statements = 0;
  const steps = play.compiled.bundle.steps.expand.length;
  const stopAt = isStopping ? 1 + play.random.below(steps) : steps;
  for (let step = 0; step < stopAt; step += 1) {
    play.trace.push(`-- expand, step ${play.compiled.bundle.steps.expand[step]?.id}`);
    await play.shard.step('expand');
    await mayTakeBack(play, 15);
    play.phase = (await phaseOf(play)) as Play['phase'];
    await compare(play);
    if (play.random.percent(50)) statements += await writeSome(play, 1 + play.random.below(3));
  }
  if (!isStopping) await play.shard.run('expand');
  play.phase = (await phaseOf(play)) as Play['phase'];
  return statements;
}

async function mayLend(play: Play): Promise<void> {
  if (play.hasOwnLens || !play.random.percent(80)) return;
  play.trace.push('-- session lens');
  await lendLens(play.mixed[comingOf(play)], play.shard.bundle);
  play.hasOwnLens = true;
}

async function mayTakeBack(play: Play, percent: number): Promise<void> {
  if (!play.hasOwnLens || !play.random.percent(percent)) return;
  play.trace.push('-- session lens taken back');
  await takeLensBack(play.mixed[comingOf(play)], play.shard.bundle);
  play.hasOwnLens = false;
}

/** Whether the release writes through a lens of its session. */
function isBehindOwn(play: Play, release: Release): boolean {
  return play.hasOwnLens && release === comingOf(play);
}

/** The release in the field. */
function fieldOf({ model }: Pick<Play, 'model'>): Release {
  return model.isReversed ? 'new' : 'old';
}

function comingOf({ model }: Pick<Play, 'model'>): Release {
  return model.isReversed ? 'old' : 'new';
}

async function phaseOf(play: Play): Promise<string> {
  const { rows } = await play.mixed[fieldOf(play)].query('select phase from halflap.shard');
  return String(rows[0]?.phase);
}

async function writeSome(play: Play, count: number): Promise<number> {
  for (let done = 0; done < count; done += 1) {
    const release = releaseOf(play);
    if (play.random.percent(20)) await transaction(play, release);
    else await write(play, release, false);
    await compare(play);
  }
  return count;
}

function releaseOf(play: Play): Release {
  const { phase, random } = play;
  if (phase === 'settled' && !play.hasOwnLens) return fieldOf(play);
  if (phase === 'contracted') return comingOf(play);
  return random.percent(50) ? 'old' : 'new';
}

/** One transaction of one release, with savepoints; the other plain database goes along. */
async function transaction(play: Play, release: Release): Promise<void> {
  const { random, mixed, plain, trace } = play;
  const all = [mixed[release], plain.old, plain.new];
  const say = async (text: string) => {
    trace.push(`${text};`);
    for (const client of all) await client.query(text);
  };
  await say('begin');
  const count = 2 + random.below(4);
  for (let done = 0; done < count; done += 1) {
    await say(`savepoint s${done}`);
    const isRight = await write(play, release, true);
    if (!isRight || random.percent(15)) await say(`rollback to savepoint s${done}`);
  }
  const isCommitting = random.percent(80);
  if (isCommitting && isBehindOwn(play, release)) {
    const { isRowImplied } = await unheldOf({ model: play.model, coming: release, plain });
    if (isRowImplied) {
      trace.push('commit; /* refused */');
      const found = await outcomeOf(mixed[release], 'commit');
      assertSame(play.phase, { found, wanted: UNHELD });
      for (const client of [plain.old, plain.new]) await client.query('rollback');
      return;
    }
  }
  await say(isCommitting ? 'commit' : 'rollback');
}

/** @returns false when the statement was refused, on the shard and in the plain database alike. */
async function write(play: Play, release: Release, isOpen: boolean): Promise<boolean> {
  const { mixed, plain, model, trace } = play;
  const statement = statementOf(release, {
    random: play.random,
    model,
    keys: await keysOf(play, release),
    isInField: release === fieldOf(play),
    isNative:
      release === fieldOf(play) ||
      (!play.hasOwnLens &&
        (play.phase === 'dual' || play.phase === 'contracted' || isOverlay(play))),
  });
  trace.push(`/* ${release} */ ${statement.text};`);
  const before = { old: await readOld(plain.old, model), new: await readNew(plain.new, model) };
  const found = await outcomeOf(mixed[release], statement.text);
  const text = statement.withKey === null ? statement.text : withMade(statement, found);
  if (!isOpen) await plain[release].query('begin');
  const plainly = await outcomeOf(plain[release], text);
  const attempt = { statement, before, plainly, isOpen };
  const wanted = isBehindOwn(play, release)
    ? await wantedBehindOwn(play, release, attempt)
    : (await isUnheld(play, release))
      ? UNHELD
      : plainly;
  if (!isOpen) await plain[release].query(wanted.state === null ? 'commit' : 'rollback');
  assertSame(play.phase, { found, wanted });
  if (wanted.state !== null) return false;
  if (play.phase === 'contracted') return true;
  await carry(play, release, attempt);
  return true;
}

/** A statement that the plain database of its release has carried out. */
interface Attempt {
  readonly statement: Statement;
  readonly before: { readonly old: OldState; readonly new: NewState };
  readonly plainly: Outcome;
  readonly isOpen: boolean;
}

/** The other release's plain database gets what the statement has changed. */
async function carry({ plain, model }: Play, release: Release, attempt: Attempt): Promise<void> {
  const { statement, before, plainly } = attempt;
  const moved = plainly.count > 0 ? statement.moved : null;
  if (release === 'old') {
    const after = await readOld(plain.old, model);
    await carryForward(plain.new, model, { before: before.old, after, moved });
  } else {
    const after = await readNew(plain.new, model);
    await carryBackward(plain.old, model, { before: before.new, after, moved });
  }
}

/** Nothing is kept beside the tables of the release in the field. */
async function wantedBehindOwn(play: Play, release: Release, attempt: Attempt): Promise<Outcome> {
  const { plainly, statement, isOpen } = attempt;
  if (statement.moved !== null && isKeyFixed(play.model, play.shard.bundle)) return KEY_FIXED;
  if (plainly.state !== null) return plainly;
  const other = play.plain[release === 'old' ? 'new' : 'old'];
  await other.query(isOpen ? 'savepoint trial' : 'begin');
  await carry(play, release, attempt);
  const { model, plain } = play;
  const unheld = await unheldOf({ model, coming: release, plain });
  await other.query(isOpen ? 'rollback to savepoint trial' : 'rollback');
  return unheld.isValueLost || (!isOpen && unheld.isRowImplied) ? UNHELD : plainly;
}

/** As PostgreSQL says that a column of a view cannot be updated. */
const KEY_FIXED: Outcome = { ...UNHELD, state: '0A000' };

/**
 * Where tables become one: a value that belongs to a row which, by another column of the same
 * table, is not there. All rows were held before the statement.
 */
async function isUnheld({ model, plain, phase }: Play, release: Release): Promise<boolean> {
  if (!model.isReversed || release !== 'old' || phase === 'contracted') return false;
  // In a transaction whose statement has failed nothing can be asked, and nothing was written.
  const { rows } = await plain.old
    .query(`select exists (select from ${model.oldTable} where ${unheldRows(model)}) as is_unheld`)
    .catch(() => ({ rows: [] }));
  return rows[0]?.is_unheld === 't';
}

/** The plain database is told the key that the shard has made; a refused row has none. */
function withMade({ withKey }: Statement, found: Outcome): string {
  const keys = found.keys.length > 0 ? found.keys.map((key) => `'${key}'`) : ["'-1'"];
  return withKey?.(keys) ?? '';
}

async function keysOf({ plain, model }: Play, release: Release): Promise<string[][]> {
  const rows =
    release === 'old'
      ? (await readOld(plain.old, model)).items
      : ((await readNew(plain.new, model)).parts[0] ?? new Map());
  const names = release === 'old' ? keyNames(model) : (model.parts[0]?.key ?? []);
  return [...rows.values()].map((row) => names.map((name) => `'${row[name]}'`));
}

function isOverlay({ compiled }: Play): boolean {
  return compiled.bundle.relations.every((one) => !one.isLensWithoutOnConflict);
}

async function compare(play: Play): Promise<void> {
  const { phase } = play;
  if (phase !== 'contracted') await compareAs(play, fieldOf(play));
  if (phase !== 'settled' || play.hasOwnLens) await compareAs(play, comingOf(play));
}

async function compareAs({ mixed, plain, model, phase }: Play, release: Release): Promise<void> {
  const read = release === 'old' ? readOld : readNew;
  const [found, wanted] = [await read(mixed[release], model), await read(plain[release], model)];
  assertLines(`${phase}: the ${release} release`, linesOf(found), linesOf(wanted));
}
