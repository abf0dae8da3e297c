// Campaigns as they are: servers of Halflap that are killed, servers of an application that are
// upgraded by an agent, shards that are moved. The decisions on paper have a test of their own.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { runVerb } from '@halflap/engine';
import { searchPath } from '@halflap/protocol';
import { type Campaign, Evaluator } from '@halflap/server';
import { afterAll, beforeAll, describe, expect, it, onTestFailed } from 'vitest';
import { thinSamples } from '../../packages/server/src/campaigns/signals/samples.js';
import { withClient } from '../evolving/databases.js';
import { APP, type Compiled, compilePair } from '../evolving/releases.js';
import { randomFrom } from '../oracle/random.js';
import * as again from './campaign-again.js';
import { type Application, type CampaignGround, openCampaignGround } from './campaign-ground.js';
import { boundHistory } from './campaign-history.js';
import { openReceiver } from './hook-receiver.js';
import { until } from './job-cluster.js';
import { randomCampaign } from './random-campaign.js';
import { SILENT } from './store.js';

const TIMEOUT_MS = 120_000;
const SEED = Number(process.env.HALFLAP_SEED ?? Date.now() % 1_000_000_000);
const CAMPAIGNS = Number(process.env.HALFLAP_CAMPAIGNS ?? 1);
const OLD = `create table items (id int primary key, name text not null, size int);`;
const NEW = `create table items (id int primary key, title text not null, bytes bigint);`;
const CHANGES = `changes:
  - rename_column: { table: items, column: name, to: title }
  - convert_column:
      table: items
      columns: [size]
      to: [bytes]
      up: { bytes: "size::bigint * 1024" }
      down: { size: "(bytes / 1024)::int" }
`;
const ROWS = `insert into items select i, 'item ' || i, i from generate_series(1, 500) i;`;
const SECRET = 'what signs the hooks of a test';
/** By which one runner at a time is the master of a shard. */
const RUNNER_LOCK = '29380515780649328';
const POLICY = { healthSeconds: 1, deadlineSeconds: 60 };

let ground: CampaignGround;
let compiled: Compiled;

beforeAll(async () => {
  [ground, compiled] = await Promise.all([openCampaignGround(), compilePair(OLD, NEW, CHANGES)]);
  const { status } = await post('evolutions', { bundle: compiled.bundle });
  expect(status).toBe(201);
}, TIMEOUT_MS);

afterAll(() => ground.close());

const post = (path: string, payload: object = {}) =>
  ground.ask('POST', `/api/v1/${path}`, { payload });
const get = (path: string) => ground.ask('GET', `/api/v1/${path}`);

async function campaignOf(id: string): Promise<Campaign> {
  return (await get(`campaigns/${id}`)).body;
}

async function plan(cluster: string, rest: object = {}): Promise<string> {
  const { status, body } = await post('campaigns', { cluster, policy: POLICY, ...rest });
  expect(status, JSON.stringify(body)).toBe(201);
  return body.id;
}

async function start(id: string): Promise<void> {
  const { digest } = await campaignOf(id);
  await again.doTwice(ground, id, again.approving({ digest }));
  const started = await post(`campaigns/${id}/start`);
  expect(started.status, started.text).toBe(200);
}

function sees(id: string, holds: (campaign: Campaign) => boolean): Promise<Campaign> {
  return until(() => campaignOf(id), holds);
}

const stateOf = ({ plan: steps }: Campaign, step: string) =>
  steps.find((one) => one.id === step)?.state;

/** Phase, floor and rows of each shard. */
function standing({ shards }: Application) {
  return Promise.all(
    shards.map(({ url }) =>
      withClient(url, null, async (client) => {
        const { rows } = await client.query('select phase, floor from halflap.shard');
        const [{ phase, floor }] = rows;
        await client.query(`set search_path = ${searchPath(APP, floor)}`);
        const counted = await client.query('select count(*)::int as n from items');
        return `${phase} at ${floor}, ${counted.rows[0].n} rows`;
      }),
    ),
  );
}

describe('a campaign', () => {
  it(
    'leads from release to release while its server is killed, and stops where health fails',
    async () => {
      const app = await ground.application(compiled, { shards: 2, rows: ROWS, drains: false });
      const [a, b] = app.servers;
      const id = await plan(app.cluster);
      const refused = await post(`campaigns/${id}/start`);
      expect(refused).toMatchObject({ status: 409, body: { code: 'API_CONFLICT' } });
      const early = await post(`campaigns/${id}/approve`, { step: 'shard/eu1/contract' });
      expect(early).toMatchObject({ status: 409, body: { code: 'API_CONFLICT' } });
      b.health = 1;
      let restarts = 0;
      a.onCommand = async (word) => {
        if (word !== 'restart') return;
        restarts += 1;
        await ground.killDriver(id);
      };
      await start(id);
      const stopped = await sees(id, ({ state }) => state === 'stopped');
      expect(restarts, 'nothing is done twice').toBe(1);
      const failed = stopped.plan.find(({ state }) => state === 'failed');
      expect(failed).toMatchObject({ id: `server/${b.name}/upgrade`, healthy: false });
      expect(failed?.evidence.join()).toContain(`health ${b.name}`);
      expect(stateOf(stopped, `server/${a.name}/upgrade`)).toBe('succeeded');
      b.health = 0;
      expect((await post(`campaigns/${id}/retry`, { step: failed?.id })).status).toBe(200);
      const waiting = await sees(id, ({ plan: steps }) =>
        steps.some(({ wait }) => wait?.remedy?.startsWith('approve') === true),
      );
      const next = waiting.plan.find(({ wait }) => wait !== null);
      expect(next).toMatchObject({ id: 'shard/eu1/contract' });
      const ask = () => get(`clusters/${app.cluster}/what-if?step=${next?.id}`);
      await withClient(app.shards[0]?.url ?? '', null, async (nobody) => {
        await nobody.query("begin; insert into items values (0, 'by nobody', 1)");
        const { body: used } = await ask();
        const why = expect.stringContaining('written as 1.0 in a transaction that is open');
        const refusal = { by: 'shard', name: 'eu1', final: false, why };
        expect(used.refusals).toContainEqual(expect.objectContaining(refusal));
        await nobody.query('rollback');
      });
      const what = await ask();
      expect(what.body).toMatchObject({
        refusals: [],
        closes: [{ id: `server/${a.name}/downgrade` }, { id: `server/${b.name}/downgrade` }],
      });
      await again.isPlanned(ground, id, { cluster: app.cluster, policy: POLICY });
      await again.isSo(ground, id, again.START);
      await isPausedForWeeks(app, id);
      for (const step of ['shard/eu1/contract', 'shard/eu2/contract']) {
        await again.doTwice(ground, id, again.approving({ step }));
      }
      const { digest } = await sees(id, ({ state }) => state === 'finished');
      for (const act of [again.approving({ digest }), again.START])
        await again.isSo(ground, id, act);
      for (const act of [again.PAUSE, again.RESUME, again.CANCEL])
        await again.isRefused(ground, id, act);
      expect(await standing(app)).toEqual(Array(2).fill('settled at 2.0, 500 rows'));
      await again.isReached(ground, app.cluster);
      const { body: matrix } = await get(`clusters/${app.cluster}/matrix`);
      expect(matrix.cells.flat().map(({ state }: { state: string }) => state)).toEqual(
        Array(4).fill('native'),
      );
      const back = await post(`campaigns/${id}/back`);
      expect(back).toMatchObject({ status: 409, body: { code: 'CAMPAIGN_REFUSED' } });
      expect(back.body.evidence.join()).toContain('shard eu1: eu1 is settled at 2.0');
      const { body: history } = await get(`campaigns/${id}/events?limit=200`);
      const kinds = history.items.map(({ kind }: { kind: string }) => kind);
      expect(kinds).toEqual(
        expect.arrayContaining(['planned', 'started', 'seen', 'stopped', 'retried', 'finished']),
      );
    },
    TIMEOUT_MS,
  );
});

describe('a server that was healthy', () => {
  it(
    'stops the campaign when it is not any more, and everything goes back',
    async () => {
      const app = await ground.application(compiled, { shards: 1, rows: ROWS, drains: true });
      const [a] = app.servers;
      a.onCommand = async (word) => {
        if (word === 'undrain') a.health = 1;
      };
      const [{ name: shard, url }] = app.shards as [Application['shards'][number]];
      await runVerb({ url, shard, bundle: compiled.bundle, verb: 'prepare' });
      const order = [`server/${a.name}/upgrade`, 'shard/eu1/expand'];
      const policy = { ...POLICY, soakSeconds: 3600 };
      const id = await plan(app.cluster, { order, policy });
      await start(id);
      const stopped = await sees(id, ({ state }) => state !== 'running');
      const reason = `${a.name} is not healthy after server/${a.name}/upgrade`;
      expect(stopped).toMatchObject({ state: 'stopped', reason });
      const told = new Evaluator({
        ...{ store: ground.test.store, server: 'one', now: () => 0, log: SILENT },
      });
      await told.look();
      await told.stop();
      const { rows } = await ground.test.store.home.query(
        `select message from alerts where kind = 'campaign_waits' and subject = $1`,
        [id],
      );
      expect(rows).toEqual([{ message: `the campaign is stopped: ${reason}` }]);
      const resumed = await post(`campaigns/${id}/resume`);
      expect(resumed).toMatchObject({ status: 409, body: { code: 'API_CONFLICT' } });
      a.health = 0;
      a.onCommand = async () => {};
      await goBack(id, 'from the middle');
      expect(a.installed).toBe('1.0');
      expect(await standing(app)).toEqual(['settled at 1.0, 500 rows']);
    },
    TIMEOUT_MS,
  );
});

describe('a server that is left half-way', () => {
  it(
    'is led to no shard that refuses it by now, is not taken for done, and holds back the others',
    async () => {
      const app = await ground.application(compiled, { shards: 1, rows: ROWS, drains: true });
      const [a, b] = app.servers;
      const [{ name: shard, url }] = app.shards as [Application['shards'][number]];
      const [one, two] = [a, b].map(({ name }) => `server/${name}/upgrade`) as [string, string];
      const order = ['shard/eu1/prepare', one, two];
      const twice = { cluster: app.cluster, policy: POLICY, order: [...order, two] };
      expect((await post('campaigns', twice)).status).toBe(400);
      const { body: declared } = await get(`clusters/${app.cluster}`);
      const change = { payload: declared.declaration };
      const declareAnew = () => ground.ask('PUT', `/api/v1/clusters/${app.cluster}`, change);
      const stale = await plan(app.cluster, { order });
      expect((await declareAnew()).status).toBe(204);
      const { digest } = await campaignOf(stale);
      expect(await post(`campaigns/${stale}/approve`, { digest })).toMatchObject({
        body: { code: 'CAMPAIGN_REFUSED', evidence: [expect.stringContaining('declared anew')] },
      });
      const id = await plan(app.cluster, { order });
      a.onCommand = async (word) => {
        if (word !== 'drain') return;
        await post(`campaigns/${id}/pause`, { reason: 'somebody works by hand' });
        await runVerb({ url, shard, bundle: compiled.bundle, verb: 'abort' });
      };
      await start(id);
      const refused = await sees(id, (campaign) => stateOf(campaign, one) === 'failed');
      const why = 'eu1 is settled at 1.0, and does not serve 2.0';
      expect(refused.plan[1]).toMatchObject({
        message: `upgrade of ${a.name} does not begin: ${why}`,
        evidence: [`${why}: prepare eu1`],
      });
      expect(a.installed).toBe('1.0');
      expect(await declareAnew()).toMatchObject({ status: 409, body: { code: 'API_CONFLICT' } });
      a.onCommand = async (word) => {
        if (word === 'undrain') throw new Error('the balancer is away');
      };
      expect((await post(`campaigns/${id}/retry`, { step: one })).status).toBe(200);
      expect((await post(`campaigns/${id}/resume`)).status).toBe(200);
      const stopped = await sees(id, ({ state }) => state === 'stopped');
      // It has the release, and serves nobody.
      expect(stopped.reason).toBe(`${one} failed`);
      expect(stateOf(stopped, 'shard/eu1/prepare'), 'done anew').toBe('succeeded');
      expect(stopped.plan[1]?.message).toContain(`undrain of ${a.name} failed`);
      expect([a.installed, b.installed, stateOf(stopped, two)]).toEqual(['2.0', '1.0', 'waiting']);
      expect((await post(`campaigns/${id}/cancel`, { reason: 'enough' })).status).toBe(200);
      const next = await campaignOf(await plan(app.cluster, { goal: 'expanded' }));
      expect(
        next.plan.map((step) => step.id),
        'it is undrained at last',
      ).toContain(one);
      const policy = { ...POLICY, deadlineSeconds: 1 };
      const kept = await plan(app.cluster, { order: ['shard/eu1/expand'], policy });
      await withClient(url, null, async (holder) => {
        await holder.query('select pg_advisory_lock($1)', [RUNNER_LOCK]);
        await start(kept);
        const late = await sees(kept, ({ state }) => state === 'stopped');
        expect(late.plan[0]?.message).toContain('shard eu1 is held by');
      });
    },
    TIMEOUT_MS,
  );
});

describe('hooks', () => {
  it(
    'are called around steps, told again by another server, and keep a step from beginning',
    async () => {
      const receiver = await openReceiver(SECRET);
      const webhook = {
        url: `${receiver.url}/hook?key=${encodeURIComponent(SECRET)}`,
        secret: SECRET,
      };
      const told = { host: 'web-0', run: ['/bin/app', 'told', '{name}', '{release}'] };
      const hooks = [
        { name: 'gate', when: 'before', on: ['server'], webhook, required: true },
        { name: 'told', when: 'after', on: ['upgrade'], command: told, required: true },
        { name: 'over', when: 'ended', webhook },
      ];
      const app = await ground.application(compiled, {
        ...{ shards: 1, rows: ROWS },
        hooks,
        drains: false,
      });
      const [a, b] = app.servers;
      const steps = [a, b].map(({ name }) => `server/${name}/upgrade`) as [string, string];
      const id = await plan(app.cluster, { order: ['shard/eu1/prepare', ...steps] });
      receiver.answers = [
        async () => {
          await ground.killDriver(id);
          return null;
        },
        async () => ({ status: 200 }),
        async () => ({ status: 423, reason: 'nothing changes on Fridays' }),
      ];
      const commands: string[] = [];
      a.onCommand = async (word) => void commands.push(word);
      b.onCommand = async (word) => {
        if (word === 'told') throw new Error('it is not well');
      };
      await start(id);
      const refused = await sees(id, ({ state }) => state === 'stopped');
      expect(refused.plan[2]).toMatchObject({
        ...{ id: steps[1], state: 'failed' },
        message: 'the hook gate says no: answered 423: nothing changes on Fridays',
      });
      expect(refused.plan[1]?.stages.map(({ stage, hook }) => `${stage} ${hook}`)).toEqual([
        ...['before gate', 'upgrade null', 'restart null', 'register null', 'health null'],
        'after told',
      ]);
      expect(commands, 'each once').toEqual(['upgrade', 'restart', 'health', 'told']);
      expect((await post(`campaigns/${id}/retry`, { step: steps[1] })).status).toBe(200);
      const unwell = await sees(id, ({ state, done }) => state === 'stopped' && done === 3);
      expect(unwell.reason).toContain(`the hook told after ${steps[1]} says no`);
      expect((await post(`campaigns/${id}/resume`)).status).toBe(200);
      await receiver.until(({ told: all }) => all.length === 5);
      const events = receiver.told.map(({ event, hook, campaign, step }) =>
        [event, hook, campaign.state, step?.id ?? null, step?.attempt ?? 0].join(' '),
      );
      expect(events).toEqual([
        ...Array(2).fill(`before gate running ${steps[0]} 1`),
        ...[1, 2].map((attempt) => `before gate running ${steps[1]} ${attempt}`),
        'ended over finished  0',
      ]);
      const deliveries = receiver.told.map(({ delivery }) => delivery);
      expect(deliveries[1], 'the same one again').toBe(deliveries[0]);
      expect(new Set(deliveries).size).toBe(4);
      expect(receiver.forged).toBe(0);
      const { body: shown } = await get(`clusters/${app.cluster}`);
      expect(shown.declaration.hooks[0].webhook).toEqual({ place: receiver.url });
      const { body: history } = await get(`campaigns/${id}/events?limit=200`);
      const kept = history.items.filter(({ kind }: { kind: string }) => kind === 'hook');
      expect(kept).toHaveLength(6);
      const { rows } = await ground.test.store.home.query(
        'select c.declared, h.payload from clusters c, campaign_hooks h where c.id = $1',
        [app.cluster],
      );
      expect(JSON.stringify([shown, history, rows])).not.toMatch(/what(%20| )signs/);
      await receiver.close();
    },
    TIMEOUT_MS,
  );
});

describe('a signal of the application', () => {
  it(
    'stops the campaign, is shown beside its steps, and stops nothing by what was before',
    async () => {
      const said: { p95: number | null } = { p95: 100 };
      const source = createServer((_, response) => {
        response.statusCode = said.p95 === null ? 503 : 200;
        response.end(JSON.stringify(said));
      });
      source.listen(0, '127.0.0.1');
      await once(source, 'listening');
      const url = `http://127.0.0.1:${(source.address() as AddressInfo).port}/`;
      const limit = { unit: 'ms', stopAbove: 500, stopAfterSeconds: 1 };
      const signals = [{ name: 'latency', url, pointer: '/p95', ...limit }];
      const kind = { shards: 1, rows: ROWS, drains: false, signals };
      const { cluster } = await ground.application(compiled, kind);
      const order = ['shard/eu1/prepare', 'shard/eu1/expand'];
      const id = await plan(cluster, { order, policy: { ...POLICY, soakSeconds: 3600 } });
      await start(id);
      await sees(id, (campaign) => stateOf(campaign, 'shard/eu1/prepare') === 'succeeded');
      said.p95 = 812;
      const { reason } = await sees(id, ({ state }) => state === 'stopped');
      expect(reason).toMatch(/^latency is 812 ms, above 500 ms for \d+ s$/);
      said.p95 = null;
      expect((await post(`campaigns/${id}/resume`)).status).toBe(200);
      const signalsOf = () => get(`campaigns/${id}/signals`);
      const { body } = await until(
        signalsOf,
        ({
          body: {
            signals: [one],
          },
        }) => one?.away !== null,
      );
      expect(body.signals).toMatchObject([
        { name: 'latency', before: 100, highest: 812, now: 812 },
      ]);
      expect(body.signals[0].away).toBe('it answers with status 503');
      expect(body.steps).toMatchObject([{ step: 'shard/eu1/prepare' }]);
      expect((await campaignOf(id)).state).toBe('running');
      await post(`campaigns/${id}/cancel`, { reason: '<script>alert("x")</script>' });
      await again.isSo(ground, id, again.CANCEL);
      await again.isRefused(ground, id, again.START);
      const { body: report } = await get(`campaigns/${id}/report`);
      expect(report).toMatchObject({ campaign: { id }, first: { from: '1.0' }, hasMore: false });
      expect(report.html).toContain('&#60;script&#62;alert');
      expect(report.html).not.toContain('<script');
      await isThinned(id);
      source.close();
    },
    TIMEOUT_MS,
  );
});

/** What was verified before is verified again, and nothing else is done anew. */
async function isPausedForWeeks({ shards }: Application, id: string): Promise<void> {
  await again.doTwice(ground, id, again.PAUSE);
  await again.isRefused(ground, id, again.START);
  for (const { url } of shards) {
    await withClient(url, null, (client) =>
      client.query(
        `update halflap.journal set started_at = started_at - interval '21 days',
           finished_at = finished_at - interval '21 days'`,
      ),
    );
  }
  const verifies = ['shard/eu1/verify', 'shard/eu2/verify'];
  const isAll = (state: string) => (campaign: Campaign) =>
    verifies.every((step) => stateOf(campaign, step) === state);
  await sees(id, isAll('waiting'));
  await again.doTwice(ground, id, again.RESUME);
  const { plan: steps } = await sees(id, isAll('succeeded'));
  const anew = steps.filter(({ attempt }) => attempt > 1).map((step) => step.id);
  expect(anew.filter((step) => step.startsWith('shard/'))).toEqual(verifies);
}

/** Ten minutes of answers, an hour, a day and more ago: of each minute the highest stays, … */
async function isThinned(id: string): Promise<void> {
  const { home } = ground.test.store;
  const counts: number[] = [];
  for (const age of ['1 minute', '2 hours', '2 days', '91 days']) {
    await home.query('delete from campaign_samples where campaign_id = $1', [id]);
    await home.query(
      `insert into campaign_samples (campaign_id, at, signal, value)
       select $1, date_bin('15 minutes', now(), 'epoch') - $2::interval + n * interval '5 seconds',
         'latency', n
       from generate_series(0, 119) as n`,
      [id, age],
    );
    await home.transaction((client) => thinSamples(client, id));
    const { rows } = await home.query<{ value: number }>(
      'select value from campaign_samples where campaign_id = $1 order by at',
      [id],
    );
    counts.push(rows.length);
    if (rows.length > 0) expect(rows.at(-1)?.value, age).toBe(119);
  }
  expect(counts).toEqual([120, 10, 1, 0]);
}

describe('the history of a campaign', () => {
  it('keeps what lasted of very many looks, and goes a year after the end', async () => {
    const id = await boundHistory(ground.test.store);
    expect((await campaignOf(id)).plan.every(({ state }) => state === 'succeeded')).toBe(true);
  });
});

describe(`random campaigns (HALFLAP_SEED=${SEED})`, () => {
  it(
    'take any safe order, survive killed servers and people, and lose nothing',
    async () => {
      const told: string[] = [];
      onTestFailed(() => void process.stderr.write(`${told.join('\n')}\n`));
      for (let seed = SEED; seed < SEED + CAMPAIGNS; seed += 1) {
        told.splice(0, told.length, `HALFLAP_SEED=${seed}`);
        const most = CAMPAIGNS === 1 ? 2 : 5;
        const trial = { ground, compiled, random: randomFrom(seed), rows: ROWS, most, told };
        const { app, release } = await randomCampaign(trial);
        const expected = app.shards.map(() => `settled at ${release}, 500 rows`);
        expect(await standing(app), told.join('\n')).toEqual(expected);
        expect(app.servers.map(({ installed }) => installed)).toEqual([release, release]);
        expect(
          app.servers.some(({ isDrained }) => isDrained),
          told.join('\n'),
        ).toBe(false);
      }
    },
    TIMEOUT_MS * CAMPAIGNS,
  );
});

/** From wherever it is. */
async function goBack(id: string, told: string): Promise<void> {
  const asked = () => post(`campaigns/${id}/back`, { reason: 'drawn' });
  // While a server is under way nobody goes back.
  const { body } = await until(asked, ({ status }) => status === 201);
  await sees(id, ({ endedAt }) => endedAt !== null);
  await start(body.id);
  const ended = await sees(body.id, ({ state }) => state !== 'running');
  expect(ended.state, `${told}: ${JSON.stringify(ended.plan)}`).toBe('finished');
}
