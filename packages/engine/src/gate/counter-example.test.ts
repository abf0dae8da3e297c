import { HalflapError } from '@halflap/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withDatabase } from '../testing/index.js';
import { openReader, type Reader } from './testing/written.js';
import { tryEvolution } from './trial.js';

let reader: Reader;
beforeAll(async () => {
  reader = await openReader();
});
afterAll(() => reader.close());

/** What check answers, line by line; one line where the evolution holds. */
async function answer(from: string, to: string, changes: readonly string[]): Promise<string[]> {
  const pair = await reader.pair(from, to, changes);
  const bundle = await reader.bundle(from, to, changes);
  try {
    await tryEvolution({ input: { app: 'shop', ...pair }, bundle, scratch: { withDatabase } });
    return ['it holds'];
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
    expect(found).toEqual([]);
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
    expect(found).toEqual([]);
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
    expect(found).toEqual([]);
  });
});

const BACKWARD = `select sensor, day, max(value) filter (where half = 'am') as morning,
  max(value) filter (where half = 'pm') as evening, min(note) as note
  from measurements group by sensor, day`.replace(/\s+/g, ' ');
const FORWARD = `select r.sensor, r.day, v.half, v.value, r.note from readings r
  cross join lateral (values ('am', r.morning), ('pm', r.evening)) as v(half, value)
  where v.value is not null`.replace(/\s+/g, ' ');
void FILE;
