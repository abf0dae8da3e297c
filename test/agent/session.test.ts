// An agent stays connected to any one of its servers, says what was not acknowledged again, and
// does what the session that is the last one asks.

import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { type AgentOptions, HostIdentity, type Identity, runAgent } from '@halflap/agent';
import {
  authorityStatement,
  type Certificate,
  type Goodbye,
  keyStatement,
  type OfferedAuthority,
  type OfferedKey,
  type Output,
  type Report,
  type ServerFrame,
} from '@halflap/protocol/agent';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { pinOf } from '../../packages/agent/src/identity/trusted.js';
import {
  createAuthority,
  issueHost,
  type Keys,
} from '../../packages/server/src/authority/certificates.js';
import { TestClock } from './clock.js';
import {
  type EnrolledHost,
  enrolledHost,
  enrolOptions,
  NotedOrders,
  NotedReports,
  noting,
  removeDirectories,
  startSession,
} from './host.js';
import { startServer, type TestServer, type TestServerOptions } from './server.js';

let server: TestServer;
let authority: Keys;
let host: EnrolledHost;
beforeAll(async () => {
  server = await startServer();
  authority = server.authority;
  host = await enrolledHost(server);
});
afterAll(async () => {
  await server.stop();
  removeDirectories();
});

async function another(options: TestServerOptions = {}): Promise<TestServer> {
  const started = await startServer({ authority, ...options });
  onTestFinished(started.stop);
  return started;
}

/** A session with `server`, welcomed. */
async function openSession(more: Parameters<typeof startSession>[2] = {}, fence = 1) {
  const agent = startSession(host, [server.address], more);
  const peer = await server.sessions.next();
  peer.welcome({ fence });
  await agent.states.next(({ state }) => state === 'open');
  return { ...agent, peer };
}

const goodbye = (reason: Goodbye['reason'], reconnectAfterMs = 0): Goodbye => ({
  type: 'goodbye',
  reason,
  detail: 'so it is',
  reconnectAfterMs,
});
const report = (revision: number): Report => ({
  type: 'report',
  revision,
  base: null,
  isLast: true,
});
const run = (order: string, fence: number): ServerFrame => ({
  type: 'run',
  fence,
  order,
  key: 'k',
  signature: 's',
});

describe('a session', () => {
  it('says who it is, and tells facts until they are stored', async () => {
    const reports = new NotedReports();
    reports.acknowledged = 3;
    reports.frames = [report(4), report(5)];
    const orders = new NotedOrders();
    orders.open = [randomUUID()];
    const agent = startSession(host, [server.address], { reports, orders });
    const first = await server.sessions.next();
    expect(first.host).toBe(host.identity.current.host);
    expect(first.hello).toMatchObject({
      protocol: { oldest: 1, newest: 1 },
      allowed: ['service'],
      revision: 3,
      unfinished: orders.open,
    });
    first.welcome();
    expect(await first.next('report')).toEqual(report(4));
    first.socket.terminate();
    agent.clock.advance((await agent.waiting()).ms);

    // What was not acknowledged comes again.
    const second = await server.sessions.next();
    second.welcome({ fence: 2 });
    expect(await second.next('report')).toEqual(report(4));
    second.say({ type: 'reported', revision: 4, isNeeded: false });
    expect(await second.next('report')).toEqual(report(5));
    // One that nobody waits for changes nothing.
    second.say({ type: 'reported', revision: 99, isNeeded: false });
    second.say({ type: 'reported', revision: 5, isNeeded: false });
    second.say({ type: 'journal_asked', id: randomUUID(), service: 'cron', lines: 5 });
    expect(await second.next('journal')).toMatchObject({ lines: ['cron started'], error: null });
    reports.frames = [report(6)];
    agent.session.wake();
    expect(await second.next('report')).toEqual(report(6));
    expect(reports.told).toEqual(['4', '5']);
    expect(orders.calls.all).toEqual(['connected', 'disconnected', 'connected']);
  });

  it('tells all anew to a cluster that has other facts', async () => {
    const reports = new NotedReports();
    reports.acknowledged = 8;
    startSession(host, [server.address], { reports });
    (await server.sessions.next()).welcome({ revision: 2, fence: 3 });
    const peer = server.sessions.all.at(-1);
    peer?.say({ type: 'journal_asked', id: randomUUID(), service: 'cron', lines: 5 });
    await peer?.next('journal');
    expect(reports.told).toEqual(['2, all needed']);
  });

  it('passes orders on, but none of an older session, also after a restart', async () => {
    const fresh = await enrolledHost(server);
    const begin = async (fence: number) => {
      const agent = startSession(fresh, [server.address]);
      const peer = await server.sessions.next();
      peer.welcome({ fence });
      return { ...agent, peer };
    };
    const { peer, orders, session } = await begin(7);
    const id = randomUUID();
    peer.say(run('late', 6));
    peer.say({ type: 'cancel', fence: 6, run: id });
    peer.say(run('right', 7));
    peer.say({ type: 'cancel', fence: 7, run: id });
    peer.say({ type: 'output_kept', run: id, below: 3 });
    peer.say({ type: 'result_kept', run: id });
    await orders.calls.next((call) => call.startsWith('result'));
    const calls = [
      'connected',
      'run right',
      `cancel ${id}`,
      'output kept below 3',
      `result kept ${id}`,
    ];
    expect(orders.calls.all).toEqual(calls);
    await session.stop();

    const later = await begin(5);
    later.peer.say(run('of an old store', 5));
    later.peer.say({ type: 'result_kept', run: id });
    await later.orders.calls.next((call) => call.startsWith('result'));
    expect(later.orders.calls.all).toEqual(['connected', `result kept ${id}`]);
    expect(later.lines.all.map(({ message }) => message)).toContain(
      'a session has a lower number than one before: its orders are not run',
    );
  });

  it('ends when something cannot be done, so that it is asked for again', async () => {
    const { peer, orders, waiting } = await openSession();
    await orders.calls.next();
    orders.failure = new Error('no space left on device');
    peer.say(run('any', 99));
    expect((await waiting()).because).toBe('run could not be handled: no space left on device');
    expect(await peer.closed).toBe(1011);
  });

  it('is ended by the agent in order', async () => {
    const { peer, session, states } = await openSession();
    await session.stop();
    expect(await peer.closed).toBe(1001);
    expect(states.all.at(-1)).toEqual({ state: 'stopped' });
    expect(await session.ended).toEqual({ because: 'stopped' });
  });

  it('notices a server that does not answer any more', async () => {
    const { peer, clock, waiting } = await openSession();
    peer.answersHeartbeats = false;
    clock.advance(15_000);
    await peer.next('heartbeat');
    clock.advance(30_000);
    await peer.next('heartbeat');
    clock.advance(30_000);
    expect((await waiting()).because).toBe('the server does not answer any more');
    expect(await peer.closed).toBe(1006);
  });

  it('outlives many heartbeats that are answered', async () => {
    const { peer, clock, states } = await openSession();
    clock.advance(15_000);
    for (let beat = 0; beat < 4; beat += 1) {
      await peer.next('heartbeat');
      // The pong is there once what was sent after it has been answered.
      peer.say({ type: 'journal_asked', id: randomUUID(), service: 'cron', lines: 1 });
      await peer.next('journal');
      clock.advance(30_000);
    }
    expect(states.all.at(-1)?.state).toBe('open');
  });

  it('keeps no more than a megabyte in a socket that is not read, and loses nothing', async () => {
    const { peer, session } = await openSession();
    peer.socket.pause();
    const id = randomUUID();
    const text = 'x'.repeat(60_000);
    let sent = 0;
    const all = Array.from({ length: 250 }, (_, number) => {
      const frame: Output = { type: 'output', run: id, number, stream: 'stdout', text };
      return session.emit(frame).then((isSent) => {
        sent += isSent ? 1 : 0;
      });
    });
    // Whatever can go out has gone out once the event loop has come round with nothing moving.
    for (let before = -1; before !== sent; ) {
      before = sent;
      for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
    }
    // The kernel's buffers take some more.
    expect(sent).toBeLessThan(220);
    peer.socket.resume();
    await Promise.all(all);
    expect(sent).toBe(250);
    for (let number = 0; number < 250; number += 1) {
      expect((await peer.next('output')).number).toBe(number);
    }
  });
});

describe('after its end', () => {
  const endings = [
    // At random 0.5 a wait "around" is what was asked for, and full jitter half its bound.
    { reason: 'stopping', askedMs: 0, waitMs: 500 },
    { reason: 'busy', askedMs: 20_000, waitMs: 20_000 },
    { reason: 'unavailable', askedMs: 5000, waitMs: 5000 },
    { reason: 'pending', askedMs: 100, waitMs: 10_000 },
    { reason: 'replaced', askedMs: 0, waitMs: 30_000 },
    { reason: 'protocol', askedMs: 1000, waitMs: 300_000 },
    { reason: 'malformed', askedMs: 60_000, waitMs: 60_000 },
  ] as const;
  for (const { reason, askedMs, waitMs } of endings) {
    it(`a session that ended with ${reason} comes back in time`, async () => {
      const { session, waiting } = startSession(host, [server.address]);
      (await server.sessions.next()).say(goodbye(reason, askedMs));
      expect(await waiting()).toEqual({
        state: 'waiting',
        ms: waitMs,
        because: `goodbye, ${reason}: so it is`,
      });
      await session.stop();
    });
  }

  it('asks the next server, slower each time, and quickly after a good session', async () => {
    const [one, two] = [await another(), await another()];
    const { clock, waiting, states } = startSession(host, [one.address, two.address]);
    const waits: number[] = [];
    // The order is drawn: at random 0.5 the second of two is the first.
    for (const from of [two, one, two, one, two, one, two, one, two]) {
      (await from.sessions.next()).socket.terminate();
      const { ms } = await waiting();
      waits.push(ms);
      clock.advance(ms);
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    const good = await one.sessions.next();
    good.welcome({ heartbeatSeconds: 3600 });
    await states.next(({ state }) => state === 'open');
    clock.advance(60_000);
    good.socket.terminate();
    expect((await waiting()).ms).toBe(500);
  });

  it('reads Retry-After of whoever lets nobody in', async () => {
    const away = 'HTTP/1.1 503 Later\r\nRetry-After: 40\r\nContent-Length: 0\r\n\r\n';
    const closed = await another({ upgrade: () => away });
    const { waiting } = startSession(host, [closed.address]);
    expect(await waiting()).toMatchObject({ ms: 40_000, because: 'the server answers 503' });
  });

  it('asks all servers before it waits for an upgrade', async () => {
    const [one, two] = [await another(), await another()];
    const agent = startSession(host, [one.address, two.address]);
    (await two.sessions.next()).say(goodbye('protocol', 300_000));
    const { ms } = await agent.waiting();
    expect(ms).toBe(500);
    agent.clock.advance(ms);
    (await one.sessions.next()).say(goodbye('protocol'));
    expect((await agent.waiting()).ms).toBe(300_000);
    expect(agent.lines.all.map(({ message }) => message)).toContain(
      'this agent and the server have no revision of the protocol in common',
    );
  });

  it('does not go on with a revision that it does not speak', async () => {
    const { waiting } = startSession(host, [server.address]);
    const peer = await server.sessions.next();
    peer.welcome({ protocol: 2 });
    expect((await waiting()).because).toMatch(/speaks revision 2, which this agent does not/);
    expect(await peer.closed).toBe(1008);
  });

  it('goes on with any revision that it speaks', async () => {
    const { states } = startSession(host, [server.address], {
      protocol: { oldest: 1, newest: 3 },
    });
    const peer = await server.sessions.next();
    expect(peer.hello.protocol).toEqual({ oldest: 1, newest: 3 });
    peer.welcome({ protocol: 2 });
    await states.next(({ state }) => state === 'open');
  });

  it('gives a server up that says nothing', async () => {
    const { clock, waiting } = startSession(host, [server.address]);
    await server.sessions.next();
    clock.advance(30_000);
    expect((await waiting()).because).toBe('no welcome within 30 seconds');
  });

  it('tries no more once the host was revoked, keeps its state, and says what helps', async () => {
    const revoked = await enrolledHost(server);
    const { session, lines } = startSession(revoked, [server.address]);
    (await server.sessions.next()).say(goodbye('revoked'));
    expect(await session.ended).toEqual({ because: 'revoked', detail: 'so it is' });
    expect(lines.all.map(({ message }) => message)).toContain(
      'this host was revoked; to manage it again: halflap agent --enrol TOKEN',
    );
    const { clock, random, log, signal } = enrolOptions(server);
    const parts = () => Promise.reject(new Error('no part of it is made'));
    const again = { stateDirectory: revoked.state.path, servers: [server.address], parts };
    await expect(
      runAgent({ ...again, enrolment: null, clock, random, log }, signal),
    ).rejects.toMatchObject({ code: 'AGENT_REVOKED' });
  });
});

describe('the certificate', () => {
  it('is renewed at two thirds of its life, and used at the next connection', async () => {
    const fresh = await enrolledHost(server);
    const { clock, states, session, waiting } = startSession(fresh, [server.address]);
    const peer = await server.sessions.next();
    peer.welcome();
    await states.next(({ state }) => state === 'open');
    clock.jump(59 * 24 * 3600 * 1000);
    clock.advance(15_000);
    await peer.next('heartbeat');
    expect(peer.frames.all.map(({ type }) => type)).toEqual(['heartbeat']);
    clock.jump(2 * 24 * 3600 * 1000);
    clock.advance(30_000);
    const { request } = await peer.next('certificate_asked');
    const of = { id: peer.host, request, days: 200 };
    const { pem, fingerprint } = await issueHost(authority, of, new Date());
    peer.say({ type: 'certificate', chain: pem, keys: [] });
    peer.say(goodbye('stopping'));
    clock.advance((await waiting()).ms);
    const next = await server.sessions.next();
    expect(next.fingerprint.replaceAll(':', '').toLowerCase()).toBe(fingerprint);
    expect(fresh.state.read('identity.json')).toContain(JSON.stringify(pem).slice(1, -1));
    await session.stop();
  });

  it('is kept when the offered one is of no use, and no server can name keys of its own', () => {
    const { current, key } = host.identity;
    const [known, follower, stranger] = [orderKey('k1'), orderKey('k2'), orderKey('k3')];
    const kept: Identity[] = [];
    const renewed = (keys: Certificate['keys'], chain: string) => {
      const before = { ...current, keys: [known.open] };
      const identity = new HostIdentity(before, key, (next) => kept.push(next));
      let ids: string[] = [];
      identity.followOrderKeys((followed) => {
        ids = followed.map(({ id }) => id);
      });
      const { problem, strangers } = identity.renew({ chain, keys }, Date.now());
      expect(kept.at(-1)).toEqual(identity.current);
      expect(identity.orderKeys.map(({ id }) => id)).toEqual(ids);
      return { problem, strangers, ids, isNew: identity.current.chain !== current.chain };
    };
    const keys = [
      known.open,
      { ...follower.open, voucher: { by: 'k1', signature: known.sign(follower.open) } },
      { ...stranger.open, voucher: { by: 'k1', signature: follower.sign(stranger.open) } },
      { ...orderKey('k4').open, voucher: { by: 'k9', signature: '' } },
    ];
    expect(renewed(keys, current.chain)).toEqual({
      problem: null,
      strangers: ['k3', 'k4'],
      ids: ['k1', 'k2'],
      isNew: false,
    });
    const swapped = [{ id: 'k1', publicKey: stranger.open.publicKey }];
    expect(renewed(swapped, authority.certificate)).toEqual({
      problem: 'it is not of the key of this host',
      strangers: ['k1'],
      ids: ['k1'],
      isNew: false,
    });
    const damaged = `${current.chain}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----`;
    for (const chain of ['no certificate', '', damaged]) {
      expect(renewed([], chain)).toMatchObject({
        problem: 'it is not of the key of this host',
        ids: ['k1'],
      });
    }
  });
});

describe('whom a host trusts', () => {
  it('is what a key that it knows vouches for, one after the other, and nobody else', async () => {
    const { current, key } = host.identity;
    const [known, past] = [orderKey('k1'), orderKey('k2')];
    const [next, stranger] = [orderKey('k3'), orderKey('k9')];
    const root = (await createAuthority(new Date())).certificate;
    const strange = (await createAuthority(new Date())).certificate;
    const offer = (certificate: string, by: typeof known) => {
      const signature = by.say(authorityStatement(pinOf(certificate) ?? ''));
      return { certificate, voucher: { by: by.open.id, signature } };
    };
    const before = { ...current, keys: [known.open] };
    const chain = [
      { ...past.open, isRetired: true, voucher: { by: 'k1', signature: known.sign(past.open) } },
      { ...next.open, voucher: { by: 'k2', signature: past.sign(next.open) } },
    ];
    const told = (keys: OfferedKey[], authorities: OfferedAuthority[]) => {
      const identity = new HostIdentity(before, key, () => {});
      const strangers = identity.trust({ keys, authorities });
      return { strangers, keys: identity.kept.keys, pins: identity.kept.authorities };
    };
    const [own, pin, other] = [authority.certificate, root, strange].map(pinOf);
    expect(told(chain, [offer(authority.certificate, stranger), offer(root, next)])).toEqual({
      ...{ strangers: [], keys: ['k3'], pins: [own, pin] },
    });
    expect(told(chain, [offer(root, next)])).toMatchObject({ keys: ['k3'], pins: [pin] });
    // By a key that nobody vouches for; by one that was retired; in the name of one that is known.
    const wrong = offer(strange, stranger);
    const named = { ...wrong, voucher: { ...wrong.voucher, by: 'k3' } };
    for (const one of [wrong, offer(strange, past), named]) {
      expect(told(chain, [one])).toEqual({ strangers: [other], keys: ['k3'], pins: [own] });
    }
    const broken = chain.slice(1);
    expect(told(broken, [offer(root, next)])).toEqual({
      ...{ strangers: ['k3', pin], keys: ['k1'], pins: [own] },
    });
    expect(told([], [])).toEqual({ strangers: [], keys: ['k1'], pins: [own] });
  });
});

function orderKey(id: string) {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const open = { id, publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString() };
  const say = (text: string) => sign(null, Buffer.from(text), privateKey).toString('base64');
  return { open, say, sign: (other: typeof open) => say(keyStatement(other)) };
}

describe('an agent', () => {
  it('enrols, connects, is alone, and ends with its signal', async () => {
    const options = enrolOptions(server);
    const stop = new AbortController();
    const orders = new NotedOrders();
    const { log } = noting();
    const agent: AgentOptions = {
      stateDirectory: options.state.path,
      servers: [server.address],
      enrolment: options,
      parts: async () => ({
        about: async () => ({
          agentVersion: '1',
          abilities: { packages: [], services: false },
          allowed: [],
        }),
        reports: new NotedReports(),
        orders,
        readJournal: async () => [],
        welcomed: () => orders.calls.push('welcomed'),
        stop: async () => orders.calls.push('stop'),
      }),
      clock: new TestClock(),
      random: () => 0,
      log,
    };
    // An agent that was killed has left the name of its socket.
    const doomed = `require('net').createServer().listen('${options.state.pathOf('agent.sock')}',
      () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', doomed]);
    const ended = runAgent(agent, stop.signal);
    (await server.sessions.next()).welcome();
    await orders.calls.next((call) => call === 'connected');
    await expect(runAgent(agent, stop.signal)).rejects.toThrow(/another agent runs with/);
    stop.abort();
    await ended;
    expect(orders.calls.all).toEqual(['welcomed', 'connected', 'disconnected', 'stop']);
  });
});
