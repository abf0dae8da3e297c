// `halflap doctor` on a cluster that is well, and on what makes each of its checks fail.

import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { type AddressInfo, createServer, type Server as NetServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { appendAudit, openAuthority, type Server, startServer } from '@halflap/server';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type NatsServer, startNats } from '../../bench/src/nats.js';
import { exitCodeOf, type Finding, runChecks } from '../../packages/cli/src/doctor/check.js';
import { diskCheck } from '../../packages/cli/src/doctor/outside-checks.js';
import { diagnose, type WholeOptions } from '../../packages/cli/src/doctor/whole.js';
import { createWorkspace } from '../../packages/cli/test/run-cli.js';
import { addHost } from './api.js';
import { openGate } from './gate.js';
import { until } from './job-cluster.js';
import { CLIENT, startProvider, type TestProvider } from './provider.js';
import { openTestStore, SILENT, type TestStore } from './store.js';

const SECRET = '0d'.repeat(32);
const clock = () => new Date();
const workspace = createWorkspace();
let test: TestStore;
let nats: NatsServer;
let provider: TestProvider;
let server: Server;

interface Written {
  readonly shards?: readonly { readonly name: string; readonly url: string }[];
  readonly app?: string;
  readonly listen?: string;
  readonly agents?: string;
  readonly issuer?: string;
  readonly nats?: string;
  readonly more?: string;
}

function configure(name: string, written: Written = {}): string {
  const { shards = test.shards, app = 'halflap', more = '' } = written;
  const api = new URL(server.address).host;
  const lines = shards.map((shard) => `  - { name: ${shard.name}, url: "${shard.url}" }`);
  workspace.write(
    name,
    `app: ${app}
shards:
${lines.join('\n')}
server:
  name: one
  secret_file: secret
  nats: "${written.nats ?? nats.url}"
  listen: ${written.listen ?? api}
  agents: ${written.agents ?? `127.0.0.1:${server.agents.port}`}
  base_url: https://halflap.example
  tls_certificate_file: cert.pem
  tls_key_file: key.pem
  ${more}
  oidc:
    issuer: ${written.issuer ?? provider.issuer}
    client_id: ${CLIENT.id}
    client_secret_file: oidc.secret
    groups: [{ group: ops, role: admin }]
`,
  );
  return `${workspace.directory}/${name}`;
}

async function look(file: string, rest: Partial<WholeOptions> = {}): Promise<readonly Finding[]> {
  const options = { file, isNamed: true, timeoutMs: 5000, clock, longSeconds: 300, ...rest };
  return (await diagnose(options)).findings;
}

/** The findings of a check, of a thing whose name begins so. */
function of(findings: readonly Finding[], check: string, name = ''): readonly Finding[] {
  return findings.filter((one) => one.check === check && (one.of ?? '').startsWith(name));
}

const expectOf = (findings: readonly Finding[], check: string, name = '') =>
  expect(of(findings, check, name), check);

const bad = (state: string, found: string) =>
  expect.arrayContaining([
    expect.objectContaining({
      state,
      found: expect.stringContaining(found),
      next: expect.any(String),
    }),
  ]);

async function on<Result>(url: string, body: (client: pg.Client) => Promise<Result>) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return body(client).finally(() => client.end());
}

const urlOf = (at: number) => test.shards[at]?.url ?? '';

beforeAll(async () => {
  [test, nats, provider] = await Promise.all([
    openTestStore(2),
    startNats(),
    startProvider('https://halflap.example/api/v1/oidc/callback'),
  ]);
  for (const [name, text] of [
    ['secret', SECRET],
    ['oidc.secret', CLIENT.secret],
  ] as const) {
    workspace.write(name, `${text}\n`);
    chmodSync(`${workspace.directory}/${name}`, 0o600);
  }
  const secret = Buffer.from(SECRET, 'hex');
  const authority = await openAuthority(test.store, { secret, hostCertificateDays: 90, clock });
  const pair = await authority.issueServer(['127.0.0.1']);
  workspace.write('cert.pem', pair.certificate);
  workspace.write('key.pem', pair.privateKey);
  chmodSync(`${workspace.directory}/key.pem`, 0o600);
  await test.store.close();
  server = await startServer({
    ...{ name: 'one', version: '1.0', shards: test.shards, secret, names: ['127.0.0.1'] },
    certificate: {
      certificate: `${workspace.directory}/cert.pem`,
      key: `${workspace.directory}/key.pem`,
    },
    nats: { servers: nats.url },
    listen: { host: '127.0.0.1', port: 0 },
    agents: { host: '127.0.0.1', port: 0 },
    log: SILENT,
  });
});

afterAll(async () => {
  await server?.stop();
  await Promise.all([test?.drop(), nats?.stop(), provider?.close()]);
  workspace.remove();
});

describe('of a cluster that is well', () => {
  it('finds nothing, in the program too, and changes nothing', async () => {
    const file = configure('halflap.yaml');
    await until(
      () => look(file),
      (found) => of(found, 'API')[0]?.state === 'ok',
    );
    const findings = await look(file);
    expect(findings.filter(({ state }) => state !== 'ok')).toEqual([]);
    expect(findings.length).toBeGreaterThan(20);
    expect(exitCodeOf(findings)).toBe(0);
    const { code, stdout, stderr } = await workspace.run(['doctor']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^STATE +CHECK +FOUND +WHAT TO DO\n/);
    expect(stdout).toContain('0 failed, 0 warning, ');
  });
});
