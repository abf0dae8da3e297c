// Halflap upgrades itself by its own campaign.

import type { Campaign } from '@halflap/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withClient } from '../evolving/databases.js';
import { type OwnGround, openOwnGround } from './itself-ground.js';
import { until } from './job-cluster.js';

const TIMEOUT_MS = 300_000;
let ground: OwnGround;

beforeAll(async () => {
  ground = await openOwnGround();
}, TIMEOUT_MS);

afterAll(() => ground.close());

const post = (path: string, payload: object = {}) =>
  ground.ask('POST', `/api/v1/${path}`, { payload });
const get = (path: string) => ground.ask('GET', `/api/v1/${path}`);

async function campaignOf(id: string): Promise<Campaign> {
  return (await get(`campaigns/${id}`)).body;
}

async function declare(): Promise<string> {
  const command = (word: string) => ({ run: ['/bin/halflap', word, '{server}', '{release}'] });
  const { status, body, text } = await post('clusters', {
    ...{ name: 'itself', app: 'halflap', shards: ground.test.shards },
    servers: { named: ground.servers.map(({ name }) => ({ name, host: 'web-0' })) },
    commands: { upgrade: command('upgrade'), restart: command('restart') },
  });
  expect(status, text).toBe(201);
  return body.id;
}

async function start(cluster: string, rest: object = {}): Promise<string> {
  const policy = { healthSeconds: 60, deadlineSeconds: 120 };
  const planned = await post('campaigns', { cluster, policy, ...rest });
  expect(planned.status, planned.text).toBe(201);
  await begin(planned.body.id);
  return planned.body.id;
}

async function begin(id: string): Promise<void> {
  const { digest } = await campaignOf(id);
  const approved = await post(`campaigns/${id}/approve`, { digest });
  expect(approved.status, approved.text).toBe(200);
  const started = await post(`campaigns/${id}/start`);
  expect(started.status, started.text).toBe(200);
}

const sees = (id: string, holds: (campaign: Campaign) => boolean) => {
  let told = '';
  return until(() => campaignOf(id), (one) => {
    const line = `${one?.state} ${one?.reason} ` + one?.plan?.filter((s) => s.state !== 'succeeded').map((s) => `${s.id} ${s.state} ${s.wait?.why ?? ''} ${s.message ?? ''}`).slice(0,3).join(' | ');
    if (line !== told) console.log(new Date().toISOString().slice(14), line);
    told = line;
    return holds(one);
  });
};

const isSeen = ({ state, plan }: Campaign, step: string) => {
  if (state !== 'running' && state !== 'finished') throw new Error(JSON.stringify({ state, plan }));
  return plan.find(({ id }) => id === step)?.state === 'succeeded';
};

describe('Halflap', () => {
  it(
    'upgrades itself',
    async () => {
      const cluster = await declare();
      const added = await post('evolutions', { bundle: ground.next.bundle });
      expect(added.status, added.text).toBe(201);
      const [one, two] = ground.servers;
      const id = await start(cluster);
      console.log((await campaignOf(id)).plan.map((s) => s.id));
      await sees(id, (c) => isSeen(c, 'shard/s1/expand'));
      const back = await post(`campaigns/${id}/back`);
      expect(back.status, back.text).toBe(201);
      await begin(back.body.id);
      await sees(back.body.id, ({ state }) => state === 'finished');
      expect([one.installed, two.installed]).toEqual(['1.0', '1.0']);
      const again = await start(cluster);
      for (const shard of ['s1', 's2']) {
        await post(`campaigns/${again}/approve`, { step: `shard/${shard}/contract` });
      }
      await sees(again, ({ state }) => state === 'finished');
      expect([one.installed, two.installed]).toEqual(['2.0', '2.0']);
    },
    TIMEOUT_MS,
  );
});
