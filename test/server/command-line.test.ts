// The command line of the system management application: the real program, asking the real API over
// a real store. What it may ask is compared with the API's own document.

import { type AddressInfo, connect, createServer, type Server } from 'node:net';

import { openAuthority, openStore, SECRET_BYTES } from '@halflap/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPERATIONS } from '../../packages/cli/src/api/operations.js';
import { HOST_SORTS } from '../../packages/cli/src/commands/hosts.js';
import { HOST_STATES } from '../../packages/cli/src/options.js';
import { createWorkspace, type Ended, jsonLines } from '../../packages/cli/test/run-cli.js';
import { addHost, openTestApi, type TestApi } from './api.js';
import { openTestStore, SILENT, type TestStore } from './store.js';

const HOSTS = 230;

let test: TestStore;
let api: TestApi;
let server: string;
/** `GET /api/v1/hosts/:id` of every request that came from somebody known. */
const asked = new Set<string>();
const workspace = createWorkspace();

beforeAll(async () => {
  test = await openTestStore(2);
  api = await openTestApi(test);
  api.app.server.on('request', ({ method, url, headers }) => {
    if (headers['user-agent'] === 'halflap') asked.add(`${method} ${url}`);
  });
  server = await api.app.listen({ host: '127.0.0.1', port: 0 });
  const adding = Array.from({ length: HOSTS }, (_, at) =>
    addHost(test.store, {
      hostname: at < 2 ? 'twin.example' : `web-${String(at).padStart(3, '0')}.example`,
      labels: { env: at % 2 === 0 ? 'prod' : 'dev' },
      upgradable: at % 3,
      packages: { openssl: at < 3 ? '3.0.1' : '3.0.2' },
      services: { 'ssh.service': at === 7 ? 'failed' : 'active' },
    }),
  );
  await Promise.all(adding);
});

afterAll(async () => {
  await api?.app.close();
  await test?.drop();
  workspace.remove();
});

/** Runs a command as a viewer. */
function halflap(...args: readonly string[]): Promise<Ended> {
  return workspace.run(args, { HALFLAP_SERVER: server, HALFLAP_TOKEN: 'viewer' });
}

/** The one value that a command prints with --json. */
// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
async function valueOf(...args: readonly string[]): Promise<any> {
  const ended = await halflap(...args, '--json');
  expect(ended, ended.stdout).toMatchObject({ code: 0, stderr: '' });
  const values = jsonLines(ended.stdout);
  expect(values).toHaveLength(1);
  return values[0];
}

describe('halflap hosts', () => {
  it('lists as many hosts as wanted, over pages, each once, and says how many there are', async () => {
    const all = await valueOf('hosts', 'list', '--all');
    expect(new Set(all.hosts.map(({ id }: { id: string }) => id)).size).toBe(HOSTS);
    expect(all).toMatchObject({
      total: HOSTS,
      hasMore: false,
      shards: [{ ok: true }, { ok: true }],
    });
    const { code, stdout } = await halflap('hosts', 'list', '--limit=2', '--columns=hostname,os');
    expect(code).toBe(0);
    expect(stdout).toBe(
      'HOSTNAME      OS\ntwin.example  debian 13\ntwin.example  debian 13\n' +
        `2 of ${HOSTS} hosts; more with --limit N or --all\n`,
    );
  });

  it('filters and sorts as the API does', async () => {
    const prod = await valueOf(
      ...['hosts', 'list', '--label', 'env=prod', '--label', '!edge', '--search', 'WEB-00'],
      ...['--online', '--upgradable', '--sort', 'upgradable', '--desc', '--state', 'active'],
      ...['--os', 'debian-13', '--package', 'openssl=3.0.2', '--service', 'ssh.service=active'],
    );
    const names = prod.hosts.map(({ hostname }: { hostname: string }) => hostname);
    expect(names).toEqual(['web-008.example', 'web-004.example']);
    const none = ['--offline', '--security', '--reboot', '--failed-service'];
    expect((await halflap('hosts', 'list', ...none)).stdout).toBe('no hosts\n');
  });

  it('shows a host by its name or id, and refuses a name that several have', async () => {
    const { hosts } = await valueOf('hosts', 'list', '--hostname', 'web-005.example');
    const shown = await halflap('hosts', 'show', 'web-005.example');
    expect(shown.stdout).toMatch(/^web-005\.example\n +id +[0-9a-f-]{36}\n +state +active\n/);
    expect(await valueOf('hosts', 'show', hosts[0].id)).toMatchObject({
      host: { id: hosts[0].id },
    });
    expect((await halflap('hosts', 'events', hosts[0].id)).stdout).toBe('no events\n');
    const twins = await halflap('hosts', 'show', 'twin.example');
    expect(twins).toMatchObject({ code: 2, stdout: '' });
    expect(twins.stderr).toMatch(
      /more than one host.*\n {2}[0-9a-f-]{36} {2}twin\.example {2}active/,
    );
    const near = await halflap('hosts', 'show', 'web-005');
    expect(near.code).toBe(2);
    expect(near.stderr).toMatch(/no host is named web-005.*\n {2}\S+ {2}web-005\.example/);
  });

  it('names the shard that is missing, with 4, and goes on with the others', async () => {
    const [s1] = test.shards;
    if (s1 === undefined) throw new Error('no shards');
    const away = { name: 's2', url: 'postgres://nobody@127.0.0.1:1/none' };
    const store = await openStore({ shards: [s1, away], server: 'x', poolSize: 2, log: SILENT });
    const half = await openTestApi({ store });
    try {
      const env = {
        HALFLAP_SERVER: await half.app.listen({ host: '127.0.0.1', port: 0 }),
        HALFLAP_TOKEN: 'viewer',
      };
      const list = await workspace.run(['hosts', 'list'], env);
      expect(list.code).toBe(4);
      expect(list.stderr).toMatch(/^shard s2: .*missing/);
      expect(list.stdout).toContain('web-0');
      expect(await workspace.run(['hosts', 'list', '--partial'], env)).toMatchObject({ code: 0 });
      const programs = await workspace.run(['hosts', 'list', '--json'], env);
      expect(programs).toMatchObject({ code: 4, stderr: '' });
      expect(jsonLines(programs.stdout)).toMatchObject([{ shards: [{ ok: true }, { ok: false }] }]);
      const unsure = await workspace.run(['hosts', 'show', 'not-there'], env);
      expect(unsure).toMatchObject({ code: 4, stderr: expect.stringMatching(/STORE_UNAVAILABLE/) });
    } finally {
      await half.app.close();
      await store.close();
    }
  });
});

describe('halflap packages and services', () => {
  it('list names over the fleet, and what one host has', async () => {
    expect(await valueOf('packages', 'list', '--search', 'ssl')).toMatchObject({
      packages: [
        {
          name: 'openssl',
          versions: [
            { version: '3.0.2', hosts: HOSTS - 3 },
            { version: '3.0.1', hosts: 3 },
          ],
        },
      ],
    });
    const one = ['--host', 'web-007.example'];
    const packages = await halflap('packages', 'list', ...one);
    expect(packages.stdout).toMatch(/\nopenssl +3\.0\.2 +amd64 +dpkg\n1 package\n$/);
    const flags = ['--search', 'x', '--upgradable', '--security', '--held'];
    expect((await halflap('packages', 'list', ...one, ...flags)).stdout).toBe('no packages\n');
    expect((await halflap('services', 'list')).stdout).toMatch(
      /ssh.service +active +229\n +failed +1/,
    );
    const failed = await valueOf('services', 'list', ...one, '--active', 'failed');
    expect(failed).toMatchObject({ services: [{ name: 'ssh.service', active: 'failed' }] });
    const wrong = await halflap('packages', 'list', '--security');
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringMatching(/--host/) });
  });
});

describe('what goes wrong', () => {
  it('is told in the form of every command', async () => {
    const invalid = await halflap('hosts', 'list', '--label', 'a b', '--json');
    expect(invalid).toMatchObject({ code: 2, stderr: '' });
    expect(jsonLines(invalid.stdout)).toEqual([
      {
        error: {
          code: 'API_INVALID',
          message: expect.stringMatching(/query\.label/),
          hint: expect.any(String),
          detail: { fields: [{ field: 'query.label', rule: expect.any(String) }] },
          exitCode: 2,
        },
      },
    ]);
    const nobody = await workspace.run(['hosts', 'list'], { HALFLAP_SERVER: server });
    expect(nobody).toMatchObject({ code: 3, stderr: expect.stringMatching(/halflap login/) });
    const gone = await workspace.run(['hosts', 'list', '--server', 'http://127.0.0.1:1']);
    expect(gone).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/SERVER_UNREACHABLE.*127\.0\.0\.1:1 cannot be reached/),
    });
    const open = await workspace.run(['hosts', 'list', '--server', 'http://halflap.example']);
    expect(open).toMatchObject({ code: 2, stderr: expect.stringMatching(/unencrypted/) });
  });

  it('is asked again when the connection breaks', async () => {
    const breaking = await breakingProxy(1);
    const ended = await workspace.run(['hosts', 'show', 'web-009.example'], {
      HALFLAP_SERVER: addressOf(breaking),
      HALFLAP_TOKEN: 'viewer',
    });
    breaking.close();
    expect(ended).toMatchObject({ code: 0, stderr: 'the answer was lost; asking again\n' });
  });
});

describe('a private authority', () => {
  it('is trusted when it is named, and not otherwise', async () => {
    const secret = Buffer.alloc(SECRET_BYTES, 1);
    const authority = await openAuthority(test.store, {
      ...{ secret, hostCertificateDays: 1, clock: () => new Date() },
    });
    const { certificate: cert, privateKey: key } = await authority.issueServer(['127.0.0.1']);
    const tls = await openTestApi(test, { settings: { tls: { cert, key } } });
    const address = await tls.app.listen({ host: '127.0.0.1', port: 0 });
    workspace.write('authority.pem', authority.certificate);
    const env = { HALFLAP_TOKEN: 'viewer' };
    const list = ['hosts', 'list', '--limit=1', '--server', address];
    expect(await workspace.run(list, env)).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/certificate of .* is not trusted.*\n.*--ca FILE/),
    });
    expect(await workspace.run([...list, '--ca', 'authority.pem'], env)).toMatchObject({ code: 0 });
    await tls.app.close();
  });
});

/** Operations that no command covers, and why. */
const WITHOUT_COMMAND: Readonly<Record<string, string>> = {
  'GET /healthz': 'for balancers',
  'GET /readyz': 'for balancers',
  'GET /metrics': 'for Prometheus',
  'GET /api/v1/openapi.json': 'for programs',
};

interface Documented {
  readonly parameters?: readonly { name: string; in: string; schema: { enum?: string[] } }[];
  readonly requestBody?: {
    readonly content: Record<string, { schema: { properties?: object; required?: string[] } }>;
  };
}

describe('every operation of the API', () => {
  const operations = Object.values(OPERATIONS);
  let documented: Map<string, Documented>;

  beforeAll(async () => {
    const { body } = await api.as(null)('GET', '/api/v1/openapi.json');
    documented = new Map(
      Object.entries(body.paths as Record<string, Record<string, Documented>>).flatMap(
        ([path, methods]) =>
          Object.entries(methods).map(([method, one]) => [`${method.toUpperCase()} ${path}`, one]),
      ),
    );
  });

  it('has a command, or a reason for having none', () => {
    const covered = operations.map(({ method, path }) => `${method} ${path}`);
    const all = [...covered, ...Object.keys(WITHOUT_COMMAND)].sort();
    expect(all).toEqual([...documented.keys()].sort());
  });

  it('is asked with all the fields that it takes, and no others', () => {
    for (const { method, path, query, body } of operations) {
      const name = `${method} ${path}`;
      const one = documented.get(name);
      const inQuery = one?.parameters?.filter((parameter) => parameter.in === 'query') ?? [];
      expect([...query].sort(), name).toEqual(inQuery.map((parameter) => parameter.name).sort());
      const schema = one?.requestBody?.content['application/json']?.schema;
      expect([...body].sort(), name).toEqual(Object.keys(schema?.properties ?? {}).sort());
    }
  });

  it('takes the words that options take', () => {
    const words = (field: string) =>
      documented.get('GET /api/v1/hosts')?.parameters?.find(({ name }) => name === field)?.schema;
    expect(words('sort')?.enum).toEqual(HOST_SORTS);
    expect(words('state')?.enum).toEqual(HOST_STATES);
  });

  it('has been asked by a command', () => {
    for (const { method, path } of operations) {
      const pattern = new RegExp(`^${method} ${path.replace(/\{\w+\}/g, '[^/?]+')}(?:\\?|$)`);
      expect(
        [...asked].some((one) => pattern.test(one)),
        `${method} ${path}`,
      ).toBe(true);
    }
  });
});

/** Passes bytes to the server; of the first connections it takes the request and no more. */
async function breakingProxy(times: number): Promise<Server> {
  let left = times;
  const proxy = createServer((client) => {
    const upstream = connect(Number(new URL(server).port), '127.0.0.1');
    const isCut = left > 0;
    left -= 1;
    client.pipe(upstream);
    if (isCut) upstream.once('data', () => client.destroy());
    else upstream.pipe(client);
    for (const socket of [client, upstream]) socket.on('error', () => {});
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return proxy;
}

function addressOf(proxy: Server): string {
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}
