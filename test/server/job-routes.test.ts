// Jobs over HTTP: preview, make, look, cancel, retry; and what a role for some hosts may not.

import { randomBytes } from 'node:crypto';
import {
  DEFAULT_SETTINGS,
  digestOf,
  type Jobs,
  jobRoutes,
  openAuthority,
  SECRET_BYTES,
  startJobs,
} from '@halflap/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, addHost, openTestApi, type TestApi } from './api.js';
import { openTestStore, SILENT, type TestStore } from './store.js';

let test: TestStore;
let jobs: Jobs;
let api: TestApi;
const ids: string[] = [];

beforeAll(async () => {
  test = await openTestStore(2);
  const { store } = test;
  const authority = await openAuthority(store, {
    ...{ secret: randomBytes(SECRET_BYTES), hostCertificateDays: 30, clock: () => new Date() },
  });
  const silent = () => () => {};
  const nothing = async () => {};
  const rings = { ring: nothing, on: silent, ended: nothing, onEnded: silent };
  const doorbell = { ...rings, begun: nothing() };
  jobs = startJobs({
    store,
    authority,
    doorbell,
    server: 'one',
    leaseSeconds: 15,
    keptDays: 90,
    log: SILENT,
  });
  const routes = jobRoutes({ store, log: SILENT, settings: DEFAULT_SETTINGS, jobs });
  api = await openTestApi(test, { routes });
  for (const env of ['prod', 'prod', 'test']) {
    ids.push(await addHost(store, { hostname: `web-${ids.length}`, labels: { env } }));
  }
});

afterAll(async () => {
  await api.app.close();
  await jobs.stop();
  await test.drop();
});

const BODY = { name: 'look', work: { kind: 'file', path: '/etc/hosts' } };
const make = (payload: object, role = api.as('operator')) =>
  role('POST', '/api/v1/jobs', { payload: { ...BODY, ...payload } });

async function untilEnded(id: string): Promise<Answer['body']> {
  for (;;) {
    const { body } = await api.as('viewer')('GET', `/api/v1/jobs/${id}`);
    if (body.endedAt !== null) return body;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('jobs over HTTP', () => {
  it('are previewed, made for those hosts, listed, cancelled and tried again', async () => {
    const as = api.as('operator');
    const preview = await as('GET', '/api/v1/jobs/preview?kind=file&label=env=prod');
    expect(preview.status, preview.text).toBe(200);
    expect(preview.body).toMatchObject({
      hosts: [
        { id: ids[0], hostname: 'web-0', online: true, allowed: false },
        { id: ids[1], hostname: 'web-1' },
      ],
      ...{ digest: digestOf(ids.slice(0, 2)), silentShards: [] },
    });
    const { digest } = preview.body;
    const target = { label: ['env=prod'] };
    expect(await make({ target: {}, digest })).toMatchObject({
      ...{ status: 409, body: { code: 'API_CONFLICT' } },
    });
    const made = await make({ target, digest, concurrency: 1 });
    expect(made.status, made.text).toBe(201);
    expect(made.body).toMatchObject({ digest, hosts: 2 });
    const { id } = made.body;
    const cancelled = await as('POST', `/api/v1/jobs/${id}/cancel`, {
      payload: { reason: 'wrong' },
    });
    expect(cancelled.status, cancelled.text).toBe(202);
    expect(await untilEnded(id)).toMatchObject({
      ...{ state: 'cancelled', hosts: 2, counts: { cancelled: 2 } },
      ...{ stopReason: expect.stringMatching(/^cancelled by owner-.*: wrong$/), target },
    });
    const first = await as('GET', `/api/v1/jobs/${id}/runs?limit=1&total=true`);
    expect(first.body).toMatchObject({ items: [{ hostname: 'web-0' }], total: 2 });
    const url = `/api/v1/jobs/${id}/runs?limit=1&state=cancelled&cursor=`;
    expect((await as('GET', `${url}${first.body.next}`)).status).toBe(400);
    const next = await as('GET', `/api/v1/jobs/${id}/runs?limit=1&cursor=${first.body.next}`);
    expect(next.body).toMatchObject({ items: [{ hostname: 'web-1' }], next: null });
    const run = `/api/v1/jobs/${id}/runs/${ids[0]}`;
    expect((await as('GET', run)).body).toMatchObject({ state: 'cancelled', exitCode: null });
    expect((await as('GET', `${run}/output`)).body).toMatchObject({ pieces: [], next: 0 });
    expect((await as('GET', `${run}/output/live`)).text).toMatch(/"state":"cancelled"/);
    const { text } = await as('GET', `/api/v1/jobs/${id}/live`);
    expect(text.match(/^event: .*$/gm)).toEqual([...['event: host', 'event: host', 'event: job']]);
    const retried = await as('POST', `/api/v1/jobs/${id}/retry`, {
      payload: { states: ['cancelled'] },
    });
    expect(retried.body, retried.text).toMatchObject({ hosts: 2 });
    const list = await as('GET', '/api/v1/jobs?limit=1');
    expect(list.body.items).toMatchObject([{ id: retried.body.id, state: 'running' }]);
    const older = await as('GET', `/api/v1/jobs?limit=1&cursor=${list.body.next}`);
    expect(older.body).toMatchObject({ items: [{ id }], next: null });
  });

  it('are only for the hosts that a role is for', async () => {
    const tester = api.as('operator', 'env=test');
    const named = await make({ target: { hosts: [ids[0]] } }, tester);
    expect(named).toMatchObject({ status: 400, body: { code: 'API_INVALID' } });
    const { body: mixed } = await make({ target: { hosts: [ids[0], ids[2]] } });
    await expect
      .poll(async () => (await tester('GET', '/api/v1/jobs')).body.items, { timeout: 30_000 })
      .toMatchObject([{ id: mixed.id, hosts: 1 }]);
    expect(await tester('POST', `/api/v1/jobs/${mixed.id}/cancel`, { payload: {} })).toMatchObject({
      ...{ status: 403, body: { code: 'API_FORBIDDEN' } },
    });
    const { body: runs } = await tester('GET', `/api/v1/jobs/${mixed.id}/runs?total=true`);
    expect(runs).toMatchObject({ items: [{ hostname: 'web-2' }], total: 1 });
    expect(
      (await api.as('viewer', 'env=none')('GET', `/api/v1/jobs/${mixed.id}/live`)).status,
    ).toBe(404);
    const hidden = `/api/v1/jobs/${mixed.id}/runs/${ids[0]}/output`;
    expect((await tester('GET', hidden)).status).toBe(404);
    expect((await make({ target: {} }, api.as('viewer'))).status).toBe(403);
    const odd = { kind: 'packages', action: 'downgrade', packages: [], onlySecurity: false };
    const refused = await make({ target: {}, work: { ...odd, simulate: true } });
    expect(refused).toMatchObject({
      status: 400,
      body: { fields: [{ field: 'body.work.packages' }] },
    });
  });
});
