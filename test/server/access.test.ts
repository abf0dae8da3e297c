// Who gets in, what he may do then, and what of it is written: over real shards, with several
// servers, and while the home shard is away.

import { randomUUID } from 'node:crypto';
import {
  coveredGrants,
  hashPassword,
  hostConditions,
  makeSetupToken,
  makeUser,
  openStore,
  parseSelector,
  redeemEnrolmentToken,
  type Store,
  selectorText,
  selects,
  verifyAudit,
  writeGrants,
} from '@halflap/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openGate } from '../../bench/src/app/gate.js';
import { createWorkspace, jsonLines } from '../../packages/cli/test/run-cli.js';
import { randomFrom } from '../oracle/random.js';
import { type Answer, addHost, makeToken, openTestApi, type TestApi } from './api.js';
import { CLIENT, startProvider } from './provider.js';
import { openTestStore, SILENT, type TestStore } from './store.js';

const SEED = Number(process.env.HALFLAP_SEED ?? Date.now() % 1_000_000_000);
const PASSWORD = 'correct horse battery';
let test: TestStore;
let api: TestApi;
let other: TestApi;

beforeAll(async () => {
  test = await openTestStore(2);
  api = await openTestApi(test);
  other = await openTestApi({ store: await test.open('two') });
});

afterAll(async () => {
  await api?.app.close();
  await other?.app.close();
  await test?.drop();
});

/** The cookie of an answer, as a browser sends it back. */
function cookieOf({ headers }: Answer, name = '__Host-halflap_session'): string {
  const lines = [headers['set-cookie']].flat().map(String);
  const line = lines.find((one) => one.startsWith(`${name}=`)) ?? '';
  return line.split(';')[0] ?? '';
}

const signIn = (
  name: string,
  password = PASSWORD,
  rest: { headers?: Record<string, string> } = {},
) => api.ask('POST', '/api/v1/session', { payload: { name, password }, ...rest });

async function addUser(store: Store, name: string): Promise<string> {
  const passwordHash = await hashPassword(PASSWORD);
  return store.home.transaction(async (client) => {
    const user = await makeUser(client, { name, passwordHash });
    await writeGrants(client, { user }, [{ role: 'viewer', selector: null }]);
    return user;
  });
}

describe('the first user', () => {
  it('is made once, with a token that a server gave', async () => {
    const token = await makeSetupToken(test.store);
    const second = await makeSetupToken(test.store);
    const setUp = (secret: unknown, name: string) =>
      other.ask('POST', '/api/v1/setup', { payload: { token: secret, name, password: PASSWORD } });
    expect((await setUp('hls_wrong', 'Root')).status).toBe(403);
    const ways = async (headers = {}) =>
      (await other.ask('GET', '/api/v1/sign-in', { headers })).body;
    expect(await ways()).toEqual({ signedIn: false, needsSetup: true, provider: false });
    const answers = await Promise.all([setUp(token, 'Root'), setUp(second, 'toor')]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
    expect(await makeSetupToken(test.store)).toBeNull();
    const made = answers.find(({ status }) => status === 201) as Answer;
    const cookie = cookieOf(made);
    const { body } = await api.ask('GET', '/api/v1/users', { headers: { cookie } });
    expect(body.items).toMatchObject([{ grants: [{ role: 'admin', selector: null }] }]);
    expect(await ways()).toEqual({ signedIn: false, needsSetup: false, provider: false });
    expect(await ways({ cookie })).toMatchObject({ signedIn: true });
  });
});

describe('a session', () => {
  it('comes by a cookie that no script reads, new at every sign-in', async () => {
    await addUser(test.store, 'anna');
    const first = await signIn('Anna');
    expect(first.status).toBe(201);
    expect(String(first.headers['set-cookie'])).toMatch(/HttpOnly; Secure; SameSite=Lax/);
    const second = await signIn('anna', PASSWORD, { headers: { cookie: cookieOf(first) } });
    expect(cookieOf(second)).not.toBe(cookieOf(first));
    const known = (answer: Answer) =>
      other.ask('GET', '/api/v1/session', { headers: { cookie: cookieOf(answer) } });
    expect((await known(first)).status).toBe(401);
    expect((await known(second)).body).toMatchObject({ kind: 'user', name: 'anna' });
    expect((await signIn('anna', 'wrong')).body.code).toBe('API_UNAUTHENTICATED');
    expect((await signIn('nobody', 'wrong')).body.code).toBe('API_UNAUTHENTICATED');
  });

  it('acts only from a page of this server', async () => {
    const begun = await signIn('anna');
    const cookie = cookieOf(begun);
    const act = (headers: Record<string, string>) =>
      api.ask('DELETE', '/api/v1/session', { headers: { cookie, ...headers } });
    const refused = await act({});
    expect(refused).toMatchObject({
      status: 403,
      body: { fields: [{ field: 'headers.x-csrf-token' }] },
    });
    expect((await act({ 'x-csrf-token': begun.body.csrfToken })).status).toBe(204);
    expect((await api.ask('GET', '/api/v1/session', { headers: { cookie } })).status).toBe(401);
  });

  it('ends when it is idle, when it is old, and when its user is disabled', async () => {
    const id = await addUser(test.store, 'ben');
    const statusAfter = async (sql: string) => {
      const cookie = cookieOf(await signIn('ben'));
      await test.store.home.query(sql, [id]);
      return (await api.ask('GET', '/api/v1/session', { headers: { cookie } })).status;
    };
    const set = (what: string) => `update sessions set ${what} where user_id = $1`;
    expect(await statusAfter(set(`seen_at = now() - interval '1 hour'`))).toBe(200);
    expect(await statusAfter(set(`seen_at = now() - interval '13 hours'`))).toBe(401);
    expect(await statusAfter(set(`expires_at = now()`))).toBe(401);
    const cookie = cookieOf(await signIn('ben'));
    const edit = await api.as('admin')('PATCH', `/api/v1/users/${id}`, {
      payload: { state: 'disabled' },
    });
    expect(edit.status).toBe(204);
    expect((await other.ask('GET', '/api/v1/session', { headers: { cookie } })).status).toBe(401);
    expect((await signIn('ben')).status).toBe(401);
  });

  it('is tried a limited number of times, counted by all servers together', async () => {
    await addUser(test.store, 'carl');
    const tries = Array.from({ length: 12 }, (_, at) =>
      (at % 2 === 0 ? api : other).ask('POST', '/api/v1/session', {
        payload: { name: 'carl', password: 'wrong' },
      }),
    );
    const statuses = (await Promise.all(tries)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(10);
    const late = await signIn('carl');
    expect(late).toMatchObject({ status: 429, body: { code: 'API_TOO_MANY' } });
    expect(Number(late.headers['retry-after'])).toBeGreaterThan(60);
    await test.store.home.query(
      `update sign_in_attempts set counted_from = now() - interval '1 hour'`,
      [],
    );
    expect((await signIn('carl')).status).toBe(201);
  });
});

describe('roles', () => {
  it('for some hosts neither see nor touch others, nor move a host in or out', async () => {
    const dev = await addHost(test.store, { hostname: 'dev', labels: { env: 'dev' } });
    const prod = await addHost(test.store, { hostname: 'prod', labels: { env: 'prod' } });
    const ask = api.as('operator', 'env=dev');
    expect((await ask('GET', '/api/v1/hosts?total=true')).body).toMatchObject({ total: 1 });
    const change = (id: string, payload: object) =>
      ask('PATCH', `/api/v1/hosts/${id}`, { payload });
    expect((await change(prod, { notes: 'mine' })).status).toBe(404);
    expect((await change(dev, { labels: { env: 'prod' } })).status).toBe(403);
    const done = await change(dev, { labels: { env: 'dev', rack: '7' }, notes: 'ours' });
    expect(done).toMatchObject({ status: 200, body: { labels: { rack: '7' }, notes: 'ours' } });
    const { body } = await api.as('auditor')('GET', `/api/v1/audit?target=host ${dev}`);
    expect(body.items.map(({ outcome }: { outcome: string }) => outcome)).toEqual([
      ...['done', 'intended'],
      ...['refused', 'intended'],
    ]);
  });

  it('of a token are within those of its owner, also when he has less by then', async () => {
    const id = await addUser(test.store, 'dora');
    const begun = await signIn('dora');
    const headers = { cookie: cookieOf(begun), 'x-csrf-token': begun.body.csrfToken };
    const make = (role: string, selector: string | null = null) =>
      api.ask('POST', '/api/v1/api-tokens', {
        payload: { name: 'mine', grants: [{ role, selector }], expiresInSeconds: 600 },
        headers,
      });
    expect((await make('operator')).status).toBe(403);
    expect((await make('viewer', '')).body.fields[0].field).toBe('body.grants.0.selector');
    const { body } = await make('viewer', 'env=dev');
    const use = () =>
      api.ask('GET', '/api/v1/hosts?total=true', {
        headers: { authorization: `Bearer ${body.token}` },
      });
    expect((await use()).body.total).toBe(1);
    const listed = await api.ask('GET', '/api/v1/api-tokens', { headers });
    expect(listed.body.items).toMatchObject([{ prefix: body.token.slice(0, 10), user: 'dora' }]);
    expect(listed.text).not.toContain(body.token);
    const setGrants = (selector: string) =>
      api.as('admin')('PUT', `/api/v1/users/${id}/grants`, {
        payload: { grants: [{ role: 'viewer', selector }] },
      });
    await setGrants('env=prod');
    expect((await use()).status).toBe(403);
    await setGrants('env=dev');
    expect((await api.ask('DELETE', `/api/v1/api-tokens/${body.id}`, { headers })).status).toBe(
      204,
    );
    expect((await use()).status).toBe(401);
  });

  it('leave an administrator when the last two go at the same time', async () => {
    const alone = await openTestStore(1);
    const [one, two] = [await openTestApi(alone), await openTestApi(alone)];
    try {
      // Each as(…) is a token of a user of its own. Each removes himself: who removes another may
      // find that he is not known himself any more.
      const asking = [one.as('admin'), two.as('admin')] as const;
      const ids = new Set<string>();
      for (const ask of asking) {
        for (const { id } of (await ask('GET', '/api/v1/users')).body.items) ids.add(id);
      }
      const [first, second] = ids;
      const answers = await Promise.all([
        asking[0]('DELETE', `/api/v1/users/${first}`),
        asking[1]('DELETE', `/api/v1/users/${second}`),
      ]);
      expect(answers.map(({ status }) => status).sort()).toEqual([204, 409]);
    } finally {
      await one.app.close();
      await two.app.close();
      await alone.drop();
    }
  });
});

describe('halflap users rescue', () => {
  it('lets who is locked out in again without a session, and is in the audit log', async () => {
    const workspace = createWorkspace();
    const [{ name = '', url = '' } = {}] = test.shards;
    workspace.write('halflap.yaml', `app: halflap\nshards: [{ name: ${name}, url: "${url}" }]\n`);
    workspace.write('password', 'a password of the rescue\n');
    const id = await addUser(test.store, 'locked');
    await test.store.home.query(`update users set state = 'disabled' where id = $1`, [id]);
    const files = ['--password-file', 'password', '--json'];
    const { code, stdout } = await workspace.run(['users', 'rescue', 'Locked', ...files]);
    workspace.remove();
    expect([code, jsonLines(stdout)]).toMatchObject([0, [{ id, isNew: false }]]);
    const begun = await signIn('locked', 'a password of the rescue');
    const headers = { cookie: cookieOf(begun) };
    const { body } = await api.ask('GET', '/api/v1/session', { headers });
    expect(body.grants).toContainEqual({ role: 'admin', selector: null });
    const audit = await api.as('auditor')('GET', '/api/v1/audit?act=user.rescue');
    expect(audit.body.items).toMatchObject([{ target: `user ${id}`, outcome: 'done' }]);
  });
});

describe('selectors of labels', () => {
  const random = randomFrom(SEED);
  const term = () => {
    const [key, value] = [random.pick(['env', 'rack', 'a/b']), random.pick(['', '1', 'x.y'])];
    return random.pick([`${key}=${value}`, `${key}!=${value}`, key, `!${key}`]);
  };
  const selector = () => Array.from({ length: 1 + random.below(3) }, term).join(',');
  const labels = () => {
    const keys = ['env', 'rack', 'a/b', 'other'].filter(() => random.percent(60));
    return Object.fromEntries(keys.map((key) => [key, random.pick(['', '1', 'x.y'])]));
  };

  it(`match the same hosts here and in the database (seed ${SEED})`, async () => {
    for (let round = 0; round < 200; round += 1) {
      const [text, host] = [selector(), labels()];
      const parsed = parseSelector(text, 'text');
      expect(selectorText(parsed)).toBe(text);
      const conditions = hostConditions({ label: [text] }, 'all');
      const { rows } = await test.store.home.query<{ matches: boolean }>(
        `select ${conditions.text} as matches
         from (select ${conditions.place(JSON.stringify(host))}::jsonb as labels) as h`,
        conditions.values,
      );
      const what = `${text} on ${JSON.stringify(host)}`;
      expect(rows[0]?.matches, what).toBe(selects(parsed, host));
    }
  });

  it(`within others match none that those do not (seed ${SEED})`, () => {
    const grant = () => ({ role: 'viewer', selector: parseSelector(selector(), 'text') }) as const;
    let covered = 0;
    for (let round = 0; round < 2000; round += 1) {
      const [outer, inner, host] = [grant(), grant(), labels()];
      if (coveredGrants([outer], [inner]).length === 0) continue;
      covered += 1;
      if (selects(inner.selector, host)) expect(selects(outer.selector, host)).toBe(true);
    }
    expect(covered).toBeGreaterThan(20);
  });
});

describe('the standing of a host', () => {
  it('is changed step by step, and a revoked one has no session and no certificate', async () => {
    const id = await addHost(test.store, { hostname: 'new', labels: { env: 'dev' } });
    const set = (sql: string) => test.store.withHost(id, (client) => client.query(sql, [id]));
    await set(`update hosts set state = 'pending' where id = $1`);
    await set(`insert into host_certificates
      (serial, host_id, fingerprint, authority, not_before, not_after)
      values ('1', $1, 'f', 'a', now(), now())`);
    const ask = async (method: 'POST' | 'DELETE', what: string, because?: string) => {
      const rest = because === undefined ? {} : { payload: { because } };
      return (await api.as('operator', 'env=dev')(method, `/api/v1/hosts/${id}${what}`, rest))
        .status;
    };
    const outside = await api.as('operator', 'env=prod')('POST', `/api/v1/hosts/${id}/approve`);
    expect(outside.status).toBe(404);
    expect(await ask('POST', '/approve')).toBe(204);
    expect(await ask('DELETE', '')).toBe(409);
    expect(await ask('POST', '/revoke', 'it was stolen')).toBe(204);
    expect(await ask('POST', '/approve')).toBe(409);
    const { rows } = await set(
      `select h.state, h.fence::int, h.session_expires_at > now() as online, c.revoked_because
       from hosts h join host_certificates c on c.host_id = h.id where h.id = $1`,
    );
    const because = { revoked_because: 'it was stolen' };
    expect(rows).toEqual([{ state: 'revoked', fence: 1, online: false, ...because }]);
    const events = await api.as('viewer')('GET', `/api/v1/hosts/${id}/events`);
    expect(events.body.items.map(({ kind }: { kind: string }) => kind)).toEqual([
      'revoked',
      'approved',
    ]);
    expect(await ask('DELETE', '')).toBe(204);
    expect(await ask('DELETE', '')).toBe(404);
  });
});

describe('enrolment tokens', () => {
  it('are shown once, and used as often as they may be', async () => {
    const ask = api.as('operator');
    const make = (rest: object) =>
      ask('POST', '/api/v1/enrolment-tokens', { payload: { name: 'rack 7', ...rest } });
    const { body } = await make({ maxUses: 2, labels: { rack: '7' }, needsApproval: true });
    const redeem = (host: string, token = body.token) =>
      test.store.home.transaction((client) => redeemEnrolmentToken(client, { token, host }));
    const [a, b, c] = [randomUUID(), randomUUID(), randomUUID()];
    expect(await redeem(a)).toEqual({ id: body.id, labels: { rack: '7' }, needsApproval: true });
    await redeem(a);
    const both = await Promise.allSettled([redeem(b), redeem(c)]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const refusal = (message: RegExp) => ({
      code: 'ENROLMENT_REFUSED',
      message: expect.stringMatching(message),
    });
    await expect(redeem(randomUUID())).rejects.toMatchObject(refusal(/used 2 times/));
    const list = await ask('GET', '/api/v1/enrolment-tokens');
    expect(list.body.items).toMatchObject([{ id: body.id, uses: 2, state: 'used up' }]);
    expect(list.text).not.toContain(body.token);
    const more = (await make({})).body;
    expect((await ask('DELETE', `/api/v1/enrolment-tokens/${more.id}`)).status).toBe(204);
    await expect(redeem(a, more.token)).rejects.toMatchObject(refusal(/revoked/));
    await expect(redeem(a, 'hle_unknown')).rejects.toMatchObject(refusal(/unknown/));
  });
});

describe('the audit log', () => {
  const verify = () => test.store.home.transaction((client) => verifyAudit(client));

  it('is one chain, though many servers write it at once', async () => {
    const before = (await verify()).entries;
    const acts = Array.from({ length: 10 }, (_, at) =>
      (at % 2 === 0 ? api : other).as('operator')('POST', '/api/v1/enrolment-tokens', {
        payload: { name: `t${at}` },
      }),
    );
    await Promise.all(acts);
    expect(await verify()).toMatchObject({ ok: true, entries: before + 10, broken: null });
    const { body } = await api.as('auditor')('GET', '/api/v1/audit?limit=1');
    expect(body.items[0]).toMatchObject({
      ...{ act: 'enrolment-token.create', outcome: 'done', address: '127.0.0.1' },
      actor: expect.stringMatching(/^owner-.*\/test$/),
    });
  });

  it('has what was refused, too, and never a secret', async () => {
    await api.as('viewer')('POST', '/api/v1/enrolment-tokens', { payload: { name: 'x' } });
    await api.as('admin')('POST', '/api/v1/users', {
      payload: { name: 'emil', password: PASSWORD, grants: [] },
    });
    const { text, body } = await api.as('auditor')('GET', '/api/v1/audit?limit=2');
    expect(body.items).toMatchObject([
      { act: 'user.create', target: 'user emil', outcome: 'done' },
      { act: 'enrolment-token.create', outcome: 'refused', detail: { error: 'API_FORBIDDEN' } },
    ]);
    expect(text).not.toContain(PASSWORD);
    // Of the statement, and not of the answer's shape.
    expect(text).not.toContain('sort_place');
  });

  it('says the first entry that was changed, removed, or cut off', async () => {
    const { home } = test.store;
    const { entries } = await verify();
    const broken = async (sql: string) => {
      let answer: unknown;
      const undone = home.transaction(async (client) => {
        await client.query(sql);
        answer = (await verifyAudit(client)).broken;
        throw new Error('undo it');
      });
      await expect(undone).rejects.toThrow('undo it');
      return answer;
    };
    expect(await broken(`update audit_entries set actor = 'x' where number = 3`)).toMatchObject({
      number: '3',
    });
    expect(await broken('delete from audit_entries where number = 2')).toMatchObject({
      number: '2',
    });
    const last = `delete from audit_entries where number = ${entries}`;
    expect(await broken(last)).toMatchObject({ number: String(entries) });
    expect((await api.as('auditor')('GET', '/api/v1/audit/verify')).body).toMatchObject({
      ok: true,
      entries,
    });
  });
});

describe('while the home shard is away', () => {
  it('who was known reads hosts for 15 minutes, all else says so, and nothing hangs', async () => {
    const three = await openTestStore(3);
    const [home, ...rest] = three.shards as [{ name: string; url: string }];
    const gate = await openGate(home.url);
    const shards = [{ name: home.name, url: gate.url }, ...rest];
    const store = await openStore({ shards, server: 'gated', poolSize: 4, log: SILENT });
    let now = Date.now();
    const gated = await openTestApi(
      { store },
      { clock: () => new Date(now), settings: { homeMs: 200, shardMs: 300, answerMs: 1000 } },
    );
    try {
      const hosts = await Promise.all(
        Array.from({ length: 12 }, (_, at) => addHost(store, { hostname: `h${at}` })),
      );
      const [there] = hosts.filter((id) => store.shardOf(id).name !== home.name);
      const authorization = `Bearer ${await makeToken(store, 'admin')}`;
      const unseen = `Bearer ${await makeToken(store, 'admin')}`;
      const ask = (path: string, known = authorization) =>
        gated.ask('GET', `/api/v1${path}`, { headers: { authorization: known } });
      expect((await ask('/hosts?total=true')).body.total).toBe(12);
      for (const mode of ['shut', 'silent'] as const) {
        gate.set(mode);
        const list = await ask('/hosts');
        expect(list.status, mode).toBe(200);
        expect(list.body.shards).toMatchObject([{ ok: false }, { ok: true }, { ok: true }]);
        expect((await ask(`/hosts/${there}`)).status).toBe(200);
        for (const answer of [
          await ask('/hosts', unseen),
          await ask('/users'),
          await ask('/session'),
          await gated.ask('PATCH', `/api/v1/hosts/${there}`, {
            payload: { notes: 'x' },
            headers: { authorization },
          }),
          await gated.ask('POST', '/api/v1/session', { payload: { name: 'a', password: 'b' } }),
        ]) {
          expect(answer).toMatchObject({ status: 503, body: { code: 'STORE_UNAVAILABLE' } });
          expect(answer.body.detail, mode).toMatch(/home shard/);
        }
        gate.set('open');
        await store.fleet.check();
      }
      expect((await ask('/users')).status).toBe(200);
      gate.set('shut');
      now += 16 * 60_000;
      expect((await ask('/hosts')).status).toBe(503);
    } finally {
      await gated.app.close();
      gate.set('open');
      await store.close();
      await gate.close();
      await three.drop();
    }
  });
});

describe('sign-in at a provider', () => {
  it('makes users whose roles are those of their groups now', async () => {
    const redirectUrl = 'http://halflap.test/api/v1/oidc/callback';
    const provider = await startProvider(redirectUrl);
    const oidc = {
      ...{ issuer: provider.issuer, clientId: CLIENT.id, clientSecret: CLIENT.secret, redirectUrl },
      ...{ groupsClaim: 'groups', scopes: ['groups'], allowHttp: true },
      groups: {
        admins: [{ role: 'admin', selector: null }],
        web: [{ role: 'operator', selector: 'role=web' }],
      },
    } as const;
    const signed = await openTestApi(test, { settings: { oidc } });
    const visit = async (name: string, groups: string[]) => {
      provider.next({ name, groups });
      const start = await signed.ask('GET', '/api/v1/oidc/start?returnTo=/hosts');
      expect(start.status).toBe(302);
      const back = await provider.visit(String(start.headers.location));
      const path = `${back.pathname}${back.search}`;
      const cookie = cookieOf(start, '__Host-halflap_oidc');
      const strange = await signed.ask('GET', path);
      expect(strange.status).toBe(401);
      return signed.ask('GET', path, { headers: { cookie } });
    };
    const who = async (answer: Answer) =>
      (await signed.ask('GET', '/api/v1/session', { headers: { cookie: cookieOf(answer) } })).body;
    const ways = await signed.ask('GET', '/api/v1/sign-in');
    expect(ways.body).toMatchObject({ signedIn: false, provider: true });
    try {
      const first = await visit('frida', ['web', 'others']);
      expect(first).toMatchObject({ status: 302, headers: { location: '/hosts' } });
      const operator = [{ role: 'operator', selector: 'role=web' }];
      expect(await who(first)).toMatchObject({ name: 'frida', grants: operator });
      const { userId } = await who(first);
      const later = await who(await visit('frida', ['admins']));
      expect(later).toMatchObject({ userId, grants: [{ role: 'admin', selector: null }] });
      expect(await visit('frida', ['others'])).toMatchObject({ status: 403 });
      // The same name as a user's here proves nothing.
      expect(await visit('anna', ['admins'])).toMatchObject({ status: 409 });
    } finally {
      await signed.app.close();
      await provider.close();
    }
  });
});
