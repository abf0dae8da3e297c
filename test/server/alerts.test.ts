// Alerts: rules on a real store of two shards, one of which can be cut off; a real receiver and a
// real mail server hear of them.

import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  alertRoutes,
  bucketOf,
  Evaluator,
  openStore,
  SECRET_BYTES,
  type SenderOptions,
  type Store,
  sendDue,
} from '@halflap/server';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gate, openGate } from '../../bench/src/app/gate.js';
import { readPage } from '../docs/page.js';
import { addHost, openTestApi, type TestApi } from './api.js';
import { openTestStore, SILENT, type TestStore } from './store.js';

const SECRET = Buffer.alloc(SECRET_BYTES, 7);

let test: TestStore;
let gate: Gate;
let store: Store;
let api: TestApi;
let kicks = 0;
let evaluator: Evaluator;
/** Hosts by their shard. */
const hosts: Record<string, string> = {};

beforeAll(async () => {
  test = await openTestStore(2);
  const [s1, s2] = test.shards;
  if (s1 === undefined || s2 === undefined) throw new Error('no shards');
  gate = await openGate(s2.url);
  const shards = [s1, { ...s2, url: gate.url }];
  store = await openStore({ shards, server: 'two', poolSize: 5, log: SILENT });
  const alerts = { kick: () => (kicks += 1) };
  api = await openTestApi({ store }, { routes: alertRoutes({ store, secret: SECRET, alerts }) });
  evaluator = evaluatorOf('two');
  for (let at = 0; Object.keys(hosts).length < 2 && at < 1000; at += 1) {
    const id = randomUUID();
    const shard = store.map.shardOf(bucketOf(id)) ?? '';
    if (shard in hosts) continue;
    hosts[shard] = id;
    const labels = { env: shard === 's1' ? 'prod' : 'dev' };
    await addHost(store, { id, hostname: `web-${shard}`, labels });
  }
  await evaluator.look();
  await as('PATCH', '/api/v1/alert-rules/shard-unreachable', { threshold: 0 });
});

afterAll(async () => {
  await api?.app.close();
  await store?.close();
  await gate?.close();
  await test?.drop();
});

function evaluatorOf(server: string): Evaluator {
  return new Evaluator({ store, server, now: () => performance.now(), log: SILENT });
}

/** Asks the API as an operator, and gives the body of what must not be refused. */
async function as(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, payload?: object) {
  const answer = await api.as('operator')(method, path, payload === undefined ? {} : { payload });
  expect(answer.status, answer.text).toBeLessThan(300);
  return answer.body;
}

const setHost = (shard: string, values: string) =>
  store.withHost(hosts[shard] ?? '', (client) =>
    client.query(`update hosts set ${values} where id = $1`, [hosts[shard]]),
  );

/** What is open: `rule of name`. */
async function open(selector?: string): Promise<string[]> {
  const { body } = await api.as('viewer', selector)('GET', '/api/v1/alerts?state=open');
  return body.items.map((one: { rule: string; name: string }) => `${one.rule} of ${one.name}`);
}

describe('rules', () => {
  it('find what is wrong on each shard, and resolve it when it is mended', async () => {
    const disks = [{ mount: '/', device: 'd', fileSystem: 'ext4', sizeBytes: 200, usedBytes: 190 }];
    await setHost('s1', `packages_security = 3, disks = '${JSON.stringify(disks)}'`);
    await setHost('s2', `services_failed = 1, reboot_reasons = '{kernel}'`);
    expect(await evaluator.look()).toEqual({ opened: 4, resolved: 0 });
    expect((await open()).sort()).toEqual([
      'disk-nearly-full of web-s1',
      'reboot-needed of web-s2',
      'security-updates of web-s1',
      'service-failed of web-s2',
    ]);
    const { body } = await api.as('viewer', 'env=dev')('GET', '/api/v1/alerts?kind=disk_full');
    expect(body.items).toEqual([]);
    expect(await open('env=dev')).toHaveLength(2);
    const full = await as('GET', '/api/v1/alerts?kind=disk_full');
    expect(full.items).toMatchObject([{ message: '/ is 95 % full', host: hosts.s1 }]);
    expect(await evaluator.look()).toEqual({ opened: 0, resolved: 0 });
    await setHost('s1', `packages_security = 0, disks = '[]'`);
    expect(await evaluator.look()).toEqual({ opened: 0, resolved: 2 });
  });

  it('can be changed and switched off, and acknowledged within a role', async () => {
    const { items } = await as('GET', '/api/v1/alerts?state=open&kind=service_failed');
    const path = `/api/v1/alerts/${items[0].id}/acknowledge`;
    expect((await api.as('operator', 'env=prod')('POST', path, { payload: {} })).status).toBe(404);
    await as('POST', path, {});
    expect((await as('GET', '/api/v1/alerts?acknowledged=true')).items).toHaveLength(1);
    await as('PATCH', '/api/v1/alert-rules/service-failed', { selector: 'env=prod' });
    await as('PATCH', '/api/v1/alert-rules/reboot-needed', { enabled: false });
    expect(await evaluator.look()).toEqual({ opened: 0, resolved: 2 });
    await as('PATCH', '/api/v1/alert-rules/service-failed', { selector: null });
    const wrong = { payload: { selector: 'env=prod' } };
    const refused = await api.as('operator')('PATCH', '/api/v1/alert-rules/job-failed', wrong);
    expect(refused).toMatchObject({ status: 400, body: { code: 'API_INVALID' } });
  });

  it('believe no host to be offline that nobody has watched for long enough', async () => {
    await setHost('s1', `session_expires_at = now() - interval '1 day'`);
    expect(await evaluator.look()).toMatchObject({ opened: 1 });
    expect(await open()).toEqual(['service-failed of web-s2']);
    await store.home.query(`update alert_watch set since = now() - interval '11 minutes'`);
    expect(await evaluator.look()).toEqual({ opened: 1, resolved: 0 });
    await setHost('s1', `session_expires_at = now() + interval '1 hour'`);
    expect(await evaluator.look()).toEqual({ opened: 0, resolved: 1 });
  });

  it('leave the hosts of a silent shard as they were, and name the shard', async () => {
    gate.set('shut');
    await store.home.query(`update alert_watch set since = now() - interval '11 minutes'`);
    await setHost('s1', 'packages_security = 1');
    expect(await evaluator.look()).toEqual({ opened: 2, resolved: 0 });
    expect((await open()).sort()).toEqual([
      'security-updates of web-s1',
      'service-failed of web-s2',
      'shard-unreachable of s2',
    ]);
    expect(await open('env=dev')).toEqual(['service-failed of web-s2']);
    gate.set('open');
    await store.fleet
      .shard('s2')
      .query('select 1')
      .catch(() => {});
    expect(await evaluator.look()).toEqual({ opened: 0, resolved: 1 });
  });

  it('are looked at by one server at a time', async () => {
    const other = evaluatorOf('other');
    expect(await other.look()).toBeNull();
    await evaluator.stop();
    expect(await other.look()).toEqual({ opened: 0, resolved: 0 });
    expect(await evaluator.look()).toBeNull();
    await other.stop();
  });
});

describe('deliveries', () => {
  let receiver: Server;
  let mailbox: SMTPServer;
  let sender: SenderOptions;
  /** What the receiver answers, one after the other; then 204. */
  const answers: number[] = [];
  const heard: { headers: IncomingMessage['headers']; body: string }[] = [];
  const mails: string[] = [];
  const path = '/api/v1/alert-targets';
  const made: Record<string, { id: string; secret: string }> = {};

  beforeAll(async () => {
    receiver = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      heard.push({ headers: request.headers, body });
      const status = answers.shift() ?? 204;
      response.writeHead(status, { location: '/elsewhere' }).end('x'.repeat(100_000));
    });
    receiver.listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    mailbox = new SMTPServer({
      disabledCommands: ['AUTH', 'STARTTLS'],
      onData: (stream, _session, done) => {
        let text = '';
        stream.on('data', (chunk) => {
          text += chunk;
        });
        stream.on('end', () => {
          mails.push(text);
          done();
        });
      },
    });
    mailbox.listen(0, '127.0.0.1');
    await once(mailbox.server, 'listening');
    const { port } = mailbox.server.address() as AddressInfo;
    sender = {
      ...{ store, secret: SECRET, clock: () => new Date(), random: () => 1, log: SILENT },
      mail: { url: `smtp://127.0.0.1:${port}`, from: 'halflap@example.com' },
    };
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook?key=hidden`;
    made.hook = await as('POST', path, { name: 'hook', url, minimumSeverity: 'warning' });
    const recipients = ['anna@example.com', 'ben@example.com'];
    made.mail = await as('POST', path, { name: 'mail', recipients });
  });

  afterAll(async () => {
    receiver?.close();
    await new Promise<void>((resolve) => mailbox?.close(() => resolve()));
  });

  const deliveries = async (query: string) =>
    (await as('GET', `/api/v1/alert-deliveries?${query}`)).items;

  it('are signed, tried again with the same id, and show what came of them', async () => {
    const shown = await as('GET', path);
    expect(JSON.stringify(shown)).not.toMatch(/hidden|hlw_/);
    await setHost('s2', 'services_failed = 0');
    await setHost('s1', 'packages_security = 0, services_failed = 2');
    expect(await evaluator.look()).toEqual({ opened: 1, resolved: 2 });
    answers.push(307, 500);
    await sendDue(sender);
    const [failed] = await deliveries(`target=${made.hook?.id}&state=pending`);
    expect(failed).toMatchObject({ attempts: 1, lastError: /answered (307|500)/ });
    expect(heard).toHaveLength(2);
    await as('POST', `/api/v1/alert-deliveries/${failed.id}/retry`, {});
    expect(kicks).toBe(1);
    await sendDue(sender);
    const [first] = heard.splice(0).filter(({ headers }, at) => {
      return at < 2 && headers['halflap-delivery'] === failed.id;
    });
    expect(await deliveries(`state=delivered&target=${made.hook?.id}`)).toMatchObject([
      { id: failed.id, attempts: 2, lastStatus: 204, lastError: null },
    ]);
    const { signature = '', body = '' } = {
      signature: String(first?.headers['halflap-signature']),
      body: first?.body,
    };
    const secret = made.hook?.secret ?? '';
    expect(isGenuine(secret, signature, body)).toBe(true);
    expect(isGenuine(secret, signature, `${body} `)).toBe(false);
    expect(JSON.parse(body)).toMatchObject({ delivery: failed.id, alert: { severity: 'warning' } });
    const [example = ''] = /function isGenuine[\s\S]*?\n}\n/.exec(readPage('docs/alerts.md')) ?? [];
    const check = new Function('createHmac', 'timingSafeEqual', `${example}; return isGenuine;`);
    expect(check(createHmac, timingSafeEqual)(secret, signature, body)).toBe(true);
  });

  it('go out as one mail for what is due at once', () => {
    expect(mails).toHaveLength(1);
    expect(mails[0]).toMatch(/^To: anna@example.com, ben@example.com$/m);
    expect(mails[0]).toMatch(/^Subject: \[halflap\] resolved: .* and 2\s+more$/m);
    expect(mails[0]).toMatch(/^warning: web-s1\r?\n {2}failed: 2 services/m);
  });

  it('are given up after a day, shown, and tried again when that is asked for', async () => {
    await store.home.query(`delete from alert_deliveries where state = 'pending'`);
    const { id } = await as('POST', `${path}/${made.hook?.id}/test`, {});
    await store.home.query(`update alert_deliveries set give_up_at = now() where id = $1`, [id]);
    answers.push(503);
    await sendDue(sender);
    expect(await deliveries('state=given_up')).toMatchObject([
      { id, event: 'test', alert: null, lastStatus: 503, attempts: 1 },
    ]);
    expect(await sendDue(sender)).toBe(0);
    await as('POST', `/api/v1/alert-deliveries/${id}/retry`, {});
    await sendDue(sender);
    expect(await deliveries(`target=${made.hook?.id}&limit=1`)).toMatchObject([
      { id, state: 'delivered', attempts: 2 },
    ]);
  });

  it('tell that the alerts of a rule are resolved by its removal', async () => {
    await store.home.query(`delete from alert_deliveries where state = 'pending'`);
    await setHost('s1', 'packages_security = 9');
    const rule = { id: 'many-fixes', kind: 'security_updates', threshold: 9, severity: 'error' };
    const made = await as('POST', '/api/v1/alert-rules', { ...rule, selector: 'env=prod' });
    expect(made).toMatchObject({ selector: 'env=prod', unit: 'packages', enabled: true });
    await evaluator.look();
    await as('DELETE', '/api/v1/alert-rules/many-fixes');
    const { items } = await as('GET', '/api/v1/alerts?severity=error&kind=security_updates');
    expect(items).toMatchObject([{ rule: 'many-fixes', state: 'resolved' }]);
    const told = await deliveries(`alert=${items[0].id}`);
    expect(told.map(({ event }: { event: string }) => event)).toEqual([
      ...['resolved', 'resolved', 'opened', 'opened'],
    ]);
    await store.home.query(`delete from alert_deliveries where state = 'pending'`);
  });

  it('are taken by one server at a time, and those of a target go with it', async () => {
    await as('POST', `${path}/${made.mail?.id}/test`, {});
    const counts = await Promise.all([sendDue(sender), sendDue(sender), sendDue(sender)]);
    expect(counts.sort()).toEqual([0, 0, 1]);
    await as('PATCH', `${path}/${made.mail?.id}`, { enabled: false, kinds: ['disk_full'] });
    await as('DELETE', `${path}/${made.hook?.id}`);
    expect(await deliveries(`target=${made.hook?.id}`)).toEqual([]);
  });
});

/** As docs/alerts.md has it, and in a form of its own. */
function isGenuine(secret: string, signature: string, body: string): boolean {
  const { t = '', v1 = '' } = Object.fromEntries(
    signature.split(',').map((part) => part.split('=')),
  );
  return createHmac('sha256', secret).update(`${t}.${body}`).digest('hex') === v1;
}
