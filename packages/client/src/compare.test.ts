import { freshDatabase } from '@halflap/engine/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareOfType } from './compare.js';
import { compareRows } from './merge.js';

const seed = Number(process.env.HALFLAP_TEST_SEED ?? Date.now() % 1_000_000);

/** A small generator of numbers that a seed replays (mulberry32). */
function random(state: { seed: number }): number {
  state.seed = (state.seed + 0x6d2b79f5) | 0;
  let value = Math.imul(state.seed ^ (state.seed >>> 15), 1 | state.seed);
  value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
  return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
}

const texts = [
  '',
  ' ',
  'a',
  'B',
  'ab',
  'a b',
  'é',
  'z',
  'Z',
  '~',
  '\u{ff5e}',
  '\u{1f600}',
  '\u{e000}x',
];
const state = { seed };
const pick = <Item>(items: readonly Item[]): Item =>
  items[Math.floor(random(state) * items.length)] as Item;
const digits = (length: number) =>
  Array.from({ length }, () => Math.floor(random(state) * 10)).join('');
const decimal = () =>
  `${pick(['', '-'])}${digits(1 + Math.floor(random(state) * 25))}${pick(['', '.'])}`.replace(
    /\.$/,
    () => `.${digits(1 + Math.floor(random(state) * 6))}`,
  );
const instant = () => new Date(Math.floor((random(state) - 0.5) * 4e13)).toISOString();

const SAMPLES: Readonly<Record<string, () => string>> = {
  int4: () => String(Math.floor((random(state) - 0.5) * 2 ** 32)),
  int8: () => String(BigInt.asIntN(64, BigInt(digits(19)))),
  float8: () => pick(['NaN', '-Infinity', 'Infinity', '0', '-0', String(random(state) - 0.5)]),
  numeric: () => pick(['NaN', 'Infinity', '-Infinity', '0', '0.0', '1.10', '1.1', decimal()]),
  text: () => pick(texts) + pick(texts) + pick(texts),
  'char(6)': () => pick(['a', 'a b', 'A', 'ab', '\u0001', 'a\u0001']),
  bool: () => pick(['true', 'false']),
  bytea: () => `\\x${Buffer.from(pick(texts)).toString('hex')}`,
  uuid: () => '00000000-0000-4000-8000-000000000000'.replace(/0/g, () => pick([...'0189aF'])),
  timestamptz: () => pick(['infinity', '-infinity', instant()]),
  timestamp: () => instant().replace('Z', ''),
  date: () =>
    instant()
      .slice(0, 10)
      .replace(/^.*-(\d\d-\d\d)$/, '2024-$1')
      .replace('02-30', '02-28'),
  time: () => instant().slice(-13, -1),
};

describe(`compareRows against ORDER BY, seed ${seed}`, () => {
  let client: pg.Client;
  let drop: () => Promise<void>;
  beforeAll(async () => {
    const database = await freshDatabase();
    client = new pg.Client({ connectionString: database.url });
    drop = database.drop;
    await client.connect();
  });
  afterAll(async () => {
    await client.end();
    await drop();
  });

  for (const [type, sample] of Object.entries(SAMPLES)) {
    for (const direction of ['asc', 'desc'] as const) {
      it(`orders ${type} ${direction} as PostgreSQL does, nulls where SQL puts them`, async () => {
        const values = [...Array.from({ length: 150 }, sample), null, null];
        const collate = ['text', 'char(6)'].includes(type) ? 'collate "C"' : '';
        const { rows, fields } = await client.query(
          `select value::${type} as value,
                  dense_rank() over (order by value::${type} ${collate} ${direction})::int as rank
           from unnest($1::text[]) as given (value)`,
          [values],
        );
        const compare = compareRows([{ column: 'value', direction }], fields);
        for (const left of rows) {
          for (const right of rows) {
            const context = `${String(left.value)} against ${String(right.value)}`;
            expect(Math.sign(compare(left, right)), context).toBe(
              Math.sign(left.rank - right.rank),
            );
          }
        }
      });
    }
  }

  it('puts nulls where the order says', async () => {
    const field = [{ name: 'value', dataTypeID: 23 }];
    const rows = [{ value: 2 }, { value: null }, { value: 1 }];
    const order = (direction: 'asc' | 'desc', nulls: 'first' | 'last') =>
      rows
        .toSorted(compareRows([{ column: 'value', direction, nulls }], field))
        .map(({ value }) => value);
    expect(order('asc', 'first')).toEqual([null, 1, 2]);
    expect(order('asc', 'last')).toEqual([1, 2, null]);
    expect(order('desc', 'first')).toEqual([null, 2, 1]);
    expect(order('desc', 'last')).toEqual([2, 1, null]);
  });
});

describe('compareOfType', () => {
  it('has no comparison for types whose order it cannot know', () => {
    const interval = 1186;
    const jsonb = 3802;
    const anEnum = 16_400;
    for (const oid of [interval, jsonb, anEnum]) expect(compareOfType(oid)).toBeUndefined();
  });

  it('takes bigints and numbers where an application parses them itself', () => {
    const int8 = compareOfType(20);
    expect(int8?.(9, 10)).toBeLessThan(0);
    expect(int8?.(2n ** 60n, 2n ** 60n + 1n)).toBeLessThan(0);
    expect(int8?.('9', '10')).toBeLessThan(0);
  });
});
