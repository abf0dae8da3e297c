// Sessions of both releases that never pause, on the tables that change: whatever the runner wants
// to lock is always in use, and in dual the two releases lock it in opposite orders.

import { runVerb } from '@halflap/engine';
import type { Verb } from '@halflap/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, openClient, stateOf, withClient } from '../evolving/databases.js';
import { type Compiled, compilePair } from '../evolving/releases.js';
import { installShard, LIMITS, NEW_PATH, type Shard } from '../evolving/shard.js';
import { inTransaction } from './load.js';

const EVENTS = `create table events (id bigint generated always as identity primary key,
  item int not null references items (id) on delete cascade, kind text not null);`;
const OLD = `create table items (id int primary key, name text not null,
  a bigint not null default 0, note text);${EVENTS}`;
const NEW = `create table items (id int primary key, name text not null);
  create table counts (item int primary key references items (id) on delete cascade,
    a bigint not null default 0);
  create table notes (item int primary key references items (id) on delete cascade,
    note text not null);${EVENTS}`;
const EVOLUTION = `changes:
  - split_table:
      table: items
      into:
        items: {}
        counts: { key: { item: id } }
        notes: { key: { item: id }, when: note is not null }
`;
const ROWS = 2000;
/** Of each release: as many as keep two cores from being idle ever. */
const SESSIONS = 5;
/** A saturated server serves a statement late by itself; the runner's part is far below. */
const STALL_MS = 1000;
/** A step that waits in a circle with its clients does not get through in so few attempts. */
const ATTEMPTS = 6;

type Unit = (client: Client, id: number) => Promise<unknown>;

const one =
  (text: string): Unit =>
  (client, id) =>
    client.query(text, [id]);

/** Several statements in a transaction, in an order of their own. */
const several =
  (...texts: string[]): Unit =>
  (client, id) =>
    inTransaction(client, async () => {
      for (const text of texts) await client.query(text, [id]);
    });

const EVENT = "insert into events (item, kind) values ($1, 'seen')";
const UNITS: Record<'old' | 'new', Unit[]> = {
  old: [
    one('update items set a = a + 1 where id = $1'),
    one("update items set note = 'old', name = name || '.' where id = $1"),
    several(
      'select from items where id = $1 for update',
      EVENT,
      'update items set a = 0 where id = $1',
    ),
  ],
  new: [
    one('update counts set a = a + 1 where item = $1'),
    one("update notes set note = 'new' where item = $1"),
    one(
      'select from notes n join counts c using (item) join items i on i.id = item where item = $1',
    ),
    several('update counts set a = 0 where item = $1', EVENT, 'select from notes where item = $1'),
    several('select from items where id = $1', "update notes set note = '' where item = $1", EVENT),
  ],
};

interface Crowd {
  /** SQLSTATEs with the release, counted. */
  readonly refusals: Map<string, number>;
  /** The longest unit of work. */
  longestMs: number;
  /** While false, the new release is not served and stays away. */
  isNewServed: boolean;
  stop(release: 'old' | 'new'): Promise<void>;
}

function startCrowd(url: string): Crowd {
  const isStopped = { old: false, new: false };
  const refusals = new Map<string, number>();
  const loop = async (release: 'old' | 'new', stripe: number) => {
    const client = await openClient(url, release === 'new' ? NEW_PATH : null);
    for (let turn = 0; !isStopped[release]; turn += 1) {
      if (release === 'new' && !crowd.isNewServed) await new Promise(setImmediate);
      else await act(client, release, { turn, stripe });
    }
    await client.end();
  };
  const act = async (
    client: Client,
    release: 'old' | 'new',
    { turn, stripe }: { readonly turn: number; readonly stripe: number },
  ) => {
    const units = UNITS[release];
    const unit = units[turn % units.length] as Unit;
    // Rows of its own: whoever waits, waits for a table.
    const id = 1 + stripe + 2 * SESSIONS * ((turn * 7919) % (ROWS / (2 * SESSIONS)));
    const startedAt = performance.now();
    await unit(client, id).catch(async (error) => {
      await client.query('rollback');
      const answer = `${release} ${stateOf(error)}`;
      if (release === 'new' && !crowd.isNewServed) return;
      refusals.set(answer, (refusals.get(answer) ?? 0) + 1);
    });
    crowd.longestMs = Math.max(crowd.longestMs, performance.now() - startedAt);
  };
  const running = { old: [] as Promise<void>[], new: [] as Promise<void>[] };
  const crowd: Crowd = {
    refusals,
    longestMs: 0,
    isNewServed: false,
    async stop(release) {
      isStopped[release] = true;
      await Promise.all(running[release]);
    },
  };
  for (let stripe = 0; stripe < 2 * SESSIONS; stripe += 1) {
    const release = stripe % 2 === 0 ? 'old' : 'new';
    running[release].push(loop(release, stripe));
  }
  return crowd;
}

let compiled: Compiled;
let shard: Shard;

beforeAll(async () => {
  compiled = await compilePair(OLD, NEW, EVOLUTION);
  shard = await installShard(compiled);
  await withClient(shard.url, null, (client) =>
    client.query(
      `insert into items (id, name, note)
       select i, 'item ' || i, 'note' from generate_series(1, ${ROWS}) i`,
    ),
  );
});

afterAll(() => shard.drop());

describe('a saturated shard', () => {
  it('passes there, back, there and to the end, and nobody waits for long', async ({
    annotate,
  }) => {
    const crowd = startCrowd(shard.url);
    const repeated: string[] = [];
    const pass = (verb: Verb) =>
      runVerb({
        url: shard.url,
        shard: 'eu1',
        bundle: shard.bundle,
        verb,
        limits: { ...LIMITS, lockAttempts: ATTEMPTS },
        log: (line) => {
          if (line.includes('in attempt')) repeated.push(line);
        },
        ...(verb === 'contract' ? { force: { reason: 'writers have stopped' } } : {}),
      });
    try {
      for (const back of [true, false]) {
        await pass('prepare');
        crowd.isNewServed = true;
        await pass('expand');
        // From here on HL002 is the answer that the new release is to have.
        if (back) crowd.isNewServed = false;
        if (back) await pass('abort');
      }
      await crowd.stop('old');
      await pass('contract');
    } finally {
      await Promise.all([crowd.stop('old'), crowd.stop('new')]);
    }
    const { longestMs, refusals } = crowd;
    await annotate(JSON.stringify({ repeated, longestMs, refusals: Object.fromEntries(refusals) }));
    expect([...refusals.keys()].filter((answer) => answer !== 'new 40001')).toEqual([]);
    expect(longestMs).toBeLessThan(STALL_MS);
  }, 60_000);
});
