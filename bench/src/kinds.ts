// What does each kind of change cost the statements of both releases? One small pair of releases
// after the other, on a table of a size at which reading all of it would show, against databases
// that Halflap never touched: one of 1.0 and one of 2.0.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { searchPath } from '@halflap/protocol';
import type { KindCase, Side } from './kind-case.js';
import { KIND_CASES } from './kind-cases.js';
import { acrossSessions, compareCosts, type Lane, type LaneCost, openLanes } from './measure.js';
import type { BenchOptions } from './options.js';
import { type Bench, clone, drive, loadPair, type Pair, withClient } from './shards.js';

/** The yardstick is the first lane of each list: the settled database of the release. */
export interface KindFigures {
  readonly kind: string;
  readonly old: SideCosts;
  readonly new: SideCosts;
}

/** Lanes: native, prepared, dual. */
export interface SideCosts {
  readonly read: readonly LaneCost[];
  readonly write: readonly LaneCost[];
}

/**
 * All statements go to these keys, drawn from the whole table, and each is visited once before it
 * counts. Else the databases differed by which of them still has its pages in memory.
 */
const HOT_KEYS = 1000;
/** A burst of these statements is short, so that some fit between two disturbances. */
const MORE_ROUNDS = 2;
const SHORTER_BURSTS = 2;
/** One after the other: a session may stay on a processor that somebody else keeps busy. */
const SESSIONS = 5;
/** So many that a write hardly ever meets the value that it sets. */
const MANY_VALUES = 1_000_000;

export async function measureKinds(
  bench: Bench,
  options: BenchOptions,
  tell: (line: string) => void,
): Promise<KindFigures[]> {
  const figures: KindFigures[] = [];
  for (const one of KIND_CASES.filter(({ kind }) => options.kinds.includes(kind))) {
    const say = (line: string) => tell(`kinds: ${one.kind}, ${line}`);
    figures.push(await measureOne(bench, one, { ...options, tell: say }));
  }
  return figures;
}

/** Label, database and search_path of each lane. */
type Ways = Parameters<typeof openLanes>[0];
type Told = BenchOptions & { readonly tell: (line: string) => void };

async function measureOne(bench: Bench, one: KindCase, options: Told): Promise<KindFigures> {
  const pair = await compileKind(one);
  try {
    const urls = await createDatabases(bench, { pair, one, options });
    const path = searchPath(pair.bundle.app, pair.bundle.to.version);
    const old: Ways = [
      ['native', urls.settled, 'public'],
      ['prepared', urls.prepared, 'public'],
      ['dual', urls.dual, 'public'],
    ];
    const fresh: Ways = [
      ['native', urls.plain, 'public'],
      ['prepared', urls.prepared, path],
      ['dual', urls.dual, path],
    ];
    const keys = Math.floor(options.sizeRows / (one.perKey ?? 1));
    await withLanes(old, (lanes) => expectSameRows(lanes, one.old.read, keys));
    await withLanes(fresh, (lanes) => expectSameRows(lanes, one.new.read, keys));
    return {
      kind: one.kind,
      old: await measureSide(old, one.old, { ...options, keys, version: '1.0' }),
      new: await measureSide(fresh, one.new, { ...options, keys, version: '2.0' }),
    };
  } finally {
    for (const name of DATABASES) await bench.server.dropDatabase(name);
  }
}

/** Releases are read from directories, as everywhere. */
export async function compileKind(one: KindCase): Promise<Pair> {
  const releases = await mkdtemp(join(tmpdir(), 'halflap-bench-'));
  try {
    for (const version of ['1.0', '2.0']) await mkdir(join(releases, version));
    await writeFile(join(releases, '1.0/schema.sql'), one.old.schema);
    await writeFile(join(releases, '2.0/schema.sql'), one.new.schema);
    const evolution = `from: "1.0"\nchanges:\n${one.changes}\n`;
    await writeFile(join(releases, '2.0/evolution.yaml'), evolution);
    return await loadPair('kind', releases);
  } finally {
    await rm(releases, { recursive: true });
  }
}

const DATABASES = ['kind_settled', 'kind_prepared', 'kind_dual', 'kind_plain'] as const;

async function createDatabases(
  bench: Bench,
  { pair, one, options }: { readonly pair: Pair; readonly one: KindCase; readonly options: Told },
) {
  const { sizeRows: rows, tell } = options;
  const create = async (name: string, side: Side) => {
    tell(`filling ${name}`);
    await bench.server.createDatabase(name);
    await withClient(bench.server.url(name), async (client) => {
      await client.query(side.schema);
      for (const statement of side.fill) await client.query(statement, [rows]);
      await client.query('vacuum (freeze, analyze)');
    });
    return bench.server.url(name);
  };
  const settled = await create('kind_settled', one.old);
  const plain = await create('kind_plain', one.new);
  const prepared = await clone(bench, 'kind_settled', 'kind_prepared');
  const dual = await clone(bench, 'kind_settled', 'kind_dual');
  tell('preparing one shard, and expanding another');
  await drive(pair, prepared, ['prepare']);
  await drive(pair, dual, ['prepare', 'expand']);
  for (const url of [prepared, dual]) {
    await withClient(url, (client) => client.query('vacuum (freeze, analyze)'));
  }
  // Else whoever needs a page of memory writes out somebody else's first.
  await withClient(settled, (client) => client.query('checkpoint'));
  return { settled, plain, prepared, dual };
}

async function measureSide(
  ways: Ways,
  side: Side,
  options: Told & { readonly keys: number; readonly version: string },
): Promise<SideCosts> {
  const hot = Array.from({ length: HOT_KEYS }, () => 1 + drawn(options.keys));
  const pace = {
    rounds: Math.ceil((options.rounds * MORE_ROUNDS) / SESSIONS),
    burst: options.burst / SHORTER_BURSTS,
  };
  const costs = async (name: keyof SideCosts, valuesOf: (key: number) => readonly unknown[]) => {
    options.tell(`${name} of ${options.version}`);
    const text = side[name];
    await withLanes(ways, async (lanes) => {
      for (const { client } of lanes) {
        for (const key of hot) await client.query({ name, text, values: [...valuesOf(key)] });
      }
    });
    const values = () => valuesOf(hot[drawn(HOT_KEYS)] ?? 1);
    const sessions: (readonly LaneCost[])[] = [];
    for (let session = 0; session < SESSIONS; session += 1) {
      const compare = (lanes: readonly Lane[]) =>
        compareCosts(lanes, [{ name, text, values }], pace);
      const [found = []] = await withLanes(ways, compare);
      sessions.push(found);
    }
    return acrossSessions(sessions);
  };
  const read = await costs('read', (key) => [key]);
  return { read, write: await costs('write', (key) => [key, drawn(MANY_VALUES)]) };
}

/** Sessions for the time of `body`. */
async function withLanes<Result>(
  ways: Ways,
  body: (lanes: readonly Lane[]) => Promise<Result>,
): Promise<Result> {
  const lanes = await openLanes(ways);
  try {
    return await body(lanes);
  } finally {
    for (const { client } of lanes) await client.end();
  }
}

/** From 0 on. */
function drawn(below: number): number {
  return Math.floor(Math.random() * below);
}

/** What is compared must answer the same. */
async function expectSameRows(lanes: readonly Lane[], read: string, keys: number): Promise<void> {
  for (const key of [7, Math.floor(keys / 2), keys]) {
    const answers: string[] = [];
    for (const { client } of lanes) {
      const { rows } = await client.query(read, [key]);
      answers.push(JSON.stringify(rows));
    }
    if (new Set(answers).size === 1 && answers[0] !== '[]') continue;
    throw new Error(`${read}, with ${key}: ${answers.join(' and ')}`);
  }
}
