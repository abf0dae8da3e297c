// What the bus promises, whatever its driver: one suite that all of them pass.
//
// The truth is in the shards whichever driver brings the news, so a killed process is a real one
// for `memory` too: what it had in hand is taken over by the next process on the same shards.

import { backlogOf, FORMATS, giveBack, MAX_ENVELOPE_BYTES, unreadable } from '@halflap/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitsForLock } from '../concurrency/waiting.js';
import { type Client, openClient } from '../evolving/databases.js';
import { randomFrom } from '../oracle/random.js';
import { type Cluster, DRIVERS, listParked, startCluster } from './bus-cluster.js';
import { Recorder } from './recorder.js';
import { SECOND } from './second-format.js';

const NO_POLL = { pollMs: 60_000 };
/** For tests in which a claim has to end. */
const SHORT = { claimSeconds: 1 };
const TIMEOUT_MS = 5000;
const ONE_AT_A_TIME = { concurrency: 1 };

describe.each(DRIVERS)('the bus by %s', (driver) => {
  let cluster: Cluster;
  let topics = 0;
  /** Each test has a topic and a group of its own. */
  const fresh = () => {
    topics += 1;
    return { topic: `test.n${topics}`, group: `group${topics}` };
  };
  const sql = (text: string, values: unknown[] = []) =>
    cluster.store.fleet.shard('s1').query(text, values);

  beforeAll(async () => {
    cluster = await startCluster(2, { withNats: driver === 'nats' });
  });
  afterAll(() => cluster?.stop());

  it('brings what was committed to every group and every follower, unasked', async () => {
    const { topic, group } = fresh();
    const bus = await cluster.start(driver, NO_POLL);
    const all = [new Recorder(), new Recorder(), new Recorder()] as const;
    await bus.work({ group, topics: [topic], handle: all[0].handle });
    await bus.work({ group: `${group}.b`, topics: [topic], handle: all[1].handle });
    await bus.follow({ name: 'views', topics: [topic], ...all[2] });
    const shard = cluster.store.fleet.shard('s1');
    const body = { host: 'web1', sizes: [1, 2.5, null] };
    await expect(
      shard.transaction(async (client) => {
        await bus.publish('s1', client, { topic, key: 'a', body: 'rolled back' });
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    const [id] = await cluster.publish(bus, 's1', { topic, key: 'a', body });
    await cluster.publish(bus, 's2', { topic, body: 'other shard' });
    for (const recorder of all) {
      await recorder.until(({ ended }) => ended.length >= 2);
      expect(recorder.ended).toHaveLength(2);
      expect(recorder.ended).toContainEqual({
        id,
        topic,
        key: 'a',
        at: expect.any(Date),
        format: 1,
        body,
      });
      expect(recorder.bodies()).toContain('other shard');
    }
    await bus.stop();
    expect(bus.counters()).toContainEqual({ group, handled: 2, failed: 0, parked: 0, lost: 0 });
    expect((await sql('select from bus_deliveries where group_name = $1', [group])).rowCount).toBe(
      0,
    );
  });

  it('keeps the order of each key, between members too', async () => {
    const { topic, group } = fresh();
    const seed = Math.floor(Math.random() * 2 ** 31);
    const random = randomFrom(seed);
    const members = [await cluster.start(driver), await cluster.start(driver)] as const;
    // One recorder for both, so that it sees what overlaps.
    const worked = new Recorder();
    const followed = new Recorder();
    for (const bus of members) {
      await bus.work({ group, topics: [topic], handle: worked.handle, concurrency: 4 });
    }
    await members[0].follow({ name: 'views', topics: [topic], ...followed });
    const total = 160;
    const publisher = async (name: number) => {
      for (let count = 0; count < total / 4; count += 1) {
        const key = `k${random.below(5)}`;
        const bus = members[count % 2] ?? members[0];
        await cluster.publish(bus, 's1', { topic, key, body: `${name}.${count}` });
      }
    };
    await Promise.all([1, 2, 3, 4].map(publisher));
    await worked.until(({ ended }) => ended.length >= total);
    await followed.until(({ ended }) => ended.length >= total);
    const { rows } = await sql(
      `select key, array_agg(id order by position) as ids from bus_messages
       where topic = $1 group by key`,
      [topic],
    );
    const committed = Object.fromEntries(rows.map(({ key, ids }) => [key, ids]));
    const told = `seed ${seed}`;
    expect(idsByKey(worked), told).toEqual(committed);
    expect(idsByKey(followed), told).toEqual(committed);
    expect(worked.overlaps, told).toEqual([]);
    const handled = members.map((bus) => bus.counters()[0]?.handled ?? 0);
    expect(Math.min(...handled), told).toBeGreaterThan(0);
    await Promise.all(members.map((bus) => bus.stop()));
  });

  it('takes commits as they come, and leaves out none that began early and ends late', async () => {
    const { topic, group } = fresh();
    const bus = await cluster.start(driver);
    const [worked, followed] = [new Recorder(), new Recorder()];
    await bus.work({ group, topics: [topic], handle: worked.handle });
    await bus.follow({ name: 'views', topics: [topic], ...followed });
    const early = await session(cluster);
    const late = await session(cluster);
    await bus.publish('s1', early, { topic, key: 'a', body: 'early' });
    // The same key: it waits for the end of the first, whose number is lower.
    const waiting = bus.publish('s1', late, { topic, key: 'a', body: 'late' });
    await waitsForLock(cluster.store.targets[0]?.url ?? '', late);
    // Another key: a higher number, committed before.
    await cluster.publish(bus, 's1', { topic, key: 'b', body: 'between' });
    for (const { until } of [worked, followed].map(bound))
      await until(({ ended }) => ended.length === 1);
    await bus.publish('s1', early, { topic, key: 'a', body: 'early again' });
    await early.query('commit');
    await waiting;
    await late.query('commit');
    for (const recorder of [worked, followed]) {
      await recorder.until(({ ended }) => ended.length === 4);
      expect(recorder.bodies()).toEqual(['between', 'early', 'early again', 'late']);
    }
    await Promise.all([early.end(), late.end(), bus.stop()]);
  });

  it('knows a message by its id', async () => {
    const { topic, group } = fresh();
    const bus = await cluster.start(driver);
    const recorder = new Recorder();
    await bus.work({ group, topics: [topic], handle: recorder.handle });
    const id = crypto.randomUUID();
    const draft = { id, topic, key: 'a', body: 1 };
    const again = () => cluster.publish(bus, 's1', [draft, draft]);
    const ids = await Promise.all([again(), again()]);
    expect(ids.flat()).toEqual([id]);
    await recorder.until(({ ended }) => ended.length === 1);
    expect(await again()).toEqual([]);
    await cluster.publish(bus, 's1', { topic, key: 'a', body: 2 });
    await recorder.until(({ ended }) => ended.length === 2);
    expect(recorder.bodies()).toEqual([1, 2]);
    await bus.stop();
  });

  it('delivers again what a killed server had in hand, and then what comes after it', async () => {
    const { topic, group } = fresh();
    const victim = await cluster.startVictim(driver, { group, topic });
    const bus = await cluster.start(driver);
    const [id] = await cluster.publish(bus, 's1', { topic, key: 'a', body: 'first' });
    expect(await victim.begun).toBe(id);
    await victim.kill();
    const recorder = new Recorder();
    await bus.work({ group, topics: [topic], handle: recorder.handle });
    await cluster.publish(bus, 's1', { topic, key: 'a', body: 'second' });
    await recorder.until(({ ended }) => ended.length === 2);
    expect(recorder.bodies()).toEqual(['first', 'second']);
    await bus.stop();
  });

  it('parks what kills every server that takes it, and takes nothing else along', async () => {
    const { topic, group } = fresh();
    const bus = await cluster.start(driver);
    const recorder = new Recorder();
    await sql('insert into bus_groups (name, topic) values ($1, $2)', [group, topic]);
    await cluster.publish(
      bus,
      's1',
      [1, 2, 3].map((body) => ({ topic, body })),
    );
    // As five members have left it that were killed.
    const died = `update bus_deliveries set losses = 4, claim = gen_random_uuid()
       where group_name = $1
         and position = (select min(position) from bus_deliveries where group_name = $1)`;
    await sql(died, [group]);
    await bus.work({ group, topics: [topic], handle: recorder.handle });
    await recorder.until(({ ended }) => ended.length === 2);
    expect(recorder.bodies().sort()).toEqual([2, 3]);
    await bus.stop();
    const [last] = await listParked(cluster.store.fleet);
    expect(last).toMatchObject({ group, reason: expect.stringMatching(/not outlived/) });
  });

  it('takes no more than it can handle, and leaves the rest to others', async () => {
    const { topic, group } = fresh();
    const [slow, quick] = [await cluster.start(driver), await cluster.start(driver)];
    const [stuck, free] = [new Recorder().close(), new Recorder()];
    const [behind, ahead] = [new Recorder().close(), new Recorder()];
    await slow.work({ group, topics: [topic], handle: stuck.handle, concurrency: 2 });
    await slow.follow({ name: 'slow', topics: [topic], ...behind, concurrency: 2 });
    await slow.follow({ name: 'quick', topics: [topic], ...ahead });
    const publish = (from: number, to: number) =>
      cluster.publish(
        slow,
        's1',
        range(from, to).map((body) => ({ topic, body })),
      );
    await publish(0, 10);
    await stuck.until(({ begun }) => begun.length === 2);
    await behind.until(({ begun }) => begun.length === 2);
    await ahead.until(({ ended }) => ended.length === 10);
    await quick.work({ group, topics: [topic], handle: free.handle });
    await free.until(({ ended }) => ended.length === 8);
    await publish(10, 40);
    await ahead.until(({ ended }) => ended.length === 40);
    await free.until(({ ended }) => ended.length === 38);
    expect([stuck.mostAtOnce, behind.mostAtOnce]).toEqual([2, 2]);
    stuck.open();
    behind.open();
    await behind.until(({ ended }) => ended.length === 40);
    await stuck.until(({ ended }) => ended.length === 2);
    const all = [...stuck.bodies(), ...free.bodies()].map(Number).sort((a, b) => a - b);
    expect(all).toEqual(range(0, 40));
    expect([behind.mostAtOnce, behind.missed]).toEqual([2, []]);
    await Promise.all([slow.stop(), quick.stop()]);
  });

  it('carries an envelope of 64 KB, and refuses what is larger or breaks a rule', async () => {
    const { topic, group } = fresh();
    const bus = await cluster.start(driver);
    const [worked, followed] = [new Recorder(), new Recorder()];
    await bus.work({ group, topics: [topic], handle: worked.handle });
    await bus.follow({ name: 'views', topics: [topic], ...followed });
    const draft = (characters: number) => ({ topic, body: 'é'.repeat(characters) });
    const tooLong = await cluster.publish(bus, 's1', draft(40_000)).catch((error) => error);
    expect(tooLong).toMatchObject({ code: 'BUS_TOO_LARGE', status: 413 });
    const bytes = Number(/takes (\d+) bytes/.exec(tooLong.message)?.[1]);
    // An "é" takes two bytes; an x at the end makes the rest even.
    const most = 40_000 - Math.ceil((bytes - MAX_ENVELOPE_BYTES) / 2);
    await expect(cluster.publish(bus, 's1', draft(most + 1))).rejects.toMatchObject({
      code: 'BUS_TOO_LARGE',
    });
    await cluster.publish(bus, 's1', draft(most));
    for (const recorder of [worked, followed]) {
      await recorder.until(({ ended }) => ended.length === 1);
      expect(recorder.bodies()).toEqual([draft(most).body]);
    }
    for (const wrong of [
      { topic: 'Not a topic', body: 1 },
      { topic, key: '', body: 1 },
      { topic, key: 'k'.repeat(256), body: 1 },
      { topic, id: 'not-a-uuid', body: 1 },
      { topic, body: undefined },
      { topic, body: 1n },
    ]) {
      await expect(cluster.publish(bus, 's1', wrong)).rejects.toMatchObject({
        code: 'BUS_INVALID',
      });
    }
    await bus.stop();
  });

  it('works with two formats of envelopes at once, and passes over unknown fields', async () => {
    const { topic, group } = fresh();
    const next = { writes: 2, reads: { ...FORMATS.reads, 2: SECOND } };
    const both = await cluster.start(driver, { formats: next });
    const old = await cluster.start(driver);
    const [oldWork, newWork, followed] = [new Recorder(), new Recorder(), new Recorder()];
    const oldFollow = new Recorder();
    await old.work({ group, topics: [topic], handle: oldWork.handle });
    await old.follow({ name: 'views', topics: [topic], ...oldFollow });
    await both.follow({ name: 'views', topics: [topic], ...followed });
    // Written in turn, all of one key: what the old server cannot read, it leaves and waits for.
    const writers = [old, both, old, both, old];
    for (const [body, bus] of writers.entries()) {
      await cluster.publish(bus, 's1', { topic, key: 'a', body });
    }
    await oldWork.until(({ ended }) => ended.length === 1);
    await followed.until(({ ended }) => ended.length === 5);
    await oldFollow.until(({ ended, missed }) => ended.length === 3 && missed.length === 2);
    const { rows } = await backlogOf(cluster.store.fleet, TIMEOUT_MS);
    expect(rows.find((row) => row.group === group && row.shard === 's1')).toMatchObject({
      waiting: 4,
      unreadable: 2,
      parked: 0,
    });
    await both.work({ group, topics: [topic], handle: newWork.handle });
    const allOf = () => [...oldWork.ended, ...newWork.ended];
    await Promise.race([
      newWork.until(() => allOf().length === 5),
      oldWork.until(() => allOf().length === 5),
    ]);
    expect(
      allOf()
        .map(({ body }) => body)
        .sort(),
    ).toEqual([0, 1, 2, 3, 4]);
    expect(oldWork.ended.map(({ format }) => format)).not.toContain(2);
    expect(newWork.ended.find(({ body }) => body === 1)?.format).toBe(2);
    expect(followed.bodies()).toEqual([0, 1, 2, 3, 4]);
    expect(oldFollow.missed[0]).toMatch(/format 2/);
    await Promise.all([both.stop(), old.stop()]);
  });

  it('tries again what fails, parks it with the reason, and goes on with its key', async () => {
    const { topic, group } = fresh();
    const bus = await cluster.start(driver, { attempts: 3 });
    const recorder = new Recorder();
    let isMended = false;
    await bus.work({
      group,
      topics: [topic],
      async handle(message, signal) {
        await recorder.handle(message, signal);
        if (message.body === 'hopeless') throw unreadable('body/host is missing');
        if (message.body === 'failing' && !isMended) throw new Error('no such host');
      },
    });
    const drafts = ['before', 'failing', 'hopeless', 'after'];
    await cluster.publish(
      bus,
      's1',
      drafts.map((body) => ({ topic, key: 'a', body })),
    );
    await recorder.until(({ ended }) => ended.some(({ body }) => body === 'after'));
    expect(recorder.bodies()).toEqual([
      'before',
      'failing',
      'failing',
      'failing',
      'hopeless',
      'after',
    ]);
    const parked = (await listParked(cluster.store.fleet)).filter((row) => row.group === group);
    expect(parked.map(({ reason, attempts, key }) => [reason, attempts, key])).toEqual([
      [expect.stringMatching(/body\/host is missing/), 1, 'a'],
      ['no such host', 3, 'a'],
    ]);
    isMended = true;
    const [, failing] = parked;
    if (failing === undefined) throw new Error('nothing was parked');
    const shard = cluster.store.fleet.shard(failing.shard);
    const give = () => giveBack(shard, failing, TIMEOUT_MS);
    expect([await give(), await give()]).toEqual([true, false]);
    await recorder.until(({ ended }) => ended.length === 7);
    await bus.stop();
    expect(bus.counters()).toEqual([{ group, handled: 3, failed: 4, parked: 2, lost: 0 }]);
  });

  it('renews the claim of a long handler, and fences one that has lost it', async () => {
    const { topic, group } = fresh();
    const [first, second] = [await cluster.start(driver, SHORT), await cluster.start(driver)];
    const [lost, kept] = [new Recorder().close(), new Recorder().close()];
    await first.work({ group, topics: [topic], handle: lost.handle, ...ONE_AT_A_TIME });
    await cluster.publish(first, 's1', { topic, key: 'a', body: 1 });
    await lost.until(({ begun }) => begun.length === 1);
    const held = () =>
      sql('select claim, due_at from bus_deliveries where group_name = $1', [group]);
    const before = (await held()).rows[0];
    let now = before;
    while (now?.due_at <= before?.due_at) [now] = (await held()).rows;
    expect(now?.claim).toBe(before?.claim);
    // As if it had been silent for the time of a claim; the next renewal finds it out.
    await sql(
      'update bus_deliveries set claim = gen_random_uuid(), due_at = now() where group_name = $1',
      [group],
    );
    await second.work({ group, topics: [topic], handle: kept.handle });
    await kept.until(({ begun }) => begun.length === 1);
    const [signal] = lost.signals;
    if (signal?.aborted === false) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    }
    expect(signal?.reason).toMatchObject({ code: 'LEASE_LOST' });
    lost.open();
    await first.stop();
    expect(first.counters()).toMatchObject([{ handled: 0, lost: 1 }]);
    // What came late has settled nothing: the other one still has it.
    expect((await held()).rowCount).toBe(1);
    kept.open();
    await kept.until(({ ended }) => ended.length === 1);
    await second.stop();
    expect(second.counters()).toMatchObject([{ handled: 1, lost: 0 }]);
  });

  it('stops when its handlers have ended, and gives back what it had not begun', async () => {
    const { topic, group } = fresh();
    const [first, second] = [await cluster.start(driver, NO_POLL), await cluster.start(driver)];
    const [ending, taking] = [new Recorder().close(), new Recorder()];
    await first.work({ group, topics: [topic], handle: ending.handle, concurrency: 4 });
    await cluster.publish(
      first,
      's1',
      [1, 2, 3].map((body) => ({ topic, key: 'a', body })),
    );
    await ending.until(({ begun }) => begun.length === 1);
    const stopped = first.stop();
    ending.open();
    await stopped;
    expect(ending.bodies()).toEqual([1]);
    await second.work({ group, topics: [topic], handle: taking.handle, ...ONE_AT_A_TIME });
    await taking.until(({ ended }) => ended.length === 2);
    expect(taking.bodies()).toEqual([2, 3]);
    await second.stop();
  });

  it('aborts a handler that outlasts the grace of a stop', async () => {
    const { topic, group } = fresh();
    const bus = await cluster.start(driver);
    const recorder = new Recorder();
    await bus.work({
      group,
      topics: [topic],
      async handle(message, signal) {
        await recorder.handle(message, signal);
        await new Promise((_, reject) => signal.addEventListener('abort', reject, { once: true }));
      },
    });
    await cluster.publish(bus, 's1', { topic, body: 1 });
    await recorder.until(({ ended }) => ended.length === 1);
    await bus.stop(1);
    expect(bus.counters()).toMatchObject([{ handled: 0, failed: 1 }]);
  });
});

/** A session of its own, in a transaction. */
async function session({ store }: Cluster): Promise<Client> {
  const client = await openClient(store.targets[0]?.url ?? '', null);
  await client.query('begin');
  return client;
}

function idsByKey({ begun }: Recorder): Record<string, string[]> {
  const ids: Record<string, string[]> = {};
  for (const { key, id } of begun) ids[key ?? ''] = [...(ids[key ?? ''] ?? []), id];
  return ids;
}

function bound(recorder: Recorder) {
  return { until: (holds: (one: Recorder) => boolean) => recorder.until(holds) };
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, at) => from + at);
}
