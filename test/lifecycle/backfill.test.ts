// Backfill in many small batches, with keys of every kind, beside writes that fall between two
// batches or into one: the runner is stopped after each batch and goes on from its cursor, so that
// every write has a place of its own in the order of things. Old rows stay where they are.

import { runVerb, type VerbOptions } from '@halflap/engine';
import { freshDatabase } from '@halflap/engine/testing';
import { HalflapError } from '@halflap/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, openClient, withClient } from '../evolving/databases.js';
import { type Compiled, compilePair } from '../evolving/releases.js';
import { installShard, LIMITS, NEW_PATH, type Shard, shardOf } from '../evolving/shard.js';

const BATCH_ROWS = 25;
const ROWS = 200;

interface Key {
  readonly table: string;
  /** Columns of the key with their types. */
  readonly columns: readonly (readonly [string, string])[];
  /** Values of the N-th key; the order of keys is another one than that of N. */
  readonly values: readonly string[];
  readonly rows: number;
}

const SEVERAL: Omit<Key, 'table' | 'rows'> = {
  columns: [
    ['code', 'varchar(40) collate "C"'],
    ['at', 'timestamptz'],
    ['part', 'uuid'],
    ['amount', 'numeric(12, 3)'],
  ],
  values: [
    `(array['a', 'B', 'ä'])[(N) % 3 + 1]`,
    `timestamptz '2024-03-30 23:00:00.000001+00' + (N) % 5 * interval '37 minutes'`,
    'md5(((N) % 2)::text)::uuid',
    '-(N) * 1.125',
  ],
};

/** A primary key's index has no descending columns: PostgreSQL makes none, and takes none over. */
const KEYS: readonly Key[] = [
  {
    table: 'by_text',
    columns: [['Code "x"', 'text']],
    values: [`md5((N)::text) || E' \\\\''é'`],
    rows: ROWS,
  },
  {
    table: 'in_order_of_language',
    columns: [['code', 'text collate "und-x-icu"']],
    values: [`(array['a', 'B', 'Ä', '-', ' ', '_'])[(N) % 6 + 1] || md5((N)::text)`],
    rows: ROWS,
  },
  { table: 'by_uuid', columns: [['id', 'uuid']], values: ['md5((N)::text)::uuid'], rows: ROWS },
  {
    table: 'by_two',
    columns: [
      ['shelf', 'int'],
      ['slot', 'int'],
    ],
    values: ['-(N) % 7', '(N)'],
    rows: ROWS,
  },
  { table: 'by_several', ...SEVERAL, rows: ROWS },
  { table: 'empty_at_first', ...SEVERAL, rows: 0 },
];

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** One table of 1.0 that has two parts in 2.0, and what the tests say to it. */
function wordsOf({ table, columns, values, rows }: Key) {
  const names = columns.map(([name]) => quoted(name)).join(', ');
  const typed = columns.map(([name, type]) => `${quoted(name)} ${type} not null`).join(', ');
  const key = (n: number | string) =>
    values.map((value) => `(${value.replaceAll('N', `${n}`)})`).join(', ');
  const map = columns.map(([name]) => `${JSON.stringify(name)}: ${JSON.stringify(name)}`);
  const notes = `${table}_notes`;
  return {
    table,
    notes,
    names,
    key,
    is: (n: number) => `(${names}) = (${key(n)})`,
    from: `create table ${table} (${typed}, v int, note text, primary key (${names}));`,
    to: `create table ${table} (${typed}, w bigint, primary key (${names}));
      create table ${notes} (${typed}, note text not null, primary key (${names}),
        foreign key (${names}) references ${table} (${names}) on delete cascade);`,
    changes: `
  - convert_column:
      { table: ${table}, column: v, to: w, up: "v::bigint * 10", down: "(w / 10)::int" }
  - split_table:
      table: ${table}
      into: { ${table}: {}, ${notes}: { key: { ${map.join(', ')} }, when: note is not null } }`,
    insert: `insert into ${table}
      select ${key('n')}, n, case when n % 3 = 0 then 'note ' || n end
      from generate_series(1, ${rows}) n;`,
    old: `select ${names}, v, note from ${table} order by ${names}`,
    asOld: `select ${names}, w / 10 as v, note from ${table} left join ${notes} using (${names})
      order by ${names}`,
    fill: `expand/backfill/${table}`,
  };
}

type Words = ReturnType<typeof wordsOf>;
const WORDS = KEYS.map(wordsOf);

interface Write {
  readonly by: 'old' | 'new';
  readonly statement: string;
  /** The same as the old release says it. */
  readonly asOld: string;
}

/** What happens after the n-th batch of a table. */
function writesAfter(n: number, { table, notes, is, key, names }: Words): Write[] {
  const old = (statement: string): Write => ({ by: 'old', statement, asOld: statement });
  return [
    old(`insert into ${table} values
      (${key(1000 + n)}, ${n}, null), (${key(2000 + n)}, ${n}, 'new')`),
    old(`update ${table} set v = v + 1000, note = case when note is null then 'now' end
      where ${[3, 5, 7].map((i) => is(i * n)).join(' or ')}`),
    old(`delete from ${table} where ${is(11 * n)} or ${is(999 + n)}`),
    old(`update ${table} set (${names}) = (select ${key(3000 + n)}) where ${is(13 * n)}`),
    old(`update ${table} set (${names}) = (select ${key(4000 + n)}), v = -1, note = 'moved'
      where ${is(2000 + n)}`),
    {
      by: 'new',
      statement: `update ${table} set w = w + 20 where ${is(17 * n)}`,
      asOld: `update ${table} set v = v + 2 where ${is(17 * n)}`,
    },
    {
      by: 'new',
      statement: `insert into ${table} values (${key(5000 + n)}, 50);
        insert into ${notes} values (${key(5000 + n)}, 'by 2.0')`,
      asOld: `insert into ${table} values (${key(5000 + n)}, 5, 'by 2.0')`,
    },
    {
      by: 'new',
      statement: `delete from ${table} where ${is(19 * n)}`,
      asOld: `delete from ${table} where ${is(19 * n)}`,
    },
  ];
}

interface Course {
  readonly shard: Shard;
  readonly old: Client;
  readonly fresh: Client;
  /** A database of 1.0 alone, which says what the rows must be. */
  readonly plain: Client;
}

let compiled: Compiled;
let prepared: Shard;

beforeAll(async () => {
  const all = (part: (words: Words) => string) => WORDS.map(part).join('\n');
  const changes = `changes:${all((words) => words.changes)}\n`;
  compiled = await compilePair(
    all((words) => words.from),
    all((words) => words.to),
    changes,
  );
  prepared = await installShard(compiled);
  await withClient(prepared.url, null, (client) => client.query(all((words) => words.insert)));
  await prepared.run('prepare');
});

afterAll(() => prepared.drop());

async function withCourse(body: (course: Course) => Promise<void>): Promise<void> {
  const template = new URL(prepared.url).pathname.slice(1);
  const databases = [await freshDatabase({ template }), await freshDatabase()] as const;
  const [{ url }, { url: plainUrl }] = databases;
  const old = await openClient(url);
  const fresh = await openClient(url, NEW_PATH);
  const plain = await openClient(plainUrl);
  try {
    for (const words of WORDS) await plain.query(`${words.from};${words.insert}`);
    const shard = shardOf(url, compiled.bundle, async () => {});
    await body({ shard, old, fresh, plain });
  } finally {
    await Promise.all([old, fresh, plain].map((client) => client.end()));
    await Promise.all(databases.map((one) => one.drop()));
  }
}

const expand = (shard: Shard, more: Partial<VerbOptions> = {}) =>
  runVerb({
    url: shard.url,
    shard: 'eu1',
    bundle: shard.bundle,
    verb: 'expand',
    limits: LIMITS,
    pace: { batchRows: BATCH_ROWS },
    ...more,
  });

/** Goes on until one more batch is carried; its step, or null at the end of the verb. */
async function oneBatch(shard: Shard): Promise<string | null> {
  const stop = new AbortController();
  let filled: string | null = null;
  try {
    await expand(shard, {
      signal: stop.signal,
      onProgress: ({ step, waitingFor }) => {
        if (!step.startsWith('expand/backfill/') || waitingFor !== null) return;
        filled = step;
        stop.abort();
      },
    });
    return null;
  } catch (error) {
    if (error instanceof HalflapError && error.code === 'INTERRUPTED') return filled;
    throw error;
  }
}

async function expectEqual(course: Course, words: readonly Words[] = WORDS): Promise<void> {
  for (const one of words) {
    const wanted = (await course.plain.query(one.old)).rows;
    expect((await course.old.query(one.old)).rows, one.table).toEqual(wanted);
    expect((await course.fresh.query(one.asOld)).rows, one.table).toEqual(wanted);
  }
}

async function write(course: Course, { by, statement, asOld }: Write): Promise<void> {
  await (by === 'old' ? course.old : course.fresh).query(statement);
  await course.plain.query(asOld);
}

describe('backfill in many batches', () => {
  it('carries every row, and what both releases write between two batches, by every key', () =>
    withCourse(async (course) => {
      const batches = new Map<string, number>();
      for (let step = await oneBatch(course.shard); step !== null; ) {
        const words = WORDS.find(({ fill }) => fill === step) as Words;
        const batch = (batches.get(words.table) ?? 0) + 1;
        batches.set(words.table, batch);
        for (const one of writesAfter(batch, words)) await write(course, one);
        await expectEqual(course, [words]);
        step = await oneBatch(course.shard);
      }
      for (const { table, rows } of KEYS) {
        expect(batches.get(table), table).toBeGreaterThanOrEqual(Math.max(1, rows / BATCH_ROWS));
      }
      await expectEqual(course);
      await course.shard.run('verify');
    }));
});

/** What a transaction of the old release does to one row, which a batch then runs into. */
const HELD = [
  (v: number) => `update by_two set v = 1000, note = 'late' where v = ${v}`,
  (v: number) => `update by_two set note = null where v = ${v}`,
  (v: number) => `delete from by_two where v = ${v}`,
  (v: number) => `update by_two set shelf = shelf - 1000 where v = ${v}`,
  (v: number) => `update by_two set shelf = shelf + 1000 where v = ${v}`,
  (v: number) => `with gone as (delete from by_two where v = ${v} returning shelf, slot)
    insert into by_two select shelf - 1, slot, 7, 'again' from gone`,
];

/** Values of v whose row has a note, and does not come first, in the range of the first batch. */
const AHEAD = Array.from({ length: 60 }, (_, index) => 3 * (index + 1)).filter((v) => v % 7 < 6);

describe('a batch that meets rows in the hands of the old release', () => {
  const words = WORDS.find(({ table }) => table === 'by_two') as Words;

  it('waits for whatever they do to end in either way, and carries what is there then', () =>
    withCourse(async (course) => {
      const { shard, plain } = course;
      while ((await oneBatch(shard)) !== words.fill);
      const held: Held[] = [];
      for (const ending of ['commit', 'rollback'] as const) {
        for (const change of HELD) {
          const statement = change(AHEAD[held.length] ?? 0);
          const client = await openClient(shard.url);
          await client.query('begin');
          expect((await client.query(statement)).rowCount).toBe(1);
          if (ending === 'commit') await plain.query(statement);
          held.push({ client, statement, ending });
        }
      }
      const filling = fillToTheEnd(shard);
      await Promise.race([filling, endOneByOne(shard.url, held)]);
      expect(held.map(({ statement }) => statement)).toEqual([]);
      await filling;
      await expectEqual(course, [words]);
    }));

  it('does not miss rows that come into ranges which it has passed and is to pass', () =>
    withCourse(async (course) => {
      const { shard, old, plain } = course;
      while ((await oneBatch(shard)) !== words.fill);
      const inserts = `insert into by_two values (-1000, 1, 1, 'behind'), (-2, 1000, 2, 'ahead')`;
      await old.query(`begin; ${inserts}`);
      await fillToTheEnd(shard);
      await old.query('commit');
      await plain.query(inserts);
      await expectEqual(course, [words]);
    }));
});

interface Held {
  readonly client: Client;
  readonly statement: string;
  readonly ending: 'commit' | 'rollback';
}

/** Fills the table to its end, and no other. */
async function fillToTheEnd(shard: Shard): Promise<void> {
  const stop = new AbortController();
  const filling = expand(shard, {
    signal: stop.signal,
    limits: { ...LIMITS, lockPauseMs: 5, lockAttempts: 10_000 },
    log: (line) => {
      if (line.startsWith('expand/backfill/by_two: done')) stop.abort();
    },
  });
  await expect(filling).rejects.toMatchObject({ code: 'INTERRUPTED' });
}

/** Ends each transaction as soon as the runner stands in the queue behind it. */
async function endOneByOne(url: string, held: Held[]): Promise<void> {
  const pidOf = ({ client }: Held) => (client as unknown as { processID: number }).processID;
  await withClient(url, null, async (watcher) => {
    while (held.length > 0) {
      const { rows } = await watcher.query<{ pid: string }>(
        `select unnest(pg_blocking_pids(pid)) as pid from pg_stat_activity
         where application_name = 'halflap/expand/backfill/by_two'
           and datname = current_database()`,
      );
      const index = held.findIndex((one) => rows.some(({ pid }) => pidOf(one) === Number(pid)));
      for (const { client, ending } of index < 0 ? [] : held.splice(index, 1)) {
        await client.query(ending);
        await client.end();
      }
    }
  });
}
