// `halflap doctor` on a cluster that is well, and on what makes each of its checks fail.

import { once } from 'node:events';
import { chmodSync, readFileSync, statSync } from 'node:fs';
import type { AddressInfo, Server as NetServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { gunzipSync } from 'node:zlib';
import { freshDatabase } from '@halflap/engine/testing';
import { EXIT } from '@halflap/protocol';
import {
  appendAudit,
  openAuthority,
  SECRET_BYTES,
  type Server,
  startServer,
} from '@halflap/server';
import { unpackTar } from 'modern-tar';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openGate } from '../../bench/src/app/gate.js';
import { type NatsServer, startNats } from '../../bench/src/nats.js';
import {
  exitCodeOf,
  type Finding,
  failure,
  runChecks,
} from '../../packages/cli/src/doctor/check.js';
import { diskCheck } from '../../packages/cli/src/doctor/outside-checks.js';
import { diagnose, type WholeOptions } from '../../packages/cli/src/doctor/whole.js';
import { scrub } from '../../packages/cli/src/support/scrub.js';
import { createWorkspace } from '../../packages/cli/test/run-cli.js';
import { addHost } from './api.js';
import { until } from './job-cluster.js';
import { careless, formsOf, type Planted, plantInStore, wordsOfConfiguration } from './planted.js';
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
  readonly secret?: string;
  readonly name?: string;
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
  name: ${written.name ?? 'one'}
  secret_file: ${written.secret ?? 'secret'}
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

/** Other databases of the server have waits of their own. */
const WAITS_HERE = `select from pg_locks as l join pg_stat_activity as a on a.pid = l.pid
  where not l.granted and a.datname = current_database()`;

describe('of a cluster that is well', () => {
  it('finds nothing, in the program too, and changes nothing', async () => {
    const file = configure('halflap.yaml');
    await until(
      () => look(file),
      (found) => of(found, 'API')[0]?.state === 'ok',
    );
    const findings = await look(file);
    // How much room a disk has is the machine's own.
    const odd = findings.filter(({ check, state }) => state !== 'ok' && check !== 'disk');
    expect(odd).toEqual([]);
    expect(findings.length).toBeGreaterThan(20);
    expect(exitCodeOf(findings)).toBe(0);
    const { code, stdout, stderr } = await workspace.run(['doctor']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^STATE +CHECK +FOUND +WHAT TO DO\n/);
    expect(stdout).toContain('0 failed, ');
  });
});

describe('halflap support', () => {
  it('gathers what somebody who helps wants to see, and no secret of any place', async () => {
    const configured = wordsOfConfiguration();
    const { awayFile, natsUser, natsPassword } = configured;
    const { token, words } = await plantInStore(server.store);
    const logged = careless(readFileSync(`${workspace.directory}/key.pem`, 'utf8'));
    const known = [CLIENT.secret, awayFile, configured.scratch, configured.mail, SECRET].join(' ');
    const filling = `${'x'.repeat(99)}\n`.repeat(30_000);
    workspace.write('server.log', `${filling}${known}\n${logged.text}`);
    workspace.write('authority.pem', server.authority);
    workspace.write('away.password', `${awayFile}\n`);
    const file = configure('planted.yaml', {
      nats: nats.url.replace('//', `//${natsUser}:${natsPassword}@`),
      more: `smtp_env: SMTP # ${configured.comment}\n  mail_from: a@example.com`,
    });
    const yaml = readFileSync(file, 'utf8').replace(
      'shards:',
      `scratch: postgres://u:${configured.scratch}@h/d
shards:
  - { name: gone, url_env: GONE }
  - { name: filed, url: "postgres://u@127.0.0.1:1/d", password_file: away.password }`,
    );
    workspace.write('planted.yaml', yaml.replace('  name: one', '  home: s1\n  name: one'));
    const secrets: Planted = {
      ...{ ...configured, ...words, ...logged.words, cluster: SECRET, oidc: CLIENT.secret },
      setup: server.setupToken ?? '',
      database: new URL(urlOf(0)).password,
    };
    const { code, stdout, stderr } = await workspace.run(
      ['--config', 'planted.yaml', 'support', 'case.tar.gz', '--log', 'server.log'],
      {
        GONE: `postgres://u:${configured.away}@127.0.0.1:1/d`,
        SMTP: `smtp://u:${configured.mail}@127.0.0.1:1`,
        ...{ HALFLAP_SERVER: server.address, HALFLAP_TOKEN: token, HALFLAP_CA: 'authority.pem' },
      },
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(statSync(`${workspace.directory}/case.tar.gz`).mode & 0o077).toBe(0);
    const entries = await unpacked(`${workspace.directory}/case.tar.gz`);
    const names = [...entries.keys()].map((name) => name.replace(/^[^/]+\//, ''));
    expect(names.sort()).toEqual(
      [
        ...['README.txt', 'configuration.json', 'doctor.json', 'doctor.txt', 'metrics.txt'],
        ...['logs/1-server.log', 'status.json', 'versions.json'],
        ...['filed', 'gone', 's1', 's2'].map((shard) => `store/${shard}.json`),
      ].sort(),
    );
    const all = [stdout, ...entries.values()].join('\n');
    for (const [of, secret] of Object.entries(secrets)) {
      expect(secret.length, of).toBeGreaterThan(7);
      for (const form of formsOf(secret)) expect(all.includes(form), `${of}: ${form}`).toBe(false);
    }
    for (const text of entries.values()) expect(text.length).toBeLessThan(1.1 * 2 ** 20);
    const half = logged.text.slice(logged.text.indexOf('PRIVATE KEY-----') + 30);
    for (const form of Object.values(logged.words)) expect(scrub(half)).not.toContain(form);
    // It is of use all the same.
    for (const found of [
      'halflap_shard_served{',
      'the last line',
      '"phase": "settled"',
      '"topic": "t"',
      '"act": "test"',
    ]) {
      expect(all).toContain(found);
    }
    await on(urlOf(0), (client) => client.query(UNPLANTED));
  });
});

describe('of a cluster that is not', () => {
  const sessions: pg.Client[] = [];
  let foreign: NetServer;
  let findings: readonly Finding[];

  beforeAll(async () => {
    const [s1, s2] = [urlOf(0), urlOf(1)];
    const { store } = server;
    const note = { actor: 'anna', actorId: 'a', address: '::1', request: 'r', target: 't' };
    await store.home.transaction((client) =>
      appendAudit(client, { ...note, act: 'test', outcome: 'done', detail: {} }),
    );
    const id = await addHost(store, { hostname: 'late' });
    await store.withHost(id, (client) => client.query(LATE_CERTIFICATE, [id]));
    // It would go on with the job, and with the mail of an alert.
    await server.stop();
    await on(s1, (client) => client.query(HOME_FAULTS));
    await on(s2, (client) => client.query(FAULTS));
    sessions.push(...(await Promise.all([s1, s1].map(opened))));
    await sessions[0]?.query('begin; select pg_advisory_lock(7)');
    sessions[1]?.query('select pg_advisory_lock(7)').catch(() => {});
    await until(
      () => on(s1, (client) => client.query(WAITS_HERE)),
      ({ rowCount }) => rowCount !== 0,
    );
    workspace.write('other.secret', `${'1d'.repeat(32)}\n`);
    chmodSync(`${workspace.directory}/other.secret`, 0o644);
    const pair = await certificateOf('elsewhere');
    foreign = createTlsServer(pair).listen(0, '127.0.0.1');
    await once(foreign, 'listening');
    const port = (foreign.address() as AddressInfo).port;
    process.env.HALFLAP_TEST_SMTP = 'smtp://127.0.0.1:1';
    const file = configure('broken.yaml', {
      ...{ agents: `127.0.0.1:${port}`, nats: 'nats://127.0.0.1:1' },
      ...{ issuer: 'http://127.0.0.1:1', secret: 'other.secret', name: 'two' },
      more: 'smtp_env: HALFLAP_TEST_SMTP\n  mail_from: a@example.com',
    });
    findings = await look(file, { longSeconds: 0 });
  });

  afterAll(async () => {
    foreign?.close();
    await Promise.all(sessions.map((session) => session.end()));
    await on(urlOf(1), (client) => client.query(MENDED));
  });

  it.each([
    ['secret files', '', 'warning', 'every user of this machine may use'],
    ['connections', 'shard s2', 'warning', 'the limit of the database'],
    ['transactions', 'shard s1', 'warning', /open: session .*waits for a lock: session/],
    ['catalogue', 'shard s2', 'warning', 'not those of halflap 1.0'],
    ['buckets', '', 'failed', '1 of 1 024 are on no shard'],
    ['servers', '', 'failed', 'no server holds a lease on any shard'],
    ['bus', 'shard s2', 'warning', '1 are parked'],
    ['hosts', '', 'warning', 'the certificates of 1 have ended'],
    ['authority', '', 'failed', 'do not open with the secret of this file'],
    ['jobs', '', 'warning', '1 of 1 are driven by no server'],
    ['alerts', '', 'warning', '1 deliveries are overdue'],
    ['audit log', '', 'failed', 'entry 1: its hash is not that of its text'],
    ['API', '', 'failed', 'no answer'],
    ['agents’ endpoint', '', 'failed', 'its certificate is not of this cluster'],
    ['NATS', '', 'failed', /./],
    ['sign-in provider', '', 'failed', /./],
    ['mail server', '', 'failed', /./],
  ] as const)('finds what is wrong with: %s', (check, name, state, found) => {
    const pattern =
      typeof found === 'string' ? expect.stringContaining(found) : expect.stringMatching(found);
    expect(of(findings, check, name)).toContainEqual(
      expect.objectContaining({ state, found: pattern, next: expect.stringMatching(/./) }),
    );
  });

  it('ends with the code of the gravest, and finds nothing else', () => {
    expect(exitCodeOf(findings)).toBe(EXIT.usage);
    const well = findings.filter(({ state }) => state === 'ok').map(({ check }) => check);
    expect([...new Set(well)].sort()).toEqual(
      expect.arrayContaining(['clock', 'configuration', 'connection', 'release', 'rights']),
    );
  });
});

describe('where next to nothing answers', () => {
  it('says of each shard why, in time', async () => {
    const gate = await openGate(urlOf(0));
    gate.set('silent');
    const shards = [
      { name: 'silent', url: gate.url },
      { name: 'dead', url: 'postgres://u:hunter2@127.0.0.1:1/d' },
    ];
    const findings = await look(configure('away.yaml', { shards }), { timeoutMs: 300 });
    await gate.close();
    for (const name of ['silent', 'dead']) {
      const unreachable = { state: 'failed', exitCode: EXIT.unreachable };
      expect(of(findings, 'connection', `shard ${name}`)).toMatchObject([unreachable]);
      // Once is enough.
      expect(findings.filter((one) => one.of === `shard ${name}`)).toHaveLength(1);
    }
    expect(of(findings, 'buckets')).toMatchObject([{ state: 'warning' }]);
    expect(JSON.stringify(findings)).not.toContain('hunter2');
  });

  it('says what a shard lacks that answers', async () => {
    const role = `doctor_${process.pid}`;
    const empty = await freshDatabase();
    await on(empty.url, (client) => client.query(`create role ${role} login password 'p'`));
    const poor = Object.assign(new URL(empty.url), { username: role, password: 'p' }).href;
    const shards = [
      { name: 'empty', url: empty.url },
      { name: 'poor', url: poor },
    ];
    try {
      const clock = () => new Date(Date.now() + 600_000);
      const findings = await look(configure('empty.yaml', { shards }), { clock });
      for (const [check, shard] of [
        ['release', 'empty'],
        ['clock', 'empty'],
        ['rights', 'poor'],
      ] as const) {
        expect(of(findings, check, `shard ${shard}`)).toMatchObject([{ state: 'failed' }]);
      }
      expect(of(findings, 'servers')).toMatchObject([{ state: 'failed' }]);
    } finally {
      await on(empty.url, (client) => client.query(`drop role ${role}`));
      await empty.drop();
    }
  });

  it('says that PostgreSQL took too long', async () => {
    const place = { name: 'catalogue', of: 'shard s1' };
    const late = on(urlOf(0), (client) =>
      client.query('set statement_timeout = 1; select pg_sleep(60)'),
    );
    const error = await late.catch((thrown: unknown) => thrown);
    expect(failure(place, error, '')).toMatchObject({
      ...{ state: 'failed', exitCode: EXIT.timedOut },
      found: expect.stringContaining('no answer in time'),
    });
  });

  it('says that a shard is another application’s, or that there is no file', async () => {
    const other = await look(configure('shop.yaml', { app: 'shop' }));
    expect(of(other, 'release', 'shard s1')).toMatchObject([
      { state: 'failed', found: 'holds halflap, but halflap.yaml says app: shop' },
    ]);
    expect(of(other, 'bus')).toEqual([]);
    const none = await look(`${workspace.directory}/none.yaml`);
    expect(none).toMatchObject([{ check: 'configuration', state: 'failed', exitCode: 2 }]);
  });

  it('says what hangs, and that a disk is full', async () => {
    const hanging = { name: 'a', of: null, run: () => new Promise<never>(() => {}) };
    expect(await runChecks([hanging, diskCheck('/proc')], 100)).toMatchObject([
      { check: 'a', state: 'failed', found: 'no answer within 0.1 s', exitCode: 5 },
      { check: 'disk', of: '/proc', state: 'failed', found: '0.0 GiB free' },
    ]);
  });
});

/** The texts of a bundle, by their names. */
async function unpacked(file: string): Promise<ReadonlyMap<string, string>> {
  const entries = await unpackTar(gunzipSync(readFileSync(file)));
  return new Map(
    entries.map(({ header, data }) => [header.name, Buffer.from(data ?? []).toString('utf8')]),
  );
}

/** What would be found by the tests after this one. */
const UNPLANTED = `
delete from audit_entries where number = 1000000;
delete from alert_deliveries;
delete from alert_targets;
delete from jobs;
delete from bus_parked;`;

async function opened(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  // It is ended together with its database.
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** Of an authority of its own. */
async function certificateOf(
  name: string,
): Promise<{ readonly key: string; readonly cert: string }> {
  const other = await openTestStore(1);
  const secret = Buffer.alloc(SECRET_BYTES, 9);
  const authority = await openAuthority(other.store, { secret, hostCertificateDays: 90, clock });
  const { certificate: cert, privateKey: key } = await authority.issueServer([name]);
  await other.drop();
  return { key, cert };
}

const LATE_CERTIFICATE = `
insert into host_certificates (serial, host_id, fingerprint, authority, not_before, not_after)
values ('1', $1, '1', '1', now() - interval '90 days', now() - interval '1 hour')`;

const HOME_FAULTS = `
update audit_entries set detail = '{"changed":true}' where number = 1;
insert into jobs (id, name, kind, work, target, digest, total, batches, concurrency, wait_seconds,
  timeout_seconds, lost_seconds, output_limit_bytes, deadline_at, created_by, created_at)
values (gen_random_uuid(), 'a', 'command', '{}', '{}', '', 1, 1, 1, 1, 1, 1, 1,
  now() + interval '1 day', 'anna', now() - interval '10 minutes');
insert into leases (name, owner, fence, expires_at)
select 'job/' || id, 'gone', 1, now() - interval '5 minutes' from jobs;
insert into alert_targets (id, name, kind, place, recipients, minimum_severity, made_by)
values (gen_random_uuid(), 'people', 'mail', 'a place', '{a@example.com}', 'info', 'anna');
insert into alert_deliveries (id, target_id, event, payload, next_attempt_at, give_up_at)
select gen_random_uuid(), id, 'test', '{}', now() - interval '1 hour', now() + interval '1 day'
from alert_targets;`;

const FAULTS = `
alter table hosts add column by_hand int;
delete from buckets where bucket = (
  select min(bucket) from buckets where bucket not in (select bucket from hosts)
);
insert into bus_parked (group_name, position, message_id, topic, format, attempts, losses, reason)
values ('g', 1, gen_random_uuid(), 't', 1, 10, 0, 'a test');
do $$ begin
  execute format('alter database %I connection limit 9', current_database());
end $$;`;

const MENDED = `
do $$ begin
  execute format('alter database %I connection limit -1', current_database());
end $$;`;
