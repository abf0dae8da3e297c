import { type PostgresServer, startPostgres } from '@halflap/engine/testing';
import { HalflapError } from '@halflap/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  admin,
  type Database,
  moveTo,
  register,
  settleAtTwo,
  shardIn,
  untouchedDatabase,
  withFleet,
} from '../test/fixture.js';

const leases = async (url: string) =>
  (await admin(url, 'select server, release, mode from halflap.lease order by server')).rows;
const refusal = (reason: RegExp) =>
  expect.objectContaining({ code: 'CLIENT_NOT_SERVED', message: expect.stringMatching(reason) });

describe('a lease', () => {
  let database: Database;
  let shards: { name: string; url: string }[];
  beforeEach(async () => {
    database = await shardIn('settled');
    shards = [{ name: 'a', url: database.url }];
  });
  afterEach(() => database.drop());

  it('is held while the fleet is open and given back when it closes', async () => {
    await withFleet({ release: '1.0', shards }, async ({ fleet }) => {
      expect(await leases(database.url)).toEqual([
        { server: 'web1', release: '1.0', mode: 'native' },
      ]);
      expect(fleet.status()).toMatchObject([
        { shard: 'a', mode: 'native', phase: 'settled', floor: '1.0', ceiling: '1.0' },
      ]);
      await fleet.close();
      await fleet.close();
      expect(await leases(database.url)).toEqual([]);
      await expect(fleet.shard('a').query('select 1')).rejects.toMatchObject({
        code: 'CLIENT_CLOSED',
      });
    });
  });

  it('follows the shard through every phase without a restart', async () => {
    await withFleet({ release: '2.0', shards }, async ({ fleet, changes }) => {
      const shard = fleet.shard('a');
      await expect(shard.query('select 1')).rejects.toEqual(refusal(/settled at 1.0/));
      expect(await leases(database.url)).toEqual([]);
      for (const [phase, mode] of [
        ['prepared', 'lens'],
        ['expanding', 'lens'],
        ['dual', 'native'],
      ] as const) {
        await moveTo(database.url, phase);
        expect(await fleet.check()).toMatchObject([{ phase, mode, reason: null }]);
        expect((await shard.query('select hostname from hosts')).rowCount).toBe(3);
        expect(await leases(database.url)).toMatchObject([{ release: '2.0', mode }]);
      }
      await settleAtTwo(database.url);
      expect(await fleet.check()).toMatchObject([{ mode: 'native', floor: '2.0' }]);
      expect(changes.map(({ after }) => `${after.phase} ${after.mode}`)).toEqual([
        'prepared lens',
        'expanding lens',
        'dual native',
        'settled native',
      ]);
    });
  });

  it('is given back by the old release when the shard contracts', async () => {
    await moveTo(database.url, 'dual');
    await withFleet({ release: '1.0', shards }, async ({ fleet }) => {
      await fleet.shard('a').query('select name from hosts');
      await moveTo(database.url, 'contracting');
      await fleet.check();
      expect(await leases(database.url)).toEqual([]);
      await expect(fleet.shard('a').query('select 1')).rejects.toEqual(refusal(/contracting/));
    });
  });

  it('is renewed by itself, and a change is told to listeners', async () => {
    await withFleet({ release: '2.0', shards, leaseSeconds: 3 }, async ({ change }) => {
      await moveTo(database.url, 'prepared');
      const { before, after } = await change(({ after }) => after.mode === 'lens');
      expect(before.mode).toBe('refused');
      expect(after.phase).toBe('prepared');
    });
  });

  it('is asked for soon when a statement meets the fence', async () => {
    await withFleet({ release: '1.0', shards, leaseSeconds: 3600 }, async ({ fleet, change }) => {
      await admin(
        database.url,
        `update halflap.shard set floor = '2.0', ceiling = '2.0';
         create function fence() returns trigger language plpgsql as
         $$ begin raise exception 'fenced' using errcode = 'HL002'; end $$;
         create trigger fence before insert on hosts execute function fence();`,
      );
      const insert = fleet.shard('a').query(`insert into hosts values (9, 'x')`);
      await expect(insert).rejects.toEqual(refusal(/contracted/));
      await change(({ after }) => after.mode === 'refused');
      await expect(fleet.shard('a').query('select 1')).rejects.toEqual(refusal(/settled at 2.0/));
    });
  });

  it('refuses clearly when the role may not read the state, until it may', async () => {
    const role = `role_${database.url.slice(-12)}`;
    await admin(
      database.url,
      `revoke usage on schema halflap from public; create role ${role} login password 'hush'`,
    );
    const url = new URL(database.url);
    url.username = role;
    url.password = 'hush';
    const mine = [{ name: 'a', url: url.href }];
    await withFleet({ release: '1.0', shards: mine }, async ({ fleet, messages }) => {
      expect(fleet.status()).toMatchObject([{ mode: 'refused' }]);
      await expect(fleet.shard('a').query('select 1')).rejects.toEqual(
        refusal(/permission denied/),
      );
      await admin(database.url, 'grant usage on schema halflap to public');
      expect(await fleet.check()).toMatchObject([{ mode: 'native' }]);
      // The lease goes through the state's own function: the role writes no table of the engine.
      expect(await leases(database.url)).toHaveLength(1);
      await expect(fleet.shard('a').query('select * from hosts')).rejects.toMatchObject({
        code: '42501',
      });
      expect(messages.join('\n')).not.toContain('hush');
    });
    await admin(database.url, `drop role ${role}`);
  });
});

describe('a database without state', () => {
  it('is refused with a hint, and served once it is adopted', async () => {
    const database = await untouchedDatabase();
    const shards = [{ name: 'a', url: database.url }];
    await withFleet({ release: '1.0', shards }, async ({ fleet }) => {
      const error = await fleet
        .shard('a')
        .query('select 1')
        .catch((thrown: unknown) => thrown);
      expect(error).toEqual(refusal(/holds no state/));
      expect((error as HalflapError).hint).toContain('halflap adopt VERSION --shard a');
      await register(database.url);
      await fleet.check();
      expect((await fleet.shard('a').query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    });
    await database.drop();
  });

  it('is served natively where the server vouches for it', async () => {
    const database = await untouchedDatabase();
    const shards = [{ name: 'a', url: database.url }];
    await withFleet({ release: '1.0', shards, unregistered: 'native' }, async ({ fleet }) => {
      expect(fleet.status()).toMatchObject([{ mode: 'native', phase: null }]);
      expect((await fleet.shard('a').query('select name from hosts')).rowCount).toBe(3);
      await register(database.url);
      await fleet.check();
      expect(await leases(database.url)).toHaveLength(1);
    });
    await database.drop();
  });
});

describe('prepare', () => {
  let database: Database;
  let shards: { name: string; url: string }[];
  beforeEach(async () => {
    database = await shardIn('settled');
    shards = [{ name: 'a', url: database.url }];
  });
  afterEach(() => database.drop());

  it('prepares a settled shard before the fleet is open, once', async () => {
    const prepared: unknown[] = [];
    const prepare = async (shard: { name: string; url?: string }) => {
      prepared.push(shard);
      await moveTo(database.url, 'prepared');
    };
    await withFleet({ release: '2.0', shards, prepare }, async ({ fleet }) => {
      expect(fleet.status()).toMatchObject([{ mode: 'lens', phase: 'prepared' }]);
      await Promise.all([fleet.check(), fleet.check()]);
      expect(prepared).toEqual(shards);
    });
  });

  it('is not called for a server that the shard serves, or that is older', async () => {
    const prepare = () => Promise.reject(new Error('must not be called'));
    await withFleet({ release: '1.0', shards, prepare }, async ({ fleet }) => {
      expect(fleet.status()).toMatchObject([{ mode: 'native' }]);
    });
    await withFleet({ release: '0.9', shards, prepare }, async ({ fleet }) => {
      expect(fleet.status()).toMatchObject([
        { mode: 'refused', hint: expect.stringContaining('install release 1.0') },
      ]);
    });
  });

  it('leaves the shard refused when it fails, hides secrets, and is tried again', async () => {
    let calls = 0;
    const prepare = async () => {
      calls += 1;
      if (calls === 1) throw new Error('no way to postgres://me:hush@db/x');
      await moveTo(database.url, 'prepared');
    };
    await withFleet({ release: '2.0', shards, prepare }, async ({ fleet, messages }) => {
      expect(fleet.status()[0]?.reason).toContain('prepare failed: no way to postgres://me:***@db');
      expect(messages.join()).not.toContain('hush');
      expect(await fleet.check()).toMatchObject([{ mode: 'lens' }]);
    });
  });

  it('is tried again soon when another runner holds the shard', async () => {
    let calls = 0;
    const prepare = async () => {
      calls += 1;
      if (calls === 1) throw new HalflapError('SHARD_BUSY', 'another runner holds the shard');
      await moveTo(database.url, 'prepared');
    };
    const options = { release: '2.0', shards, prepare, leaseSeconds: 3600 };
    await withFleet(options, async ({ change }) => {
      await change(({ after }) => after.mode === 'lens');
    });
  });

  it('does not undo an operator’s abort', async () => {
    let calls = 0;
    const prepare = async () => {
      calls += 1;
      await moveTo(database.url, 'prepared');
    };
    await withFleet({ release: '2.0', shards, prepare }, async ({ fleet }) => {
      await moveTo(database.url, 'settled');
      expect(await fleet.check()).toMatchObject([{ mode: 'refused' }]);
      expect(calls).toBe(1);
      await moveTo(database.url, 'prepared');
      expect(await fleet.check()).toMatchObject([{ mode: 'lens' }]);
    });
  });
});

describe('a server that dies', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
    const url = server.url('postgres');
    await admin(url, 'create table hosts (id int)');
    await register(url);
  });
  afterAll(() => server.stop());

  it('is unreachable once the lease has run out, and recovers by itself', async () => {
    const shards = [{ name: 'a', url: server.url('postgres') }];
    const options = { release: '1.0', shards, leaseSeconds: 3, connectTimeoutMs: 500 };
    await withFleet(options, async ({ fleet, change, changes, messages }) => {
      expect(fleet.status()).toMatchObject([{ mode: 'native' }]);
      await server.kill();
      await expect(fleet.shard('a').query('select 1')).rejects.toMatchObject({
        code: 'SHARD_UNREACHABLE',
      });
      const { before } = await change(({ after }) => after.mode === 'unreachable');
      expect(before.mode).toBe('native');
      const error = await fleet
        .shard('a')
        .query('select 1')
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'SHARD_UNREACHABLE', retryable: true });
      changes.length = 0;
      await server.restart();
      await change(({ after }) => after.mode === 'native');
      expect((await fleet.shard('a').query('select 1 as one')).rows).toEqual([{ one: 1 }]);
      const password = new URL(server.url('postgres')).password;
      expect(messages.join('\n')).not.toContain(password);
    });
  });

  it('does not keep a fleet from opening nor from closing', async () => {
    await server.kill();
    const shards = [{ name: 'a', url: server.url('postgres') }];
    await withFleet(
      { release: '1.0', shards, connectTimeoutMs: 500 },
      async ({ fleet, messages }) => {
        expect(fleet.status()).toMatchObject([{ mode: 'unreachable', phase: null }]);
        expect(messages).toHaveLength(1);
        await expect(fleet.shard('a').query('select 1')).rejects.toMatchObject({
          code: 'SHARD_UNREACHABLE',
        });
      },
    );
    await server.restart();
  });

  it('takes no call on a lease that ran out unnoticed', async () => {
    // The heartbeat of this fleet comes after an hour; its lease is cut short in the shard only, so
    // the client's own clock is what the test turns.
    const shards = [{ name: 'a', url: server.url('postgres') }];
    await withFleet({ release: '1.0', shards, leaseSeconds: 3600 }, async ({ fleet }) => {
      await admin(
        server.url('postgres'),
        `update halflap.shard set floor = '2.0', ceiling = '2.0', phase = 'settled'`,
      );
      const now = performance.now.bind(performance);
      performance.now = () => now() + 3_600_001;
      try {
        await expect(fleet.shard('a').query('select 1')).rejects.toEqual(refusal(/settled at 2.0/));
      } finally {
        performance.now = now;
      }
    });
  });
});
