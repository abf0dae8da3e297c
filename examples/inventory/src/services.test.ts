// Both releases keep the same promises over HTTP, each on its own schema, each in its own field
// names.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { open } from '@halflap/client';
import { compileServers, loadServers, nothingStated } from '@halflap/engine';
import { type FreshDatabase, freshDatabase } from '@halflap/engine/testing';
import type { ServersFile } from '@halflap/protocol';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { placementOf } from './http/placement.js';
import { listen, type Running, type Service } from './http/process.js';
import { DIALECTS, type Json, type ReleaseName } from './load/dialect.js';
import { ask } from './load/http-client.js';
import { createApp as createApp1 } from './service-1.0/app.js';
import { openShards } from './service-1.0/shards.js';
import { createApp as createApp2 } from './service-2.0/app.js';

type Urls = Readonly<Record<string, string>>;

const SERVICES: Readonly<Record<ReleaseName, (urls: Urls) => Promise<Service>>> = {
  '1.0': async (urls) => createApp1(openShards(urls, 'test'), 'test'),
  '2.0': async (urls) => {
    const fleet = await open({
      app: 'inventory',
      release: '2.0',
      shards: Object.entries(urls).map(([name, url]) => ({ name, url })),
      unregistered: 'native',
      locate: placementOf,
      servers: await serversFile(),
    });
    return createApp2(fleet, 'test');
  },
};

/** As `halflap build` makes it. */
async function serversFile(): Promise<ServersFile> {
  const directory = fileURLToPath(new URL('../releases/2.0', import.meta.url));
  const to = await loadServers(directory, '2.0');
  return compileServers({ app: 'inventory', from: nothingStated('1.0'), to });
}

async function install(release: ReleaseName, url: string): Promise<void> {
  const file = new URL(`../releases/${release}/schema.sql`, import.meta.url);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(await readFile(file, 'utf8'));
  await client.query("insert into sites (code, city) values ('fra', 'Frankfurt')");
  await client.end();
}

describe.each(['1.0', '2.0'] as const)('inventory %s', (release) => {
  const dialect = DIALECTS[release];
  let databases: FreshDatabase[] = [];
  let running: Running;

  beforeAll(async () => {
    databases = [await freshDatabase(), await freshDatabase()];
    for (const { url } of databases) await install(release, url);
    const urls = Object.fromEntries(databases.map(({ url }, index) => [`shard${index}`, url]));
    running = await listen(await SERVICES[release](urls), 0);
  });

  afterAll(async () => {
    await running.close();
    for (const database of databases) await database.drop();
  });

  const send = (method: string, path: string, body?: Json) => ask(running.port, method, path, body);
  const create = (name: string) =>
    send('POST', '/hosts', { name, ...dialect.edit({ owner: 'ops', memoryMb: 2048 }) });
  const facts = async (name: string) => dialect.host((await send('GET', `/hosts/${name}`)).body);

  it('creates a host that nobody has heard of yet', async () => {
    const reply = await create('fresh');
    expect(reply.status).toBe(201);
    expect(dialect.host(reply.body)).toMatchObject({
      name: 'fresh',
      owner: 'ops',
      memoryMb: 2048,
      site: null,
      tags: [],
      status: 'unknown',
      reason: null,
      heartbeats: 0,
      lastSeen: null,
    });
    expect(await facts('fresh')).toEqual(dialect.host(reply.body));
  });

  it('refuses a second host of a name, and a host without one', async () => {
    await create('twice');
    expect((await create('twice')).status).toBe(409);
    expect((await send('POST', '/hosts', dialect.edit({ owner: 'ops' }))).status).toBe(400);
  });

  it('edits what is given and leaves the rest', async () => {
    await create('edited');
    const edit = dialect.edit({ owner: 'web', tags: ['a', 'b'], site: 'fra' });
    expect((await send('PATCH', '/hosts/edited', edit)).status).toBe(200);
    expect(await facts('edited')).toMatchObject({
      owner: 'web',
      tags: ['a', 'b'],
      site: 'fra',
      memoryMb: 2048,
    });
  });

  it('counts every heartbeat, also when the first ones meet', async () => {
    await create('beating');
    const beat = { load: 0.5, agentVersion: '7.1' };
    const replies = await Promise.all(
      Array.from({ length: 12 }, () => send('POST', '/hosts/beating/heartbeat', beat)),
    );
    expect(replies.map((reply) => reply.status)).toEqual(Array(12).fill(200));
    expect(await facts('beating')).toMatchObject({ heartbeats: 12, load: 0.5 });
  });

  it('keeps the last status and logs each', async () => {
    await create('watched');
    await send('PUT', '/hosts/watched/status', dialect.status('down', 'no answer'));
    await send('PUT', '/hosts/watched/status', dialect.status('ok', null));
    expect(await facts('watched')).toMatchObject({ status: 'ok', reason: null });
    const { events } = (await send('GET', '/hosts/watched/events')).body;
    expect((events as Json[]).map((event) => [event.kind, event.message])).toEqual([
      ['created', 'watched'],
      ['status', 'down'],
      ['status', 'ok'],
    ]);
  });

  it('deletes a host with all that belongs to it, and knows it no more', async () => {
    await create('deleted');
    await send('POST', '/hosts/deleted/heartbeat', { load: 1 });
    expect((await send('DELETE', '/hosts/deleted')).status).toBe(204);
    const gone = await Promise.all([
      send('GET', '/hosts/deleted'),
      send('PATCH', '/hosts/deleted', dialect.edit({ owner: 'x' })),
      send('POST', '/hosts/deleted/heartbeat', {}),
      send('PUT', '/hosts/deleted/status', dialect.status('ok', null)),
      send('DELETE', '/hosts/deleted'),
    ]);
    expect(gone.map((reply) => reply.status)).toEqual([404, 404, 404, 404, 404]);
    await create('deleted');
    expect(await facts('deleted')).toMatchObject({ heartbeats: 0 });
  });

  it.runIf(release === '2.0')('keeps to what 1.0 can, and what its clients expect', async () => {
    await create('between');
    const odd = await send('PATCH', '/hosts/between', { memoryBytes: 2 ** 20 + 1 });
    expect(odd).toMatchObject({ status: 409 });
    const heartbeatFor = async (path: string) => (await send('GET', path)).body.heartbeat;
    expect(await heartbeatFor('/hosts/between')).toBeNull();
    expect(await heartbeatFor('/hosts/between?release=2.0')).toBeNull();
    expect(await heartbeatFor('/hosts/between?release=1.0')).toMatchObject({ count: 0 });
  });

  it('lists all shards in one order, page by page', async () => {
    for (let index = 0; index < 8; index += 1) await create(`page-${index}`);
    const first = await send('GET', '/hosts?after=page&limit=5');
    const names = (first.body.hosts as Json[]).map((host) => host.name);
    expect(names).toEqual(['page-0', 'page-1', 'page-2', 'page-3', 'page-4']);
    const rest = await send('GET', '/hosts?after=page-4&limit=3');
    expect((rest.body.hosts as Json[]).map((host) => host.name)).toEqual([
      'page-5',
      'page-6',
      'page-7',
    ]);
    expect(new Set(rest.tally.map((work) => work.shard)).size).toBe(2);
  });

  it('says which release and which server answered, and in which mode', async () => {
    const reply = await send('GET', '/status');
    expect(reply.release).toBe(release);
    expect(reply.body).toMatchObject({
      release,
      server: 'test',
      shards: [{ mode: 'native' }, { mode: 'native' }],
    });
  });
});
