import { discardParked, readBehaviours, readParked, returnParked } from '@halflap/engine/runner';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomFrom } from '../../../test/oracle/random.js';
import { admin, type Database, shardIn } from '../test/fixture.js';
import { ONE, serversFiles, TWO } from '../test/two-releases.js';
import { type Fleet, open } from './index.js';

const seed = Number(process.env.HALFLAP_TEST_SEED ?? Date.now() % 1_000_000);
const files = await serversFiles({ one: ONE, two: TWO });
const consumer = { shard: 'a', consumer: 'agents' };

let database: Database;
let old: Fleet;
let fresh: Fleet;

beforeAll(async () => {
  database = await shardIn('dual');
  const shards = [{ name: 'a', url: database.url }];
  const { one, two } = files;
  old = await open({ app: 'app', release: '1.0', server: 'old', shards, servers: one });
  fresh = await open({ app: 'app', release: '2.0', server: 'new', shards, servers: two });
});
afterAll(async () => {
  await Promise.all([old.close(), fresh.close()]);
  await database.drop();
});

describe('messages of a fleet', () => {
  it('are written for the slowest server that lives', async () => {
    expect([old.messages.level, fresh.messages.level]).toEqual(['1.0', '1.0']);
    await admin(database.url, `update halflap.lease set expires_at = now() where release = '1.0'`);
    await fresh.check();
    expect(fresh.messages.level).toBe('2.0');
    await old.check();
    await fresh.check();
    expect(fresh.messages.level).toBe('1.0');
  });

  it('that cannot be read are parked once, shown, given back or discarded', async () => {
    const text = fresh.messages.encode('only_two', { id: 1 }, { id: 'm1' });
    const never = () => Promise.reject(new Error('not for this one'));
    for (const envelope of [text, text, 'noise']) {
      expect(await old.messages.receive(envelope, consumer, never)).toBe('parked');
    }
    const parked = await readParked(database.url);
    expect(parked).toMatchObject([
      { message_id: 'm1', type: 'only_two', level: '2.0', is_newer: true, times: 2 },
      { type: null, is_newer: false, envelope: 'noise', reason: 'it is not JSON', server: 'old' },
    ]);
    // The older server leaves it; the newer one takes what was only too new.
    expect(await old.messages.takeParked(consumer, never)).toEqual({ handled: 0, parked: 0 });
    await expect(fresh.messages.takeParked(consumer, never)).rejects.toThrow('not for this one');
    const seen: string[] = [];
    const see = async ({ id }: { id: string }) => void seen.push(id);
    expect(await fresh.messages.takeParked(consumer, see)).toEqual({ handled: 1, parked: 0 });
    expect(seen).toEqual(['m1']);
    // What is given back is tried again, and parked again.
    const [noise] = await readParked(database.url);
    expect(await returnParked(database.url, null)).toEqual([noise?.id]);
    expect(await fresh.messages.takeParked(consumer, see)).toEqual({ handled: 0, parked: 1 });
    const [again] = await readParked(database.url);
    expect(again).toMatchObject({ envelope: 'noise', server: 'new', returned_at: null });
    expect(await discardParked(database.url, [again?.id ?? ''])).toEqual([again?.id]);
    expect(await readParked(database.url)).toEqual([]);
  });

  it(`are each handled, parked or refused, in any order, seed ${seed}`, async () => {
    const random = randomFrom(seed);
    const sent = new Set<string>();
    const handled: string[] = [];
    const handler = async ({ id }: { id: string }) => {
      if (random.percent(20)) throw new Error('busy');
      if (!id.includes('#')) handled.push(id);
    };
    const queue: string[] = [];
    const encode = (count: number) => {
      const id = `r${count}`;
      sent.add(id);
      const level = { id };
      const host = { id: count, name: 'web', tags: [] };
      if (random.percent(40)) return old.messages.encode('host_changed', host, level);
      if (random.percent(40)) return fresh.messages.encode('only_two', { id: count }, level);
      return fresh.messages.encode('host_moved', { ...host, source: 'x' }, level);
    };
    for (let count = 0; count < 40; count += 1) queue.push(encode(count));
    while (queue.length > 0) {
      const [text] = queue.splice(random.below(queue.length), 1);
      const server = random.pick([old, fresh]);
      // A transport that delivers again what was not taken, and sometimes what was.
      await server.messages
        .receive(text as string, consumer, handler)
        .catch(() => queue.push(text as string));
    }
    for (let left = 1; left > 0; ) {
      await fresh.messages.takeParked(consumer, handler).catch(() => {});
      left = (await readParked(database.url)).length;
    }
    expect(handled.sort()).toEqual([...sent].sort());
  });
});

describe('a retained behaviour', () => {
  it('follows the declared release, is counted, and is told to expire', async () => {
    expect(fresh.behaves('loud_status')).toBe('changed');
    for (const declared of ['1.0', '1.9', '2.0', '1.0']) fresh.behaves('loud_status', declared);
    expect(() => fresh.behaves('loud')).toThrow(/one of loud_status/);
    expect(await readBehaviours([], new Date())).toEqual([]);
    await fresh.check();
    // What was counted since the last heartbeat is sent by close.
    const shards = [{ name: 'a', url: database.url }];
    const { two: servers } = files;
    const last = await open({ app: 'app', release: '2.0', server: 'last', shards, servers });
    last.behaves('loud_status', '1.0');
    await last.close();
    const told = async (now: string) => (await readBehaviours(shards, new Date(now)))[0];
    await expect
      .poll(() => told('2029-01-01'))
      .toMatchObject({
        behaviour: 'loud_status',
        declared: { changed: '2.0', expires: '2030-01-31' },
        uses: { retained: 4, changed: 2 },
        warning: null,
      });
    expect((await told('2030-01-30'))?.warning).toMatch(/^expires in 2 d; last used/);
    expect((await told('2030-02-01'))?.warning).toMatch(/^expired 2030-01-31; last used/);
  });
});
