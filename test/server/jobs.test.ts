// Jobs on servers of one process: every host ends in one named state, and does its work once.

import {
  cancelJob,
  chooseHosts,
  digestOf,
  giveUp,
  hostConditions,
  hostsToRetry,
  previewHosts,
  purgeJobs,
  RUN_STATES,
  RUNS,
  readOutput,
  settleEnded,
  specOf,
  watchJob,
} from '@halflap/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cutOff } from './cut-off.js';
import { effectsOf, gate, type JobCluster, openJobCluster, SPEC, until } from './job-cluster.js';
import { makeHosts } from './scripted-agent.js';
import { SILENT, type TestStore } from './store.js';

let cluster: JobCluster;
let test: TestStore;

beforeAll(async () => {
  cluster = await openJobCluster();
  test = cluster.test;
});

afterAll(() => cluster.drop());

describe('a target', () => {
  it('is previewed, and bound by the digest of its list', async () => {
    const hosts = await makeHosts(test.store, cluster.authority, {
      count: 4,
      labels: { env: 'prod' },
    });
    const ids = hosts.map(({ host }) => host);
    const where = { text: 'h.labels @> $1::jsonb', values: [JSON.stringify({ env: 'prod' })] };
    const target = { where, hosts: null };
    const preview = await previewHosts(test.store, target, 'command');
    expect(preview.hosts.map(({ hostname }) => hostname)).toEqual([
      'web-0',
      'web-1',
      'web-2',
      'web-3',
    ]);
    expect(preview).toMatchObject({ digest: digestOf(ids), missing: [], silent: [] });
    const asked = { spec: SPEC, digest: preview.digest };
    expect(await chooseHosts(test.store, target, asked)).toEqual(ids);
    const [gone = '', ...others] = ids;
    await test.store.withHost(gone, (client) =>
      client.query(`update hosts set state = 'revoked' where id = $1`, [gone]),
    );
    await expect(chooseHosts(test.store, target, asked)).rejects.toMatchObject({
      code: 'API_CONFLICT',
    });
    await expect(chooseHosts(test.store, { where, hosts: ids }, asked)).rejects.toMatchObject({
      code: 'API_INVALID',
    });
    const named = { where: { text: 'true', values: [] }, hosts: others };
    expect(await chooseHosts(test.store, named, { spec: SPEC, digest: digestOf(others) })).toEqual(
      others,
    );
  });
});

describe.concurrent('a job', () => {
  it('ends on every host in its state, with output and exit code, and is tried again', async () => {
    let isRepaired = false;
    const { hosts, made } = await cluster.fleet(6, (order) => {
      if (order.host === hosts[1] && !isRepaired) return { exitCode: 3, output: ['oh\0no'] };
      if (order.host === hosts[2] && !isRepaired) return { refuses: 'refused by the rule policy' };
      return { output: ['a', 'b', 'c'] };
    });
    const id = await cluster.run(hosts, { concurrency: 2 });
    expect(await cluster.ended(id)).toMatchObject({
      job: { state: 'failed' },
      counts: { succeeded: 4, failed: 1, refused: 1 },
    });
    const runs = await cluster.runsOf(id);
    expect(runs.get(hosts[1] ?? '')).toMatchObject({ state: 'failed', exit_code: 3 });
    expect(runs.get(hosts[2] ?? '')?.message).toMatch(/policy/);
    const read = await readOutput(test.store, { job: id, host: hosts[0] ?? '' }, 0);
    expect(read?.pieces.map(({ text }) => text).join('')).toBe('abc');
    expect(effectsOf(made)).toEqual([1, 1, 0, 1, 1, 1]);
    isRepaired = true;
    const retry = await hostsToRetry(test.store, id);
    expect([...retry.hosts].sort()).toEqual([hosts[1], hosts[2]].sort());
    const again = await cluster.run(retry.hosts, specOf(retry.job));
    expect((await cluster.ended(again)).job.state).toBe('succeeded');
    expect(effectsOf(made)).toEqual([1, 2, 1, 1, 1, 1]);
  });

  it('goes on batch by batch, within its concurrency, and stops after failures', async () => {
    let atWork = 0;
    let most = 0;
    const order: string[] = [];
    const others = gate();
    let done = 0;
    const { hosts } = await cluster.fleet(8, ({ host }) => {
      order.push(host);
      atWork += 1;
      most = Math.max(most, atWork);
      const isBad = host === hosts[4];
      const work = isBad ? others.opened : new Promise((resolve) => setTimeout(resolve, 20));
      const until = work.then(() => {
        atWork -= 1;
        done += 1;
        // It fails when all others of its batch have begun.
        if (done === 5) others.open();
      });
      return { until, exitCode: isBad ? 1 : 0 };
    });
    const id = await cluster.run(hosts, {
      ...{ batch: { hosts: 3 }, concurrency: 2, stopAfter: { percent: 10 } },
    });
    expect(await cluster.ended(id)).toMatchObject({
      job: { state: 'stopped', stop_kind: 'failures' },
      counts: { succeeded: 5, failed: 1, skipped: 2 },
    });
    expect(most).toBeLessThanOrEqual(2);
    expect(order.slice(0, 3).sort()).toEqual(hosts.slice(0, 3).sort());
    const skipped = (await cluster.runsOf(id)).get(hosts[7] ?? '');
    expect(skipped).toMatchObject({ state: 'skipped' });
    expect(skipped?.message).toMatch(/1 of 8 hosts failed/);
  });

  it('waits for hosts that are offline until their deadline, and holds nobody up', async () => {
    const { hosts, made } = await cluster.fleet(4, () => ({}), 2);
    // The two that are offline come first.
    const order = [...hosts.slice(2), ...hosts.slice(0, 2)];
    const id = await cluster.run(order, { batch: { hosts: 1 }, concurrency: 1 });
    await until(
      () => cluster.runsOf(id),
      (runs) => [...runs.values()].filter(({ state }) => state === 'succeeded').length === 2,
    );
    await made[2]?.connect();
    await until(
      () => cluster.runsOf(id),
      (runs) => runs.get(hosts[2] ?? '')?.state === 'succeeded',
    );
    await cluster.isOver('begin_before', id, hosts[3]);
    expect(await cluster.ended(id)).toMatchObject({
      job: { state: 'failed' },
      counts: { succeeded: 3, expired: 1 },
    });
    expect((await cluster.runsOf(id)).get(hosts[3] ?? '')?.message).toMatch(/did not begin until/);
    expect(effectsOf(made)).toEqual([1, 1, 1, 0]);
  });

  it('is cancelled: what runs is ended, the rest does not begin', async () => {
    const never = gate();
    const { hosts, made } = await cluster.fleet(5, () => ({ until: never.opened }), 4);
    const id = await cluster.run(hosts, { concurrency: 3 });
    await until(
      () => cluster.read(id),
      ({ counts }) => counts.running === 3,
    );
    await test.store.home.transaction((client) =>
      cancelJob(client, id, { by: 'anna', reason: 'wrong day' }),
    );
    for (const { jobs } of cluster.servers) jobs.kick(id);
    expect(await cluster.ended(id)).toMatchObject({
      job: { state: 'cancelled', stop_reason: 'cancelled by anna: wrong day' },
      counts: { cancelled: 5 },
    });
    expect(effectsOf(made).reduce((sum, n) => sum + n, 0)).toBe(3);
    await expect(
      test.store.home.transaction((client) => cancelJob(client, id, { by: 'x', reason: '' })),
    ).rejects.toMatchObject({ code: 'API_CONFLICT' });
    never.open();
  });

  it('runs out of time: what runs is cancelled, what has not begun expires', async () => {
    const never = gate();
    const { hosts } = await cluster.fleet(3, () => ({ until: never.opened }), 2);
    const id = await cluster.run(hosts, { concurrency: 1 });
    await until(
      () => cluster.read(id),
      ({ counts }) => counts.running === 1,
    );
    await test.store.home.query('update jobs set deadline_at = now() where id = $1', [id]);
    expect(await cluster.ended(id)).toMatchObject({
      job: { state: 'timed_out' },
      counts: { cancelled: 1, expired: 2 },
    });
    never.open();
  });

  it('knows what became lost, and keeps what such a host says later', async () => {
    const work = gate();
    const { hosts, made } = await cluster.fleet(4, () => ({ until: work.opened }));
    const id = await cluster.run(hosts, {});
    await until(
      () => cluster.read(id),
      ({ counts }) => counts.running === 4,
    );
    const [away, forgetful, revoked] = made;
    await away?.stop();
    await cluster.isGone(hosts[0]);
    await cluster.isOver('deadline_at', id, hosts[0]);
    forgetful?.forget();
    forgetful?.breakOff();
    await test.store.withHost(hosts[2] ?? '', (client) =>
      client.query(`update hosts set state = 'revoked' where id = $1`, [hosts[2]]),
    );
    await test.store.withHost(hosts[3] ?? '', (client) =>
      client.query('delete from hosts where id = $1', [hosts[3]]),
    );
    expect(await cluster.ended(id)).toMatchObject({ counts: { lost: 2, cancelled: 2 } });
    const runs = await cluster.runsOf(id);
    expect(runs.get(hosts[0] ?? '')?.message).toMatch(/nothing was heard/);
    expect(runs.get(hosts[1] ?? '')?.message).toMatch(/does not know/);
    expect(runs.get(hosts[2] ?? '')?.message).toBe('the host is revoked');
    expect(runs.get(hosts[3] ?? '')?.message).toBe('the host was removed');
    await revoked?.stop();
    work.open();
    await away?.connect();
    const later = await until(
      () => cluster.runsOf(id),
      (rows) => rows.get(hosts[0] ?? '')?.said_later !== null,
    );
    expect(later.get(hosts[0] ?? '')).toMatchObject({
      state: 'lost',
      said_later: { state: 'succeeded' },
    });
  });

  it('shows output as it comes, and says what is left out', async () => {
    const first = gate();
    const { hosts, made } = await cluster.fleet(1, () => ({
      output: ['x'.repeat(10), 'é'.repeat(4), 'never seen'],
      until: first.opened,
    }));
    const host = hosts[0] ?? '';
    const id = await cluster.run(hosts, { outputLimitBytes: 15 });
    const signal = new AbortController().signal;
    await until(
      () => cluster.runsOf(id),
      (runs) => (runs.get(host)?.dropped_bytes ?? 0) > 0,
    );
    const seen: string[] = [];
    let last = '';
    for await (const { pieces, state, droppedBytes } of cluster.servers[0].jobs.follow(
      { job: id, host, from: 0 },
      signal,
    )) {
      seen.push(...pieces.map(({ text }) => text));
      last = `${state} ${droppedBytes}`;
      // Told twice, kept once.
      if (state === 'running') made[0]?.breakOff();
      first.open();
    }
    expect(seen.join('')).toBe(`${'x'.repeat(10)}éé`);
    expect(last).toBe('succeeded 14');
    expect((await cluster.ended(id)).job.state).toBe('succeeded');
  });
});

/** Cuts one of the two shards off, for the time of `body`. */
function without(shard: number, body: () => Promise<void>): Promise<void> {
  return cutOff(test.shards[shard]?.url ?? '', test.shards[1 - shard]?.url ?? '', body);
}

describe('a shard that is cut off in the middle of a job', () => {
  it.each([
    { away: 's2', stays: 's1' },
    { away: 's1', stays: 's2' },
  ])('takes away its hosts and nothing else, until it is back: $away', async ({ away, stays }) => {
    const work = gate();
    const { hosts, made } = await cluster.fleet(10, () => ({
      ...{ output: ['done'], until: work.opened },
    }));
    const id = await cluster.run(hosts, {});
    await until(
      () => cluster.read(id),
      ({ counts }) => counts.running === 10,
    );
    const there = hosts.filter((host) => test.store.shardNameOf(host) === stays).length;
    const told: string[] = [];
    const watching = watched(id, told);
    const succeeded = async () => {
      const { rows } = await test.store.fleet
        .shard(stays)
        .query<{ n: number }>(
          `select count(*)::int as n from job_runs where job_id = $1 and state = 'succeeded'`,
          [id],
        );
      return rows[0]?.n;
    };
    await without(away === 's1' ? 0 : 1, async () => {
      work.open();
      await until(succeeded, (n) => n === there);
      // Whoever watches looks now and then.
      await until(
        async () => told,
        (lines) => lines.includes(`silent ${away}`),
      );
      if (away === 's1') return;
      expect(await cluster.read(id)).toMatchObject({ job: { ended_at: null }, silent: ['s2'] });
      // Hosts that cannot be asked for are not said to be none.
      const target = { where: hostConditions({}, 'all'), hosts };
      const chosen = chooseHosts(test.store, target, { spec: SPEC, digest: digestOf(hosts) });
      await expect(chosen).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    });
    expect(await until(() => cluster.ended(id).catch(() => null), Boolean)).toMatchObject({
      ...{ job: { state: 'succeeded' }, counts: { succeeded: 10 } },
    });
    expect(effectsOf(made)).toEqual(hosts.map(() => 1));
    await watching;
    expect(told.filter((line) => line.startsWith('silent'))).toEqual([`silent ${away}`, 'silent ']);
    for (const host of hosts) {
      expect(told.filter((line) => line.includes(host))).toEqual([
        ...[`${host} running`, `${host} wrote done`, `${host} succeeded`],
      ]);
    }
    expect(told.at(-1)).toBe('succeeded');
  });
});

describe('a shard that is lost for good', () => {
  it('is given up: its hosts end as lost, all others go on', async () => {
    const work = gate();
    const { hosts } = await cluster.fleet(10, () => ({ until: work.opened }));
    const id = await cluster.run(hosts, {});
    const lost = hosts.filter((host) => test.store.shardNameOf(host) === 's2').length;
    const { store } = test;
    const giving = () => store.home.transaction((client) => giveUp(client, store, id));
    const { counts: before } = await until(
      () => cluster.read(id),
      ({ counts }) => counts.running === 10,
    );
    expect(before).toEqual({ running: 10 });
    await expect(giving()).rejects.toMatchObject({ code: 'API_CONFLICT' });
    const elsewhere = hosts.filter((host) => test.store.shardNameOf(host) === 's1');
    await without(1, async () => {
      // One without hosts there does not wait for it at all.
      const other = await cluster.run(elsewhere.slice(0, 1), { name: 'other' });
      const told = watched(id);
      await until(giving.bind(null), ({ hosts }) => hosts === lost);
      work.open();
      const { job, counts } = await cluster.ended(id);
      expect([job.state, counts]).toEqual(['failed', { succeeded: 10 - lost, lost }]);
      expect((await cluster.ended(other)).job.state).toBe('succeeded');
      // Whoever watches does not wait for the shard either.
      expect((await told).filter((one) => one.endsWith(' lost'))).toHaveLength(lost);
      const { rows } = await store.home.query(`select state from ${RUNS} where job_id = $1`, [id]);
      expect(rows.map(({ state }) => state).sort()).toEqual(
        [...Array(lost).fill('lost'), ...Array(10 - lost).fill('succeeded')].sort(),
      );
    });
    // It comes back after all: what its hosts have said by then stands.
    await until(
      () =>
        settleEnded(store).then(() =>
          store.home.query('select from job_hosts where given_up_at is not null'),
        ),
      ({ rowCount }) => rowCount === 0,
    );
    const runs = await cluster.runsOf(id);
    expect([...runs.keys()].sort()).toEqual(hosts.toSorted());
    for (const run of runs.values()) expect(['succeeded', 'lost']).toContain(run.state);
  });

  it('leaves runs of jobs that are gone with it, which end by the id of the job', async () => {
    const { hosts } = await cluster.fleet(2, () => ({ until: gate().opened }));
    const id = await cluster.run(hosts, {});
    await until(
      () => cluster.read(id),
      ({ counts }) => counts.running === 2,
    );
    const { home } = test.store;
    await home.query('delete from jobs where id = $1', [id]);
    const giving = () => home.transaction((client) => giveUp(client, test.store, id));
    expect(await giving()).toEqual({ hosts: 2, shards: [] });
    for (const run of (await cluster.runsOf(id)).values()) expect(run.state).toBe('lost');
    await expect(giving()).rejects.toMatchObject({ code: 'API_NOT_FOUND' });
  });
});

/** All that is told of a job while it is watched, from when its hosts are at work. */
async function watched(id: string, told: string[] = []): Promise<string[]> {
  const see = async () => {
    const { job, counts } = await cluster.read(id);
    return { state: job.state, counts, endedAt: job.ended_at?.toISOString() ?? null };
  };
  const of = { job: id, where: { text: 'true', values: [] }, see };
  for await (const change of watchJob(test.store, of, new AbortController().signal)) {
    if (change.kind === 'job') told.push(change.job.state);
    if (change.kind === 'silent') told.push(`silent ${change.shards.join()}`);
    if (change.kind === 'run') told.push(`${change.run.host_id} ${change.run.state}`);
    if (change.kind === 'piece') told.push(`${change.run.host_id} wrote ${change.piece.text}`);
  }
  return told;
}

describe('the doorbell', () => {
  it('is heard by the server that it is for, and of ends by all', async () => {
    const [one, two] = cluster.servers;
    const { home } = test.store;
    const heard: string[] = [];
    const all = gate();
    const hear = (by: string) => (ids: readonly string[]) => {
      // Of jobs that other tests have ended news may still come.
      if (!ids.some((id) => id === 'a' || id === 'j')) return;
      heard.push(`${by} ${ids.join()}`);
      if (heard.length === 3) all.open();
    };
    const stops = [
      one.doorbell.on('some', hear('other')),
      two.doorbell.on('two', hear('two')),
      one.doorbell.onEnded(hear('ended')),
      two.doorbell.onEnded(hear('ended')),
    ];
    await home.transaction(async (client) => {
      const place = { client, shard: home.name };
      await one.doorbell.ring(place, 'two', ['a', 'b']);
      await one.doorbell.ended(place, ['j']);
    });
    await all.opened;
    expect(heard.sort()).toEqual(['ended j', 'ended j', 'two a,b']);
    for (const stop of stops) stop();
  });
});

describe('all jobs', () => {
  it('go, with all that they wrote, when they ended long ago', async () => {
    const { rows } = await test.store.home.query<{ id: string }>(
      `update jobs set ended_at = now() - interval '91 days'
       where id = (select id from jobs where state = 'succeeded' limit 1) returning id`,
    );
    const [{ id } = { id: '' }] = rows;
    expect((await cluster.runsOf(id)).size).toBeGreaterThan(0);
    expect(await purgeJobs(test.store, 90, SILENT)).toBe(1);
    expect((await cluster.runsOf(id)).size).toBe(0);
    await expect(cluster.read(id)).rejects.toMatchObject({ code: 'API_NOT_FOUND' });
  });

  it('count every host once, in states that have names', async () => {
    const { rows } = await test.store.gather<{ state: string; wrong: boolean }>(
      `select r.state, (r.ended_at is null) as wrong from job_runs as r`,
      [],
      { requireAll: true },
    );
    for (const { state, wrong } of rows) {
      expect(RUN_STATES).toContain(state);
      expect(wrong).toBe(false);
    }
    const { rows: jobs } = await test.store.home.query<{ id: string; total: number }>(
      'select id, total from jobs',
    );
    for (const { id, total } of jobs) expect((await cluster.runsOf(id)).size).toBe(total);
  });
});
