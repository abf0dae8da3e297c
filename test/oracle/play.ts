// Plays one random case: a shard that holds both releases, and a plain database of each. Whatever a
// release writes on the shard must have the same outcome as in its plain database, and after every
// step each release must see on the shard what its plain database holds.

import { freshDatabase } from '@halflap/engine/testing';
import { type Client, openClient, stateOf } from '../evolving/databases.js';
import { type Compiled, compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH, type Shard } from '../evolving/shard.js';
import { type Model, modelFrom } from './model.js';
import { type Random, randomFrom } from './random.js';
import { carryBackward, carryForward, keyNames, linesOf, readNew, readOld } from './rows.js';
import { type Statement, statementOf } from './statements.js';

type Release = 'old' | 'new';

interface Play {
  readonly random: Random;
  readonly model: Model;
  readonly compiled: Compiled;
  readonly shard: Shard;
  readonly mixed: Readonly<Record<Release, Client>>;
  readonly plain: Readonly<Record<Release, Client>>;
  readonly trace: string[];
  phase: 'settled' | 'prepared' | 'expanding' | 'dual' | 'contracted';
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
    const compiled = await compilePair(model.schemas.old, model.schemas.new, model.changes);
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
  const mixed = { old: await openClient(shard.url), new: await openClient(shard.url, NEW_PATH) };
  const plain = {
    old: await openClient(databases[0].url),
    new: await openClient(databases[1].url),
  };
  try {
    await plain.old.query(start.model.schemas.old);
    await plain.new.query(start.model.schemas.new);
    return await body({ ...start, shard, mixed, plain, phase: 'settled' });
  } finally {
    const clients = [mixed.old, mixed.new, plain.old, plain.new];
    await Promise.all(clients.map((client) => client.end()));
    await Promise.all([shard, ...databases].map((database) => database.drop()));
  }
}

/** Some statements in every phase; perhaps back again; at last, mostly, to the end. */
async function course(play: Play): Promise<Played> {
  const { random } = play;
  let statements = await writeSome(play, 4 + random.below(6));
  const returns = random.below(3);
  for (let turn = 0; turn <= returns; turn += 1) {
    await advance(play, 'prepare', 'prepared');
    statements += await writeSome(play, random.below(10));
    const isLast = turn === returns;
    if (isLast || random.percent(75)) {
      statements += await expandBySteps(play, !isLast && random.percent(40));
      statements += await writeSome(play, 4 + random.below(12));
    }
    if (isLast) break;
    await advance(play, 'abort', 'settled');
    await forgetNew(play);
    statements += await writeSome(play, random.below(5));
  }
  await play.shard.run('verify');
  if (random.percent(70)) {
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
    play.phase = (await phaseOf(play)) as Play['phase'];
    await compare(play);
    if (play.random.percent(50)) statements += await writeSome(play, 1 + play.random.below(3));
  }
  if (!isStopping) await play.shard.run('expand');
  play.phase = (await phaseOf(play)) as Play['phase'];
  return statements;
}

async function phaseOf({ mixed }: Play): Promise<string> {
  const { rows } = await mixed.old.query('select phase from halflap.shard');
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

function releaseOf({ phase, random }: Play): Release {
  if (phase === 'settled') return 'old';
  if (phase === 'contracted') return 'new';
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
  await say(random.percent(80) ? 'commit' : 'rollback');
}

/** @returns false when the statement was refused, on the shard and in the plain database alike. */
async function write(play: Play, release: Release, isOpen: boolean): Promise<boolean> {
  const { mixed, plain, model, trace } = play;
  const statement = statementOf(release, {
    random: play.random,
    model,
    keys: await keysOf(play, release),
    isNative:
      release === 'old' || play.phase === 'dual' || play.phase === 'contracted' || isOverlay(play),
  });
  trace.push(`/* ${release} */ ${statement.text};`);
  const before = { old: await readOld(plain.old, model), new: await readNew(plain.new, model) };
  const found = await outcomeOf(mixed[release], statement.text);
  const text = statement.withKey === null ? statement.text : withMade(statement, found);
  if (!isOpen) await plain[release].query('begin');
  const wanted = await outcomeOf(plain[release], text);
  if (!isOpen) await plain[release].query(wanted.state === null ? 'commit' : 'rollback');
  assertSame(play, { found, wanted });
  if (wanted.state !== null) return false;
  const moved = wanted.count > 0 ? statement.moved : null;
  if (release === 'old') {
    const after = await readOld(plain.old, model);
    await carryForward(plain.new, model, { before: before.old, after, moved });
  } else {
    const after = await readNew(plain.new, model);
    if (play.phase !== 'contracted') {
      await carryBackward(plain.old, model, { before: before.new, after, moved });
    }
  }
  return true;
}

interface Outcome {
  /** SQLSTATE of the refusal; null for none. */
  readonly state: string | null;
  readonly message: string;
  readonly count: number;
  readonly rows: readonly string[];
  readonly keys: readonly string[];
}

async function outcomeOf(client: Client, text: string): Promise<Outcome> {
  try {
    const { rows, rowCount } = await client.query<Record<string, string>>(text);
    const keys = Object.values(rows[0] ?? {});
    const lines = rows.map((row) => JSON.stringify(Object.entries(row).sort()));
    return { state: null, message: '', count: rowCount ?? 0, rows: lines.sort(), keys };
  } catch (error) {
    const message = (error as Error).message;
    return { state: stateOf(error), message, count: 0, rows: [], keys: [] };
  }
}

function assertSame(
  { phase }: Play,
  { found, wanted }: { readonly found: Outcome; readonly wanted: Outcome },
): void {
  // Of several rules that a row breaks, any one may be the answer.
  const isRule = wanted.state?.startsWith('23') === true;
  const rule = (state: string | null) =>
    isRule && (state?.startsWith('23') || state === 'HL001' || state === '44000')
      ? 'a rule'
      : state;
  const short = ({ state, count, rows }: Outcome) => JSON.stringify([rule(state), count, rows]);
  if (short(found) === short(wanted)) return;
  throw new Error(
    `${phase}: the shard answers ${short(found)} ${found.message}\n` +
      `a plain database answers ${short(wanted)} ${wanted.message}`,
  );
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

/** An abort keeps what the old release can hold; the new one begins again from that. */
async function forgetNew({ plain, model }: Play): Promise<void> {
  const tables = [
    ...model.parts.map((part) => part.table),
    ...(model.hasChildren ? ['children'] : []),
  ];
  await plain.new.query(`truncate ${tables.join(', ')} cascade`);
  const none = { items: new Map(), children: new Map() };
  const after = await readOld(plain.old, model);
  await carryForward(plain.new, model, { before: none, after, moved: null });
}

async function compare({ mixed, plain, model, phase, trace }: Play): Promise<void> {
  if (phase !== 'contracted') {
    const [found, wanted] = [await readOld(mixed.old, model), await readOld(plain.old, model)];
    assertLines(`${phase}: the old release`, linesOf(found), linesOf(wanted));
  }
  if (phase === 'settled') return;
  const [found, wanted] = [await readNew(mixed.new, model), await readNew(plain.new, model)];
  assertLines(`${phase}: the new release`, linesOf(found), linesOf(wanted));
  void trace;
}

function assertLines(who: string, found: readonly string[], wanted: readonly string[]): void {
  const only = (left: readonly string[], right: readonly string[]) =>
    left.filter((line) => !right.includes(line));
  const [extra, lacking] = [only(found, wanted), only(wanted, found)];
  if (extra.length + lacking.length === 0) return;
  throw new Error(`${who} sees\n  ${extra.join('\n  ')}\nexpected\n  ${lacking.join('\n  ')}`);
}
