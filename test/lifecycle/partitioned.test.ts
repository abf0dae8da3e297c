// Partitioned tables: that of both releases gains a column and loses one, and the new release
// brings one of its own, with partitions of partitions; then the next evolution takes that home.

import { searchPath } from '@halflap/protocol';
import { expect, it } from 'vitest';
import { unlikeFresh } from '../evolving/catalogue.js';
import { withClient } from '../evolving/databases.js';
import { APP, compileLine } from '../evolving/releases.js';
import { installShard, shardOf } from '../evolving/shard.js';
import { lifecycleCase, newWrite, oldWrite } from './lifecycle-case.js';

const EVENTS = `create table events_2026 partition of events for values from ('2026-01-01')
    to ('2027-01-01');
  create table events_rest partition of events default;`;
const OLD = `create table events (id int, at date, kind text not null, gone int,
    primary key (id, at)) partition by range (at); ${EVENTS}`;
const NEW = `create table events (id int, at date, kind text not null, note text default '-',
    primary key (id, at)) partition by range (at); ${EVENTS}
  create table logs (host text, at date not null, line text) partition by list (host);
  create table logs_a partition of logs for values in ('a', 'b') partition by range (at);
  create table logs_a_2026 partition of logs_a for values from ('2026-01-01') to ('2027-01-01');
  create table logs_rest partition of logs default;
  create index logs_at on logs (at);`;

it('may gain and lose columns, whichever partition a row is in', () =>
  lifecycleCase({
    from: OLD,
    to: NEW,
    seed: {
      old: `insert into events values (1, '2026-05-05', 'a', 1), (2, '2025-05-05', 'b', 2);`,
      new: `insert into events values (1, '2026-05-05', 'a'), (2, '2025-05-05', 'b');`,
    },
    writes: (n) => [
      oldWrite(`insert into events (id, at, kind) values (${n}01, '2026-01-0${(n % 9) + 1}', 'o')`),
      newWrite(
        `insert into events values (${n}02, '2024-01-01', 'n', 'new')`,
        `insert into events (id, at, kind) values (${n}02, '2024-01-01', 'n')`,
      ),
      oldWrite(`update events set at = '2026-09-09' where id = ${n}02`),
      newWrite(
        `update events set kind = kind || '!', note = 'x' where id = ${n}01`,
        `update events set kind = kind || '!' where id = ${n}01`,
      ),
      newWrite(
        `insert into logs values ('a', '2026-02-02', 'l${n}'), ('z', '2020-02-02', 'z')`,
        '',
      ),
      oldWrite(`delete from events where id = ${n - 1}02`),
    ],
    lostByAbort: `update events set note = default; delete from logs;`,
  }));

it('comes home with all its partitions, those of the customer too', async () => {
  const line = await compileLine([
    { version: '1.0', schema: OLD, changes: null },
    { version: '2.0', schema: NEW, changes: null },
    { version: '3.0', schema: `${NEW} create table more (id int primary key);`, changes: null },
  ]);
  const [first] = line;
  if (first === undefined) throw new Error('no evolution');
  const shard = await installShard(first);
  try {
    for (const { bundle, to } of line) {
      const moving = shardOf(shard.url, bundle, async () => {});
      for (const verb of ['prepare', 'expand', 'contract'] as const) await moving.run(verb);
      expect(await unlikeFresh(shard.url, bundle)).toEqual([]);
      const path = searchPath(APP, to.version);
      await withClient(shard.url, path, async (client) => {
        await client.query(`create table logs_${to.version.replace('.', '_')} partition of logs
          for values in ('${to.version}')`);
        await client.query(`insert into logs values ('${to.version}', '2026-02-02', 'x')`);
      });
    }
    const { rows } = await withClient(shard.url, null, (client) =>
      client.query<{ at: string }>(`select distinct c.relnamespace::regnamespace::text as at
        from pg_partition_tree('public.logs') as p join pg_class as c on c.oid = p.relid`),
    );
    expect(rows.map(({ at }) => at).sort()).toEqual(['public', 'shop_3_0']);
  } finally {
    await shard.drop();
  }
});
