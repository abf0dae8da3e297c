// Which locks a step takes, and in which order it asks again for what it was refused.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Statement } from '../compile/bundle.js';
import { connect, type Session } from '../pg.js';
import { sql } from '../sql.js';
import { type FreshDatabase, freshDatabase } from '../testing/index.js';
import { type Lockable, lockablesOf, refusedFirst, takeLocks } from './lock-order.js';

const TABLES = `create schema "Odd";
  create table children (id int generated always as identity);
  create table parents (id serial);
  create table others (id serial);
  create table "Odd"."a.b" (id serial);
  create table below (id int);
  create view above as select id from below;`;
const FLOOR = { hash: '', schema: 'shop_1_0', tables: new Set<string>() };

function needs(relation: string, mode: 'ACCESS EXCLUSIVE' | 'SHARE ROW EXCLUSIVE'): Statement {
  return { sql: 'select', lock: { relation, mode } };
}

function moves(relation: string): Statement {
  return { sql: 'select', lock: { relation, mode: 'ACCESS EXCLUSIVE', isMoved: true } };
}

const STEP = [
  needs('children', 'SHARE ROW EXCLUSIVE'),
  { sql: 'select', lock: null },
  moves('children'),
  moves('parents'),
  needs('others', 'ACCESS EXCLUSIVE'),
  needs('Odd.a.b', 'SHARE ROW EXCLUSIVE'),
  needs('shop_2_0.not_there_yet', 'ACCESS EXCLUSIVE'),
  needs('above', 'ACCESS EXCLUSIVE'),
];

let database: FreshDatabase;
let runner: Session;
let client: Session;

beforeAll(async () => {
  database = await freshDatabase();
  runner = await connect(database.url, 'runner');
  client = await connect(database.url, 'client');
  await client.query(TABLES);
});

afterAll(async () => {
  for (const session of [runner, client]) await session.end();
  await database.drop();
});

/** Takes them and answers what is held then, in words; gives all back. */
async function held(lockables: readonly Lockable[]): Promise<string[]> {
  await runner.query("begin; set local lock_timeout = '20ms'");
  try {
    await runner.query(takeLocks(lockables, sql`set_config('lock_timeout', '20ms', true)`).text);
    const rows = await runner.query<{ line: string }>(
      `select concat_ws(' ', relation::regclass, mode) as line from pg_locks
       where pid = pg_backend_pid() and locktype = 'relation' and relation >= 16384
         and mode ~ 'Exclusive' order by 1`,
    );
    return rows.map(({ line }) => line);
  } finally {
    await runner.query('rollback');
  }
}

describe('the locks of a step', () => {
  it('are the strongest of each table, the view alone, and the sequences that move', async () => {
    const lockables = await lockablesOf(runner, STEP, FLOOR);
    expect(await held(lockables)).toEqual([
      '"Odd"."a.b" ShareRowExclusiveLock',
      'above AccessExclusiveLock',
      'children AccessExclusiveLock',
      'children_id_seq AccessExclusiveLock',
      'others AccessExclusiveLock',
      'parents AccessExclusiveLock',
      'parents_id_seq AccessExclusiveLock',
    ]);
  });

  it('begin with what was refused, be it a table, a view or a sequence', async () => {
    let lockables = await lockablesOf(runner, STEP, FLOOR);
    const first = () => lockables[0]?.relation.text;
    expect(first()).toBe('"public"."children"');
    for (const [hold, refused] of [
      ['lock table parents in row exclusive mode', '"public"."parents"'],
      ["select nextval('children_id_seq')", '"public"."children_id_seq"'],
      ['select from above', '"public"."above"'],
    ] as const) {
      await client.query(`begin; ${hold}`);
      const error = await held(lockables).catch((cause: unknown) => cause);
      lockables = refusedFirst(lockables, error);
      await client.query('rollback');
      expect(first()).toBe(refused);
    }
    expect(await held(lockables)).toHaveLength(7);
  });

  it('stay in their order after an error that tells of none', async () => {
    const lockables = await lockablesOf(runner, STEP, FLOOR);
    expect(refusedFirst(lockables, new Error('the connection is gone'))).toEqual(lockables);
  });
});
