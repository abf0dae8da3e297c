// The agents' endpoint against a client of its own: enrolment, one session per host, facts stored,
// and whoever breaks the rules cut off without harm to others.

import { randomBytes, randomUUID, webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { HalflapError } from '@halflap/protocol';
import {
  type AgentFrame,
  checkAgentFrame,
  type Enrolled,
  type Hello,
  type Report,
  type ServerFrame,
} from '@halflap/protocol/agent';
import {
  type Authority,
  Bus,
  type Endpoint,
  type Journals,
  memoryCarrier,
  openAuthority,
  SECRET_BYTES,
  type Store,
  startEndpoint,
  startJournals,
} from '@halflap/server';
import * as x509 from '@peculiar/x509';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { oddMessage } from '../agent/odd-messages.js';
import { randomFrom } from '../oracle/random.js';
import { openTestStore, SILENT, type TestStore } from './store.js';

const SEED = Number(process.env.HALFLAP_SEED ?? Date.now() % 1_000_000_000);
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

let test: TestStore;
let authority: Authority;
let endpoint: Endpoint;
let other: Endpoint;
let journals: Record<string, Journals>;
const buses: Bus[] = [];
const open = new Set<WebSocket>();

beforeAll(async () => {
  test = await openTestStore(2);
  const options = { secret: randomBytes(SECRET_BYTES), hostCertificateDays: 30, clock };
  authority = await openAuthority(test.store, options);
  const two = await test.open('two');
  journals = { one: await openJournals('one', test.store), two: await openJournals('two', two) };
  endpoint = await start('one', test.store);
  other = await start('two', two);
});

afterAll(async () => {
  for (const socket of open) socket.terminate();
  await endpoint.stop();
  await other.stop();
  for (const bus of buses) await bus.stop();
  await test.drop();
});

const clock = () => new Date();

async function openJournals(server: string, store: Store): Promise<Journals> {
  const bus = new Bus({ fleet: store.fleet, server, carrier: memoryCarrier(), clock, pollMs: 50 });
  bus.start();
  buses.push(bus);
  const made = startJournals({ store, bus, server, log: SILENT });
  await made.begun;
  return made;
}

function start(server: string, store: Store): Promise<Endpoint> {
  return startEndpoint({
    ...{ store, authority, server, version: '1.0', log: SILENT, clock },
    duties: [journals[server]?.duty].filter((duty) => duty !== undefined),
    ...{ heartbeatSeconds: 30, reportSeconds: 60, handshakesPerSecond: 500 },
    ...{ now: () => performance.now(), random: Math.random },
    listen: { host: '127.0.0.1', port: 0 },
    names: ['localhost', '127.0.0.1'],
    redeem: async (_, { token }) => {
      if (token !== 'good' && token !== 'careful') {
        throw new HalflapError('ENROLMENT_REFUSED', 'the token is unknown');
      }
      const id = '00000000-0000-4000-8000-000000000000';
      return { id, labels: { env: 'prod' }, needsApproval: token === 'careful' };
    },
  });
}

interface Identity {
  readonly enrolled: Enrolled;
  readonly key: string;
}

async function keysAndRequest() {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const pkcs10 = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=host',
    keys,
    signingAlgorithm: ALGORITHM,
  });
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const key = `-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----`;
  return { key, request: pkcs10.toString('pem') };
}

async function post(body: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const asked = request({
    ...{ host: '127.0.0.1', port: endpoint.port, method: 'POST', path: '/agent/enrol' },
    ...{ ca: authority.certificate, servername: 'halflap-server' },
  });
  asked.end(body);
  const [response] = await once(asked, 'response');
  let text = '';
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode, body: JSON.parse(text) };
}

async function identity(token = 'good'): Promise<Identity> {
  const { key, request } = await keysAndRequest();
  const asked = { token, hostname: 'web-1', machineId: null, agentVersion: '1.0', request };
  const { status, body } = await post(JSON.stringify(asked));
  expect(status, JSON.stringify(body)).toBe(200);
  return { key, enrolled: body as Enrolled };
}

const HELLO: Hello = {
  type: 'hello',
  protocol: { oldest: 1, newest: 7 },
  agentVersion: '1.0',
  abilities: { packages: ['dpkg'], services: true },
  allowed: ['packages'],
  revision: 0,
  unfinished: [],
};

interface Talk {
  readonly socket: WebSocket;
  say(frame: AgentFrame): void;
  /** The next message of that type; what comes before is passed over. */
  hear<Type extends ServerFrame['type']>(type: Type): Promise<Extract<ServerFrame, { type: Type }>>;
  closed: Promise<number>;
}

async function talk({ key, enrolled }: Identity, to = endpoint, hello = HELLO): Promise<Talk> {
  const socket = new WebSocket(`wss://127.0.0.1:${to.port}/agent/session`, 'halflap-agent', {
    ...{ ca: enrolled.authorities, cert: enrolled.chain, key, servername: 'halflap-server' },
  });
  open.add(socket);
  const heard: ServerFrame[] = [];
  const waiting = new Set<() => void>();
  socket.on('message', (data) => {
    heard.push(JSON.parse(String(data)));
    for (const wake of waiting) wake();
  });
  const closed = once(socket, 'close').then(([code]) => code as number);
  await once(socket, 'open');
  const say = (frame: AgentFrame) => socket.send(JSON.stringify(frame));
  const hear: Talk['hear'] = async (type) => {
    for (;;) {
      const at = heard.findIndex((frame) => frame.type === type);
      if (at >= 0) return heard.splice(0, at + 1).at(-1) as never;
      await new Promise<void>((resolve) => {
        const wake = () => {
          waiting.delete(wake);
          resolve();
        };
        waiting.add(wake);
      });
    }
  };
  say(hello);
  return { socket, say, hear, closed };
}

const hostRow = async (host: string) =>
  (
    await test.store.readHost<Record<string, unknown>>(host, 'select * from hosts where id = $1', [
      host,
    ])
  )[0];

const pack = (name: string, version: string, candidate: string | null = null) => ({
  ...{ manager: 'dpkg' as const, name, architecture: 'amd64', version, candidate },
  ...{ isSecurity: candidate !== null, isHeld: false },
});

const service = (name: string, active: string) => ({
  ...{ name, description: name, load: 'loaded', active, sub: 'running' },
  ...{ enabled: 'enabled', since: '2026-01-02T03:04:05Z' },
});

const report = (revision: number, base: number | null, rest: Partial<Report>): Report => ({
  ...{ type: 'report', revision, base, isLast: true },
  ...rest,
});

describe('enrolment', () => {
  it('gives a host its row, its labels and a certificate', async () => {
    const { enrolled } = await identity();
    expect(enrolled).toMatchObject({ state: 'active', authorities: authority.certificate });
    expect(await hostRow(enrolled.host)).toMatchObject({
      state: 'active',
      labels: { env: 'prod' },
    });
  });

  it('can be repeated with the same key', async () => {
    const { request } = await keysAndRequest();
    const body = { token: 'good', hostname: 'web', machineId: null, agentVersion: '1', request };
    const [first, second] = [await post(JSON.stringify(body)), await post(JSON.stringify(body))];
    expect(second.body.host).toBe(first.body.host);
  });

  it('is refused with what is wrong', async () => {
    const { request } = await keysAndRequest();
    const body = { token: 'bad', hostname: 'web', machineId: null, agentVersion: '1', request };
    const answers = [
      await post('{'),
      await post('{}'),
      await post(JSON.stringify({ ...body, request: 'x' })),
      await post(JSON.stringify(body)),
      await post(' '.repeat(100_000)),
    ];
    expect(answers.map(({ status, body: { code } }) => [status, code])).toEqual([
      [400, 'API_INVALID'],
      [400, 'API_INVALID'],
      [400, 'API_INVALID'],
      [403, 'ENROLMENT_REFUSED'],
      [413, 'API_TOO_LARGE'],
    ]);
  });
});

describe('a session', () => {
  it('is refused without a certificate, and with one that was revoked', async () => {
    const bare = new WebSocket(`wss://127.0.0.1:${endpoint.port}/agent/session`, {
      ...{ ca: authority.certificate, servername: 'halflap-server' },
    });
    const [error] = await once(bare, 'error');
    expect(String(error)).toContain('401');
    const one = await identity();
    const { host } = one.enrolled;
    await test.store.withHost(host, (client) =>
      client.query('update host_certificates set revoked_at = now() where host_id = $1', [host]),
    );
    const { hear, closed } = await talk(one);
    expect(await hear('goodbye')).toMatchObject({ reason: 'revoked' });
    await closed;
  });

  it('waits for approval where the token says so', async () => {
    const one = await identity('careful');
    expect(one.enrolled.state).toBe('pending');
    const { hear } = await talk(one);
    expect(await hear('goodbye')).toMatchObject({ reason: 'pending' });
  });

  it('is the only one of its host, whichever server has it', async () => {
    const one = await identity();
    const first = await talk(one);
    expect(await first.hear('welcome')).toMatchObject({ fence: 1, protocol: 1, server: 'one' });
    const second = await talk(one);
    expect(await first.hear('goodbye')).toMatchObject({ reason: 'replaced' });
    expect(await second.hear('welcome')).toMatchObject({ fence: 2 });
    const third = await talk(one, other);
    expect(await third.hear('welcome')).toMatchObject({ fence: 3, server: 'two' });
    await endpoint.sessions.flush();
    expect(await second.hear('goodbye')).toMatchObject({ reason: 'replaced' });
    expect(await hostRow(one.enrolled.host)).toMatchObject({ server: 'two', fence: '3' });
  });

  it('has a number above all that its host has seen, as after a restore', async () => {
    const one = await identity();
    const { hear } = await talk(one, endpoint, { ...HELLO, fence: 41 });
    expect(await hear('welcome')).toMatchObject({ fence: 42 });
  });

  it('says goodbye where no protocol is common', async () => {
    const hello = { ...HELLO, protocol: { oldest: 900, newest: 901 } };
    const { hear } = await talk(await identity(), endpoint, hello);
    expect(await hear('goodbye')).toMatchObject({
      reason: 'protocol',
      detail: '900 to 901 against 1 to 1',
    });
  });

  it('renews the certificate of its host', async () => {
    const one = await identity();
    const first = await talk(one);
    const { key, request } = await keysAndRequest();
    first.say({ type: 'certificate_asked', request });
    const { chain } = await first.hear('certificate');
    const again = await talk({ key, enrolled: { ...one.enrolled, chain } });
    expect(await again.hear('welcome')).toMatchObject({ fence: 2 });
  });
});

describe('facts', () => {
  it('are stored whole, then by what changed, and asked anew where a base is missing', async () => {
    const one = await identity();
    const { host } = one.enrolled;
    const { say, hear } = await talk(one);
    expect(await hear('welcome')).toMatchObject({ revision: 0 });
    const packages = { changed: [pack('a', '1'), pack('b', '1', '2')], removed: [] };
    say(report(1, null, { isLast: false, packages }));
    say(report(1, null, { services: { changed: [service('x', 'failed')], removed: [] } }));
    expect(await hear('reported')).toEqual({ type: 'reported', revision: 1, isNeeded: false });
    expect(await hostRow(host)).toMatchObject({
      ...{ packages_installed: 2, packages_upgradable: 1, packages_security: 1 },
      ...{ services_failed: 1, revision: '1' },
    });
    const changed = [pack('b', '2'), pack('c', '1')];
    say(report(2, 1, { packages: { changed, removed: ['dpkg|a|amd64'] } }));
    await hear('reported');
    const rows = await test.store.readHost<{ line: string }>(
      host,
      `select name || version as line from host_packages where host_id = $1 order by name`,
      [host],
    );
    expect(rows.map(({ line }) => line)).toEqual(['b2', 'c1']);
    say(report(9, 7, {}));
    expect(await hear('reported')).toEqual({ type: 'reported', revision: 2, isNeeded: true });
    say(report(10, null, { packages: { changed: [pack('z', '1')], removed: [] } }));
    await hear('reported');
    expect(await hostRow(host)).toMatchObject({ packages_installed: 1, services_failed: 0 });
  });
});

describe('the journal of a service', () => {
  it('is read by any server from the one that has the session', async () => {
    const one = await identity();
    const { host } = one.enrolled;
    const { say, hear } = await talk(one);
    await hear('welcome');
    const asked = { host, service: 'nginx.service', lines: 3 };
    for (const server of ['one', 'two']) {
      const read = journals[server]?.read(asked);
      const { id, ...what } = await hear('journal_asked');
      expect(what).toEqual({ type: 'journal_asked', service: 'nginx.service', lines: 3 });
      say({ type: 'journal', id, lines: [`asked by ${server}`], error: null });
      expect(await read).toEqual([`asked by ${server}`]);
    }
    const failing = journals.two?.read(asked);
    say({
      type: 'journal',
      id: (await hear('journal_asked')).id,
      lines: [],
      error: 'no such unit',
    });
    await expect(failing).rejects.toMatchObject({ code: 'HOST_AWAY', message: 'no such unit' });
  });

  it('cannot be read of a host that is not connected', async () => {
    const { host } = (await identity()).enrolled;
    const read = journals.one?.read({ host, service: 'x', lines: 1 });
    await expect(read).rejects.toMatchObject({ code: 'HOST_AWAY', retryable: false });
  });
});

describe(`the endpoint (HALFLAP_SEED=${SEED})`, () => {
  it('cuts off whoever breaks the rules, and serves the others', async () => {
    const good = await talk(await identity());
    await good.hear('welcome');
    const wrong: readonly (readonly [string | Buffer, RegExp])[] = [
      ['{', /must be/],
      ['{"type":"report"}', /revision/],
      ['{"type":"hello"}', /protocol/],
      [JSON.stringify(HELLO), /once/],
      [Buffer.from([1, 2, 3]), /text/],
    ];
    for (const [text, reason] of wrong) {
      const { socket, hear, closed } = await talk(await identity());
      await hear('welcome');
      socket.send(text);
      const { detail } = await hear('goodbye');
      expect(detail, `${text}`).toMatch(reason);
      expect(await closed).toBe(1008);
    }
    const large = await talk(await identity());
    await large.hear('welcome');
    large.socket.send('x'.repeat(300_000));
    expect(await large.closed).toBe(1009);
    const raw = connectTcp(endpoint.port, '127.0.0.1');
    raw.write('GET / HTTP/1.1\r\n\r\n');
    raw.resume();
    await once(raw, 'close');
    good.say({ type: 'heartbeat' });
    await once(good.socket, 'pong');
  });

  it('ends a session by what is no message, and by nothing else', async () => {
    const random = randomFrom(SEED);
    const who = await identity();
    const right: readonly AgentFrame[] = [
      { type: 'heartbeat' },
      { ...report(1, null, {}), packages: { changed: [pack('sed', '4.9')], removed: ['x'] } },
      { ...report(2, 1, {}), services: { changed: [service('cron', 'active')], removed: [] } },
      { type: 'journal', id: randomUUID(), lines: ['a line'], error: null },
    ];
    let one = await talk(who);
    await one.hear('welcome');
    for (let count = 0; count < 100; count += 1) {
      const text = oddMessage(random, right);
      one.socket.send(text);
      if (isTaken(text)) {
        one.say({ type: 'heartbeat' });
        await once(one.socket, 'pong');
        continue;
      }
      expect(await one.hear('goodbye'), text).toMatchObject({ reason: 'malformed' });
      expect(await one.closed, text).toBe(1008);
      one = await talk(who);
      await one.hear('welcome');
    }
  });

  it('says goodbye when it stops, and the store knows at once', async () => {
    const store = await test.open('three');
    const third = await start('three', store);
    const one = await identity();
    const { hear } = await talk(one, third);
    await hear('welcome');
    await third.stop();
    expect((await hear('goodbye')).reason).toBe('stopping');
    const [row] = await test.store.readHost<{ is_over: boolean }>(
      one.enrolled.host,
      'select session_expires_at <= now() as is_over from hosts where id = $1',
      [one.enrolled.host],
    );
    expect(row).toEqual({ is_over: true });
  });
});

function isTaken(text: string): boolean {
  try {
    const checked = checkAgentFrame(JSON.parse(text));
    return checked.ok || checked.unknownType !== undefined;
  } catch {
    return false;
  }
}
