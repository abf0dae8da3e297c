// `halflap serve` where something stands in its way: it says why and ends, or serves without it.

import { get } from 'node:https';
import { createServer } from 'node:net';
import { openAuthority, SECRET_BYTES } from '@halflap/server';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startNats } from '../../bench/src/nats.js';
import { createWorkspace } from '../../packages/cli/test/run-cli.js';
import { until } from './job-cluster.js';
import { openTestStore, type TestStore } from './store.js';

const workspace = createWorkspace();
const taken = createServer();
let test: TestStore;

beforeAll(async () => {
  test = await openTestStore(1);
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
});

afterAll(async () => {
  taken.close();
  await test.drop();
  workspace.remove();
});

function configure(server: string): void {
  workspace.write('secret', `${'0f'.repeat(32)}\n`);
  const shards = `[{ name: s1, url: "${test.shards[0]?.url}" }]`;
  workspace.write('halflap.yaml', `app: halflap\nshards: ${shards}\nserver: { ${server} }\n`);
}

interface Ready {
  readonly ready: boolean;
  readonly bus: { readonly linked: boolean };
}

/** What is stated of sign-in: a provider that is away, and a proxy that is believed. */
const SIGN_IN = `base_url: "https://halflap.example", proxies: [127.0.0.1],
  tls_certificate_file: cert.pem, tls_key_file: key.pem,
  oidc: { issuer: "http://127.0.0.1:1", client_id: halflap, client_secret_file: secret,
    groups: [{ group: ops, role: admin }] }`;
const CLIENT_ADDRESS = '203.0.113.7';

/** Writes a certificate and its key. @returns its authority. */
async function certify(): Promise<string> {
  const secret = Buffer.from('0f'.repeat(SECRET_BYTES), 'hex');
  const clock = () => new Date();
  const authority = await openAuthority(test.store, { secret, hostCertificateDays: 90, clock });
  const { certificate, privateKey } = await authority.issueServer(['127.0.0.1']);
  workspace.write('cert.pem', certificate);
  workspace.write('key.pem', privateKey);
  return authority.certificate;
}

function getJson(url: string, ca: string): Promise<Ready & { readonly status: number }> {
  const headers = { 'x-forwarded-for': CLIENT_ADDRESS };
  return new Promise((resolve, reject) => {
    get(url, { ca, headers, agent: false }, async (response) => {
      let text = '';
      for await (const chunk of response.setEncoding('utf8')) text += chunk;
      // A problem says its own status, and it is the same.
      resolve({ status: response.statusCode, ...JSON.parse(text) });
    }).on('error', reject);
  });
}

const at = (listen: number, agents: number) =>
  ['serve', '--listen', `127.0.0.1:${listen}`, '--agents', `127.0.0.1:${agents}`] as const;

it('ends, and says so, where another has its port', async () => {
  const { port } = taken.address() as { port: number };
  configure('secret_file: secret');
  for (const args of [at(0, port), at(port, 0)]) {
    const { code, stderr } = await workspace.start(args).ended;
    expect(code, stderr).toBe(2);
    expect(stderr).toContain('error CONFIG_INVALID: cannot listen on');
  }
});

it('starts while its NATS is away, says so, and is ready as soon as that is there', async () => {
  const [nats, ca] = await Promise.all([startNats(), certify()]);
  try {
    await nats.kill();
    configure(`secret_file: secret, nats: "${nats.url}", ${SIGN_IN}`);
    const server = workspace.start(at(0, 0));
    await server.shows('people and programs   https://halflap.example\n');
    const [, address] = await server.shows(/ at +(https:\S+)/);
    const ask = (path = '/readyz') => getJson(`${address}${path}`, ca);
    const bus = { driver: 'nats', linked: false, following: false };
    expect(await ask()).toMatchObject({ status: 503, ready: false, bus });
    await nats.restart();
    await until(ask, ({ ready }) => ready);
    expect(await ask()).toMatchObject({ status: 200, bus: { linked: true, following: true } });
    await nats.kill();
    await until(ask, (answer) => !answer.bus.linked);
    expect(await ask()).toMatchObject({ status: 200, bus: { linked: false, following: true } });
    // Whom the proxy names is counted; the provider is away.
    expect(await ask('/api/v1/oidc/start')).toMatchObject({ code: 'API_PROVIDER_AWAY' });
    const { rows } = await test.store.home.query('select of from sign_in_attempts');
    expect(rows).toEqual([{ of: CLIENT_ADDRESS }]);
    server.signal('SIGTERM');
    expect((await server.ended).code).toBe(0);
  } finally {
    await nats.stop();
  }
});
