// The client beside the real engine: what its callers notice when their shard moves under their
// prepared statements, open transactions and cursors, and what they do not.

import { type Fleet, open } from '@halflap/client';
import pg from 'pg';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ROOT } from '../docs/page.js';
import { type Compiled, compilePair, compileReleases } from '../evolving/releases.js';
import { installShard, type Shard } from '../evolving/shard.js';

let compiled: Compiled;
let shard: Shard;
let admin: pg.Client;

beforeAll(async () => {
  const [only] = await compileReleases('inventory', `${ROOT}/examples/inventory/releases`);
  compiled = only as Compiled;
});

beforeEach(async () => {
  shard = await installShard(compiled);
  admin = new pg.Client({ connectionString: shard.url });
  await admin.connect();
  await admin.query(
    `insert into hosts (name, owner, memory_mb)
     select 'host ' || n, 'ops', n from generate_series(1, 9) as n`,
  );
});

afterEach(async () => {
  await admin.end();
  await shard.drop();
});

/** The fleet of one shard, with a connection for each of three statements at once. */
async function withFleet<Result>(
  release: '1.0' | '2.0',
  body: (fleet: Fleet) => Promise<Result>,
  on = shard,
): Promise<Result> {
  const shards = [{ name: 'eu1', url: on.url }];
  const { app } = on.bundle;
  const fleet = await open({ app, release, server: 'web1', shards, poolSize: 3 });
  return body(fleet).finally(() => fleet.close());
}

/** Runs steps of the verb up to and including the one that puts the shard into the phase. */
async function stepTo(verb: 'expand' | 'contract', phase: string): Promise<void> {
  for (;;) {
    const { rows } = await admin.query('select phase from halflap.shard');
    if (rows[0].phase === phase) return;
    if (!(await shard.step(verb))) throw new Error(`${verb} ended without being ${phase}`);
  }
}

/** From here on expand does not wait for transactions that begin. */
async function stepPastBarrier(): Promise<void> {
  for (;;) {
    const { rows } = await admin.query(
      `select from halflap.journal where step = 'expand/barrier' and finished_at is not null`,
    );
    if (rows.length > 0) return;
    if (!(await shard.step('expand'))) throw new Error('expand has no step expand/barrier');
  }
}

const NEW = [
  { name: 'all', text: 'select * from hosts order by id' },
  { name: 'joined', text: 'select * from hosts as h join host_status as s on s.host_id = h.id' },
  { name: 'write', text: 'update hosts set memory_bytes = memory_bytes + 1048576 returning *' },
];
const OLD = [
  { name: 'all', text: 'select * from hosts order by id' },
  { name: 'write', text: 'update hosts set memory_mb = memory_mb + 1 returning *' },
];

/** Each statement on each of the three connections at once. */
const onAll = async (fleet: Fleet, statements: readonly pg.QueryConfig[]) => {
  for (const statement of statements) {
    const results = await Promise.all([1, 2, 3].map(() => fleet.shard('eu1').query(statement)));
    for (const result of results) expect(result.rowCount).toBe(9);
  }
};

describe('prepared statements of the client', () => {
  it('go on through every phase, of each release as long as it is served', async () => {
    await shard.run('prepare');
    await withFleet('1.0', (old) =>
      withFleet('2.0', async (fresh) => {
        const onBoth = async () => {
          await onAll(old, OLD);
          await onAll(fresh, NEW);
        };
        await onBoth();
        await stepTo('expand', 'expanding');
        await onBoth();
        await stepTo('expand', 'dual');
        await onBoth();
        await shard.run('expand');
        await onBoth();
        await stepTo('contract', 'contracting');
        await expect(onAll(old, OLD)).rejects.toMatchObject({ code: 'CLIENT_NOT_SERVED' });
        await onAll(fresh, NEW);
        await shard.run('contract');
        await onAll(fresh, NEW);
        const sum = 'select memory_bytes from hosts where id = 1';
        const { rows } = await fresh.shard('eu1').query(sum);
        // Three connections each, four times as 1.0, and once more as 2.0 for each of six rounds.
        expect(Number(rows[0]?.memory_bytes) / 1048576).toBe(1 + 4 * 3 + 6 * 3);
      }),
    );
  });

  it('of 1.0 survive a column that prepare adds to their table', async () => {
    const columns = 'id int generated always as identity, name text';
    const labels = await compilePair(
      `create table labels (${columns});`,
      `create table labels (${columns}, note text);`,
      null,
    );
    const added = await installShard(labels);
    const statement = { name: 'star', text: 'select * from labels' };
    const plain = new pg.Client({ connectionString: added.url });
    await plain.connect();
    const readByStar = async (old: Fleet) => {
      const onEach = () => Promise.all([1, 2, 3].map(() => old.shard('eu1').query(statement)));
      await onEach();
      await plain.query(statement);
      await added.run('prepare');
      // What any driver meets whose statement was prepared: PostgreSQL's own answer.
      await expect(plain.query(statement)).rejects.toMatchObject({ code: '0A000' });
      await onEach();
    };
    await withFleet('1.0', readByStar, added);
    await plain.end();
    await added.drop();
  });
});

describe('a transaction that is open', () => {
  for (const isolation of ['read committed', 'repeatable read'] as const) {
    it(`goes on through the switch, with its cursor (${isolation})`, async () => {
      await shard.run('prepare');
      await stepPastBarrier();
      await withFleet('2.0', async (fleet) => {
        await fleet.shard('eu1').transaction(
          async (client) => {
            await client.query('declare c cursor for select id from hosts order by id');
            expect((await client.query('fetch 4 from c')).rowCount).toBe(4);
            const before = await client.query('select * from hosts order by id');
            await stepTo('expand', 'dual');
            expect((await client.query('fetch all from c')).rowCount).toBe(5);
            const after = await client.query('select * from hosts order by id');
            expect(after.rows).toEqual(before.rows);
            await client.query("update hosts set team = 'web' where id = 1");
          },
          { isolation },
        );
      });
      await shard.run('expand');
      await shard.run('verify');
      expect((await admin.query('select owner from hosts where id = 1')).rows).toEqual([
        { owner: 'web' },
      ]);
    });
  }

  it('of 1.0 is refused as a whole at the fence, and the refusal is the client’s', async () => {
    await shard.run('prepare');
    await shard.run('expand');
    await withFleet('1.0', async (fleet) => {
      let runs = 0;
      const late = fleet.shard('eu1').transaction(
        async (client) => {
          runs += 1;
          await client.query("insert into sites values ('x', 'lost')");
          await stepTo('contract', 'contracting');
          await client.query("update hosts set owner = 'late'");
        },
        { retry: true },
      );
      await expect(late).rejects.toMatchObject({
        code: 'CLIENT_NOT_SERVED',
        detail: { shard: 'eu1' },
      });
      expect(runs).toBe(1);
      expect((await admin.query('select from sites')).rowCount).toBe(0);
    });
  });
});

describe('a connection that listens', () => {
  it('hears what others notify, also across the switch, and learns that it broke', async () => {
    await shard.run('prepare');
    await withFleet('2.0', async (fleet) => {
      const heard: string[] = [];
      const listening = fleet.shard('eu1').withClient(async (client) => {
        const broken = new Promise((resolve) => client.once('end', resolve));
        const said = () =>
          new Promise<void>((resolve) =>
            client.once('notification', ({ payload = '' }) => {
              heard.push(payload);
              resolve();
            }),
          );
        await client.query('listen news');
        const first = said();
        await admin.query("notify news, 'before'");
        await first;
        await shard.run('expand');
        const second = said();
        await admin.query("notify news, 'after'");
        await second;
        await admin.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
           where datname = current_database() and query like 'listen%'`,
        );
        await broken;
        throw new Error('listening has ended');
      });
      await expect(listening).rejects.toThrow('listening has ended');
      expect(heard).toEqual(['before', 'after']);
      expect((await fleet.shard('eu1').query('select from hosts')).rowCount).toBe(9);
    });
  });
});
