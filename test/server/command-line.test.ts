// The command line of the system management application: the real program, asking the real API over
// a real store. What it may ask is compared with the API's own document.

import { chmodSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ACTIONS, SERVICE_ACTIONS } from '@halflap/protocol/agent';
import {
  type Authority,
  alertRoutes,
  authorityRoutes,
  Bus,
  betweenServersRoutes,
  busDoorbell,
  busRoutes,
  type Campaigns,
  campaignRoutes,
  clusterRoutes,
  DEFAULT_SETTINGS,
  type Endpoint,
  Evaluator,
  evolutionRoutes,
  type Jobs,
  jobRoutes,
  journalRoutes,
  makeSetupToken,
  memoryCarrier,
  openAuthority,
  openStore,
  SECRET_BYTES,
  startCampaigns,
  startEndpoint,
  startJobs,
  startJournals,
} from '@halflap/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPERATIONS } from '../../packages/cli/src/api/operations.js';
import * as alertWords from '../../packages/cli/src/commands/alerts.js';
import { AUDIT_OUTCOMES } from '../../packages/cli/src/commands/audit.js';
import * as campaignWords from '../../packages/cli/src/commands/campaign.js';
import { HOST_SORTS, HOST_STATES } from '../../packages/cli/src/commands/hosts.js';
import { JOB_STATES, RUN_STATES } from '../../packages/cli/src/commands/jobs.js';
import * as words from '../../packages/cli/src/commands/jobs-run.js';
import { USER_STATES } from '../../packages/cli/src/commands/users.js';
import { createWorkspace, type Ended, jsonLines } from '../../packages/cli/test/run-cli.js';
import { addHost, makeToken, openTestApi, type TestApi } from './api.js';
import { addressOf, breakingProxy, cuttingProxy, UNAVAILABLE } from './breaking-proxy.js';
import { commandBus } from './bus-commands.js';
import { commandCampaign } from './campaign-commands.js';
import { onTerminal } from './on-terminal.js';
import { makeHosts, type Play, ScriptedAgent } from './scripted-agent.js';
import { openTestStore, SILENT, type TestStore } from './store.js';

const HOSTS = 40;
/** More than the API gives at once. */
const NAMES = 60;

let test: TestStore;
let api: TestApi;
let authority: Authority;
let jobs: Jobs;
let campaigns: Campaigns;
let bus: Bus;
let endpoint: Endpoint;
let server: string;
/** `GET /api/v1/hosts?limit=1` of every request of a command. */
const asked = new Set<string>();
const workspace = createWorkspace({ password: 'correct horse battery\n' });
const docs = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');

beforeAll(async () => {
  test = await openTestStore(2);
  const { store } = test;
  const clock = () => new Date();
  const secret = Buffer.alloc(SECRET_BYTES, 1);
  authority = await openAuthority(store, { secret, hostCertificateDays: 1, clock });
  const shared = { store, authority, server: 'one', log: SILENT };
  const carrier = memoryCarrier();
  bus = new Bus({ fleet: store.fleet, server: 'one', carrier, clock, pollMs: 100 });
  bus.start();
  const doorbell = busDoorbell(bus, SILENT);
  jobs = startJobs({ ...shared, doorbell, leaseSeconds: 15, keptDays: 90 });
  endpoint = await startEndpoint({
    ...{ ...shared, version: '1.0', duties: [jobs.duty], clock, names: ['localhost'] },
    ...{ heartbeatSeconds: 30, reportSeconds: 60, handshakesPerSecond: 500 },
    ...{ now: () => performance.now(), random: Math.random },
    listen: { host: '127.0.0.1', port: 0 },
    redeem: () => Promise.reject(new Error('nobody enrols here')),
  });
  campaigns = startCampaigns({
    ...shared,
    secret,
    jobs,
    leaseSeconds: 15,
    signalSeconds: 5,
    keptDays: 365,
    clock,
  });
  const journals = startJournals({ store, bus, server: 'one', log: SILENT });
  await Promise.all([doorbell.begun, journals.begun]);
  const { bundles, reader } = campaigns;
  const clusters = { store, secret, bundles, reader, clock };
  const routes = [
    ...authorityRoutes({ store, authority, secret, clock }),
    ...jobRoutes({ store, log: SILENT, settings: DEFAULT_SETTINGS, jobs }),
    ...alertRoutes({ store, secret, alerts: { kick() {} } }),
    ...busRoutes({ store, log: SILENT, settings: DEFAULT_SETTINGS }),
    ...journalRoutes(store, journals),
    ...clusterRoutes(clusters),
    ...betweenServersRoutes(clusters),
    ...evolutionRoutes({ store, bundles }),
    ...campaignRoutes({ store, secret, campaigns }),
  ];
  api = await openTestApi(test, { routes });
  api.app.server.on('request', ({ method, url, headers }) => {
    if (headers['user-agent'] === 'halflap') asked.add(`${method} ${url}`);
  });
  server = await api.app.listen({ host: '127.0.0.1', port: 0 });
  workspace.write('setup', (await makeSetupToken(test.store)) ?? '');
  const setup = ['--setup', 'setup', '--user', 'anna', '--password-file', 'password'];
  const login = await halflap('login', '--server', server, ...setup);
  expect(login).toMatchObject({ code: 0, stdout: expect.stringMatching(/signed in as anna/) });
  const rare = Object.fromEntries(Array.from({ length: NAMES }, (_, at) => [`rare-${at}`, '1']));
  const adding = Array.from({ length: HOSTS }, (_, at) =>
    addHost(test.store, {
      hostname: at < 2 ? 'twin.example' : `web-${String(at).padStart(3, '0')}.example`,
      labels: { env: at % 2 === 0 ? 'prod' : 'dev' },
      upgradable: at % 3,
      packages: { openssl: at < 3 ? '3.0.1' : '3.0.2', ...(at === 20 ? rare : {}) },
      services: { 'ssh.service': at === 7 ? 'failed' : 'active' },
    }),
  );
  await Promise.all(adding);
});

afterAll(async () => {
  await api?.app.close();
  await campaigns?.stop();
  await endpoint?.stop();
  await jobs?.stop();
  await bus?.stop();
  await test?.drop();
  workspace.remove();
});

/** Runs a command as anna, who has signed in. */
function halflap(...args: readonly string[]): Promise<Ended> {
  return workspace.run(args, env());
}

const env = () => ({ XDG_CONFIG_HOME: workspace.directory });

/** Credentials of somebody who has not. */
function nobody(name: string): Record<string, string> {
  return { XDG_CONFIG_HOME: join(workspace.directory, name), HALFLAP_SERVER: server };
}

/** The one value that a command prints with --json. */
// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
async function printed(...args: readonly string[]): Promise<any> {
  const ended = await halflap(...args, '--json');
  expect(ended, ended.stdout).toMatchObject({ code: 0, stderr: '' });
  const values = jsonLines(ended.stdout);
  expect(values).toHaveLength(1);
  const named = [3, 2].map((words) => `| \`${args.slice(0, words).join(' ')}\` |`);
  const row = docs.split('\n').find((line) => named.some((name) => line.startsWith(name)));
  const keys = [...(row?.split('|')[2] ?? '').matchAll(/`(\w+)`/g)].map((match) => match[1]);
  expect(Object.keys(values[0] ?? {}), args.join(' ')).toEqual(keys);
  return values[0];
}

describe('halflap login', () => {
  it('keeps a token for its owner alone, which logout revokes and forgets', async () => {
    const env = nobody('ben');
    await halflap('users', 'create', 'ben', '--role=viewer:env=dev', '--password-file=password');
    const login = ['login', '--user', 'ben', '--password-file', 'password', '--expires', '1h'];
    expect(await workspace.run(login, env)).toMatchObject({ code: 0 });
    const file = join(env.XDG_CONFIG_HOME ?? '', 'halflap/credentials.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const kept = JSON.parse(readFileSync(file, 'utf8'));
    expect(kept).toMatchObject({ current: server, servers: { [server]: { ca: null } } });
    chmodSync(file, 0o644);
    const open = await workspace.run(['whoami'], env);
    expect(open).toMatchObject({ code: 2, stderr: expect.stringMatching(/chmod 600/) });
    chmodSync(file, 0o600);
    const who = await workspace.run(['whoami'], env);
    expect(who.stdout).toMatch(/: ben\/halflap on \S+, viewer:env=dev\n$/);
    expect(await workspace.run(['logout'], env)).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ current: null, servers: {} });
    workspace.write('old-token', kept.servers[server].token);
    const after = await workspace.run(['whoami', '--token-file', 'old-token'], env);
    expect(after).toMatchObject({ code: 3, stderr: expect.stringMatching(/has ended/) });
  });

  it('refuses a wrong password, and asks nobody where nobody is', async () => {
    workspace.write('wrong-password', 'something else');
    const wrong = ['login', '--user', 'anna', '--password-file', 'wrong-password'];
    expect(await workspace.run(wrong, nobody('wrong'))).toMatchObject({ code: 3 });
    const asking = await workspace.run(['login'], nobody('wrong'));
    expect(asking).toMatchObject({ code: 2, stderr: expect.stringMatching(/--user NAME/) });
  });
});

describe('halflap users', () => {
  it('makes, changes and removes users', async () => {
    const person = ['--display-name', 'Carl C.', '--email', 'carl@example.com'];
    await printed('users', 'create', 'carl', '--role', 'auditor', '--no-password', ...person);
    await printed('users', 'edit', 'carl', '--email', '', '--state', 'disabled');
    await printed('users', 'roles', 'carl', '--role', 'operator:env=prod', '--role', 'viewer');
    await printed('users', 'password', 'carl', '--password-file', 'password');
    const { user } = await printed('users', 'show', 'carl');
    expect(user).toMatchObject({ displayName: 'Carl C.', email: null, state: 'disabled' });
    const { stdout } = await halflap('users', 'list');
    expect(stdout).toMatch(/\ncarl +disabled +Carl C\. +operator:env=prod +password +never\n/);
    expect((await halflap('users', 'remove', 'carl')).stderr).toMatch(/--yes/);
    await printed('users', 'remove', user.id, '--yes');
    expect(await halflap('users', 'show', 'carl')).toMatchObject({ code: 2 });
  });

  it('changes one’s own password', async () => {
    workspace.write('next', 'another long password\n');
    const files = ['--old-password-file', 'password', '--password-file', 'next'];
    await printed('users', 'password', ...files);
    const login = ['login', '--user', 'anna', '--password-file', 'next'];
    expect(await workspace.run(login, nobody('again'))).toMatchObject({ code: 0 });
  });
});

describe('halflap authority', () => {
  it('replaces the keys, and drops old ones when it is told what is lost', async () => {
    const started = ['rotate', 'rotate-orders-key'].map((one) =>
      printed('authority', one, '--yes'),
    );
    for (const made of await Promise.all(started)) expect(made).toMatchObject({ isNew: true });
    const [status, retired] = await Promise.all([
      halflap('authority', 'status'),
      printed('authority', 'retire-orders-key', '--yes'),
    ]);
    expect(status.stdout).toMatch(/\nsha256:\w+ +new +.* 0 of 40 +0 of 40\n/);
    expect(retired.retired).toMatch(/^\w+-/);
    const dropped = await printed('authority', 'drop', '--yes');
    expect(dropped.retired).toMatch(/^sha256:/);
    expect(await printed('authority', 'status')).toMatchObject({ authorities: { length: 1 } });
  });
});

describe('halflap tokens', () => {
  it('makes and revokes tokens for hosts, and for programs', async () => {
    const rest = ['--label', 'env=prod', '--uses', '5', '--expires', '2h', '--approval'];
    const made = await printed('tokens', 'create', 'web', ...rest);
    expect(made.token).toMatch(/^\S{20,}$/);
    expect(made.pin).toBe(await authority.pin());
    const listed = await halflap('tokens', 'list');
    expect(listed.stdout).toMatch(/\nweb +\S+ +usable +0 of 5 .* needed +env=prod +anna/);
    await printed('tokens', 'revoke', 'web');
    const own = await printed('api-tokens', 'create', 'backup', '--role', 'viewer:env=dev');
    const env = { ...nobody('backup'), HALFLAP_TOKEN: own.token };
    const dev = await workspace.run(['hosts', 'list', '--json'], env);
    expect(jsonLines(dev.stdout)).toMatchObject([{ total: HOSTS / 2 }]);
    expect((await halflap('api-tokens', 'list')).stdout).toMatch(/\nbackup .* viewer:env=dev /);
    await printed('api-tokens', 'revoke', 'backup');
    expect(await workspace.run(['whoami'], env)).toMatchObject({ code: 3 });
  });
});

describe('halflap audit', () => {
  it('lists what was done, and says whether the log is whole', async () => {
    const done = ['--act', 'user.create', '--actor', 'anna/halflap on x', '--outcome', 'done'];
    const none = await printed('audit', 'list', ...done, '--target', 'user nobody');
    expect(none).toMatchObject({ entries: [] });
    const { stdout } = await halflap('audit', 'list', '--act', 'user.create', '--limit', '1');
    expect(stdout).toMatch(/ user\.create +user \w+ +done /);
    expect(await printed('audit', 'verify')).toMatchObject({ ok: true, broken: null });
    await test.store.home.query("update audit_entries set target = 'x' where number = 2");
    const broken = await halflap('audit', 'verify');
    expect(broken).toMatchObject({ code: 3, stdout: expect.stringMatching(/\nentry 2: /) });
  });
});

describe('halflap hosts', () => {
  it('lists as many hosts as wanted, and says how many there are', async () => {
    const all = await printed('hosts', 'list', '--all');
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
    const prod = await printed(
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
    const { hosts } = await printed('hosts', 'list', '--hostname', 'web-005.example');
    const shown = await halflap('hosts', 'show', 'web-005.example');
    expect(shown.stdout).toMatch(/^web-005\.example\n +id +[0-9a-f-]{36}\n +state +active\n/);
    expect(await printed('hosts', 'show', hosts[0].id)).toMatchObject({
      host: { id: hosts[0].id },
    });
    expect((await halflap('hosts', 'events', hosts[0].id)).stdout).toBe('no events\n');
    expect((await halflap('hosts', 'jobs', hosts[0].id)).stdout).toBe('no jobs\n');
    const twins = await halflap('hosts', 'show', 'twin.example');
    expect(twins).toMatchObject({ code: 2, stdout: '' });
    expect(twins.stderr).toMatch(
      /more than one host.*\n {2}[0-9a-f-]{36} {2}twin\.example {2}active/,
    );
    const near = await halflap('hosts', 'show', 'web-005');
    expect(near.code).toBe(2);
    expect(near.stderr).toMatch(/no host is named web-005.*\n {2}\S+ {2}web-005\.example/);
  });

  it('changes labels and notes of a host', async () => {
    const name = 'web-011.example';
    const labels = ['env=test', 'edge=', '--remove', 'nothing'];
    expect((await halflap('hosts', 'label', name, ...labels)).stdout).toBe(
      `${name}: edge env=test\n`,
    );
    expect(await printed('hosts', 'label', name, 'env=dev', '--remove', 'edge')).toMatchObject({
      host: { labels: { env: 'dev' } },
    });
    await printed('hosts', 'note', name, 'two\u001b[31m words');
    const shown = await halflap('hosts', 'show', name);
    expect(shown.stdout).toContain('two\ufffd[31m words');
    expect((await halflap('hosts', 'note', name)).stdout).toBe(`${name}: no notes\n`);
  });

  it('lets hosts in, shuts them out, and forgets them', async () => {
    const name = 'web-012.example';
    await printed('hosts', 'approve', name, 'web-013.example');
    const early = await halflap('hosts', 'remove', name, '--yes');
    expect(early).toMatchObject({ code: 3, stderr: expect.stringMatching(/revoke it first/) });
    await printed('hosts', 'revoke', name, '--because', 'sold', '--yes');
    expect((await halflap('hosts', 'events', name)).stdout).toMatch(/ warning +revoked .*: sold\n/);
    await printed('hosts', 'remove', name, '--yes');
    expect((await halflap('hosts', 'show', name)).stderr).toMatch(/no host is named/);
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
        HALFLAP_TOKEN: await makeToken(store, 'viewer'),
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
  it('list names over the fleet, page after page, and what one host has', async () => {
    const rare = await printed('packages', 'list', '--search', 'rare', '--all');
    expect(new Set(rare.packages.map(({ name }: { name: string }) => name)).size).toBe(NAMES);
    expect(await printed('packages', 'list', '--search', 'ssl')).toMatchObject({
      packages: [
        {
          name: 'openssl',
          versions: [
            { version: '3.0.2', hosts: HOSTS - 4 },
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
      /ssh.service +active +38\n +failed +1/,
    );
    const failed = await printed('services', 'list', ...one, '--active', 'failed');
    expect(failed).toMatchObject({ services: [{ name: 'ssh.service', active: 'failed' }] });
    const journal = ['services', 'journal', 'web-007.example', 'ssh.service', '--lines', '5'];
    const away = await halflap(...journal);
    expect(away).toMatchObject({ code: 4, stderr: expect.stringMatching(/HOST_AWAY.*connected/) });
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
    const unknown = await workspace.run(['hosts', 'list'], nobody('unknown'));
    expect(unknown).toMatchObject({ code: 3, stderr: expect.stringMatching(/halflap login/) });
    const gone = await workspace.run(['hosts', 'list', '--server', 'http://127.0.0.1:1']);
    expect(gone).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/SERVER_UNREACHABLE.*127\.0\.0\.1:1 cannot be reached/),
    });
    const open = await workspace.run(['hosts', 'list', '--server', 'http://halflap.example']);
    expect(open).toMatchObject({ code: 2, stderr: expect.stringMatching(/unencrypted/) });
  });

  it('is asked again when an answer is lost, or put off, and done once', async () => {
    const breaking = await breakingProxy(server, 1);
    const ended = await workspace.run(['tokens', 'create', 'once'], {
      HALFLAP_SERVER: addressOf(breaking),
      HALFLAP_TOKEN: await makeToken(test.store, 'operator'),
    });
    breaking.close();
    expect(ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\S+\n$/) });
    expect(ended.stderr).toMatch(/^the answer was lost; asking again\n/);
    const refusing = await breakingProxy(server, 1, UNAVAILABLE);
    const patient = ['whoami', '--server', addressOf(refusing), '--token-file', 'viewer'];
    workspace.write('viewer', await makeToken(test.store, 'viewer'));
    expect(await workspace.run(patient)).toMatchObject({
      ...{ code: 0, stderr: 'the server asks to wait 0.0s (STORE_UNAVAILABLE); asking again\n' },
    });
    refusing.close();
    const { tokens } = await printed('tokens', 'list', '--all');
    expect(tokens.filter(({ name }: { name: string }) => name === 'once')).toHaveLength(1);
  });
});

describe('a private authority', () => {
  it('is trusted when it is named, and not otherwise', async () => {
    const { certificate: cert, privateKey: key } = await authority.issueServer(['127.0.0.1']);
    // As a server shows it: with that of the authority behind it.
    const chain = `${cert}\n${authority.certificate}`;
    const tls = await openTestApi(test, { settings: { tls: { cert: chain, key } } });
    const address = await tls.app.listen({ host: '127.0.0.1', port: 0 });
    workspace.write('authority.pem', authority.certificate);
    const env = { HALFLAP_TOKEN: await makeToken(test.store, 'viewer') };
    const list = ['hosts', 'list', '--limit=1', '--server', address];
    expect(await workspace.run(list, env)).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/certificate of .* is not trusted.*\n.*--ca FILE/),
    });
    expect(await workspace.run([...list, '--ca', 'authority.pem'], env)).toMatchObject({ code: 0 });
    workspace.write('pinned-token', env.HALFLAP_TOKEN);
    const login = ['login', '--server', address, '--token-file=pinned-token'];
    const pinned = (pin: string) => workspace.run([...login, '--ca-pin', pin], nobody('pinned'));
    expect(await pinned(`sha256:${'0'.repeat(64)}`)).toMatchObject({ code: 3 });
    expect(await pinned(await authority.pin())).toMatchObject({ code: 0 });
    const known = await workspace.run(['whoami', '--server', address], nobody('pinned'));
    expect(known).toMatchObject({ code: 0, stdout: expect.stringContaining(address) });
    await tls.app.close();
  });
});

describe('halflap jobs', () => {
  const agents: ScriptedAgent[] = [];
  /** What the agents do, by their number; the last host has none, and is offline. */
  const plays: Play[] = [
    { output: ['one\ntw', 'o\n'] },
    { output: ['hello'] },
    { output: ['no'], exitCode: 7 },
  ];
  const target = ['--label', 'fleet=jobs'];
  const online = [...target, '--online'];
  const offline = [...target, '--offline'];

  beforeAll(async () => {
    const labels = { fleet: 'jobs' };
    const hosts = await makeHosts(test.store, authority, { count: 4, labels });
    const ports = () => endpoint.port;
    for (const [at, host] of hosts.slice(0, 3).entries()) {
      agents.push(new ScriptedAgent(host, { ports, authority }, () => plays[at] ?? {}));
    }
    await Promise.all(agents.map((agent) => agent.connect()));
  });

  afterAll(() => Promise.all(agents.map((agent) => agent.stop())));

  /** Makes a job that waits for the host that is offline, and gives its id. */
  async function waiting(...args: readonly string[]): Promise<string> {
    const made = await halflap('jobs', 'run', ...args, '--detach', '--yes', '--json');
    expect(made, made.stdout).toMatchObject({ code: 0, stderr: '' });
    return String(jsonLines(made.stdout)[0]?.id);
  }

  it('shows exactly which hosts, and asks before anything is done', async () => {
    const command = ['jobs', 'run', 'command', ...target];
    const preview = await halflap(...command, '--preview', '--', 'df', '-h');
    expect(preview).toMatchObject({ code: 0, stderr: '' });
    expect(preview.stdout).toMatch(/^HOST +ID +AGENT.*\nweb-0 +\S+ +online/);
    expect(preview.stdout).toMatch(/\nweb-3 +\S+ +offline .*\n4 hosts, 1 of them offline\n$/);
    const unsure = await halflap(...command, '--', 'df', '-h');
    expect(unsure).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/Run “df -h” on 4 hosts\?(?:.|\n)*--yes/),
    });
    const nowhere = await halflap('jobs', 'run', 'command', '--', 'true');
    expect(nowhere).toMatchObject({ code: 2, stderr: expect.stringMatching(/--every-host/) });
    expect(await printed('jobs', 'list')).toMatchObject({ jobs: [] });
  });

  it('runs to its end, is followed, and tried again where it failed', async () => {
    const run = await halflap('jobs', 'run', 'command', ...online, '--yes', '--', 'echo', 'hi');
    expect(run.code, run.stderr).toBe(3);
    expect(run.stdout).toMatch(/\nweb-2 +failed +7 /);
    expect(run.stdout).toMatch(/\nfailed: 3 hosts, 2 succeeded, 1 failed\n$/);
    const id = /^job (\S+)$/m.exec(run.stdout)?.[1] ?? '';
    const followed = await halflap('jobs', 'follow', id.slice(0, 8));
    expect(followed.code).toBe(3);
    expect(followed.stdout).toMatch(/^web-0 \| one\nweb-0 \| two\nweb-0: succeeded, exit code 0\n/);
    expect(followed.stdout).toMatch(/\nweb-2 \| no\nweb-2: failed, exit code 7\n/);
    const cutting = await cuttingProxy(server, 'event: output');
    const again = await workspace.run(['jobs', 'follow', id], {
      HALFLAP_SERVER: addressOf(cutting),
      HALFLAP_TOKEN: await makeToken(test.store, 'viewer'),
    });
    cutting.close();
    expect(again).toEqual(followed);
    expect(await halflap('jobs', 'follow', id, '--host', 'web-1')).toMatchObject({
      ...{ code: 0, stdout: 'hello\nweb-1: succeeded, exit code 0\n' },
    });
    expect(await halflap('jobs', 'output', id, 'web-2')).toMatchObject({
      ...{ code: 3, stdout: 'no\nweb-2: failed, exit code 7\n' },
    });
    const { job } = await printed('jobs', 'show', id);
    expect(job).toMatchObject({ name: 'echo hi', counts: { succeeded: 2, failed: 1 } });
    const { hosts } = await printed('jobs', 'hosts', id, '--state', 'failed', '--search', 'web');
    expect(hosts).toMatchObject([{ hostname: 'web-2', exitCode: 7 }]);
    plays[2] = {};
    const retried = await halflap('jobs', 'retry', id, '--failed', '--yes', '--json');
    expect(retried, retried.stdout).toMatchObject({ code: 0, stderr: '' });
    expect(jsonLines(retried.stdout).at(-1)).toMatchObject({
      ...{ event: 'outcome', state: 'succeeded', hosts: 1, counts: { succeeded: 1 } },
    });
  });

  it('asks on a terminal, and shows how far it is', async () => {
    const command = ['jobs', 'run', 'command', ...online, '--', 'sleep', '1'];
    const { code, text } = await onTerminal('y', command, env());
    expect(text).toMatch(/Run “sleep 1” on 3 hosts\? \[y\/N\]/);
    expect(text).toMatch(/[█░]{20} \d of 3 hosts/);
    expect(text).toMatch(/succeeded: 3 hosts, 3 succeeded/);
    expect(code).toBe(0);
  });

  it('takes every kind of work, and is cancelled', async () => {
    const packages = ['packages', 'install', 'nginx=1.26', 'curl', '--simulate', '--batch', '5%'];
    const pace = ['--stop-after=2', '--concurrency=3', '--wait=2h', '--timeout=1m', '--total=1d'];
    const id = await waiting(...packages, ...pace, '--lost=1h', '--output-limit=0', ...offline);
    const { job } = await printed('jobs', 'show', id);
    expect(job).toMatchObject({
      work: { packages: [{ version: '1.26' }, { version: null }], simulate: true },
      ...{ concurrency: 3, stopAfter: 2, waitSeconds: 7200, timeoutSeconds: 60 },
    });
    const service = await waiting('service', 'restart', 'nginx.service', '--host', 'web-3');
    const file = await waiting('file', '/etc/x', '--absent', '--name', 'no x', ...offline);
    const shown = await halflap('jobs', 'show', id);
    expect(shown.stdout).toMatch(/\n {2}work +install 2 packages; simulated, nothing is done\n/);
    expect(shown.stdout).toMatch(/\n {2}packages +nginx 1\.26\n {14}curl\n/);
    const { stdout } = await halflap('jobs', 'list', '--state', 'running');
    expect(stdout).toMatch(/ no x +running +1 (?:.|\n)* restart nginx\.service +running /);
    const watching = workspace.start(['jobs', 'follow', file], env());
    await watching.shows('0 of 1 host');
    watching.signal('SIGINT');
    expect(await watching.ended).toMatchObject({
      ...{ code: 3, stderr: expect.stringMatching(/INTERRUPTED.*\nhint: .*jobs follow/) },
    });
    for (const one of [id, service, file]) await printed('jobs', 'cancel', one, '--reason', 'done');
    const giving = halflap('jobs', 'give-up', file, '--yes');
    const ended = await halflap('jobs', 'follow', file);
    expect((await giving).stderr).toMatch(/API_CONFLICT/);
    expect(ended).toMatchObject({ code: 3, stdout: expect.stringMatching(/^web-3: cancelled/) });
  });
});

describe('halflap alerts', () => {
  const alerts = (...args: readonly string[]) => printed('alerts', ...args);

  it('lists rules, makes, changes and removes them, and resolves what they found', async () => {
    const { store } = test;
    const { hosts } = await printed('hosts', 'list', '--hostname', 'web-014.example');
    const [host] = hosts;
    await store.withHost(host.id, (client) =>
      client.query('update hosts set packages_security = 2 where id = $1', [host.id]),
    );
    const spec = ['--kind', 'security_updates', '--severity', 'error', '--label', 'env=prod'];
    const made = await alerts('rules', 'create', 'patch', ...spec, '--threshold', '2', '--disable');
    expect(made.rule).toMatchObject({ id: 'patch', selector: 'env=prod', enabled: false });
    const again = await halflap('alerts', 'rules', 'create', 'patch', ...spec, '--threshold=2');
    expect(again).toMatchObject({ code: 3, stderr: expect.stringMatching(/API_CONFLICT/) });
    const edited = await halflap('alerts', 'rules', 'edit', 'patch', '--every-host', '--enable');
    expect(edited.stdout).toBe('patch: error, security_updates from 2 packages on\n');
    const evaluator = new Evaluator({ store, server: 'one', now: () => 0, log: SILENT });
    await evaluator.look();
    const rules = await halflap('alerts', 'rules', 'list');
    expect(rules.stdout).toMatch(/\npatch +error +security_updates +2 packages +on\n/);
    const about = ['--host', 'web-014.example', '--kind', 'security_updates', '--severity=error'];
    const open = await alerts('list', '--state', 'open', '--unacknowledged', ...about);
    expect(open.alerts).toMatchObject([{ rule: 'patch', name: 'web-014.example' }]);
    const [{ id }] = open.alerts;
    expect(await alerts('acknowledge', id.slice(0, 8))).toMatchObject({ alerts: [id] });
    for (const rule of ['patch', 'disk-full']) await alerts('rules', 'remove', rule, '--yes');
    const { stdout } = await halflap('alerts', 'list', '--acknowledged', ...about);
    expect(stdout).toMatch(/ resolved +error +patch +web-014\.example .* anna\/halflap on \S+\n1 /);
    await evaluator.stop();
    // Another server looks for the first time: what was removed does not come back.
    const other = new Evaluator({ store, server: 'two', now: () => 0, log: SILENT });
    expect(await other.look()).toEqual({ opened: 0, resolved: 0 });
    await other.stop();
    const left = (await alerts('rules', 'list')).rules.map((rule: { id: string }) => rule.id);
    expect(left).toContain('disk-nearly-full');
    expect(left).not.toContain('disk-full');
  });

  it('makes, changes, tests and removes targets, whose address is no argument', async () => {
    const url = 'https://hooks.example/secret-place';
    workspace.write('duty.url', `${url}\n`);
    const duty = ['targets', 'create', 'duty', '--minimum-severity', 'warning'];
    const made = await alerts(...duty, '--url-file', 'duty.url', '--kind', 'disk_full');
    expect(made.secret).toMatch(/^\S{20,}$/);
    expect(await halflap('alerts', ...duty)).toMatchObject({
      ...{ code: 2, stderr: expect.stringMatching(/--url-file FILE/) },
    });
    const mail = ['--mail', 'anna@example.com', '--mail', 'ben@example.com'];
    await alerts('targets', 'create', 'team', ...mail);
    await alerts('targets', 'edit', 'team', '--disable', '--kind', 'job_failed');
    const { stdout } = await halflap('alerts', 'targets', 'list');
    expect(stdout).toMatch(/\nduty .* webhook https:\/\/hooks\.example +disk_full +warning +on /);
    expect(stdout).toMatch(/\nteam .* mail anna@example\.com, ben@\S+ +job_failed +info +off /);
    expect((await alerts('targets', 'list')).targets).toHaveLength(2);
    const { id } = await alerts('targets', 'test', 'duty');
    const some = ['--target', 'duty', '--state', 'pending'];
    const told = await alerts('deliveries', 'list', ...some);
    expect(told.deliveries).toMatchObject([{ id, event: 'test', alert: null }]);
    await alerts('deliveries', 'retry', id.slice(0, 10));
    const shown = await halflap('alerts', 'deliveries', 'list', '--alert', made.id);
    expect(shown.stdout).toBe('no deliveries\n');
    await alerts('targets', 'remove', made.id, '--yes');
    expect((await halflap('alerts', 'deliveries', 'list')).stdout).toBe('no deliveries\n');
  });
});

describe('halflap clusters and campaign', () => {
  it('declare, plan, approve, follow, choose where a step fails, and look back', async () => {
    const asking = { workspace, env: { ...env(), HALFLAP_SERVER: server }, halflap, printed };
    await commandCampaign(asking, 'web-003.example', api);
  });
});

describe('halflap bus', () => {
  it('shows what a group gave up, gives it back, and discards it', async () => {
    const asking = { workspace, env: { ...env(), HALFLAP_SERVER: server }, halflap, printed };
    await commandBus(asking, { store: test.store, bus, api });
  });
});

/** Operations that no command covers, and why. */
const WITHOUT_COMMAND: Readonly<Record<string, string>> = {
  'GET /healthz': 'for balancers',
  'GET /readyz': 'for balancers',
  'GET /metrics': 'for Prometheus',
  'GET /api/v1/openapi.json': 'for programs',
  'GET /api/v1/sign-in': 'for browsers',
  'GET /api/v1/oidc/start': 'for browsers',
  'GET /api/v1/oidc/callback': 'for browsers',
};

interface Shape {
  readonly enum?: string[];
  readonly maximum?: number;
  readonly items?: Shape;
}

interface Documented {
  readonly parameters?: readonly { name: string; in: string; schema: Shape }[];
  readonly requestBody?: {
    readonly content: Record<string, { schema: { properties?: Record<string, Shape> } }>;
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
    expect(covered.filter((one) => !documented.has(one))).toEqual([]);
    const others = [...documented.keys()].filter((one) => !covered.includes(one));
    expect(others.filter((one) => !Object.hasOwn(WITHOUT_COMMAND, one))).toEqual([]);
  });

  it('is asked with all the fields that it takes, and no others', () => {
    for (const { method, path, query, body, isKeyed, pageLimit } of operations) {
      const name = `${method} ${path}`;
      const one = documented.get(name);
      const inQuery = one?.parameters?.filter((parameter) => parameter.in === 'query') ?? [];
      expect([...query].sort(), name).toEqual(inQuery.map((parameter) => parameter.name).sort());
      const limit = inQuery.find((parameter) => parameter.name === 'limit')?.schema;
      if (limit !== undefined) expect(limit.maximum, name).toBe(pageLimit);
      const headers = one?.parameters?.filter((parameter) => parameter.in === 'header') ?? [];
      expect(
        headers.map((header) => header.name),
        name,
      ).toEqual(isKeyed ? ['idempotency-key'] : []);
      const schema = one?.requestBody?.content['application/json']?.schema;
      expect([...body].sort(), name).toEqual(Object.keys(schema?.properties ?? {}).sort());
    }
  });

  it('takes the words that options take', () => {
    const wordsOf = (operation: string, field: string) =>
      documented.get(operation)?.parameters?.find(({ name }) => name === field)?.schema.enum;
    expect(wordsOf('GET /api/v1/hosts', 'sort')).toEqual(HOST_SORTS);
    expect(wordsOf('GET /api/v1/hosts', 'state')).toEqual(HOST_STATES);
    expect(wordsOf('GET /api/v1/audit', 'outcome')).toEqual(AUDIT_OUTCOMES);
    expect(wordsOf('GET /api/v1/alerts', 'state')).toEqual(alertWords.ALERT_STATES);
    expect(wordsOf('GET /api/v1/alerts', 'severity')).toEqual(alertWords.SEVERITIES);
    expect(wordsOf('GET /api/v1/alerts', 'kind')).toEqual(alertWords.RULE_KINDS);
    expect(wordsOf('GET /api/v1/alert-deliveries', 'state')).toEqual(alertWords.DELIVERY_STATES);
    const listed = (operation: string) =>
      documented.get(operation)?.parameters?.find(({ name }) => name === 'state')?.schema.items;
    expect(listed('GET /api/v1/jobs')?.enum).toEqual(JOB_STATES);
    expect(listed('GET /api/v1/jobs/{id}/runs')?.enum).toEqual(RUN_STATES);
    expect([words.PACKAGE_ACTIONS, words.SERVICE_ACTIONS]).toEqual([
      PACKAGE_ACTIONS,
      SERVICE_ACTIONS,
    ]);
    expect(listed('GET /api/v1/campaigns')?.enum).toEqual(campaignWords.CAMPAIGN_STATES);
    const planning = documented.get('POST /api/v1/campaigns')?.requestBody?.content;
    expect(planning?.['application/json']?.schema.properties?.goal?.enum).toEqual(
      campaignWords.GOALS,
    );
    const user = documented.get('PATCH /api/v1/users/{id}')?.requestBody?.content;
    expect(user?.['application/json']?.schema.properties?.state?.enum).toEqual(USER_STATES);
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
