// Computed values are held as PostgreSQL would assign them to their columns: rounded, padded or
// refused, the same in the lens, in the table, and in what compares the two.

import { describe, expect, it } from 'vitest';
import { stateOf, withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH } from '../evolving/shard.js';
import { lifecycleCase, newWrite, oldWrite } from './lifecycle-case.js';

describe('a computed value', () => {
  it('has the type of its column, whatever type the expression gives', () =>
    lifecycleCase({
      from: `create domain short as varchar(4);
        create table t (id int primary key, cents int not null, n int, word text);`,
      to: `create domain short as varchar(4);
        create table t (id int primary key, price numeric(12, 2) not null, word char(5),
          half numeric(6, 2), twice bigint, said text, whole text, brief short,
          third numeric(8, 3) generated always as (price / 3) stored);`,
      evolution: `changes:
  - convert_column:
      table: t
      columns: [cents, n]
      to: [price, half, twice, said]
      up: { price: cents / 100.0, half: n / 2.0, twice: n * 2.0, said: n }
      down: { cents: price * 100.0, n: said::int }
  - add_column: { table: t, column: whole, up: round(n / 3.0) }
  - add_column: { table: t, column: brief, up: n }
`,
      seed: {
        old: `insert into t values (1, 150, 3, 'a'), (2, 1, null, null);`,
        new: `insert into t values (1, 1.5, 'a', 1.5, 6, '3', '1', '3'),
          (2, 0.01, null, null, null, null, null, null);`,
      },
      writes: (n) => [
        oldWrite(
          `insert into t values (10 + ${n}, ${n}, ${n}, 'w')`,
          `insert into t values (10 + ${n}, ${n} / 100.0, 'w', ${n} / 2.0, ${n} * 2, '${n}',
             round(${n} / 3.0)::text, '${n}')`,
        ),
        oldWrite(
          `update t set cents = 12345 where id = 1`,
          `update t set price = 123.45 where id = 1`,
        ),
        newWrite(
          `insert into t values (100 + ${n}, 7.25, 'new', 2, 8, '4', '1', '4')`,
          `insert into t values (100 + ${n}, 725, 4, 'new')`,
        ),
        newWrite(`update t set price = price + 0.01`, `update t set cents = cents + 1`),
      ],
    }));

  it('is refused where it is too long for its column, and nothing is cut', async () => {
    const compiled = await compilePair(
      `create domain code as varchar(3);
       create table t (id int primary key, a text, b text, c text, d bit(8), e text[]);`,
      `create domain code as varchar(3);
       create table t (id int primary key, a varchar(3), b char(3), c code, d bit varying(3),
         e varchar(3)[]);`,
      null,
    );
    const shard = await installShard(compiled);
    try {
      await withClient(shard.url, null, async (asOld) => {
        await asOld.query(`insert into t (id) values (1), (2), (3), (4), (5), (6)`);
        await shard.run('prepare');
        await withClient(shard.url, NEW_PATH, async (asNew) => {
          await asOld.query(`update t set a = 'long' where id = 1`);
          const found = await asNew.query('select * from t').catch(stateOf);
          expect(found, 'a select through the lens').toBe('22001');
          await shard.run('expand');
          await asOld.query(`update t set b = 'long' where id = 2`);
          await asOld.query(`update t set c = 'long' where id = 3`);
          await asOld.query(`update t set d = b'11111111' where id = 4`);
          await asOld.query(`update t set e = '{long}' where id = 5`);
          await asOld.query(`update t set a = 'abc', b = 'a', c = 'abc   ' where id = 6`);
          const { rows } = await asNew.query('select * from t where id in (1, 2, 3, 4, 5)');
          expect(rows.filter((row) => JSON.stringify(row).includes('lon'))).toEqual([]);
          const kept = await asNew.query('select a, b, c from t where id = 6');
          expect(kept.rows).toEqual([{ a: 'abc', b: 'a  ', c: 'abc' }]);
          const waiting = await asOld.query(
            `select key, sqlstate from halflap.quarantine order by key`,
          );
          expect(waiting.rows.map((row) => [row.key, row.sqlstate])).toEqual(
            [1, 2, 3, 4, 5].map((id) => [`{"id": ${id}}`, '22001']),
          );
        });
        await shard.run('verify');
      });
    } finally {
      await shard.drop();
    }
  });
});
