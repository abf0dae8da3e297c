// A host gets its identity once, from servers that it has reason to trust, wherever it is stopped.

import { chmodSync, cpSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  assertNotRevoked,
  type EnrolmentStep,
  enrol,
  StateDirectory,
  storedIdentity,
} from '@halflap/agent';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  createAuthority,
  issueServer,
  type Keys,
  pinOf,
} from '../../packages/server/src/authority/certificates.js';
import { enrolOptions, freshDirectory, noting, removeDirectories } from './host.js';
import { type Answer, certify, startServer, type TestServer } from './server.js';

let server: TestServer;
let authority: Keys;
beforeAll(async () => {
  server = await startServer();
  authority = server.authority;
});
afterAll(async () => {
  await server.stop();
  removeDirectories();
});

async function another(options: Parameters<typeof startServer>[0]): Promise<TestServer> {
  const started = await startServer({ authority, ...options });
  onTestFinished(started.stop);
  return started;
}

const modeOf = (path: string) => statSync(path).mode & 0o777;

describe('enrolment', () => {
  it('leaves a key that never left, readable by nobody else, and is not repeated', async () => {
    const options = enrolOptions(server);
    const { current, key } = await enrol(options);
    const { path } = options.state;
    expect([path, join(path, 'key.pem'), join(path, 'identity.json')].map(modeOf)).toEqual([
      0o700, 0o600, 0o600,
    ]);
    const asked = server.enrolments.at(-1);
    expect(asked).toMatchObject({ token: 'secret', hostname: 'web-1', agentVersion: '0.1.0' });
    expect(JSON.stringify(asked)).not.toContain('PRIVATE');
    expect(readFileSync(join(path, 'identity.json'), 'utf8')).not.toContain('PRIVATE');
    const count = server.enrolments.length;
    const again = await enrol(enrolOptions(server, path));
    expect([again.current, again.key]).toEqual([current, key]);
    expect(server.enrolments).toHaveLength(count);
  });

  it('ends with one host and one key, at whichever step the agent dies', async () => {
    const options = enrolOptions(server);
    const left: Partial<Record<EnrolmentStep | 'begin', string>> = { begin: freshDirectory() };
    const onStep = (step: EnrolmentStep) => {
      left[step] = freshDirectory();
      cpSync(options.state.path, left[step], { recursive: true });
    };
    const first = await enrol({ ...options, onStep });
    expect(Object.keys(left)).toEqual(['begin', 'key', 'answered', 'stored']);
    const { begin = '', ...later } = left;
    for (const path of Object.values(later)) {
      const again = await enrol(enrolOptions(server, path));
      expect([again.current.host, again.key]).toEqual([first.current.host, first.key]);
      expect(storedIdentity(new StateDirectory(path))?.current).toEqual(again.current);
    }
    expect((await enrol(enrolOptions(server, begin))).key).not.toBe(first.key);
  });

  it('trusts the authority that a digest means, and sends nothing to any other', async () => {
    const pin = await pinOf(authority.certificate);
    const { current } = await enrol({ ...enrolOptions(server), trust: { pin } });
    expect(current.authorities).toBe(authority.certificate);

    const stranger = await another({ authority: await createAuthority(new Date()) });
    await expect(enrol({ ...enrolOptions(stranger), trust: { pin } })).rejects.toMatchObject({
      code: 'SERVER_UNTRUSTED',
    });
    const wrong = { authorities: authority.certificate };
    await expect(enrol({ ...enrolOptions(stranger), trust: wrong })).rejects.toMatchObject({
      code: 'SERVER_UNTRUSTED',
    });
    expect(stranger.enrolments).toEqual([]);
  });

  it('takes neither a host nor the server of another name for its server', async () => {
    const { current, key } = await enrol(enrolOptions(server));
    const host = await another({ keys: { privateKey: key, certificate: current.chain } });
    await expect(enrol(enrolOptions(host))).rejects.toMatchObject({ code: 'SERVER_UNTRUSTED' });
    expect(host.enrolments).toEqual([]);

    const named = await issueServer(authority, { names: ['db-1'], days: 1 }, new Date());
    const cluster = await another({ keys: named });
    await expect(enrol(enrolOptions(cluster))).resolves.toBeDefined();
  });

  it('is refused in the words of the server, and not tried again', async () => {
    const body = { code: 'ENROLMENT_REFUSED', detail: 'the token has expired', hint: 'make one' };
    const strict = await another({ enrolment: () => ({ status: 403, body }) });
    await expect(enrol(enrolOptions(strict))).rejects.toMatchObject({
      code: 'ENROLMENT_REFUSED',
      message: expect.stringContaining('the token has expired'),
      hint: 'make one',
    });
    expect(strict.enrolments).toHaveLength(1);
  });

  it('waits as long as a server asks for, and goes on with the next one', async () => {
    const busy: Answer = { status: 503, headers: { 'retry-after': '7' }, body: {} };
    const tired = await another({ enrolment: () => busy });
    const options = { ...enrolOptions(tired), random: () => 0.25 };
    const enrolled = enrol({ ...options, servers: [tired.address, server.address] });
    // Around seven seconds, at the low end.
    await options.clock.set.next((ms) => ms === 7000 * 0.75);
    options.clock.advance(7000 * 0.75);
    expect((await enrolled).current.host).toBeDefined();
    expect(tired.enrolments).toHaveLength(1);
  });

  it('ends when it is told to, and goes on later with the same key', async () => {
    const options = enrolOptions(server);
    const { log, lines } = noting();
    const nobody = await startServer({ authority });
    await nobody.stop();
    const stop = new AbortController();
    const more = { servers: [nobody.address], log, signal: stop.signal };
    const enrolled = enrol({ ...options, ...more });
    await lines.next(({ level }) => level === 'warn');
    stop.abort();
    await expect(enrolled).rejects.toMatchObject({ code: 'INTERRUPTED' });
    const key = options.state.read('key.pem');
    expect((await enrol(options)).key).toBe(key);
  });

  it('takes no certificate of another key', async () => {
    const first = await enrol(enrolOptions(server));
    const body = await certify(authority, first.current.request);
    const odd = await another({ enrolment: () => ({ status: 200, body }) });
    const options = enrolOptions(odd);
    await expect(enrol(options)).rejects.toMatchObject({ code: 'SERVER_UNTRUSTED' });
    expect(storedIdentity(options.state)).toBeNull();
  });
});

describe('the state of an agent', () => {
  it('is refused when others may read it', async () => {
    const { state } = enrolOptions(server);
    await enrol(enrolOptions(server, state.path));
    chmodSync(state.pathOf('key.pem'), 0o640);
    expect(() => storedIdentity(state)).toThrow(/mode 640: others may use it/);
    chmodSync(state.pathOf('key.pem'), 0o600);
    chmodSync(state.path, 0o755);
    expect(() => new StateDirectory(state.path)).toThrow(/mode 755: others may use it/);
  });

  it('says which file is damaged', async () => {
    const { state } = enrolOptions(server);
    await enrol(enrolOptions(server, state.path));
    const identity = state.read('identity.json') ?? '';
    state.write('identity.json', identity.slice(0, -20));
    expect(() => storedIdentity(state)).toThrow(/identity.json is damaged/);
    state.write('identity.json', identity);
    state.write('key.pem', (await enrol(enrolOptions(server))).key);
    expect(() => storedIdentity(state)).toThrow(/key.pem is not the key of this host/);
  });

  it('of a revoked host stays, and another enrolment makes a new key', async () => {
    const options = enrolOptions(server);
    const first = await enrol(options);
    first.revoke('stolen', Date.parse('2031-02-03T10:15:00Z'));
    const { state } = options;
    expect(storedIdentity(state)).toBeNull();
    expect(() => assertNotRevoked(state)).toThrow(/revoked: stolen, 2031-02-03T10:15:00.000Z/);
    const dying = (step: EnrolmentStep) => {
      if (step === 'answered') throw new Error('killed');
    };
    await expect(enrol({ ...options, onStep: dying })).rejects.toThrow('killed');
    const key = state.read('key.pem');
    expect(key).not.toBe(first.key);
    const second = await enrol(options);
    expect(second.key).toBe(key);
    expect(second.current.host).not.toBe(first.current.host);
    expect(() => assertNotRevoked(state)).not.toThrow();
  });
});
