// Columns that PostgreSQL computes from others of their row, in the new release or in both.

import { describe, expect, it } from 'vitest';
import { type Client, stateOf, withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH } from '../evolving/shard.js';
import { lifecycleCase, newWrite, oldWrite } from './lifecycle-case.js';

const SPLIT = `changes:
  - split_table: { table: t, into: { t: {}, u: { when: b is not null } } }
`;

/** What a statement gives; its SQLSTATE when it fails. */
const answer = (client: Client, text: string) =>
  client.query(text).then(({ rows }) => rows, stateOf);

describe.each(['stored', 'virtual'] as const)('a generated column, %s', (kind) => {
  const twice = (of: string) => `generated always as (${of} * 2) ${kind}`;
  const from = `create table t (
    id int primary key, a int not null, b int, sum int generated always as (a + 1) ${kind});`;
  const to = `create table t (id int primary key, a int not null check (a < 90),
      sum int generated always as (a + 1) ${kind},
      twice int ${twice('a')} not null check (twice < 100));
    create table u (id int primary key references t on delete cascade, b int not null,
      more text not null default 'x', wide bigint ${twice('b')} not null);`;
  const SEED = `insert into t (id, a, b) values (1, 1, 1), (2, 2, null)`;

  it('is kept by both releases in every phase', () =>
    lifecycleCase({
      from,
      to,
      evolution: SPLIT,
      seed: {
        old: SEED,
        new: `insert into t (id, a) values (1, 1), (2, 2); insert into u (id, b) values (1, 1)`,
      },
      writes: (n) => [
        oldWrite(
          `insert into t (id, a, b) values (100 + ${n}, 1, ${n})`,
          `insert into t (id, a) values (100 + ${n}, 1);
           insert into u (id, b) values (100 + ${n}, ${n})`,
        ),
        newWrite(`insert into t (id, a) values (200 + ${n}, 3)`),
        newWrite(
          `insert into u (id, b) values (200 + ${n}, 3)`,
          `update t set b = 3 where id = 200 + ${n}`,
        ),
        newWrite(`update t set a = a + 1 where id < 100`),
        newWrite(`update u set b = b + 1`, `update t set b = b + 1`),
        oldWrite(
          `update t set a = 5, b = 6 where id = 1`,
          `update t set a = 5 where id = 1; update u set b = 6 where id = 1`,
        ),
      ],
      refused: () => [
        {
          by: 'new',
          sql: `update t set a = 50 where id = 1`,
          lens: '23514',
          dual: '23514',
        },
      ],
    }));

  it('is given back by a write, and cannot be written, as with a table', async () => {
    const compiled = await compilePair(from, to, SPLIT);
    expect(compiled.bundle.relations.map(({ label }) => label)).toEqual(['exact', 'carried']);
    const shard = await installShard(compiled);
    try {
      await withClient(shard.url, null, (client) => client.query(SEED));
      await withClient(shard.url, NEW_PATH, async (client) => {
        for (const [n, verb] of (['prepare', 'expand', 'contract'] as const).entries()) {
          await shard.run(verb);
          const id = String(100 + n);
          const cases: [string, unknown][] = [
            [
              `insert into t (id, a, twice) values (${id}, 3, default) returning *`,
              [{ id, a: '3', sum: '4', twice: '6' }],
            ],
            [
              `insert into u (id, b) values (${id}, 4) returning *`,
              [{ id, b: '4', more: 'x', wide: '8' }],
            ],
            [
              `update t set a = 7, twice = default where id = ${id} returning sum, twice`,
              [{ sum: '8', twice: '14' }],
            ],
            [`update u set b = 5 where id = ${id} returning wide`, [{ wide: '10' }]],
            [`insert into t (id, a, sum) values (9, 9, 10)`, '428C9'],
            [`insert into u (id, b, wide) values (2, 9, 18)`, '428C9'],
            [`update t set twice = 1 where id = 1`, '428C9'],
            [`update u set wide = 1 where id = 1`, '428C9'],
          ];
          for (const [text, wanted] of cases) {
            expect(await answer(client, text), `after ${verb}: ${text}`).toEqual(wanted);
          }
        }
      });
    } finally {
      await shard.drop();
    }
  });

  it('cannot be written where PostgreSQL itself writes through the lens either', async () => {
    const both = `id int primary key, a int, twice int ${twice('a')}`;
    const parts = `create table t (${both});
      create table u (id int primary key references t, b int)`;
    const shard = await installShard(
      await compilePair(`create table t (${both}, b int)`, parts, SPLIT),
    );
    try {
      await shard.run('prepare');
      await withClient(shard.url, NEW_PATH, async (client) => {
        expect(await answer(client, `insert into t (id, a) values (1, 1) returning twice`)).toEqual(
          [{ twice: '2' }],
        );
        expect(await answer(client, `update t set a = 2 returning twice`)).toEqual([
          { twice: '4' },
        ]);
        expect(await answer(client, `update t set twice = 2`)).toBe('0A000');
      });
    } finally {
      await shard.drop();
    }
  });
});
