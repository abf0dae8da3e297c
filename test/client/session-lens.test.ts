// A server of the new release on a shard that nobody has prepared: the client brings the lens along
// in each session, says so, and follows the shard when it moves.

import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Fleet, type OpenOptions, open } from '@halflap/client';
import { readFleet } from '@halflap/engine';
import pg from 'pg';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ROOT } from '../docs/page.js';
import { type Compiled, compileReleases } from '../evolving/releases.js';
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
     select 'host ' || n, 'ops', n from generate_series(1, 3) as n`,
  );
});

afterEach(async () => {
  await admin.end();
  await shard.drop();
});

async function withFleet<Result>(
  body: (fleet: Fleet) => Promise<Result>,
  more: Partial<OpenOptions> = {},
): Promise<Result> {
  const fleet = await open({
    app: 'inventory',
    release: '2.0',
    server: 'web1',
    shards: [{ name: 'eu1', url: shard.url }],
    bundle: compiled.bundle,
    poolSize: 2,
    ...more,
  });
  return body(fleet).finally(() => fleet.close());
}

const NAMES = 'select name, team, memory_bytes from hosts order by id';

describe('a server of the new release on a settled shard', () => {
  it('works through a lens of its own, and is named as one that does', async () => {
    await withFleet(async (fleet) => {
      expect(fleet.status()).toMatchObject([{ mode: 'session', phase: 'settled', reason: null }]);
      const on = fleet.shard('eu1');
      await on.transaction(async (client) => {
        const { rows } = await client.query(
          `insert into hosts (name, team, memory_bytes) values ('new', 'web', 2097152)
           returning id`,
        );
        await client.query("insert into host_status (host_id, status) values ($1, 'ok')", [
          rows[0].id,
        ]);
      });
      await on.query("update hosts set team = 'db' where name = 'host 1'");
      expect((await on.query(NAMES)).rows.map((row) => row.team)).toEqual([
        'db',
        'ops',
        'ops',
        'web',
      ]);
      const asOld = 'select name, owner, memory_mb, status from hosts order by id';
      expect((await admin.query(asOld)).rows.at(-1)).toEqual({
        name: 'new',
        owner: 'web',
        memory_mb: 2,
        status: 'ok',
      });
      const [seen] = await readFleet([{ name: 'eu1', url: shard.url }]);
      expect(seen?.status.leases).toMatchObject([{ server: 'web1', release: '2.0', mode: 'lens' }]);
    });
    const left = await admin.query(
      `select from pg_namespace where nspname in ('inventory_2_0', 'halflap_inventory_2_0')`,
    );
    expect(left.rowCount).toBe(0);
  });

  it('is told at commit what the old release cannot hold, and by which statement', async () => {
    await withFleet(async (fleet) => {
      const insert = "insert into hosts (name, team) values ('alone', 'web')";
      await expect(fleet.shard('eu1').query(insert)).rejects.toMatchObject({
        code: 'HL001',
        message: expect.stringContaining('without one of host_status'),
        detail: expect.stringContaining(insert),
        hint: expect.stringContaining('prepare the shard'),
      });
      expect((await admin.query('select from hosts')).rowCount).toBe(3);
    });
  });

  it('takes ON CONFLICT, and is told of it by the statement that was written', async () => {
    await withFleet(
      async (fleet) => {
        const on = fleet.shard('eu1');
        const up = {
          name: 'up',
          text: `with host as (
              insert into hosts (name, team) values ($1, $2) on conflict (name)
              do update set team = hosts.team || excluded.team returning id, team
            ), status as (
              insert into host_status select id, 'ok' from host on conflict (host_id)
              do update set status = 'degraded' returning status
            )
            select team, status from host, status`,
        };
        const given = async () => (await on.query(up, ['new', 'web'])).rows;
        expect(await given()).toEqual([{ team: 'web', status: 'ok' }]);
        expect(await given()).toEqual([{ team: 'webweb', status: 'degraded' }]);
        for (const reset of ['discard all', 'discard temp']) {
          await on.query(reset);
          expect(await given()).toMatchObject([{ status: 'degraded' }]);
        }
        const alone = `insert into hosts (name, team) values ('alone', 'web')
          on conflict (name) do update set team = 'db'`;
        const refused = { code: 'HL001', detail: expect.stringContaining(`row by: ${alone}`) };
        await expect(on.query(alone)).rejects.toMatchObject(refused);
        const late = on.transaction((client) => client.query(alone));
        await expect(late).rejects.toMatchObject(refused);
        expect((await admin.query('select from hosts')).rowCount).toBe(4);
      },
      { poolSize: 1 },
    );
  });

  it('is refused where the shard is not what its release says, until it is again', async () => {
    await admin.query('alter table hosts rename load to weight');
    await withFleet(async (fleet) => {
      const on = fleet.shard('eu1');
      expect(fleet.status()).toMatchObject([
        {
          mode: 'refused',
          reason: expect.stringMatching(/^its session lens cannot be installed: .*load/),
          hint: 'halflap prepare --shard eu1 (to 2.0)',
        },
      ]);
      await expect(on.query(NAMES)).rejects.toMatchObject({ code: 'CLIENT_NOT_SERVED' });
      expect((await admin.query('select from halflap.lease')).rowCount).toBe(0);
      await admin.query('alter table hosts rename weight to load');
      await admin.query("update halflap.shard set fingerprint = 'other'");
      expect((await fleet.check())[0]?.reason).toContain('another schema of 1.0');
      await admin.query('update halflap.shard set fingerprint = $1', [
        compiled.bundle.from.fingerprint,
      ]);
      expect((await fleet.check())[0]).toMatchObject({ mode: 'session', reason: null });
      expect((await on.query(NAMES)).rowCount).toBe(3);
    });
  });

  it('reads the bundle from its file, and no bundle that does not fit', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'halflap-bundle-'));
    const file = join(directory, 'inventory-2.0.bundle.json');
    const { bundle } = compiled;
    try {
      await writeFile(file, JSON.stringify(bundle, null, 1));
      await withFleet(
        async (fleet) => expect(fleet.status()).toMatchObject([{ mode: 'session' }]),
        { bundle: file },
      );
      await writeFile(file, JSON.stringify({ ...bundle, app: 'inventary' }));
      const wrong: readonly (readonly [string | object, RegExp])[] = [
        [file, /other contents than its hash says/],
        [join(directory, 'none.json'), /ENOENT/],
        [{}, /JSON of another kind/],
        [{ ...bundle, format: 99 }, /is format 99/],
      ];
      for (const [given, message] of wrong) {
        await expect(withFleet(async () => {}, { bundle: given })).rejects.toMatchObject({
          code: 'CLIENT_OPTIONS',
          message: expect.stringMatching(message),
        });
      }
      await expect(withFleet(async () => {}, { release: '3.0' })).rejects.toThrow(
        /leads to inventory 2\.0/,
      );
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe('a session lens that is lost', () => {
  it.each(['discard all', 'discard temp', 'reset all', 'reset search_path'])(
    'by %s is there again for the next statement',
    async (reset) => {
      await withFleet(
        async (fleet) => {
          const on = fleet.shard('eu1');
          const named = { name: 'names', text: NAMES };
          for (const statement of [NAMES, named]) {
            expect((await on.query(statement)).rowCount).toBe(3);
            await on.query(reset);
            expect((await on.query(statement)).rowCount).toBe(3);
          }
          await on.withClient((client) => client.query(reset));
          expect((await on.query(NAMES)).rowCount).toBe(3);
        },
        { poolSize: 1 },
      );
    },
  );

  it('leaves no table of the old release in sight', async () => {
    await withFleet(
      async (fleet) => {
        const on = fleet.shard('eu1');
        const lost = on.withClient(async (client) => {
          await client.query('discard all');
          await client.query("update hosts set name = 'lost'");
        });
        await expect(lost).rejects.toMatchObject({ code: '42P01' });
        // Of the search_path only the lens is left, and not what both releases share.
        const inside = on.transaction(async (client) => {
          await client.query('reset search_path');
          expect((await client.query(NAMES)).rowCount).toBe(3);
          await client.query('select from events');
        });
        await expect(inside).rejects.toMatchObject({ code: '42P01' });
        expect((await on.query(NAMES)).rows[0]).toMatchObject({ name: 'host 1', team: 'ops' });
      },
      { poolSize: 1 },
    );
  });
});

describe('a shard that moves under session lenses', () => {
  it('serves its server in every phase, and a stale session loses nothing', async () => {
    await withFleet(async (fleet) => {
      const on = fleet.shard('eu1');
      const bump = 'update hosts set memory_bytes = memory_bytes + 1048576';
      const stale = on.withClient(async (client) => {
        await client.query(bump);
        await shard.run('prepare');
        await client.query(bump);
        while ((await admin.query('select phase from halflap.shard')).rows[0].phase !== 'dual') {
          await client.query(bump);
          await shard.step('expand');
        }
        await client.query(bump);
        const { rows } = await client.query(NAMES);
        // The lens of this session is what contract would take the tables from under.
        await expect(shard.run('contract')).rejects.toMatchObject({
          message: expect.stringMatching(/view pg_temp_\d+\.hosts/),
        });
        return rows;
      });
      const seen = await stale;
      expect((await fleet.check())[0]).toMatchObject({ mode: 'native', phase: 'dual' });
      expect((await on.query(NAMES)).rows).toEqual(seen);
      await shard.run('expand');
      await shard.run('verify');
      await shard.run('contract');
      await fleet.check();
      expect((await on.query(NAMES)).rows).toEqual(seen);
    });
  });

  it('is followed at the next heartbeat, by sessions that are bound anew', async () => {
    await withFleet(async (fleet) => {
      const on = fleet.shard('eu1');
      await on.query(NAMES);
      await shard.run('prepare');
      expect((await fleet.check())[0]).toMatchObject({ mode: 'lens', phase: 'prepared' });
      // What only a prepared shard can keep.
      await on.query("insert into hosts (name, team) values ('alone', 'web')");
      const own = "select to_regclass('pg_temp.halflap_session_lens') as lens";
      expect((await on.query(own)).rows).toEqual([{ lens: null }]);
      await shard.run('abort');
      expect((await fleet.check())[0]).toMatchObject({ mode: 'session', phase: 'settled' });
      expect((await on.query(NAMES)).rowCount).toBe(4);
    });
  });

  it('keeps no call waiting that stands in line when it is noticed', async () => {
    await withFleet(
      async (fleet) => {
        const on = fleet.shard('eu1');
        let letGo = () => {};
        const held = new Promise<void>((resolve) => {
          letGo = resolve;
        });
        let holding: Promise<void> | undefined;
        await new Promise<void>((begun) => {
          holding = on.withClient(() => {
            begun();
            return held;
          });
        });
        const checking = fleet.check();
        const waiting = [1, 2, 3].map(() => on.query(NAMES));
        await shard.run('prepare');
        letGo();
        await holding;
        expect((await checking)[0]).toMatchObject({ mode: 'lens' });
        for (const { rowCount } of await Promise.all(waiting)) expect(rowCount).toBe(3);
      },
      // Longer than the test may take.
      { poolSize: 1, connectTimeoutMs: 600_000 },
    );
  });

  it('prepares the shard instead where the server may', async () => {
    const prepare = () => shard.run('prepare');
    await withFleet(
      async (fleet) =>
        expect(fleet.status()).toMatchObject([{ mode: 'lens', phase: 'prepared', reason: null }]),
      { prepare },
    );
  });

  it('is served by the lens where a server that may prepare has failed to', async () => {
    const prepare = () => Promise.reject(new Error('disk full'));
    await withFleet(
      async (fleet) => {
        expect(fleet.status()).toMatchObject([
          { mode: 'session', reason: 'prepare failed: disk full' },
        ]);
        expect((await fleet.shard('eu1').query(NAMES)).rowCount).toBe(3);
      },
      { prepare },
    );
  });
});

describe('a role', () => {
  const role = `clerk_${randomBytes(4).toString('hex')}`;
  /** Made anew for each run of the test. */
  const password = randomBytes(8).toString('hex');

  beforeEach(async () => {
    await admin.query(`create role ${role} login password '${password}'`);
    await admin.query(`grant select, update on hosts to ${role}`);
  });
  afterEach(async () => {
    await admin.query(`drop owned by ${role}; drop role ${role}`);
  });

  const asClerk = () => {
    const url = new URL(shard.url);
    url.username = role;
    url.password = password;
    return { shards: [{ name: 'eu1', url: url.href }] };
  };

  it('that may make nothing temporary is refused, and told which right it lacks', async () => {
    const database = new URL(shard.url).pathname.slice(1);
    await admin.query(`revoke temporary on database ${database} from public`);
    await withFleet(async (fleet) => {
      const [status] = fleet.status();
      expect(status).toMatchObject({
        mode: 'refused',
        reason: expect.stringContaining(`role ${role} may not make`),
        hint: expect.stringContaining(`grant temporary on database ${database} to ${role}`),
      });
      await expect(fleet.shard('eu1').query(NAMES)).rejects.toMatchObject({
        code: 'CLIENT_NOT_SERVED',
      });
      await admin.query(`grant temporary on database ${database} to ${role}`);
      expect((await fleet.check())[0]).toMatchObject({ mode: 'session' });
    }, asClerk());
  });

  it('has its own rights on the old tables through the lens, and no more', async () => {
    await withFleet(async (fleet) => {
      const on = fleet.shard('eu1');
      expect((await on.query(NAMES)).rowCount).toBe(3);
      await on.query("update hosts set team = 'web' where name = 'host 1'");
      await on.query("update host_status set status = 'ok'");
      const refused = { code: '42501' };
      await expect(on.query('delete from hosts')).rejects.toMatchObject(refused);
      await expect(on.query('select from events')).rejects.toMatchObject(refused);
      expect((await admin.query("select from hosts where status = 'ok'")).rowCount).toBe(3);
      // An identity draws with the table's own rights; a lens must draw itself.
      const insert = `with made as (insert into hosts (name, team) values ('a', 'b') returning id)
        insert into host_status select id from made`;
      await admin.query(`grant insert on hosts to ${role}`);
      await expect(on.query(insert)).rejects.toMatchObject(refused);
      await admin.query(`grant usage on sequence hosts_id_seq to ${role}`);
      expect((await on.query(insert)).rowCount).toBe(1);
    }, asClerk());
  });
});
