// move_column: what becomes of a row to which nothing refers.

import { describe, expect, it } from 'vitest';
import { openClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH } from '../evolving/shard.js';

describe('a row to which nothing refers any more', () => {
  it('keeps the value that has moved until something refers to it again', async () => {
    const compiled = await compilePair(
      `create table centers (id int primary key, pool text);
       create table clusters (id int primary key,
         center int not null references centers (id) on delete cascade);
       create index on clusters (center);`,
      `create table centers (id int primary key);
       create table clusters (id int primary key,
         center int not null references centers (id) on delete cascade, pool text);
       create index on clusters (center);`,
      'changes:\n  - move_column: { table: centers, column: pool, to: clusters }\n',
    );
    const shard = await installShard(compiled);
    try {
      const old = await openClient(shard.url);
      const fresh = await openClient(shard.url, NEW_PATH);
      try {
        await old.query(`insert into centers values (1, 'x');
          insert into clusters values (1, 1)`);
        for (const verb of ['prepare', 'expand'] as const) {
          await shard.run(verb);
          await fresh.query('delete from clusters');
          const pool = async () => (await old.query('select pool from centers')).rows[0]?.pool;
          expect(await pool()).toBe('x');
          await fresh.query('insert into clusters values (1, 1, null)');
          expect(await pool()).toBe(null);
          await fresh.query(`update clusters set pool = 'x'`);
        }
      } finally {
        await Promise.all([old.end(), fresh.end()]);
      }
    } finally {
      await shard.drop();
    }
  });
});
