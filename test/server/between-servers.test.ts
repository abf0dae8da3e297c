// Features, messages and retained behaviours of a cluster over HTTP, on real shards with real
// servers of two releases.

import { randomBytes } from 'node:crypto';
import { type Fleet, open } from '@halflap/client';
import { ShardReader } from '@halflap/engine/runner';
import { Bundles, betweenServersRoutes, clusterRoutes, SECRET_BYTES } from '@halflap/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, shardIn } from '../../packages/client/test/fixture.js';
import { ONE, serversFiles, TWO } from '../../packages/client/test/two-releases.js';
import { type Asking, openTestApi, type TestApi } from './api.js';
import { openTestStore, type TestStore } from './store.js';

/** Nobody listens there. */
const GONE = 'postgres://somebody:hidden@127.0.0.1:1/nowhere';
const CONSUMER = { shard: 'eu2', consumer: 'agents' };

const files = await serversFiles({ one: ONE, two: TWO });
const fleets: Fleet[] = [];
let test: TestStore;
let api: TestApi;
let ask: Asking;
let databases: Database[];
let shards: { name: string; url: string }[];
let path: string;

beforeAll(async () => {
  [test, ...databases] = await Promise.all([openTestStore(1), shardIn('dual'), shardIn('dual')]);
  shards = databases.map(({ url }, at) => ({ name: `eu${at + 1}`, url }));
  const { store } = test;
  const secret = randomBytes(SECRET_BYTES);
  const reader = new ShardReader({ timeoutMs: 5000 });
  const clusters = { store, secret, bundles: new Bundles(), reader, clock: () => new Date() };
  // Servers say every 20 s that they live; here they are told to.
  const routes = [
    ...clusterRoutes(clusters),
    ...betweenServersRoutes({ ...clusters, heardWithinMs: 100 }),
  ];
  api = await openTestApi(test, { routes });
  ask = api.as('operator');
  const { status, body } = await ask('POST', '/api/v1/clusters', { payload: declared(shards) });
  expect(status, JSON.stringify(body)).toBe(201);
  path = `/api/v1/clusters/${body.id}`;
});

afterAll(async () => {
  await Promise.all(fleets.map((fleet) => fleet.close()));
  await api.app.close();
  await test.drop();
  await Promise.all(databases.map((database) => database.drop()));
});

function declared(all: readonly object[]) {
  const commands = { upgrade: { run: ['/bin/true', '{release}'] } };
  const servers = { named: [{ name: 'new', host: 'web-0' }] };
  return { name: 'app', app: 'app', servers, commands, shards: all };
}

async function start(release: '1.0' | '2.0', server: string): Promise<Fleet> {
  const servers = release === '1.0' ? files.one : files.two;
  const fleet = await open({ app: 'app', release, server, shards, servers, leaseSeconds: 60 });
  fleets.push(fleet);
  return fleet;
}

const act = (feature: string, verb: string, payload: object = {}) =>
  ask('POST', `${path}/features/${feature}/${verb}`, { payload });

describe('the features of a cluster', () => {
  it('are refused with proof, enabled when all have heard of it, and disabled', async () => {
    const [old, fresh] = await Promise.all([start('1.0', 'old'), start('2.0', 'new')]);
    const seen = await api.as('viewer')('GET', `${path}/features`);
    const against = shards.map(
      ({ name }) => `server old runs release 1.0 on shard ${name} and does not support it`,
    );
    expect(seen.body.shards).toEqual(shards.map(({ name: shard }) => ({ shard, ok: true })));
    expect(seen.body.features[1]).toMatchObject({
      ...{ feature: 'quotas', state: 'off', since: '2.0', reversible: true, against },
      servers: [
        { server: 'new', release: '2.0', supports: true },
        { server: 'old', release: '1.0', supports: false },
      ],
    });
    const refused = await act('quotas', 'enable');
    expect(refused).toMatchObject({
      status: 409,
      body: { code: 'FEATURE_REFUSED', evidence: against },
    });
    await old.close();
    expect((await act('quotas', 'enable')).body).toMatchObject({
      ...{ state: 'underway', waitsFor: ['server new on shard eu1'] },
    });
    await fresh.check();
    const enabled = { feature: 'quotas', state: 'enabled', changed: true, waitsFor: [] };
    expect((await act('quotas', 'enable')).body).toEqual(enabled);
    const { body } = await ask('GET', `${path}/features`);
    const stands = { state: 'enabled', changedBy: expect.stringMatching(/./) };
    expect(body.features[1]).toMatchObject({ state: 'enabled', shards: [stands, stands] });
    await act('quotas', 'disable');
    await fresh.check();
    expect((await act('quotas', 'disable')).body).toMatchObject({ state: 'off' });
    const { rows } = await test.store.home.query(
      `select outcome from audit_entries where act = 'feature.enable' order by number`,
    );
    expect(rows.map(({ outcome }) => outcome)).toEqual([
      'intended',
      'refused',
      'intended',
      'done',
      'intended',
      'done',
    ]);
  });

  it('from which nothing leads back want a word of the operator', async () => {
    const refused = await act('no_way', 'enable');
    expect(refused.body).toMatchObject({
      code: 'FEATURE_REFUSED',
      hint: 'halflap clusters features enable app no_way --accept-no-way-back',
    });
    const unknown = await act('no_wy', 'enable');
    expect(unknown).toMatchObject({
      status: 409,
      body: { detail: expect.stringMatching(/no_way/) },
    });
    expect((await api.as('viewer')('POST', `${path}/features/no_way/enable`)).status).toBe(403);
  });
});

describe('the messages of a cluster', () => {
  it('are known by release, parked with their reason, given back and discarded', async () => {
    const [, fresh] = fleets;
    const old = await start('1.0', 'old');
    const text = fresh?.messages.encode('only_two', { id: 7 }, { id: 'm1' }) ?? '';
    for (const envelope of [text, 'noise']) {
      expect(await old.messages.receive(envelope, CONSUMER, async () => {})).toBe('parked');
    }
    const { body } = await ask('GET', `${path}/messages`);
    expect(body).toMatchObject({
      ...{ level: '1.0', more: false },
      speakers: [
        { release: '1.0', servers: ['old'], types: ['host_changed', 'only_one', 'report'] },
        { release: '2.0', servers: ['new'] },
      ],
      parked: [
        { shard: 'eu2', consumer: 'agents', type: 'only_two', level: '2.0', newer: true },
        { shard: 'eu2', type: null, reason: 'it is not JSON', server: 'old', returnedAt: null },
      ],
    });
    const [one, noise] = body.parked.map(({ id }: { id: string }) => id);
    const settle = (word: string, payload: object) =>
      ask('POST', `${path}/messages/${word}`, { payload });
    const back = await settle('give-back', { shard: 'eu2', ids: [one] });
    expect(back.body).toEqual({ shard: 'eu2', ids: [one] });
    const gone = await settle('discard', { shard: 'eu2', ids: [noise, '999'] });
    expect(gone.body).toEqual({ shard: 'eu2', ids: [noise] });
    const left = await ask('GET', `${path}/messages`);
    expect(left.body.parked).toMatchObject([{ id: one, returnedAt: expect.any(String) }]);
    expect((await settle('discard', { shard: 'eu9', ids: [one] })).status).toBe(404);
    expect((await settle('discard', { shard: 'eu2', ids: ['1 or 2'] })).status).toBe(400);
  });
});

describe('the retained behaviours of a cluster', () => {
  it('say how often they were met, and by whom', async () => {
    const last = await start('2.0', 'last');
    last.behaves('loud_status', '1.0');
    await last.close();
    const { body } = await ask('GET', `${path}/behaviours`);
    expect(body.behaviours).toMatchObject([
      {
        ...{ behaviour: 'loud_status', changedIn: '2.0', expires: '2030-01-31' },
        ...{ uses: { retained: 1, changed: 0 }, retained: [{ uses: 1, server: 'last' }] },
      },
    ]);
  });
});

describe('a shard that is away', () => {
  it('is said to be, stands against features, and nobody learns its address', async () => {
    const payload = declared([...shards, { name: 'eu3', url: GONE }]);
    expect((await ask('PUT', path, { payload })).status).toBe(204);
    const away = { shard: 'eu3', ok: false, error: 'does not answer' };
    const answers = await Promise.all([
      ...['features', 'messages', 'behaviours'].map((of) => ask('GET', `${path}/${of}`)),
    ]);
    for (const { body } of answers) expect(body.shards[2]).toEqual(away);
    expect(answers[0]?.body.features[0].against).toContain('shard eu3 does not answer');
    const refused = await act('quotas', 'enable');
    expect(refused.body).toMatchObject({ evidence: ['shard eu3 does not answer'] });
    const lost = await ask('POST', `${path}/messages/give-back`, { payload: { shard: 'eu3' } });
    expect(lost).toMatchObject({ status: 503, body: { detail: 'shard eu3 does not answer' } });
    const told = [...answers, refused, lost].map(({ text }) => text).join();
    expect(told).not.toMatch(/127\.0\.0\.1|nowhere|hidden|somebody/);
  });
});
