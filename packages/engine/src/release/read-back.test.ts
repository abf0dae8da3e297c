import { describe, expect, it } from 'vitest';
import { withSession } from '../pg.js';
import { withDatabase } from '../testing/index.js';
import { readBack } from './read-back.js';

const CHECKS = [
  'a between 1 and 64 and b >= a',
  'b >= a and a between 1 and 64',
  '(a = 1 or b = 2) and a > 0 or b in (3, 4) or a is null',
  "(c <> ' AND (' and c <> ')') and (c > 'it''s' and \"o)p\" > 1) and a = 1",
  "c in ('x', 'y') and (a > 1 and b > 1) and abs(a) > 2",
  'not (a between 1 and 2 and b = 1) and a between 3 and 4',
];

describe('readBack', () => {
  it('gives what PostgreSQL prints when it reads an expression again', async () => {
    await withDatabase((url) =>
      withSession(url, 'test', async (session) => {
        const printed = async (check: string, table: string) => {
          await session.query(
            `create table ${table} (a int, b int, c varchar, "o)p" int, check (${check}))`,
          );
          const [row] = await session.query<{ text: string }>(
            `select pg_get_expr(conbin, conrelid) as text from pg_constraint
             where conrelid = '${table}'::regclass and contype = 'c'`,
          );
          return row?.text ?? '';
        };
        for (const [index, check] of CHECKS.entries()) {
          const first = await printed(check, `first_${index}`);
          const again = await printed(first, `again_${index}`);
          expect(readBack(first), check).toBe(readBack(again));
          expect(readBack(again), check).toBe(again);
        }
      }),
    );
  });
});
