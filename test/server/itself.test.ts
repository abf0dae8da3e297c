// Halflap upgrades itself by its own campaign: half of it to a next release, back before contract,
// and then all of it for good. The servers that drive the campaign are the ones that it restarts,
// and the tables that it is kept in are among those that are evolved; one of the servers is killed
// besides, and people go on with their work.

import { searchPath } from '@halflap/protocol';
import type { Campaign } from '@halflap/server';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { withClient } from '../evolving/databases.js';
import { HOSTS, type OwnGround, openOwnGround } from './itself-ground.js';
import { until } from './job-cluster.js';

const TIMEOUT_MS = 300_000;
const CONTRACTS = ['shard/s1/contract', 'shard/s2/contract'];
/** As far as it stands mixed: servers of both releases, the home shard dual, the other one not. */
const HALF = [
  ...['shard/s1/prepare', 'shard/s2/prepare', 'server/one/upgrade', 'shard/s1/expand'],
  'shard/s1/verify',
];

let ground: OwnGround;
/** Servers that were restarted while they drove the campaign. */
const restarted = new Set<string>();

beforeAll(async () => {
  ground = await openOwnGround();
}, TIMEOUT_MS);

afterAll(() => ground.close());

const post = (path: string, payload: object = {}) =>
  ground.ask('POST', `/api/v1/${path}`, { payload });
const get = (path: string) => ground.ask('GET', `/api/v1/${path}`);

const command = (word: string) => ({ run: ['/bin/halflap', word, '{server}', '{release}'] });
const declaration = () => ({
  ...{ name: 'itself', app: 'halflap', itself: true },
  servers: { named: ground.servers.map(({ name }) => ({ name, host: 'web-0' })) },
  commands: {
    ...{ upgrade: command('upgrade'), restart: command('restart'), health: command('health') },
  },
});

async function plan(cluster: string, order?: readonly string[]): Promise<string> {
  const policy = { healthSeconds: 60, deadlineSeconds: 120 };
  const own = order === undefined ? {} : { order, goal: 'expanded' };
  const planned = await post('campaigns', { cluster, policy, ...own });
  expect(planned.status, planned.text).toBe(201);
  return planned.body.id;
}

async function start(id: string): Promise<void> {
  for (const server of ground.servers) {
    server.onCommand = async (word) => {
      if (word === 'restart' && (await ground.driverOf(id)) === server) restarted.add(server.name);
    };
  }
  const { digest } = await campaignOf(id);
  const approved = await post(`campaigns/${id}/approve`, { digest });
  expect(approved.status, approved.text).toBe(200);
  const started = await post(`campaigns/${id}/start`);
  expect(started.status, started.text).toBe(200);
}

async function campaignOf(id: string): Promise<Campaign> {
  return (await get(`campaigns/${id}`)).body;
}

/** Looks until it holds, and not on when the campaign has stopped. */
async function sees(id: string, holds: (campaign: Campaign) => boolean): Promise<void> {
  const seen = await until(
    () => campaignOf(id),
    (campaign) => holds(campaign) || !['running', 'finished'].includes(campaign.state),
  );
  expect(holds(seen), JSON.stringify(seen)).toBe(true);
}

const stateOf = ({ plan: steps }: Campaign, step: string) =>
  steps.find(({ id }) => id === step)?.state;
const isFinished = ({ state }: Campaign) => state === 'finished';

/** The driver of the campaign dies, and is there again. */
async function killDriver(id: string): Promise<void> {
  const driver = await ground.driverOf(id);
  if (driver === undefined) throw new Error('nobody drives it');
  await ground.stop(driver, 'SIGKILL');
  await ground.start(driver);
}

/** Somebody changes hosts all the time. @returns what ends it, and tells what was acknowledged */
async function work(): Promise<() => Promise<ReadonlyMap<string, string>>> {
  const hosts = (await get(`hosts?limit=${HOSTS}`)).body.items as { id: string }[];
  const acknowledged = new Map<string, string>();
  let isOver = false;
  const loop = async () => {
    for (let at = 0; !isOver; at += 1) {
      const id = hosts[at % hosts.length]?.id ?? '';
      const payload = { notes: `changed ${at}` };
      const { status, text } = await ground.ask('PATCH', `/api/v1/hosts/${id}`, { payload });
      expect(status, text).toBe(200);
      acknowledged.set(id, payload.notes);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const done = loop();
  done.catch(() => {});
  return async () => {
    isOver = true;
    await done;
    return acknowledged;
  };
}

/** Of each shard its phase, its floor, and why campaigns have ended, as the release has that. */
function standing(release: string, column: string) {
  return Promise.all(
    ground.test.shards.map(({ url }) =>
      withClient(url, searchPath('halflap', release), async (client) => {
        const { rows } = await client.query('select phase, floor from halflap.shard');
        const reasons = await client.query(`select ${column} as reason from campaigns order by 1`);
        return [rows[0].phase, rows[0].floor, reasons.rows.map(({ reason }) => reason)];
      }),
    ),
  );
}

/** Steps, what was kept of them through both releases, their jobs, and the history. */
async function isWhole(campaigns: readonly string[]): Promise<void> {
  for (const id of campaigns) {
    const { plan: steps } = await campaignOf(id);
    const servers = steps.filter(({ kind }) => kind === 'server');
    expect(new Set(servers.map(({ healthy }) => healthy))).toEqual(new Set([true]));
    const jobs = servers.flatMap(({ stages }) => stages.flatMap(({ job }) => job ?? []));
    expect(jobs).toHaveLength(3 * servers.length);
    for (const job of jobs) expect((await get(`jobs/${job}`)).body.state).toBe('succeeded');
    const { items } = (await get(`campaigns/${id}/events?limit=200`)).body;
    const kinds: string[] = items.map(({ kind }: { kind: string }) => kind);
    expect([kinds[0], kinds.at(-1)]).toEqual(['planned', 'finished']);
    expect(kinds.filter((kind) => kind === 'begun').length).toBeGreaterThanOrEqual(steps.length);
  }
}

it('declares itself without addresses of shards, once, and for administrators alone', async () => {
  const refused = { status: 403, body: { code: 'API_FORBIDDEN' } };
  const asOperator = { as: 'operator' } as const;
  const payload = declaration();
  const { bundle } = ground.next;
  expect(await ground.ask('POST', '/api/v1/clusters', { payload, ...asOperator })).toMatchObject(
    refused,
  );
  expect(
    await ground.ask('POST', '/api/v1/evolutions', { payload: { bundle }, ...asOperator }),
  ).toMatchObject(refused);
  const { status, text, body } = await post('clusters', payload);
  expect(status, text).toBe(201);
  expect((await get(`clusters/${body.id}`)).body.shards).toEqual(['s1', 's2']);
  const again = await post('clusters', { ...payload, name: 'twice' });
  expect(again).toMatchObject({ status: 409, body: { code: 'API_CONFLICT' } });
  expect((await post('evolutions', { bundle })).status).toBe(201);
});

it(
  'goes to the next release, back, and there again, and loses nothing',
  async () => {
    const [{ id: cluster }] = (await get('clusters')).body.items;
    const given = await plan(cluster);
    await post(`campaigns/${given}/cancel`, { reason: 'not today' });
    const stopWork = await work();

    const first = await plan(cluster, HALF);
    await start(first);
    await sees(first, isFinished);
    const back = await post(`campaigns/${first}/back`);
    expect(back.status, back.text).toBe(201);
    await start(back.body.id);
    await sees(back.body.id, isFinished);
    const reasons = ['not today', null, null];
    expect(await standing('1.0', 'reason')).toEqual([
      ['settled', '1.0', reasons],
      ['settled', '1.0', []],
    ]);

    const second = await plan(cluster);
    await start(second);
    await sees(second, (campaign) => stateOf(campaign, 'shard/s1/expand') !== 'waiting');
    await killDriver(second);
    for (const step of CONTRACTS) await post(`campaigns/${second}/approve`, { step });
    await sees(second, isFinished);
    expect(await standing('2.0', 'stopped_because')).toEqual([
      ['settled', '2.0', [...reasons, null]],
      ['settled', '2.0', []],
    ]);

    const acknowledged = await stopWork();
    expect(restarted.size).toBeGreaterThan(0);
    expect(ground.servers.map(({ installed }) => installed)).toEqual(['2.0', '2.0']);
    const hosts = (await get(`hosts?limit=${HOSTS}`)).body.items as { id: string }[];
    expect(hosts).toHaveLength(HOSTS);
    for (const { id } of hosts) {
      expect((await get(`hosts/${id}`)).body.notes).toBe(acknowledged.get(id) ?? null);
    }
    expect((await get('audit/verify')).body).toMatchObject({ ok: true, broken: null });
    await isWhole([first, back.body.id, second]);
    const { body: matrix } = await get(`clusters/${cluster}/matrix`);
    const states: string[] = matrix.cells.flat().map(({ state }: { state: string }) => state);
    // The lease of the server that was killed, who saw a lens then, may not be over yet.
    expect(states.filter((state) => state !== 'native' && state !== 'lens')).toEqual([]);
    expect(states).toHaveLength(4);
  },
  TIMEOUT_MS,
);
