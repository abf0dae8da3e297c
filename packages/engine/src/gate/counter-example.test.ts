import { HalflapError } from '@halflap/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withDatabase } from '../testing/index.js';
import { shownText } from './counter-example.js';
import { openReader, type Reader } from './testing/written.js';
import { tryEvolution } from './trial.js';

let reader: Reader;
beforeAll(async () => {
  reader = await openReader();
});
afterAll(() => reader.close());

/** What check answers, line by line; what it remarks where the evolution holds. */
async function answer(from: string, to: string, changes: readonly string[]): Promise<string[]> {
  const pair = await reader.pair(from, to, changes);
  const bundle = await reader.bundle(from, to, changes);
  const input = { app: 'shop', ...pair };
  try {
    const trial = await tryEvolution({ input, bundle, scratch: { withDatabase } });
    const examples = trial.quarantined.flatMap((one) => one.examples);
    return [...examples, ...trial.refused].flatMap(({ message, shown }) => [
      message,
      ...shownText(shown),
    ]);
  } catch (error) {
    if (!(error instanceof HalflapError)) throw error;
    return [error.message, ...(error.detail.evidence ?? [])];
  }
}

const FILE = 'releases/2.0/evolution.yaml';

describe('the smallest counter-example', () => {
  it('is one value where down is not the inverse of up', async () => {
    const found = await answer(
      'create table hosts (id int primary key, name text, memory_mb int, seen timestamptz);',
      'create table hosts (id int primary key, name text, memory_kb int, seen timestamptz);',
      [
        'convert_column: { table: hosts, column: memory_mb, to: memory_kb, ' +
          'up: memory_mb * 1024, down: memory_kb / 1000 }',
      ],
    );
    expect(found).toEqual([
      `${FILE}:3:75: shop 1.0 to 2.0: convert_column of hosts (exact): ` +
        'release 2.0 reads memory_kb of hosts, and could not write it back',
      '1.0 wrote       hosts  id=0, memory_mb=1000',
      '2.0 reads       hosts  id=0, memory_kb=1024000',
      'comes back      hosts  id=0, memory_mb=1024',
      '2.0 would read  hosts  id=0, memory_kb=1048576',
    ]);
  });

  it('is the row that no query has a place for', async () => {
    const found = await answer(
      `create table readings (sensor int, day date, morning int, evening int, note text,
        primary key (sensor, day));`,
      `create table measurements (sensor int, day date, half text, value int not null, note text,
        primary key (sensor, day, half));`,
      [
        `custom: { from: { readings: { slice: [sensor, day], query: "${BACKWARD}" } }, into: {` +
          ` measurements: { slice: [sensor, day], query: "${FORWARD}" } } }`,
      ],
    );
    expect(found).toEqual([
      `${FILE}:3:5: shop 1.0 to 2.0: custom of readings (lossy): ` +
        'a row of readings does not come back from release 2.0',
      '1.0 wrote   readings  sensor=0, day=2026-01-01',
      '2.0 reads   nothing',
      'comes back  nothing',
    ]);
  });

  it('is two rows where a query looks beyond its slice', async () => {
    const found = await answer(
      'create table t (id int primary key, n int not null);',
      'create table t (id int primary key, n int not null, place int not null);',
      [
        'custom: { from: { t: { slice: id, query: "select id, n from t" } }, into: { t: { slice: ' +
          'id, query: "select id, n, (select count(*)::int from t as o where o.id <= t.id) as ' +
          'place from t" } } }',
      ],
    );
    expect(found).toEqual([
      `${FILE}:3:105: shop 1.0 to 2.0: custom of t (lossy): ` +
        'the query of t looks at rows of other slices',
      '1.0 wrote            t  id=0, n=0',
      '                     t  id=1, n=0',
      '2.0 reads            t  id=0, n=0, place=1',
      '                     t  id=1, n=0, place=2',
      'the query gives      t  id=1, n=0, place=2',
      'for the slice alone  t  id=1, n=0, place=1',
    ]);
  });

  it('is what breaks a rule of the new release', async () => {
    const found = await answer(
      'create table t (id int primary key, a text unique);',
      "create table t (id int primary key, b text check (b <> 'a') unique);",
      ['convert_column: { table: t, column: a, to: b, up: lower(a), down: b }'],
    );
    expect(found).toEqual([
      "a row of 1.0 breaks check (b <> 'a'::text) of t",
      '1.0 wrote  t  id=0, a=a',
      '2.0 reads  t  id=0, b=a',
    ]);
  });

  it('is a row that the new release cannot write before contract', async () => {
    const found = await answer(
      'create table t (id int primary key, mb int not null, note text);',
      'create table t (id int primary key, kb int not null, note text);',
      ['convert_column: { table: t, column: mb, to: kb, up: mb * 1024, down: kb / 1024 }'],
    );
    expect(found).toEqual([
      '2.0 cannot write this row of t before contract (HL001)',
      '2.0 wrote       t  id=5000, kb=1',
      '1.0 would read  t  id=5000, mb=0',
      'comes back      t  id=5000, kb=0',
    ]);
  });

  it('is not a row that the queries do not look for', async () => {
    const found = await answer(
      `create table labels (kind text not null, owner uuid, key text, value text,
         primary key (owner, key));
       create table disks (id uuid primary key); create table cards (id uuid primary key);`,
      `create table disks (id uuid primary key, labels jsonb not null default '{}');
       create table cards (id uuid primary key, labels jsonb not null default '{}');`,
      [
        'custom: { from: { disks: { slice: id, query: "select id from disks" }, cards: { slice: ' +
          `id, query: "select id from cards" }, labels: { slice: owner, query: "${LABELS}" } }, ` +
          `into: { disks: { slice: id, query: "${labelled('disk')}" }, ` +
          `cards: { slice: id, query: "${labelled('card')}" } } }`,
      ],
    );
    expect(found).toEqual([]);
  });
});

const LABELS = `select o.kind, o.id as owner, l.key, l.value from (select 'disk' as kind, id, labels
  from disks union all select 'card', id, labels from cards) as o
  cross join lateral jsonb_each_text(o.labels) as l`.replace(/\s+/g, ' ');

function labelled(kind: string): string {
  return `select o.id, coalesce((select jsonb_object_agg(l.key, l.value) from labels as l where
    l.owner = o.id and l.kind = '${kind}'), '{}') as labels from ${kind}s as o`.replace(
    /\s+/g,
    ' ',
  );
}

const BACKWARD = `select sensor, day, max(value) filter (where half = 'am') as morning,
  max(value) filter (where half = 'pm') as evening, min(note) as note
  from measurements group by sensor, day`.replace(/\s+/g, ' ');
const FORWARD = `select r.sensor, r.day, v.half, v.value, r.note from readings r
  cross join lateral (values ('am', r.morning), ('pm', r.evening)) as v(half, value)
  where v.value is not null`.replace(/\s+/g, ' ');
