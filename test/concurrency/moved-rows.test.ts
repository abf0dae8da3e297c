// A row that the old release moves from one table to another, while a writer of the new release
// looks for it in each of them: wherever it is then, it is locked before it is written.

import { describe, expect, it } from 'vitest';
import { openClient, stateOf } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH } from '../evolving/shard.js';
import { waitsForLock } from './waiting.js';

const OLD = `create table logins (id int primary key, n int not null);
  create table clicks (id int primary key, n int not null);`;
const NEW = 'create table events (id int primary key, kind text not null, n int not null);';
const EVOLUTION = `changes:
  - unite_tables:
      into: events
      from:
        logins: { when: kind = 'login', values: { kind: "'login'" } }
        clicks: { when: kind = 'click', values: { kind: "'click'" } }
`;

describe('a row that moves between tables of one slice', () => {
  it.each(['lens', 'dual'])('is not written over by what was read before: %s', async (mode) => {
    const shard = await installShard(await compilePair(OLD, NEW, EVOLUTION));
    const old = await openClient(shard.url);
    const fresh = await openClient(shard.url, NEW_PATH);
    try {
      await old.query('insert into clicks values (1, 10)');
      await shard.run('prepare');
      if (mode === 'dual') await shard.run('expand');
      await old.query('begin; select from clicks for update');
      const written = fresh
        .query('update events set n = n + 1 where id = 1')
        .then(() => 1, stateOf);
      await waitsForLock(shard.url, fresh);
      // It has looked into logins and waits for the row of clicks, which is not there any more when
      // it looks again; and the row is in other hands already.
      await old.query(`delete from clicks; insert into logins values (1, 10); commit;
        begin; update logins set n = n + 1`);
      // In dual the old release had to have the new row for that, and this writer gave way.
      if (mode === 'lens') await waitsForLock(shard.url, fresh);
      await old.query('commit');
      const counted = await written;
      expect([1, '40001']).toContain(counted);
      const { rows } = await old.query('select n from logins where id = 1');
      expect(Number(rows[0]?.n)).toBe(counted === 1 ? 12 : 11);
    } finally {
      await Promise.all([old.end(), fresh.end()]);
      await shard.drop();
    }
  });
});
