import { setImmediate } from 'node:timers/promises';
import {
  disableFeature,
  enableFeature,
  type FeatureOptions,
  readFeatures,
} from '@halflap/engine/runner';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { randomFrom } from '../../../test/oracle/random.js';
import { admin, type Database, moveTo, shardIn, withSession } from '../test/fixture.js';
import { ONE, serversFiles, TWO } from '../test/two-releases.js';
import { type Fleet, open } from './index.js';

const seed = Number(process.env.HALFLAP_TEST_SEED ?? Date.now() % 1_000_000);
const { one, two } = await serversFiles({ one: ONE, two: TWO });

let databases: Database[];
let shards: { name: string; url: string }[];
const fleets = new Set<Fleet>();
/** Those of 1.0. */
const older = new WeakSet<Fleet>();

beforeAll(async () => {
  databases = await Promise.all([shardIn('dual'), shardIn('dual')]);
  shards = databases.map(({ url }, at) => ({ name: 'ab'[at] as string, url }));
});
afterAll(() => Promise.all(databases.map((database) => database.drop())));
beforeEach(async () => {
  await Promise.all([...fleets].map((fleet) => stop(fleet)));
  for (const { url } of shards) {
    await admin(url, 'delete from halflap.feature; delete from halflap.lease');
    await moveTo(url, 'dual');
  }
});

async function start(release: '1.0' | '2.0', server: string): Promise<Fleet> {
  const servers = release === '1.0' ? one : two;
  const fleet = await open({ app: 'app', release, server, shards, servers, leaseSeconds: 60 });
  fleets.add(fleet);
  if (release === '1.0') older.add(fleet);
  return fleet;
}

async function stop(fleet: Fleet): Promise<void> {
  fleets.delete(fleet);
  await fleet.close();
}

/** An act of the operator, while servers send their heartbeats. */
async function act(
  verb: typeof enableFeature,
  more: Partial<FeatureOptions> = {},
): Promise<'done' | string> {
  let isDone = false;
  const acted = verb({ app: 'app', shards, feature: 'quotas', by: 'test', ...more })
    .then(
      () => 'done',
      (error: Error & { code?: string }) => error.code ?? error.message,
    )
    .finally(() => {
      isDone = true;
    });
  while (!isDone) {
    await Promise.all([...fleets].map((fleet) => fleet.check()));
    await setImmediate();
  }
  return acted;
}

/** Each server that lives and does not support what is enabled somewhere. */
async function unsafe(): Promise<unknown[]> {
  const enabled = await Promise.all(
    shards.map(({ url }) => admin(url, `select from halflap.feature where state = 'enabled'`)),
  );
  const isEnabled = enabled.some(({ rowCount }) => rowCount !== 0) || [...fleets].some(says);
  if (!isEnabled) return [];
  const found = await Promise.all(
    shards.map(({ url }) =>
      admin(
        url,
        `select l.server from halflap.lease l left join halflap.server s using (instance)
         where l.expires_at > now() and not coalesce(s.about -> 'features' ? 'quotas', false)`,
      ),
    ),
  );
  return found.flatMap(({ rows }) => rows);
}

const isServed = (fleet: Fleet) => fleet.status().every(({ mode }) => mode === 'native');

const says = (fleet: Fleet) => {
  try {
    return fleet.isEnabled('quotas');
  } catch {
    return false;
  }
};

describe('a feature', () => {
  it('is enabled when every server and shard supports it, and keeps others out', async () => {
    const web1 = await start('2.0', 'web1');
    const web2 = await start('1.0', 'web2');
    expect(web1.isEnabled('quotas')).toBe(false);
    expect(() => web1.isEnabled('quota')).toThrow(/one of quotas, no_way/);
    expect(() => web2.isEnabled('quotas')).toThrow(/given no features/);
    await moveTo(shards[1]?.url ?? '', 'expanding');
    await expect(
      enableFeature({ app: 'app', shards, feature: 'quotas', by: 'test' }),
    ).rejects.toMatchObject({
      code: 'FEATURE_REFUSED',
      detail: {
        evidence: [
          'server web2 runs release 1.0 on shard a and does not support it',
          'shard b is expanding, from 1.0 to 2.0; the feature needs dual',
          'server web2 runs release 1.0 on shard b and does not support it',
        ],
      },
    });
    await moveTo(shards[1]?.url ?? '', 'dual');
    await stop(web2);
    expect(await readFeatures(shards)).toMatchObject([
      { feature: 'no_way', state: 'supported', isReversible: false },
      { feature: 'quotas', state: 'supported', against: [] },
    ]);
    expect(await act(enableFeature)).toBe('done');
    await web1.check();
    expect(web1.isEnabled('quotas')).toBe(true);
    expect(await act(enableFeature)).toBe('done');

    const late = await start('1.0', 'web3');
    expect(late.status()).toMatchObject([
      {
        mode: 'refused',
        reason: 'feature quotas is enabled here, and this server of 1.0 does not support that',
      },
      { mode: 'refused' },
    ]);
    await expect(
      admin(
        shards[0]?.url ?? '',
        `select halflap.renew_lease(gen_random_uuid(), 'old', '1.0', 'native', 30)`,
      ),
    ).rejects.toMatchObject({ code: 'HL002' });

    expect(await act(disableFeature)).toBe('done');
    await web1.check();
    expect(web1.isEnabled('quotas')).toBe(false);
    expect(await late.check()).toMatchObject([{ mode: 'native' }, { mode: 'native' }]);
  });

  it('without a way back is enabled by who accepts that, and stays', async () => {
    await start('2.0', 'web1');
    const feature = 'no_way';
    await expect(enableFeature({ app: 'app', shards, feature, by: 'test' })).rejects.toMatchObject({
      code: 'FEATURE_REFUSED',
      detail: { evidence: expect.arrayContaining(['abort to 1.0 is refused on shard a']) },
    });
    expect(await act(enableFeature, { feature, acceptsNoWayBack: true })).toBe('done');
    expect(await act(disableFeature, { feature })).toBe('FEATURE_REFUSED');
  });

  it('is refused while a server uses a shard that nobody asks', async () => {
    await start('2.0', 'web1');
    const some = shards.slice(0, 1);
    expect(await act(enableFeature, { shards: some })).toBe('FEATURE_REFUSED');
  });

  it('counts for nothing what is not said properly, and is off on older states', async () => {
    const [a, b] = shards.map(({ url }) => url);
    const say = (about: unknown) =>
      admin(
        a as string,
        `select halflap.register_server(gen_random_uuid(), 'odd', '2.0', 'native', 30, $1::jsonb)`,
        [JSON.stringify(about)],
      );
    await say([1]);
    await say({ features: { quotas: { since: '2.0' } }, behaviours: {}, shards: [] });
    await start('2.0', 'web1');
    expect(await act(enableFeature)).toBe('FEATURE_REFUSED');
    const { rows } = await admin(
      b as string,
      `select pg_get_functiondef('halflap.register_server'::regproc) as text`,
    );
    await admin(b as string, 'alter function halflap.register_server rename to other');
    try {
      const web2 = await start('2.0', 'web2');
      expect(web2.status()).toMatchObject([{ mode: 'native' }, { mode: 'native' }]);
      expect(web2.isEnabled('quotas')).toBe(false);
    } finally {
      await admin(b as string, `drop function halflap.other; ${rows[0].text}`);
    }
  });

  it('keeps out a server whose transactions see an older snapshot', async () => {
    const [a] = shards;
    await withSession(a?.url ?? '', async (client) => {
      await client.query('begin isolation level repeatable read; select 1 from halflap.shard');
      await start('2.0', 'web1');
      expect(await act(enableFeature)).toBe('done');
      await expect(
        client.query(`select halflap.renew_lease(gen_random_uuid(), 'old', '1.0', 'native', 30)`),
      ).rejects.toMatchObject({ code: '40001' });
    });
  });
});

describe(`features in any order, seed ${seed}`, () => {
  it('are never enabled while a server lives that does not support them', async () => {
    const random = randomFrom(seed);
    const story: string[] = [];
    let count = 0;
    const acts: Record<string, () => Promise<unknown>> = {
      start: () => start(random.pick(['1.0', '2.0', '2.0']), `web${++count}`),
      stop: async () => {
        if (fleets.size > 1) await stop(random.pick([...fleets]));
      },
      'stop the older ones': async () => {
        for (const fleet of fleets) if (older.has(fleet)) await stop(fleet);
      },
      enable: () => act(enableFeature),
      disable: () => act(disableFeature),
      'enable, killed': () => act(enableFeature, stopping(random.below(7))),
      'disable, killed': () => act(disableFeature, stopping(random.below(7))),
      'enable beside a start': () =>
        Promise.all([act(enableFeature), start('1.0', `web${++count}`)]),
    };
    await start('2.0', 'first');
    for (let step = 0; step < 12; step += 1) {
      const served = [...fleets].filter(isServed);
      const often = ['start', 'stop the older ones', 'enable', 'disable'];
      const name = random.pick([...Object.keys(acts), ...often]);
      story.push(`${name}: ${JSON.stringify(await acts[name]?.())}`.slice(0, 60));
      await Promise.all([...fleets].map((fleet) => fleet.check()));
      // Nobody who works is shut out: what stands against an act is asked first.
      const lost = served.filter((fleet) => fleets.has(fleet) && !isServed(fleet)).length;
      expect({ story, unsafe: await unsafe(), lost }).toEqual({ story, unsafe: [], lost: 0 });
    }
    // Whatever was left half done is completed by running it again.
    await Promise.all([...fleets].map((fleet) => stop(fleet)));
    const last = await start('2.0', 'last');
    expect({ story, end: await act(enableFeature) }).toEqual({ story, end: 'done' });
    await last.check();
    expect(last.isEnabled('quotas')).toBe(true);
  });
});

/** Stops at the given step as a process that is killed: nothing is undone. */
function stopping(at: number): Partial<FeatureOptions> {
  let steps = 0;
  return {
    onStep: () => {
      steps += 1;
      if (steps > at) throw new Error('killed');
    },
  };
}
