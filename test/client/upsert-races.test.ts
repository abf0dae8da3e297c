// Upserts of the same keys at the same moment: by two servers of the new release through a lens, by
// the old release, and while the shard is prepared and expanded under them. Every one that was
// acknowledged counts.

import { type Fleet, open } from '@halflap/client';
import pg from 'pg';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { APP, type Compiled } from '../evolving/releases.js';
import { installShard, NEW_PATH, type Shard } from '../evolving/shard.js';
import { compileUpserts } from './upserts.js';

let compiled: Compiled;
let shard: Shard;
let servers: Fleet[];

beforeAll(async () => {
  compiled = await compileUpserts();
});

beforeEach(async () => {
  shard = await installShard(compiled);
});

/** On a settled shard they bring a lens along. */
async function openServers(): Promise<void> {
  servers = await Promise.all(['web1', 'web2'].map(serverOf));
}

afterEach(async () => {
  await Promise.all(servers.map((fleet) => fleet.close()));
  await shard.drop();
});

function serverOf(server: string): Promise<Fleet> {
  const shards = [{ name: 'eu1', url: shard.url }];
  // Short leases, so that the switch is noticed by some while others still write for the lens.
  const options = { poolSize: 3, leaseSeconds: 3, retries: 20, bundle: compiled.bundle };
  return open({ app: APP, release: '2.0', server, shards, ...options });
}

type Work = (turn: number) => Promise<unknown>;

interface Running {
  /** Resolves when every writer has done so many units of work more. */
  turns(count: number): Promise<void>;
  stop(): Promise<void>;
}

/** Each of the writers works without a pause. */
function start(writers: readonly Work[]): Running {
  let isStopped = false;
  const done = writers.map(() => 0);
  const waiting = new Set<() => void>();
  const running = writers.map(async (work, index) => {
    for (let turn = 0; !isStopped; turn += 1) {
      await work(turn);
      done[index] = turn + 1;
      for (const look of waiting) look();
    }
  });
  const all = Promise.all(running);
  all.catch(() => {});
  return {
    async turns(count) {
      const goals = done.map((one) => one + count);
      const reached = new Promise<void>((resolve) => {
        const look = () => {
          if (!done.every((one, index) => one >= (goals[index] ?? 0))) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
      });
      await Promise.race([reached, all]);
    },
    async stop() {
      isStopped = true;
      await all;
    },
  };
}

/** Three sessions of each server do the same. */
function onServers(work: (fleet: Fleet, turn: number) => Promise<unknown>): Work[] {
  return servers.flatMap((fleet) => [1, 2, 3].map(() => (turn: number) => work(fleet, turn)));
}

async function read(text: string, searchPath?: string): Promise<pg.QueryResultRow[]> {
  const options = searchPath === undefined ? {} : { options: `-c search_path=${searchPath}` };
  const client = new pg.Client({ connectionString: shard.url, ...options });
  await client.connect();
  return client.query(text).then(
    ({ rows }) => client.end().then(() => rows),
    (error) => client.end().then(() => Promise.reject(error)),
  );
}

const PATH = NEW_PATH.replaceAll(' ', '');

/** Before, while, and after the shard is expanded. */
async function throughExpand(running: Running): Promise<void> {
  await running.turns(30);
  await shard.run('expand');
  await running.turns(30);
  await running.stop();
  expect((await read('select phase from halflap.shard'))[0]?.phase).toBe('dual');
  await shard.run('verify');
}

describe('upserts of the same keys at the same moment', () => {
  it('lose nothing to each other nor to the old release', async () => {
    const counted = new Map<string, number>();
    const count = (slot: number) => counted.set(`${slot}`, (counted.get(`${slot}`) ?? 0) + 1);
    const text = `insert into samples (host, slot, value) values ('a', $1, 1)
      on conflict (host, slot) do update set value = samples.value + excluded.value`;
    const old = new pg.Client({ connectionString: shard.url });
    await old.connect();
    await openServers();
    expect(servers.map((fleet) => fleet.status()[0]?.mode)).toEqual(['session', 'session']);
    const running = start([
      ...onServers(async (fleet, turn) => {
        const { rowCount } = await fleet.shard('eu1').query({ name: 'up', text }, [turn % 3]);
        expect(rowCount).toBe(1);
        count(turn % 3);
      }),
      async (turn) => {
        await old.query(text, [turn % 3]);
        count(turn % 3);
      },
    ]);
    await running.turns(30);
    await shard.run('prepare');
    // The other server goes on by lenses of its own until it hears of it.
    expect((await servers[0]?.check())?.[0]?.mode).toBe('lens');
    await throughExpand(running);
    await old.end();
    const expected = [...counted].map(([slot, value]) => ({ slot: Number(slot), value }));
    const sums = 'select slot, value::int from samples order by slot';
    expect(await read(sums, PATH)).toEqual(expected.sort((a, b) => a.slot - b.slot));
    expect(await read(sums)).toEqual(expected);
  });

  it('make one row of a key that only the new release knows', async () => {
    await shard.run('prepare');
    await openServers();
    const counted = new Map<string, number>();
    const text = `insert into hosts (name, serial, writes)
      values (left(gen_random_uuid()::text, 20), $1, 1)
      on conflict (serial) do update set writes = hosts.writes + 1 returning serial`;
    const running = start(
      onServers(async (fleet, turn) => {
        const serial = `s${turn}`;
        const { rows } = await fleet.shard('eu1').query(text, [serial]);
        expect(rows).toEqual([{ serial }]);
        counted.set(serial, (counted.get(serial) ?? 0) + 1);
      }),
    );
    await throughExpand(running);
    const found = await read('select serial, sum(writes)::int as n from hosts group by 1', PATH);
    expect(new Map(found.map(({ serial, n }) => [serial, n]))).toEqual(counted);
    expect(await read('select from hosts', PATH)).toHaveLength(counted.size);
  });

  it('and deletes of the row in their way lose no count', async () => {
    await shard.run('prepare');
    await openServers();
    await read(`insert into hosts (name) select n::text from generate_series(1, 2) as n`, PATH);
    let beats = 0;
    let gone = 0;
    const up = `insert into heartbeats (host_id, last_seen, beats) values ($1, now(), 1)
      on conflict (host_id) do update set beats = heartbeats.beats + 1`;
    const down = 'delete from heartbeats where host_id = $1 returning beats';
    const running = start(
      onServers(async (fleet, turn) => {
        const id = (turn % 2) + 1;
        if (turn % 5 === 4) {
          const { rows } = await fleet.shard('eu1').query(down, [id]);
          for (const row of rows) gone += row.beats;
          return;
        }
        await fleet.shard('eu1').query(up, [id]);
        beats += 1;
      }),
    );
    await throughExpand(running);
    const [left] = await read('select coalesce(sum(beats), 0)::int as n from heartbeats', PATH);
    expect(gone + left?.n).toBe(beats);
  });
});
