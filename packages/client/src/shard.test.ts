import { HalflapError } from '@halflap/protocol';
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  admin,
  type Database,
  moveTo,
  type Opened,
  shardIn,
  untilBlocked,
  withFleet,
  withSession,
} from '../test/fixture.js';
import type { OpenOptions, Shard } from './index.js';

let database: Database;
beforeEach(async () => {
  database = await shardIn('prepared');
});
afterEach(() => database.drop());

const withShard = <Result>(
  body: (shard: Shard, opened: Opened) => Promise<Result>,
  options: Partial<OpenOptions> = {},
) =>
  withFleet({ release: '1.0', shards: [{ name: 'a', url: database.url }], ...options }, (opened) =>
    body(opened.fleet.shard('a'), opened),
  );

const pidOf = async (query: Shard['query']) =>
  (await query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid;

/**
 * Two transactions that lock rows 1 and 2 in opposite order; the other side is not the client's.
 */
async function withDeadlock(
  other: pg.Client,
  watcher: pg.Client,
  mine: () => Promise<unknown>,
): Promise<void> {
  // The other side never gives up first: only the client's sessions look for deadlocks soon.
  await other.query(`set deadlock_timeout = '1h'`);
  await other.query('begin');
  await other.query(`update hosts set owner = 'other' where id = 2`);
  const done = mine();
  await untilBlocked(watcher);
  await other.query(`update hosts set owner = 'other' where id = 1`);
  await other.query('commit');
  await done;
}

describe('query', () => {
  it('gives the driver’s result and keeps the connection after PostgreSQL’s errors', async () => {
    await withShard(
      async (shard) => {
        const before = await pidOf(shard.query.bind(shard));
        const result = await shard.query('select name from hosts where id = $1', [2]);
        expect(result.rows).toEqual([{ name: 'bob' }]);
        const failed = shard.query(`insert into hosts values (1, 'again')`);
        await expect(failed).rejects.toMatchObject({ code: '23505' });
        expect(await pidOf(shard.query.bind(shard))).toBe(before);
      },
      { poolSize: 1 },
    );
  });

  it('runs a statement again that was chosen to end a deadlock', async () => {
    await admin(
      database.url,
      `create function lock_both() returns trigger language plpgsql as $$ begin
         perform 1 from public.hosts where id = 2 for update; return new; end $$;
       create trigger lock_both before update on hosts for each row
         when (new.owner = 'mine') execute function lock_both();`,
    );
    await withShard((shard) =>
      withSession(database.url, (other) =>
        withSession(database.url, async (watcher) => {
          await withDeadlock(other, watcher, async () => {
            const updated = await shard.query(`update hosts set owner = 'mine' where id = 1`);
            expect(updated.rowCount).toBe(1);
          });
          const { rows } = await watcher.query('select owner from hosts order by id');
          expect(rows.map((row) => row.owner)).toEqual(['mine', 'other', null]);
        }),
      ),
    );
  });

  it('gives up after the agreed number of serialization failures', async () => {
    await admin(
      database.url,
      `create sequence tries;
       create function fail() returns trigger language plpgsql as $$ begin
         perform nextval('public.tries'); raise exception 'never' using errcode = '40001'; end $$;
       create trigger fail before insert on hosts execute function fail();`,
    );
    await withShard(
      async (shard) => {
        const insert = shard.query(`insert into hosts values (9, 'x')`);
        await expect(insert).rejects.toMatchObject({ code: '40001' });
        expect((await shard.query('select last_value from tries')).rows).toEqual([
          { last_value: '3' },
        ]);
      },
      { retries: 2 },
    );
  });

  it('survives a prepared statement whose result type changed, on every connection', async () => {
    await withShard(
      async (shard) => {
        const named = { name: 'all-hosts', text: 'select * from hosts order by id' };
        const onBoth = () => Promise.all([shard.query(named), shard.query(named)]);
        await onBoth();
        await admin(database.url, 'alter table hosts add column added int default 7');
        const [one, other] = await onBoth();
        expect(one.rows[0]).toMatchObject({ id: '1', added: 7 });
        expect(other.rows[0]).toMatchObject({ id: '1', added: 7 });
      },
      { poolSize: 2 },
    );
  });

  it('does not run a statement again whose connection broke, and goes on', async () => {
    await admin(database.url, 'create sequence tries');
    await withShard((shard) =>
      withSession(database.url, async (watcher) => {
        const sleeping = shard
          .query(`select nextval('tries'), pg_sleep(600)`)
          .catch((error: unknown) => error);
        for (;;) {
          const { rows } = await watcher.query(
            `select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and wait_event = 'PgSleep'`,
          );
          if (rows.length > 0) break;
        }
        expect(await sleeping).toMatchObject({ code: '57P01' });
        const { rows } = await shard.query('select last_value, is_called from tries');
        expect(rows).toEqual([{ last_value: '1', is_called: true }]);
      }),
    );
  });

  it('replaces idle connections that the server has ended', async () => {
    await withShard(async (shard, { fleet }) => {
      await Promise.all([1, 2, 3].map(() => shard.query('select 1')));
      await admin(
        database.url,
        `select pg_terminate_backend(pid, 5000) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid()`,
      );
      // The heartbeat's own connection is one of them: the pool has noticed once it answers again.
      while ((await fleet.check())[0]?.reason !== null);
      expect((await shard.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    });
  });

  it('cancels a statement that is late, and says that its outcome is unknown', async () => {
    await withShard((shard) =>
      withSession(database.url, async (watcher) => {
        const late = shard.query('select pg_sleep(600)', [], { timeoutMs: 100 });
        await expect(late).rejects.toMatchObject({ code: 'CLIENT_TIMED_OUT' });
        for (;;) {
          const { rows } = await watcher.query(
            `select 1 from pg_stat_activity
             where datname = current_database() and wait_event = 'PgSleep'`,
          );
          if (rows.length === 0) break;
        }
        expect((await shard.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
      }),
    );
  });

  it('reports a pool without a free connection as such', async () => {
    await withShard(
      async (shard) => {
        await shard.withClient(async () => {
          await expect(shard.query('select 1')).rejects.toThrow(
            /all 1 connections in use, 0 other/,
          );
        });
      },
      { poolSize: 1, connectTimeoutMs: 100 },
    );
  });

  it('never gives a connection to another call while a transaction is open on it', async () => {
    await withShard(
      async (shard, { messages }) => {
        await shard.query('begin');
        const { rows } = await shard.query('select now() = statement_timestamp() as is_first');
        expect(rows).toEqual([{ is_first: true }]);
        expect(messages.join()).toContain('left its transaction open');
      },
      { poolSize: 1 },
    );
  });
});

describe('transaction', () => {
  it('commits the result and rolls back on an error, on one connection', async () => {
    await withShard(
      async (shard) => {
        const before = await pidOf(shard.query.bind(shard));
        const kept = await shard.transaction(async (client) => {
          await client.query(`insert into hosts values (4, 'new')`);
          return 'kept';
        });
        expect(kept).toBe('kept');
        const failing = shard.transaction(async (client) => {
          await client.query('delete from hosts');
          throw new Error('changed my mind');
        });
        await expect(failing).rejects.toThrow('changed my mind');
        expect((await shard.query('select from hosts')).rowCount).toBe(4);
        expect(await pidOf(shard.query.bind(shard))).toBe(before);
      },
      { poolSize: 1 },
    );
  });

  it('begins at the isolation level asked for', async () => {
    await withShard(async (shard) => {
      for (const isolation of ['read committed', 'repeatable read', 'serializable'] as const) {
        const { rows } = await shard.transaction(
          (client) => client.query('show transaction_isolation'),
          { isolation },
        );
        expect(rows).toEqual([{ transaction_isolation: isolation }]);
      }
    });
  });

  it('does not report as committed what was rolled back', async () => {
    await withShard(async (shard) => {
      const hidden = shard.transaction(async (client) => {
        await client.query(`insert into hosts values (5, 'lost')`);
        await client.query('select 1 / 0').catch(() => {});
      });
      await expect(hidden).rejects.toMatchObject({ code: 'CLIENT_ROLLED_BACK' });
      expect((await shard.query('select from hosts where id = 5')).rowCount).toBe(0);
    });
  });

  it('runs the body again after a deadlock only when asked to', async () => {
    for (const retry of [false, true]) {
      let runs = 0;
      await withShard((shard) =>
        withSession(database.url, (other) =>
          withSession(database.url, (watcher) =>
            withDeadlock(other, watcher, async () => {
              const mine = shard.transaction(
                async (client) => {
                  runs += 1;
                  await client.query(`update hosts set owner = 'mine' where id = 1`);
                  await client.query(`update hosts set owner = 'mine' where id = 2`);
                },
                { retry },
              );
              if (retry) await mine;
              else await expect(mine).rejects.toMatchObject({ code: '40P01' });
            }),
          ),
        ),
      );
      expect(runs).toBe(retry ? 2 : 1);
    }
  });

  it('runs the body again when a lock was not to be had in time, but not for NOWAIT', async () => {
    await withShard((shard) =>
      withSession(database.url, async (other) => {
        const runs = { wait: 0, nowait: 0 };
        await other.query('begin; select from hosts where id = 1 for update');
        const waiting = shard.transaction(
          async (client) => {
            runs.wait += 1;
            if (runs.wait === 2) await other.query('rollback');
            await client.query(`set local lock_timeout = '20ms'`);
            await client.query(`update hosts set owner = 'mine' where id = 1`);
          },
          { retry: true },
        );
        await waiting;
        expect(runs.wait).toBe(2);
        await other.query('begin; select from hosts where id = 1 for update');
        const asking = shard.transaction(
          (client) => {
            runs.nowait += 1;
            return client.query('select from hosts where id = 1 for update nowait');
          },
          { retry: true },
        );
        await expect(asking).rejects.toMatchObject({ code: '55P03' });
        expect(runs.nowait).toBe(1);
        await other.query('rollback');
      }),
    );
  });

  it('runs the body again after failing to serialize at commit, up to its limit', async () => {
    let runs = 0;
    await withShard(async (shard) => {
      const losing = shard.transaction(
        async (client) => {
          runs += 1;
          await client.query('select sum(id) from hosts');
          await client.query(`insert into hosts values ($1, 'mine')`, [100 + runs]);
          await withSession(database.url, async (other) => {
            await other.query('begin isolation level serializable');
            await other.query('select sum(id) from hosts');
            await other.query(`insert into hosts values ($1, 'other')`, [200 + runs]);
            await other.query('commit');
          });
        },
        { isolation: 'serializable', retry: 2 },
      );
      await expect(losing).rejects.toMatchObject({ code: '40001' });
      expect(runs).toBe(3);
      expect((await shard.query('select from hosts where id > 100')).rowCount).toBe(3);
    });
  });

  it('runs the body again once after a stale plan', async () => {
    await withShard(
      async (shard) => {
        const named = { name: 'all', text: 'select * from hosts' };
        const read = () => shard.transaction((client) => client.query(named), { retry: true });
        await Promise.all([read(), read(), read()]);
        await admin(database.url, 'alter table hosts add column added int default 7');
        for (const result of await Promise.all([read(), read(), read()])) {
          expect(result.rows[0]).toMatchObject({ added: 7 });
        }
      },
      { poolSize: 3 },
    );
  });
});

describe('withClient', () => {
  it('binds the connection anew after a body that changed its search_path', async () => {
    await withShard(
      async (shard) => {
        await shard.withClient(async (client) => {
          await client.query('set search_path = pg_catalog');
          await expect(client.query('select from hosts')).rejects.toMatchObject({ code: '42P01' });
        });
        expect((await shard.query('select from hosts')).rowCount).toBe(3);
      },
      { poolSize: 1 },
    );
  });

  it('gives the connection back when the body fails', async () => {
    await withShard(
      async (shard) => {
        const failing = shard.withClient(async (client) => {
          await client.query('begin');
          await client.query('delete from hosts');
          throw new Error('half way');
        });
        await expect(failing).rejects.toThrow('half way');
        expect((await shard.query('select from hosts')).rowCount).toBe(3);
      },
      { poolSize: 1 },
    );
  });
});

describe('a call on a shard', () => {
  it('sends nothing to a shard that refuses, whatever the call', async () => {
    await moveTo(database.url, 'settled');
    await withShard(
      async (shard) => {
        const calls = [
          shard.query('select 1'),
          shard.transaction(async () => 1),
          shard.withClient(async () => 1),
        ];
        for (const result of await Promise.allSettled(calls)) {
          const { reason } = result as PromiseRejectedResult;
          expect(reason).toBeInstanceOf(HalflapError);
          expect(reason).toMatchObject({ code: 'CLIENT_NOT_SERVED', retryable: true });
          expect(reason.hint).toContain('halflap prepare --shard a');
        }
      },
      { release: '2.0' },
    );
  });

  it('is waited for by close, which then lets no other in', async () => {
    await withShard((shard, { fleet }) =>
      withSession(database.url, (holder) =>
        withSession(database.url, async (watcher) => {
          await holder.query('begin; lock table hosts');
          const insert = shard.query(`insert into hosts values (6, 'late')`);
          await untilBlocked(watcher);
          const closing = fleet.close();
          await expect(shard.query('select 1')).rejects.toMatchObject({ code: 'CLIENT_CLOSED' });
          await holder.query('commit');
          expect((await insert).rowCount).toBe(1);
          await closing;
        }),
      ),
    );
  });
});
