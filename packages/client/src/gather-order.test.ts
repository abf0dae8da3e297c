import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admin, type Database, shardIn, withFleet } from '../test/fixture.js';
import type { Fleet, GatherOptions, OrderBy } from './index.js';

const seed = Number(process.env.HALFLAP_TEST_SEED ?? Date.now() % 1_000_000);

/** Few different values, so that every term is asked; instants that differ below a millisecond. */
const TABLE = `create table readings (
  id int, host text, level int, size bigint, price numeric, at timestamptz, day timestamp
)`;
const fill = (shard: number) => `
  select setseed(${seed / 1_000_000} * 0.9 + ${shard} * 0.01);
  insert into readings
  select n * 3 + ${shard},
         (array['a', 'B', 'ä', 'Z', 'z', null, '😀', U&'\\FF5E', 'a b'])[ceil(random() * 9)],
         nullif(floor(random() * 4)::int, 0),
         (array[9007199254740993, 9007199254740992, -1, null, 10])[ceil(random() * 5)],
         (array[1.10, 1.1, 0.30000000000000004, 'NaN', null, -5])[ceil(random() * 6)],
         case when random() > 0.1 then timestamptz '1999-12-31 23:59:59.9995+00'
           + floor(random() * 12) * interval '0.0001 s' end,
         (array['infinity', '-infinity', '1900-01-01 00:00:00.123456', '1900-01-01 00:00:00.1235',
           '0044-03-15 12:00:00.0001 BC', '0044-03-15 12:00:00.0002 BC'])
           [ceil(random() * 6)]::timestamp
  from generate_series(1, 60) as n;`;

const TERMS: Readonly<Record<string, string>> = {
  host: 'host collate "C"',
  level: 'level',
  size: 'size',
  price: 'price',
  at: 'at',
  day: 'day',
  id: 'id',
};

describe(`the order of a gather over three shards, seed ${seed}`, () => {
  let databases: Database[];
  let whole: Database;
  beforeAll(async () => {
    databases = await Promise.all([0, 1, 2].map(() => shardIn('settled')));
    whole = await shardIn('settled');
    await admin(whole.url, TABLE);
    for (const [at, { url }] of databases.entries()) {
      await admin(url, `${TABLE};${fill(at)}`);
      await admin(whole.url, fill(at));
    }
  });
  afterAll(async () => {
    for (const database of [...databases, whole]) await database.drop();
  });

  const withAll = (
    body: (fleet: Fleet) => Promise<void>,
    types?: pg.CustomTypesConfig,
  ): Promise<void> => {
    const shards = databases.map(({ url }, at) => ({
      name: `s${at}`,
      pool: { connectionString: url, ...(types === undefined ? {} : { types }) },
    }));
    return withFleet({ release: '1.0', shards }, ({ fleet }) => body(fleet));
  };

  /** Ids in the order of the gather, and in that of one database with all rows. */
  async function both(fleet: Fleet, order: readonly OrderBy[], limit: number) {
    const terms = order.map(({ column, direction = 'asc', nulls }) =>
      [TERMS[column], direction, ...(nulls === undefined ? [] : ['nulls', nulls])].join(' '),
    );
    const text = `select * from readings order by ${terms.join(', ')} limit ${limit}`;
    const { rows, outcomes } = await fleet.gather<{ id: number }>(text, [], {
      orderBy: order,
      limit,
    });
    expect(outcomes.every(({ ok }) => ok)).toBe(true);
    const expected = await admin(whole.url, text);
    return [rows.map(({ id }) => id), expected.rows.map(({ id }) => id), text] as const;
  }

  it('is that of one database, over several columns with nulls where they are asked for', () =>
    withAll(async (fleet) => {
      let state = seed;
      const random = (below: number) => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
        return Math.floor((state / 2 ** 32) * below);
      };
      const pick = <Item>(items: readonly Item[]) => items[random(items.length)] as Item;
      for (let round = 0; round < 40; round += 1) {
        const columns = Object.keys(TERMS).filter((one) => one !== 'id');
        const order: OrderBy[] = [];
        for (let term = 0; term < 3; term += 1) {
          const [column = ''] = columns.splice(random(columns.length), 1);
          const nulls = pick([undefined, 'first', 'last'] as const);
          const direction = pick(['asc', 'desc'] as const);
          order.push({ column, direction, ...(nulls === undefined ? {} : { nulls }) });
        }
        order.push({ column: 'id' });
        const [found, expected, text] = await both(fleet, order, pick([1, 7, 50, 1000]));
        expect(found, text).toEqual(expected);
      }
    }));

  it('tells instants apart that the driver’s dates do not', () =>
    withAll(async (fleet) => {
      for (const direction of ['asc', 'desc'] as const) {
        const order = [{ column: 'at', direction }, { column: 'id' }];
        const [found, expected] = await both(fleet, order, 1000);
        expect(found).toEqual(expected);
        const { rows } = await fleet.gather('select at from readings where at is not null', []);
        expect(rows[0]?.at).toBeInstanceOf(Date);
      }
    }));

  it('is the same where the application reads values in its own way', () =>
    withAll(
      async (fleet) => {
        const order = [{ column: 'at' }, { column: 'size' }, { column: 'id' }];
        const [found, expected] = await both(fleet, order, 1000);
        expect(found).toEqual(expected);
        const { rows } = await fleet.gather<{ size: unknown }>('select size from readings', []);
        expect(rows.some(({ size }) => typeof size === 'bigint')).toBe(true);
      },
      {
        getTypeParser: (oid: number, format?: 'text' | 'binary') =>
          oid === pg.types.builtins.INT8
            ? (value: string) => BigInt(value)
            : pg.types.getTypeParser(oid, format as 'text'),
      } as pg.CustomTypesConfig,
    ));

  it('cannot be asked for in words that mean nothing, nor of one shard twice', () =>
    withAll(async (fleet) => {
      const by = (term: object): GatherOptions => ({ orderBy: [{ column: 'id', ...term }] });
      const odd: readonly object[] = [
        by({ direction: 'DESC' }),
        by({ nulls: 'FIRST' }),
        { limit: -1 },
        { limit: Number.NaN },
        { timeoutMs: 0 },
        { shards: ['s0', 's0'] },
        { shards: ['s9'] },
      ];
      for (const options of odd) {
        const call = fleet.gather('select id from readings order by id', [], options);
        await expect(call, JSON.stringify(options)).rejects.toMatchObject({
          code: 'CLIENT_OPTIONS',
        });
      }
    }));
});
