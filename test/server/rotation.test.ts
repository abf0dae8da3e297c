// The cluster's keys are replaced while servers and hosts go on: real agents' sessions on two
// servers, of which one reads the keys later than the other; hosts that were away; processes that
// are killed between two steps.

import { spawn } from 'node:child_process';
import { randomBytes, verify } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { enrol, HostIdentity, parseAddress, storedIdentity } from '@halflap/agent';
import {
  type Authority,
  authorityRoutes,
  type Endpoint,
  openAuthority,
  SECRET_BYTES,
  type Session,
  startEndpoint,
} from '@halflap/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuthority } from '../../packages/server/src/authority/certificates.js';
import { type EnrolledHost, enrolOptions, removeDirectories, startSession } from '../agent/host.js';
import { type Asking, openTestApi, type TestApi } from './api.js';
import { until } from './job-cluster.js';
import { openTestStore, SILENT, type TestStore } from './store.js';

interface Member {
  readonly authority: Authority;
  readonly endpoint: Endpoint;
  /** By host. */
  readonly sessions: Map<string, Session>;
}

const PROGRAM = fileURLToPath(new URL('rotate-and-die.mjs', import.meta.url));
const secret = randomBytes(SECRET_BYTES);
const clock = () => new Date();

let test: TestStore;
let one: Member;
let two: Member;
let api: TestApi;
let admin: Asking;

beforeAll(async () => {
  test = await openTestStore(2);
  one = await start('one');
  two = await start('two');
  const { store } = test;
  const routes = authorityRoutes({ store, authority: one.authority, secret, clock });
  api = await openTestApi(test, { routes });
  admin = api.as('admin');
});

afterAll(async () => {
  await api.app.close();
  for (const { endpoint } of [one, two]) await endpoint.stop();
  await test.drop();
  removeDirectories();
});

async function start(server: string): Promise<Member> {
  const { store } = test;
  const authority = await openAuthority(store, { secret, hostCertificateDays: 30, clock, server });
  const sessions = new Map<string, Session>();
  const duty = {
    opened: async (session: Session) => void sessions.set(session.host, session),
    received: async () => {},
    closed: () => {},
  };
  const endpoint = await startEndpoint({
    ...{ store, authority, server, version: '1.0', log: SILENT, clock, duties: [duty] },
    ...{ heartbeatSeconds: 30, reportSeconds: 60, handshakesPerSecond: 500 },
    ...{ now: () => performance.now(), random: Math.random },
    listen: { host: '127.0.0.1', port: 0 },
    names: ['127.0.0.1'],
    redeem: async () => ({
      ...{ id: '00000000-0000-4000-8000-000000000000', labels: {}, needsApproval: false },
    }),
  });
  return { authority, endpoint, sessions };
}

const addressOf = ({ endpoint }: Member) => parseAddress(`127.0.0.1:${endpoint.port}`);

async function newHost(hostname: string): Promise<EnrolledHost> {
  const options = enrolOptions({ address: addressOf(one), authority: one.authority });
  return { state: options.state, identity: await enrol({ ...options, hostname }) };
}

/** A session with that server, once it is open. */
async function connect(host: EnrolledHost, member: Member) {
  const session = startSession(host, [addressOf(member)]);
  await session.states.next(({ state }) => state === 'open');
  return session;
}

/** Beats until the host has got another certificate. */
async function untilRenewed(
  { clock }: ReturnType<typeof startSession>,
  { identity }: EnrolledHost,
) {
  const { certificate } = identity.kept;
  await until(
    async () => clock.advance(30_000),
    () => identity.kept.certificate !== certificate,
  );
}

/** Whoever can write the home shard, and has no secret. */
const putAuthority = (certificate: string) =>
  test.store.home.query(
    `update cluster_keys set public_part = $1 where kind = 'authority' and retired_at is null`,
    [certificate],
  );

const act = async (path: string, payload: object = {}) => {
  const answer = await admin('POST', `/api/v1/authority/${path}`, { payload });
  return { ...answer.body, status: answer.status };
};

const status = async () => (await admin('GET', '/api/v1/authority/status')).body;

/** Until the cluster knows what hosts have kept. */
const untilStatus = (holds: (now: Awaited<ReturnType<typeof status>>) => boolean) =>
  until(status, holds);

const keysOf = ({ identity }: EnrolledHost) => identity.orderKeys.map(({ id }) => id);

/** Whether the host would run what that server signs for it. */
function takesOrders({ identity }: EnrolledHost, { authority, sessions }: Member): boolean {
  const session = sessions.get(identity.current.host);
  const { key, signature } = authority.signOrder('text', session?.kept?.keys ?? null);
  const known = identity.orderKeys.find(({ id }) => id === key);
  if (known === undefined) return false;
  return verify(null, Buffer.from('text'), known.publicKey, Buffer.from(signature, 'base64'));
}

describe('the key of orders', () => {
  it('is replaced while servers differ, and reaches hosts that were away', async () => {
    const host = await newHost('web-1');
    const away = await newHost('web-2');
    const [first = ''] = keysOf(host);
    const session = await connect(host, one);
    const made = await act('orders-key/rotate');
    expect(made).toMatchObject({ status: 200, isNew: true });
    expect(await act('orders-key/rotate')).toMatchObject({ id: made.id, isNew: false });
    await untilStatus(({ ordersKeys }) => ordersKeys[1].hosts === 1);
    expect(keysOf(host)).toEqual([first, made.id]);
    expect(one.authority.signOrder('text', keysOf(host)).key).toBe(made.id);
    expect(two.authority.signOrder('text', keysOf(host)).key).toBe(first);
    expect([takesOrders(host, one), takesOrders(host, two)]).toEqual([true, true]);

    // Who knows more than a server, which cannot read the keys now, is not told to forget it.
    await session.session.stop();
    const { certificate } = one.authority;
    await putAuthority((await createAuthority(clock())).certificate);
    const ahead = await connect(host, two);
    const run = '00000000-0000-4000-8000-000000000000';
    two.sessions.get(host.identity.current.host)?.send({ type: 'output_kept', run, below: 7 });
    await ahead.orders.calls.next((call) => call === 'output kept below 7');
    expect([keysOf(host), takesOrders(host, two)]).toEqual([[first, made.id], true]);
    await putAuthority(certificate);
    await ahead.session.stop();

    const refused = await act('orders-key/retire');
    expect(refused).toMatchObject({ status: 409, detail: expect.stringMatching(/new .*: two$/) });
    // A host that knows more than a server makes it look.
    const other = await connect(host, two);
    expect(await act('orders-key/retire')).toMatchObject({ status: 200, retired: first });
    expect(await act('orders-key/retire')).toMatchObject({ retired: null });
    await two.authority.refresh();
    await until(
      async () => keysOf(host),
      ([only, ...more]) => only === made.id && more.length === 0,
    );
    await other.session.stop();

    const last = await act('orders-key/rotate');
    await two.authority.refresh();
    await act('orders-key/retire');
    await two.authority.refresh();
    // It knows the first key only: between that and the last one there is one that nobody has.
    const late = await connect(away, two);
    await until(
      async () => keysOf(away),
      ([only]) => only === last.id,
    );
    expect([keysOf(away), takesOrders(away, two)]).toEqual([[last.id], true]);
    await late.session.stop();
  });
});

describe('the authority', () => {
  it('is replaced under way; the old one goes once no host needs it, or by words', async () => {
    const host = await newHost('db-1');
    const away = await newHost('db-2');
    const others = (await status()).hosts - 2;
    const [before] = host.identity.kept.authorities;
    const session = await connect(host, one);
    expect(await act('drop')).toMatchObject({ retired: null });
    expect(await act('rotate')).toMatchObject({ status: 200, isNew: true });
    // Server two has not read it: it would not take certificates of the new one yet.
    await untilStatus(({ authorities }) => authorities[1].hosts === 1);
    const { authorities } = await status();
    const pin: string = authorities[1].pin;
    expect(host.identity.kept.authorities).toEqual([before, pin]);
    expect(authorities.map((one: { certificates: number }) => one.certificates)).toEqual([
      others + 2,
      0,
    ]);
    expect((await act('drop')).detail).toMatch(/have not read the new authority: two/);

    await two.authority.refresh();
    await one.authority.refresh();
    await untilRenewed(session, host);
    await untilStatus((now) => now.authorities[1].certificates === 1);
    await session.session.stop();
    const second = await connect(host, two);

    const refused = await act('drop', { words: 'lose 1 host' });
    const words = `lose ${others + 1} hosts`;
    expect(refused).toMatchObject({
      ...{ status: 409, code: 'API_CONFLICT', detail: expect.stringContaining('db-2') },
      hint: expect.stringContaining(words),
    });
    expect((await status()).dependants).toMatchObject({ hosts: others + 1, words });
    expect(await act('drop', { words })).toMatchObject({ status: 200, retired: before });
    await two.authority.refresh();
    await until(
      async () => host.identity.kept.authorities,
      (kept) => kept.join() === pin,
    );
    await second.session.stop();
    await (await connect(host, one)).session.stop();

    const lost = startSession(away, [addressOf(one)]);
    const { because } = await lost.waiting();
    expect(because).toMatch(/its authority is none that this host trusts/);
    await lost.session.stop();
    const old = enrolOptions(
      { address: addressOf(one), authority: one.authority },
      away.state.path,
    );
    const identity = await enrol({ ...old, trust: { pin } });
    expect(identity.current.host).toBe(away.identity.current.host);
    await connect({ state: away.state, identity }, two);
    // A unit that still names the authority from before starts the same host.
    const again = await enrol({ ...old, trust: { pin: before ?? '' } });
    expect(again.current).toEqual(identity.current);
  });
});

describe('a public half that somebody has put into the database', () => {
  it('is not taken by a server, which goes on with what it has read', async () => {
    const { certificate } = one.authority;
    await putAuthority((await createAuthority(clock())).certificate);
    await expect(one.authority.refresh()).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    expect(one.authority.certificate).toBe(certificate);
    await putAuthority(certificate);
    await one.authority.refresh();
  });
});

describe('whoever is killed between two steps', () => {
  const killedAfter = async (act: 'rotate' | 'retire') => {
    const options = { shards: test.shards, secret: secret.toString('hex'), act };
    const child = spawn(process.execPath, [PROGRAM, JSON.stringify(options)], { stdio: 'inherit' });
    expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
  };

  it('has replaced the keys, and others go on', async () => {
    const host = await newHost('app-1');
    await killedAfter('rotate');
    for (const path of ['rotate', 'orders-key/rotate']) {
      expect(await act(path)).toMatchObject({ status: 200, isNew: false });
    }
    await two.authority.refresh();
    await one.authority.refresh();

    // The agent dies before what it was told is on its disk.
    const { state, identity } = host;
    const dying = new HostIdentity(identity.current, identity.key, () => {
      throw new Error('killed');
    });
    const first = startSession({ state, identity: dying }, [addressOf(one)]);
    await first.waiting();
    await first.session.stop();
    const stored = storedIdentity(state);
    if (stored === null) throw new Error('the identity has gone');
    expect(stored.current).toEqual(identity.current);
    const session = await connect({ state, identity: stored }, one);
    await untilStatus(({ ordersKeys }) => ordersKeys[1].hosts === 1);
    expect(stored.kept).toMatchObject({ keys: { length: 2 }, authorities: { length: 2 } });
    await untilRenewed(session, { state, identity: stored });

    await killedAfter('retire');
    for (const path of ['drop', 'orders-key/retire']) {
      expect(await act(path)).toMatchObject({ status: 200, retired: null });
    }
    await one.authority.refresh();
    await until(
      async () => stored.kept,
      ({ keys, authorities }) => keys.length + authorities.length === 2,
    );
    // By the authority that is left: each side trusts no other.
    await session.session.stop();
    const { session: last } = await connect({ state, identity: stored }, one);
    await last.stop();
  });
});
