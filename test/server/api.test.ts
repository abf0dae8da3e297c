// The API over real shards: what it lists, what it refuses, and what it says when a shard is away.

import { randomUUID } from 'node:crypto';
import { get } from 'node:http';
import { connect } from 'node:net';
import {
  actAtHome,
  alertRoutes,
  authorityRoutes,
  bodyOf,
  bucketOf,
  busRoutes,
  DEFAULT_SETTINGS,
  type Jobs,
  jobRoutes,
  live,
  moveBucket,
  openAuthority,
  openStore,
  ROLE_NAMES,
  ROLES,
  type Role,
  SECRET_BYTES,
  startJobs,
} from '@halflap/server';
import { Type } from 'typebox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addHost, makeToken, openTestApi, type TestApi } from './api.js';
import { openTestStore, SILENT, type TestStore } from './store.js';

let test: TestStore;
let api: TestApi;
let jobs: Jobs;
const ids: string[] = [];
let made = 0;

const making = actAtHome({
  method: 'POST',
  path: '/api/v1/test-things',
  summary: 'Makes a thing.',
  permission: 'hosts:write',
  body: bodyOf({ name: Type.String({ minLength: 2 }) }),
  status: 201,
  answer: Type.Object({ name: Type.String(), number: Type.Integer() }),
  audit: { act: 'thing.create', on: ({ body }) => `thing ${body.name}` },
  async handle({ body }) {
    made += 1;
    return { name: body.name, number: made };
  },
});

let tooSlow = (): void => {};
const counting = live({
  method: 'GET',
  path: '/api/v1/test-live',
  summary: 'Counts from where the client was.',
  permission: 'hosts:read',
  query: { flood: Type.Optional(Type.Boolean()) },
  handle:
    async ({ query }) =>
    async (view) => {
      const { flood = false } = query;
      const data = flood ? 'x'.repeat(10_000) : null;
      for (
        let number = Number(view.lastEventId ?? 0) + 1;
        number <= (flood ? 2000 : 3);
        number += 1
      ) {
        if (!view.send({ id: String(number), event: 'count', data })) return tooSlow();
        await new Promise(setImmediate);
      }
    },
});

const waiting = live({
  method: 'GET',
  path: '/api/v1/test-waiting',
  summary: 'Waits for its end.',
  permission: 'hosts:read',
  handle:
    async ({ signal }) =>
    () =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
});

beforeAll(async () => {
  test = await openTestStore(3);
  const alerts = { kick() {} };
  const secret = Buffer.alloc(SECRET_BYTES, 1);
  const { store } = test;
  const clock = () => new Date();
  const authority = await openAuthority(store, { secret, hostCertificateDays: 1, clock });
  const silent = () => () => {};
  const rings = { ring: async () => {}, ended: async () => {}, begun: Promise.resolve() };
  const doorbell = { ...rings, on: silent, onEnded: silent };
  const driving = { server: 'one', leaseSeconds: 15, keptDays: 90 };
  jobs = startJobs({ store, authority, doorbell, ...driving, log: SILENT });
  const on = { store, log: SILENT, settings: DEFAULT_SETTINGS };
  const routes = [
    ...[making, counting, ...busRoutes(on)],
    ...alertRoutes({ store, secret, alerts }),
    ...authorityRoutes({ store, authority, secret, clock }),
    ...jobRoutes({ store, log: SILENT, settings: DEFAULT_SETTINGS, jobs }),
  ];
  api = await openTestApi(test, { routes, settings: { unreadBytes: 65_536 } });
  for (let at = 0; at < 20; at += 1) {
    const number = String(at).padStart(2, '0');
    ids.push(
      await addHost(test.store, {
        hostname: `web-${number}.example`,
        labels: { env: at % 2 === 0 ? 'prod' : 'dev', ...(at < 5 ? { edge: 'yes' } : {}) },
        upgradable: at % 3,
        lastSeenAt: at % 4 === 0 ? null : `2026-11-01T00:00:${number}.123456Z`,
        packages: { bash: '5.2', openssl: at < 3 ? '3.0.1' : '3.0.2', [`only-${number}`]: '1' },
        services: { 'ssh.service': at === 7 ? 'failed' : 'active' },
      }),
    );
  }
});

afterAll(async () => {
  await api?.app.close();
  await jobs?.stop();
  await test?.drop();
});

const hostnames = async (query: string, selector?: string) => {
  const { body } = await api.as('viewer', selector)('GET', `/api/v1/hosts?${query}`);
  return body.items?.map(({ hostname }: { hostname: string }) => hostname) ?? body;
};

/** All pages of a list, following `next`. */
async function allPages(url: string, selector?: string): Promise<Record<string, unknown>[]> {
  const items = [];
  let cursor = '';
  do {
    const { body } = await api.as('viewer', selector)('GET', url + cursor);
    items.push(...body.items);
    cursor = body.next === null ? '' : `&cursor=${body.next}`;
  } while (cursor !== '');
  return items;
}

type Operations = Record<string, Record<string, { readonly description: string }>>;

describe('every route', () => {
  it('is refused to who is not known, and to a role without its permission', async () => {
    const { body } = await api.as(null)('GET', '/api/v1/openapi.json');
    const operations = Object.entries(body.paths as Operations).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { description }]) => ({ path, method, description })),
    );
    expect(operations.length).toBeGreaterThan(30);
    for (const { path, method, description } of operations) {
      const url = path.replace(/\{\w+\}/g, randomUUID());
      const ask = async (role: Role | 'none' | null) => {
        // No body is right for all of them; who may ask is told that, and the others are not.
        const payload = method === 'get' || method === 'delete' ? {} : { payload: { no: 'field' } };
        return (await api.as(role)(method.toUpperCase() as 'GET', url, payload)).status;
      };
      const [, permission] = /permission (\S+)\./.exec(description) ?? [];
      const isForAnyone = description.startsWith('Needs no permission');
      const what = `${method} ${path}`;
      if (isForAnyone) expect([401, 403], what).not.toContain(await ask(null));
      else expect(await ask(null), what).toBe(401);
      if (permission === undefined) {
        expect([401, 403], what).not.toContain(await ask('none'));
        continue;
      }
      for (const role of ROLE_NAMES) {
        const has = (ROLES[role] as readonly string[]).includes(permission);
        const status = await ask(role);
        if (has) expect([401, 403], `${what} as ${role}`).not.toContain(status);
        else expect(status, `${what} as ${role}`).toBe(403);
      }
    }
  });

  it('of the fleet is refused to a role for some hosts', async () => {
    const { status } = await api.as('admin', 'env=prod')('GET', '/api/v1/users');
    expect(status).toBe(403);
  });
});

describe('the list of hosts', () => {
  it('is sorted over all shards, and its pages hold every host once', async () => {
    for (const sort of ['hostname', 'lastSeen', 'os', 'upgradable', 'enrolled', 'security']) {
      for (const order of ['asc', 'desc']) {
        const items = await allPages(`/api/v1/hosts?limit=7&sort=${sort}&order=${order}`);
        expect(items.map((item) => item.id).sort(), sort).toEqual([...ids].sort());
        if (sort !== 'hostname') continue;
        const names = items.map((item) => String(item.hostname));
        expect(names).toEqual(order === 'asc' ? names.toSorted() : names.toSorted().reverse());
      }
    }
  });

  it('is filtered by labels, text and what hosts have', async () => {
    expect(await hostnames('label=env=prod&label=edge&limit=2')).toEqual([
      'web-00.example',
      'web-02.example',
    ]);
    expect(await hostnames('label=env!=prod,edge')).toEqual(['web-01.example', 'web-03.example']);
    expect(await hostnames('label=!edge&search=WEB-1&upgradable=true&order=desc&limit=1')).toEqual([
      'web-19.example',
    ]);
    expect(await hostnames('package=openssl&packageVersion=3.0.1&os=debian-13')).toHaveLength(3);
    expect(await hostnames('service=ssh.service&serviceState=failed')).toEqual(['web-07.example']);
    expect(await hostnames('online=false')).toEqual([]);
  });

  it('counts on demand, and only what the caller may see', async () => {
    const { body } = await api.as('viewer', 'env=dev')('GET', '/api/v1/hosts?limit=3&total=true');
    expect(body).toMatchObject({ total: 10, shards: [{ ok: true }, { ok: true }, { ok: true }] });
    expect(await hostnames('label=env=prod', 'env=dev')).toEqual([]);
    const outside = await api.as('viewer', 'env=dev')('GET', `/api/v1/hosts/${ids[0]}/packages`);
    expect(outside).toMatchObject({ status: 404, body: { code: 'API_NOT_FOUND' } });
  });

  it('refuses a cursor of another list', async () => {
    const { body } = await api.as('viewer')('GET', '/api/v1/hosts?limit=1');
    const other = await api.as('viewer')('GET', `/api/v1/hosts?sort=os&cursor=${body.next}`);
    expect(other.body).toMatchObject({ code: 'API_INVALID', fields: [{ field: 'query.cursor' }] });
  });

  it('has the hosts of the other shards, and says so, where one is away', async () => {
    const [s1, s2, s3] = test.shards;
    if (s1 === undefined || s2 === undefined || s3 === undefined) throw new Error('no shards');
    const away = { name: 's2', url: 'postgres://nobody@127.0.0.1:1/none' };
    const store = await openStore({
      shards: [s1, away, s3],
      server: 'x',
      poolSize: 2,
      log: SILENT,
    });
    const on = { store, log: SILENT, settings: DEFAULT_SETTINGS };
    const half = await openTestApi({ store }, { routes: busRoutes(on) });
    try {
      const { status, body } = await half.as('viewer')('GET', '/api/v1/hosts?limit=50&total=true');
      const there = ids.filter((id) => test.store.shardOf(id).name !== 's2');
      expect(status).toBe(200);
      expect(body.total).toBe(there.length);
      expect(body.items.map((item: { id: string }) => item.id).sort()).toEqual(there.sort());
      expect(body.shards).toMatchObject([{ ok: true }, { shard: 's2', ok: false }, { ok: true }]);
      const lost = ids.find((id) => !there.includes(id));
      const one = await half.as('viewer')('GET', `/api/v1/hosts/${lost}`);
      expect(one).toMatchObject({
        status: 503,
        headers: { 'retry-after': '2' },
        body: { code: 'STORE_UNAVAILABLE' },
      });
      // The shard that is away may have such a message.
      expect(await half.as('admin')('DELETE', `/api/v1/bus/parked/${lost}`)).toMatchObject({
        ...{ status: 503, body: { code: 'STORE_UNAVAILABLE' } },
      });
      expect((await half.as('admin')('GET', '/api/v1/bus/groups')).body).toMatchObject({
        ...{ items: [], shards: [{ ok: true }, { shard: 's2', ok: false }, { ok: true }] },
      });
      expect((await half.as(null)('GET', '/readyz')).body.shards).toMatchObject([
        { served: true },
        { served: false },
        { served: true },
      ]);
    } finally {
      await half.app.close();
      await store.close();
    }
  });
});

describe('one host', () => {
  it('has its parts, paged', async () => {
    const [id] = ids;
    const { body } = await api.as('viewer')('GET', `/api/v1/hosts/${id}`);
    expect(body).toMatchObject({ hostname: 'web-00.example', online: true, lastSeenAt: null });
    const packages = await allPages(`/api/v1/hosts/${id}/packages?limit=1`);
    expect(packages.map(({ name }) => name)).toEqual(['bash', 'only-00', 'openssl']);
    const services = await api.as('viewer')('GET', `/api/v1/hosts/${id}/services?active=active`);
    expect(services.body.items).toMatchObject([{ name: 'ssh.service', active: 'active' }]);
    const events = await api.as('viewer')('GET', `/api/v1/hosts/${id}/events`);
    expect(events.body).toEqual({ items: [], next: null });
  });
});

describe('a host whose bucket has moved', () => {
  it('is found where it is, by a server that was not told', async () => {
    const id = await addHost(test.store, {
      hostname: 'moved',
      services: { 'a.service': 'active' },
    });
    const other = await test.open('two');
    const to = test.store.shardOf(id).name === 's1' ? 's2' : 's1';
    await moveBucket(other, { bucket: bucketOf(id), to });
    const services = await api.as('viewer')('GET', `/api/v1/hosts/${id}/services`);
    expect(services.body.items).toMatchObject([{ name: 'a.service' }]);
    await test.store.withHost(id, (client) =>
      client.query('delete from hosts where id = $1', [id]),
    );
    expect((await api.as('viewer')('GET', `/api/v1/hosts/${id}`)).status).toBe(404);
  });
});

describe('names over the fleet', () => {
  it('come with the number of hosts of each variant, and every name once', async () => {
    const all = await allPages('/api/v1/packages?limit=3');
    expect(all).toHaveLength(22);
    expect(new Set(all.map(({ name }) => name)).size).toBe(22);
    expect(all.find(({ name }) => name === 'openssl')).toEqual({
      name: 'openssl',
      versions: [
        { version: '3.0.2', hosts: 17 },
        { version: '3.0.1', hosts: 3 },
      ],
    });
    const some = await allPages('/api/v1/packages?limit=2&search=only-0', 'env=dev');
    expect(some.map(({ name }) => name)).toEqual([
      'only-01',
      'only-03',
      'only-05',
      'only-07',
      'only-09',
    ]);
    const services = await allPages('/api/v1/services?limit=3');
    expect(services).toEqual([
      {
        name: 'ssh.service',
        states: [
          { state: 'active', hosts: 19 },
          { state: 'failed', hosts: 1 },
        ],
      },
    ]);
  });
});

describe('bad requests', () => {
  it('are told every field and its rule', async () => {
    const { status, headers, body } = await api.as('viewer')(
      'GET',
      '/api/v1/hosts?limit=0&sort=x&y=1',
    );
    expect(status).toBe(400);
    expect(headers['content-type']).toMatch('application/problem+json');
    expect(body.fields).toEqual(
      expect.arrayContaining([
        { field: 'query.limit', rule: 'must be >= 1' },
        { field: 'query.y', rule: 'there is no such field' },
        { field: 'query.sort', rule: expect.stringMatching(/^must be one of hostname,/) },
      ]),
    );
    const wrong = await api.as('operator')('POST', '/api/v1/test-things', {
      payload: { name: 'x', z: 1 },
    });
    expect(wrong.body.fields.map(({ field }: { field: string }) => field)).toEqual([
      'body.z',
      'body.name',
    ]);
    const selector = await api.as('viewer')('GET', '/api/v1/hosts?label=a=b=c');
    expect(selector.body.fields[0].field).toBe('query.label');
    expect((await api.as('viewer')('GET', '/api/v1/hosts/1')).body.fields[0].field).toBe('path.id');
    const noJson = await api.as('operator')('POST', '/api/v1/test-things', {
      payload: '{"na',
      headers: { 'content-type': 'application/json' },
    });
    expect(noJson.body).toMatchObject({ code: 'API_INVALID', fields: [{ field: 'body' }] });
    const large = await api.as('operator')('POST', '/api/v1/test-things', {
      payload: { name: 'x'.repeat(300_000) },
    });
    expect(large.body).toMatchObject({ status: 413, code: 'API_TOO_LARGE' });
    expect((await api.as('viewer')('GET', '/nothing')).body.code).toBe('API_NOT_FOUND');
  });
});

describe('a request that is repeated with its key', () => {
  it('is carried out once, and gets the same answer', async () => {
    const ask = (name: string, key = 'a-key-of-sixteen-letters', role: Role = 'operator') =>
      api.as(role)('POST', '/api/v1/test-things', {
        payload: { name },
        headers: { 'idempotency-key': key },
      });
    const before = made;
    const [first, ...others] = await Promise.all([ask('one'), ask('one'), ask('one')]);
    expect(first?.status).toBe(201);
    for (const other of others) expect(other).toMatchObject({ status: 201, body: first?.body });
    expect(made).toBe(before + 1);
    expect((await ask('one')).headers['idempotent-replayed']).toBe('true');
    expect(await ask('other')).toMatchObject({ status: 409, body: { code: 'API_CONFLICT' } });
    expect((await ask('one', 'a-key-of-sixteen-letters', 'admin')).body.number).toBe(before + 2);
    expect((await ask('one', 'short')).body.fields[0].field).toBe('headers.idempotency-key');
  });
});

describe('over a connection', () => {
  let port = 0;
  beforeAll(async () => {
    headers.authorization = `Bearer ${await makeToken(test.store, 'viewer')}`;
    await api.app.listen({ port: 0, host: '127.0.0.1' });
    const address = api.app.server.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
  });
  const headers: Record<string, string> = {};

  it('sends events from where the client was', async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/test-live`, {
      headers: { ...headers, 'last-event-id': '1' },
    });
    expect(answer.headers.get('content-type')).toMatch('text/event-stream');
    expect(await answer.text()).toBe(
      ': open\n\nid: 2\nevent: count\ndata: null\n\nid: 3\nevent: count\ndata: null\n\n',
    );
  });

  it('cuts off a client that does not read, and no other', async () => {
    const url = '/api/v1/test-live?flood=true';
    const cutOff = new Promise<void>((resolve) => {
      tooSlow = resolve;
    });
    const slow = get({ port, path: url, headers }, (answer) => answer.pause());
    slow.on('error', () => {});
    const fast = await fetch(`http://127.0.0.1:${port}${url}`, { headers });
    expect((await fast.text()).length).toBeGreaterThan(20_000_000);
    await cutOff;
    slow.destroy();
  });

  it('ends a live view when its token is revoked, and when the server stops', async () => {
    const app = await openTestApi(test, { routes: [waiting], settings: { heartbeatMs: 20 } });
    const origin = await app.app.listen({ port: 0, host: '127.0.0.1' });
    const watch = (authorization: string) =>
      fetch(`${origin}/api/v1/test-waiting`, { headers: { authorization } });
    const token = await makeToken(test.store, 'viewer');
    const [mine, other] = await Promise.all([
      watch(`Bearer ${token}`),
      watch(headers.authorization ?? ''),
    ]);
    const broken = expect(mine.text()).rejects.toThrow();
    await test.store.home.query('update api_tokens set revoked_at = now() where prefix = $1', [
      token.slice(0, 10),
    ]);
    await broken;
    const stopped = expect(other.text()).rejects.toThrow();
    await app.app.close();
    await stopped;
  });

  it('refuses an address that asks too often, and says when to come again', async () => {
    const strict = await openTestApi(test, { settings: { requestsPerMinute: 2 } });
    const ask = () => strict.ask('GET', '/healthz');
    const answers = [await ask(), await ask(), await ask()];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(answers[2]).toMatchObject({ body: { code: 'API_TOO_MANY', retryable: true } });
    expect(Number(answers[2]?.headers['retry-after'])).toBeGreaterThan(0);
    await strict.app.close();
  });

  it('cuts off a client that sends its request too slowly', async () => {
    const strict = await openTestApi(test, { settings: { headersMs: 100 } });
    const origin = new URL(await strict.app.listen({ port: 0, host: '127.0.0.1' }));
    const text = await new Promise<string>((resolve) => {
      const socket = connect(Number(origin.port), origin.hostname);
      socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n');
      let all = '';
      socket.on('data', (part) => {
        all += part;
      });
      socket.on('close', () => resolve(all));
    });
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    await strict.app.close();
  });

  it('answers what is no HTTP with one problem and closes', async () => {
    const text = await new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write('GET nonsense\r\n\r\n'));
      let all = '';
      socket.on('data', (part) => {
        all += part;
      });
      socket.on('close', () => resolve(all));
    });
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(text).toMatch('"code":"API_INVALID"');
  });
});
