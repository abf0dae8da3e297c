// Plays actions on a shard that holds both releases, and on plain databases beside it. Whatever a
// release writes on the shard must have the answer of its plain database, and after every step each
// release must see on the shard what its plain database holds.
//
// On a settled shard the coming release has, mostly, a session lens. It keeps it for a while when
// the shard moves: it must stay right until its session is bound anew.
//
// An action that has no place where it stands does nothing, so that a story can be told again
// without any part of it.

import { loadGrammar, readLensRelations, throughLens } from '@halflap/client/lens';
import type { Verb } from '@halflap/protocol';
import pg from 'pg';
import { type Client, openClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { lendLens, takeLensBack } from '../evolving/session-lens.js';
import { installShard, NEW_PATH, type Shard, type StepOptions } from '../evolving/shard.js';
import { runToSign } from './doom.js';
import { assertAnswer, assertLines, outcomeOf, UNHELD } from './outcome.js';
import type { Release, Statement } from './plain.js';
import { evolutionOf, type Pair, type Place, type Plain } from './plain.js';

export type Action =
  | { readonly do: 'verb'; readonly verb: Verb; readonly diesAt: number | null }
  /** One step of expand. */
  | { readonly do: 'step'; readonly diesAt: number | null }
  | { readonly do: 'lend' | 'take back' | 'undo' | 'commit' | 'rollback' }
  | { readonly do: 'begin'; readonly release: Release }
  | { readonly do: 'write'; readonly release: Release; readonly statement: Statement };

export interface Play {
  readonly pair: Pair;
  readonly shard: Shard;
  readonly plain: Plain;
  readonly mixed: Readonly<Record<Release, Client>>;
  readonly watcher: Client;
  /** What has happened, as SQL with comments. */
  readonly trace: string[];
  phase: 'settled' | 'prepared' | 'expanding' | 'dual' | 'contracted';
  /** Whether the coming release works through a lens of its session. */
  hasOwnLens: boolean;
  /** Whether the last verb has not come to its end yet. */
  isBroken: boolean;
  /** Whose transaction is open. */
  open: Release | null;
}

/** Gives a shard with the old release on it, settled. */
export async function withPlay<Result>(
  pair: Pair,
  trace: string[],
  body: (play: Play) => Promise<Result>,
): Promise<Result> {
  const compiled = await compilePair(pair.schemas.old, pair.schemas.new, evolutionOf(pair));
  const shard = await installShard(compiled);
  const mixed = { old: await openClient(shard.url), new: await openClient(shard.url, NEW_PATH) };
  const watcher = await openClient(shard.url);
  const plain = await pair.open(compiled.bundle);
  try {
    const start = { phase: 'settled', hasOwnLens: false, isBroken: false, open: null } as const;
    return await body({ pair, shard, plain, mixed, watcher, trace, ...start });
  } finally {
    await Promise.all([mixed.old, mixed.new, watcher].map((client) => client.end()));
    await plain.close();
    await shard.drop();
  }
}

/** @returns whether a runner has come to the end of what it was to do. */
export async function perform(play: Play, action: Action): Promise<boolean> {
  if (['verb', 'step', 'lend', 'take back'].includes(action.do)) await end(play, 'rollback');
  switch (action.do) {
    case 'verb':
      return runVerb(play, action.verb, action.diesAt);
    case 'step':
      return runStep(play, action.diesAt);
    case 'lend':
      await lend(play);
      break;
    case 'take back':
      await takeBack(play);
      break;
    case 'begin':
      await begin(play, action.release);
      break;
    case 'write':
      await write(play, action);
      break;
    case 'undo':
      await undo(play);
      break;
    default:
      await end(play, action.do);
  }
  if (play.open === null) await compare(play);
  return true;
}

/** The action, for people. */
export function wordsOf(action: Action): string {
  if (action.do !== 'write') return `-- ${JSON.stringify(action)}`;
  const { release, statement } = action;
  const { text, copy } = statement;
  const copied = copy === null ? '' : `\n  /* ${copy.text}\n${copy.data} */`;
  return `/* ${release} */ ${text};${copied}`;
}

/** Whether the shard serves the release. */
export function isServed({ phase, hasOwnLens }: Play, release: Release): boolean {
  return release === 'old' ? phase !== 'contracted' : phase !== 'settled' || hasOwnLens;
}

export function placeOf({ phase, hasOwnLens, isBroken }: Play, release: Release): Place {
  const isBehindOwn = hasOwnLens && release === 'new';
  return {
    release,
    isBehindOwn,
    isNative: !isBehindOwn && (phase === 'dual' || phase === 'contracted'),
    isAlone: phase === 'contracted',
    isContracting: phase === 'contracted' && isBroken,
  };
}

/** Few rows a batch, so that a runner can die between two. */
const SMALL: StepOptions = { limits: { batchRowsFloor: 1, verifyRows: 2 }, pace: { batchRows: 2 } };

async function runVerb(play: Play, verb: Verb, diesAt: number | null): Promise<boolean> {
  const { trace, shard, watcher, plain, pair } = play;
  trace.push(`-- ${verb}${diesAt === null ? '' : `, to sign ${diesAt}`}`);
  const run = () => shard.run(verb, SMALL);
  const isDone =
    diesAt === null ? await run().then(() => true) : await runToSign(watcher, diesAt, run);
  const phase = await phaseOf(play);
  const isBetween = !isDone && (verb === 'abort' || verb === 'prepare');
  // Until the verb has come to its end, only the release in the field is told anything.
  play.phase = isBetween ? 'settled' : phase;
  // What the new release cannot have had before the shard was prepared begins now.
  if (isDone && verb === 'prepare' && pair.needsPrepared) {
    await plain.beginAgain(play.isBroken ? play.mixed.new : null);
  }
  play.isBroken = !isDone;
  await compare(play);
  if (isDone && verb === 'abort') await plain.beginAgain(null);
  return isDone;
}

async function runStep(play: Play, diesAt: number | null): Promise<boolean> {
  const { trace, shard, watcher } = play;
  const steps = shard.bundle.steps.expand;
  const { rows } = await watcher.query(
    "select count(*) from halflap.journal where verb = 'expand' and finished_at is not null",
  );
  const next = steps[Number(rows[0]?.count)]?.id ?? 'after the last';
  trace.push(`-- expand, step ${next}${diesAt === null ? '' : `, to sign ${diesAt}`}`);
  let isLeft = false;
  const run = async () => {
    isLeft = await shard.step('expand', SMALL);
  };
  const isDone =
    diesAt === null ? await run().then(() => true) : await runToSign(watcher, diesAt, run);
  play.phase = await phaseOf(play);
  await compare(play);
  return isDone && !isLeft;
}

async function phaseOf({ watcher, shard }: Play): Promise<Play['phase']> {
  const { rows } = await watcher.query('select phase, floor from halflap.shard');
  const { phase, floor } = rows[0] ?? {};
  const isOver = phase === 'contracting' || floor === shard.bundle.to.version;
  return isOver ? 'contracted' : phase;
}

async function lend(play: Play): Promise<void> {
  const { pair, phase, mixed, shard, trace } = play;
  if (play.hasOwnLens || pair.needsPrepared || phase !== 'settled') return;
  trace.push('-- session lens');
  await lendLens(mixed.new, shard.bundle);
  play.hasOwnLens = true;
}

async function takeBack(play: Play): Promise<void> {
  const { mixed, shard, trace } = play;
  if (!play.hasOwnLens) return;
  trace.push('-- session lens taken back');
  await takeLensBack(mixed.new, shard.bundle);
  play.hasOwnLens = false;
}

async function begin(play: Play, release: Release): Promise<void> {
  if (play.open !== null || !isServed(play, release)) return;
  play.trace.push('begin;');
  await play.mixed[release].query('begin; savepoint s');
  await play.plain.say('begin');
  await play.plain.say('savepoint s');
  play.open = release;
}

/** To where the last statement began. */
async function undo({ open, mixed, plain, trace }: Play): Promise<void> {
  if (open === null) return;
  trace.push('rollback to savepoint s;');
  await mixed[open].query('rollback to savepoint s');
  await plain.say('rollback to savepoint s');
}

async function end(play: Play, how: 'commit' | 'rollback'): Promise<void> {
  const { open, mixed, plain, trace } = play;
  if (open === null) return;
  const isRefused = how === 'commit' && (await plain.isRefusedAtCommit(placeOf(play, open)));
  trace.push(`${how};${isRefused ? ' /* refused */' : ''}`);
  const found = await outcomeOf(mixed[open], how);
  const wanted = [isRefused ? UNHELD : { ...found, state: null }];
  assertAnswer(play.phase, { found, wanted, isShared: false });
  await plain.say(isRefused ? 'rollback' : how);
  play.open = null;
}

async function write(play: Play, action: Action & { do: 'write' }): Promise<void> {
  const { release, statement } = action;
  const { mixed, plain, trace, phase } = play;
  if (!isServed(play, release) || (play.open !== null && play.open !== release)) return;
  const isOpen = play.open !== null;
  if (isOpen) {
    trace.push('savepoint s;');
    await mixed[release].query('savepoint s');
  }
  trace.push(wordsOf(action));
  const text = release === 'new' ? await sentBy(play, statement.text) : statement.text;
  const found = await outcomeOf(mixed[release], text, statement.copy);
  if (!isOpen) await plain.say('begin');
  await plain.say('savepoint s');
  const asked = { ...placeOf(play, release), statement, found, isOpen };
  const isShared = release === 'new' && !asked.isAlone;
  assertAnswer(phase, { found, wanted: await plain.answersTo(asked), isShared });
  if (found.state !== null) {
    if (isOpen) await undo(play);
    else await plain.say('rollback');
  } else if (!isOpen) {
    await plain.say('commit');
  }
}

/** As the client of the new release sends it while a lens stands, its own or the shard's. */
async function sentBy({ phase, hasOwnLens, mixed, shard }: Play, text: string): Promise<string> {
  const isBehindLens = phase === 'prepared' || phase === 'expanding';
  if (!(isBehindLens || hasOwnLens) || !/\bconflict\b/.test(text)) return text;
  const { app, to } = shard.bundle;
  const reader = {
    // These sessions give every value as text.
    query: (asked: string, values: string[]) =>
      mixed.new.query({ text: asked, values, types: pg.types }),
  };
  const whose = hasOwnLens ? 'own' : 'shard';
  const relations = await readLensRelations(reader, { app, release: to.version }, whose);
  return throughLens(text, relations, await loadGrammar());
}

async function compare(play: Play): Promise<void> {
  const { mixed, plain, phase } = play;
  for (const release of ['old', 'new'] as const) {
    if (!isServed(play, release)) continue;
    const found = await plain.read(mixed[release], release);
    assertLines(phase, release, { found, wanted: await plain.lines(release) });
  }
}
