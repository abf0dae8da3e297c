// A transaction of each release, and what one holds the other one wants. PostgreSQL looks for a
// circle once in a wait: where the new release had waited for longer when the old one comes to wait
// as well, only the old one's detector would find it. So the new one does not wait for so long.

import { expect, it } from 'vitest';
import { openClient, stateOf, withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH } from '../evolving/shard.js';

it('the old release is not the one that has to go', async () => {
  const shard = await installShard(
    await compilePair(
      `create table parents (id int primary key, x int not null default 0);
       create table children (id int primary key, parent int not null references parents (id),
         n int not null default 0);
       create index on children (parent);`,
      `create table parents (id int primary key);
       create table children (id int primary key, parent int not null references parents (id),
         n int not null default 0, x int not null default 0);
       create index on children (parent);`,
      'changes:\n  - move_column: { table: parents, column: x, to: children, as: x }\n',
    ),
  );
  await withClient(shard.url, null, (client) =>
    client.query(`insert into parents values (1), (2);
      insert into children values (11, 1), (12, 1), (21, 2)`),
  );
  await shard.run('prepare');
  await shard.run('expand');
  const [old, late] = [await openClient(shard.url, null), await openClient(shard.url, NEW_PATH)];
  const count = (id: number) => `update children set n = n + 1 where id = ${id}`;
  await old.query('begin');
  await late.query("set deadlock_timeout = '200ms'; set lock_timeout = '1h'");
  await late.query('begin');
  await late.query(count(11));
  await old.query(count(21));
  // Here 1.0 holds what 2.0 wants; it wants what only Halflap makes 2.0 hold.
  expect(await late.query(count(21)).then(() => 'done', stateOf)).toBe('55P03');
  expect(await old.query(count(12)).then(() => 'done', stateOf)).toBe('done');
  await late.query('rollback; begin');
  await old.query('commit; begin');
  await old.query(count(12));
  await late.query(count(21));
  await late.query(count(21));
  expect((await late.query('show lock_timeout')).rows).toEqual([{ lock_timeout: '1h' }]);
  // The longest that there is.
  await late.query("set deadlock_timeout = '2147483647ms'");
  await late.query(count(21));
  await late.query('commit');
  await old.query('commit');
  await late.end();
  await old.end();
  await shard.run('verify');
  await shard.drop();
});
