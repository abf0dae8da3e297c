// Statements of the new release that are under way while a step passes: each has found its tables
// and waits for a row, the step passes or gives way, then the row is free. What was acknowledged
// is in every layout that is served, whatever the statement had found before the step.

import { HalflapError, type Verb } from '@halflap/protocol';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Client, openClient, stateOf, withClient } from '../evolving/databases.js';
import { type Compiled, compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH, type Shard } from '../evolving/shard.js';
import { waitsForLock } from './waiting.js';

const OLD = `create table items (id int primary key, name text not null, a int not null default 0,
    note text, seen text);
  create table labels (item int primary key, label text);`;
const NEW = `create table items (id int primary key, title text not null, seen text, color text);
  create table counts (item int primary key references items (id) on delete cascade,
    a int not null default 0);
  create table notes (item int primary key references items (id) on delete cascade,
    note text not null);
  create table labels (item int primary key, tag text);`;
const EVOLUTION = `changes:
  - rename_column: { table: items, column: name, to: title }
  - rename_column: { table: labels, column: label, to: tag }
  - split_table:
      table: items
      into:
        items: {}
        counts: { key: { item: id } }
        notes: { key: { item: id }, when: note is not null }
`;
const ROWS = 600;
/** A step that cannot pass beside the statements gives way soon. */
const LIMITS = { lockAttempts: 2, lockPauseMs: 1, batchLockTimeoutMs: 20 };

type Release = 'old' | 'new';

/** `$1` is a row with a note, `$2` one without; how each release sees that it was done. */
interface Act {
  readonly text: string;
  readonly seen: Readonly<Record<Release, string>>;
}

const ACTS: Readonly<Record<string, Act>> = {
  'update of a part': {
    text: 'update counts set a = a + 100 where item = $1',
    seen: {
      old: 'select a = 100 from items where id = $1',
      new: 'select a = 100 from counts where item = $1',
    },
  },
  'update of the base': {
    text: "update items set title = 'new', color = 'red' where id = $1",
    seen: {
      old: "select name = 'new' from items where id = $1",
      new: "select title = 'new' and color = 'red' from items where id = $1",
    },
  },
  'insert of a part': {
    text: "insert into notes (item, note) values ($2, 'new')",
    seen: {
      old: "select note = 'new' from items where id = $2",
      new: "select note = 'new' from notes where item = $2",
    },
  },
  'delete of a part': {
    text: 'delete from notes where item = $1',
    seen: {
      old: 'select note is null from items where id = $1',
      new: 'select not exists (select from notes where item = $1)',
    },
  },
  'delete of the base': {
    text: 'delete from items where id = $1',
    seen: {
      old: 'select not exists (select from items where id = $1)',
      new: 'select not exists (select from counts where item = $1)',
    },
  },
  'update of a table that was renamed': {
    text: "update labels set tag = 'new' where item = $1",
    seen: {
      old: "select label = 'new' from labels where item = $1",
      new: "select tag = 'new' from labels where item = $1",
    },
  },
};

/** Where the table only changes a type. */
const UPDATE: Act = {
  text: 'update items set a = a + 100 where id = $1',
  seen: ACTS['update of a part']?.seen as Act['seen'],
};

/** What a transaction of either release does that holds the rows. */
const HOLDS: Readonly<Record<Release, readonly string[]>> = {
  old: [
    'select from items where id in ($1, $2) for update',
    'select from labels where item in ($1, $2) for update',
  ],
  new: [
    "update items set seen = 'held' where id in ($1, $2)",
    "update labels set tag = 'held' where item in ($1, $2)",
  ],
};

let compiled: Compiled;
/** One table to one: nothing of it is read from another part. */
let converted: Compiled;
let shard: Shard;
/** Rows that no statement has used yet. */
let unused: number[];

beforeAll(async () => {
  compiled = await compilePair(OLD, NEW, EVOLUTION);
  converted = await compilePair(OLD, OLD.replace('a int', 'a bigint'), null);
});

afterEach(() => shard.drop());

async function fill(evolution = compiled): Promise<void> {
  shard = await installShard(evolution);
  unused = Array.from({ length: ROWS }, (_, index) => index + 1);
  await withClient(shard.url, null, (client) =>
    client.query(`insert into items (id, name, note)
      select i, 'item ' || i, case when i % 2 = 1 then 'note' end
      from generate_series(1, ${ROWS}) i;
      insert into labels (item, label) select i, 'label' from generate_series(1, ${ROWS}) i`),
  );
}

interface UnderWay {
  readonly what: string;
  readonly act: Act;
  readonly ids: readonly number[];
  readonly holder: Client;
  readonly writer: Client;
  readonly outcome: Promise<{ readonly state: string; readonly rows: number | null }>;
}

/** A session holds the rows, another of the new release waits for one of them. */
async function begin(what: string, act: Act, release: Release): Promise<UnderWay> {
  const ids = unused.splice(0, 2);
  const holder = await openClient(shard.url, release === 'new' ? NEW_PATH : null);
  await holder.query('begin');
  for (const text of HOLDS[release]) await holder.query(placed(text, ids));
  const writer = await openClient(shard.url, NEW_PATH);
  const outcome = writer.query(placed(act.text, ids)).then(
    ({ rowCount }) => ({ state: '', rows: rowCount }),
    (error) => ({ state: `${stateOf(error)} ${error.message}`, rows: 0 }),
  );
  // One that the held rows do not concern is done by now, and is looked at all the same.
  await Promise.race([waitsForLock(shard.url, writer), outcome]);
  return { what: `${what}, held by the ${release} release`, act, ids, holder, writer, outcome };
}

/**
 * The row is free; the statement ends, and every release that is served sees it; or it is told to
 * come again, or refused, and none sees it.
 */
async function end(
  one: UnderWay,
  step: string,
  served: readonly Release[],
  refusals: readonly string[] = [],
): Promise<void> {
  const { what, act, ids, holder, writer } = one;
  await holder.query('commit');
  const { state, rows } = await one.outcome;
  const where = `${step}: ${what}`;
  const isRefused = ['40001', ...refusals].includes(state.slice(0, 5));
  if (!isRefused) expect({ where, state, rows }).toEqual({ where, state: '', rows: 1 });
  for (const release of served) {
    await withClient(shard.url, release === 'new' ? NEW_PATH : null, async (client) => {
      const seen = await client.query({ text: placed(act.seen[release], ids), rowMode: 'array' });
      const isDone = seen.rows[0]?.[0] === 't';
      expect({ where, release, isDone }).toEqual({ where, release, isDone: !isRefused });
    });
  }
  await holder.end();
  await writer.end();
}

function placed(text: string, [one, two]: readonly number[]): string {
  return text.replaceAll('$1', String(one)).replaceAll('$2', String(two));
}

function beginAll(holders: readonly Release[]): Promise<UnderWay[]> {
  const all = holders.flatMap((release) =>
    Object.entries(ACTS).map(
      ([what, act]) =>
        () =>
          begin(what, act, release),
    ),
  );
  return inTurn(all);
}

async function inTurn<One>(all: readonly (() => Promise<One>)[]): Promise<One[]> {
  const done: One[] = [];
  for (const one of all) done.push(await one());
  return done;
}

/**
 * Passes one step, or gives way: null then. `release` is called at the one step that waits for
 * transactions, however long they are.
 */
function passOrGiveWay(verb: Verb, release: () => void): Promise<boolean | null> {
  const tell = (line: string) => {
    if (line.startsWith('expand/barrier')) release();
  };
  return shard.step(verb, { limits: LIMITS, tell }).catch((error: unknown) => {
    if (error instanceof HalflapError && error.code === 'LOCK_TIMEOUT') return null;
    throw error;
  });
}

/** Passes all steps of a verb, each beside statements of its own. */
async function passAll(
  verb: Verb,
  holders: readonly Release[],
  served: readonly Release[],
): Promise<void> {
  for (let count = 1; ; count += 1) {
    const underWay = await beginAll(holders);
    let ended: Promise<unknown> | undefined;
    const endAll = () => {
      ended ??= Promise.all(underWay.map((one) => end(one, `${verb}, step ${count}`, served)));
      return ended;
    };
    const passed = await passOrGiveWay(verb, endAll);
    await endAll();
    const isMore = passed ?? (await shard.step(verb));
    if (!isMore) return;
  }
}

describe('a statement of the new release that is under way', () => {
  it('ends as it began when its lens gives way to tables', async () => {
    await fill();
    await shard.run('prepare');
    await passAll('expand', ['old', 'new'], ['old', 'new']);
    await shard.run('verify');
  }, 60_000);

  it('ends as it began when the old release is taken away', async () => {
    await fill();
    await shard.run('prepare');
    await shard.run('expand');
    await passAll('contract', ['new'], ['new']);
  }, 60_000);

  it('does not write over what the old release writes once its own has gone', async () => {
    await fill(converted);
    await shard.run('prepare');
    await shard.run('expand');
    const one = await begin('update', UPDATE, 'old');
    expect(await passOrGiveWay('abort', () => {})).toBe(true);
    await one.holder.query(placed('update items set a = a + 1 where id = $1', one.ids));
    await one.holder.query('commit');
    const { state } = await one.outcome;
    const { rows } = await one.holder.query(placed('select a from items where id = $1', one.ids));
    expect({ state: state.slice(0, 5), rows }).toEqual({ state: '40001', rows: [{ a: '1' }] });
    await one.holder.end();
    await one.writer.end();
  }, 60_000);

  it.each(['prepared', 'dual'])(
    'ends or is refused when its release goes (%s)',
    async (phase) => {
      await fill();
      for (const [what, act] of Object.entries(ACTS)) {
        await shard.run('prepare');
        if (phase === 'dual') await shard.run('expand');
        const one = await begin(what, act, 'old');
        while (await passOrGiveWay('abort', () => {}));
        await end(one, 'abort', ['old'], ['HL002']);
        await shard.run('abort');
      }
    },
    60_000,
  );
});
