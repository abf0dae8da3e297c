// What `halflap campaign status --follow` ends with where a campaign waits for somebody: for an
// approval at once, for what else stands in the way when it has stood there for long enough.

import { expect } from 'vitest';
import type { TestApi } from './api.js';
import type { Asking } from './campaign-commands.js';
import { until } from './job-cluster.js';

/** Starts a campaign of one contract, which nobody has approved. @returns its id */
export async function startContract({ halflap }: Asking, api: TestApi): Promise<string> {
  const post = async (path: string, payload: object) => {
    const { status, body } = await api.as('operator')('POST', `/api/v1/${path}`, { payload });
    expect(status, JSON.stringify(body)).toBeLessThan(202);
    return body;
  };
  const { body: clusters } = await api.as('operator')('GET', '/api/v1/clusters');
  const reason = 'it has no host';
  const { id } = await post('campaigns', {
    cluster: clusters.items.find(({ name }: { name: string }) => name === 'shop').id,
    policy: { stopAtQuarantine: 10 },
    order: ['shard/eu1/contract'],
    exclude: ['ghost1', 'ghost2'].map((name) => ({ kind: 'server', name, reason })),
  });
  const early = await halflap('campaign', 'status', id, '--follow');
  expect(early).toMatchObject({ code: 3, stderr: expect.stringContaining('campaign start') });
  const { body: planned } = await api.as('operator')('GET', `/api/v1/campaigns/${id}`);
  await post(`campaigns/${id}/approve`, { digest: planned.digest });
  await post(`campaigns/${id}/start`, {});
  const approval = await halflap('campaign', 'status', id, '--follow');
  expect(approval.code, approval.stdout).toBe(3);
  expect(approval.stderr).toContain(`campaign approve ${id} --step shard/eu1/contract`);
  return id;
}

/** Rows have come into quarantine since. */
export async function seeItBlocked(asking: Asking, api: TestApi, id: string): Promise<void> {
  const { workspace, env, halflap } = asking;
  const viewer = api.as('viewer');
  await until(
    async () => (await viewer('GET', `/api/v1/campaigns/${id}`)).body.plan[0].wait,
    (wait) => wait?.refusals.length > 0,
  );
  const status = ['campaign', 'status', id];
  const late = await halflap(...status, '--timeout', '1s', '--json');
  expect(late).toMatchObject({ code: 5, stderr: '' });
  expect(late.stdout).toMatch(/\n\{"error":\{"code":"WAIT_TIMED_OUT".*"exitCode":5\}\}\n$/);
  const blocked = await halflap(...status, '--follow', '--patience', '0s');
  expect(blocked.code, blocked.stdout).toBe(3);
  expect(blocked.stderr).toMatch(/shard\/eu1\/contract waits for somebody: .*correct each/);
  const watching = workspace.start([...status, '--follow'], env);
  await watching.shows('correct each');
  watching.signal('SIGINT');
  expect(await watching.ended).toMatchObject({
    ...{ code: 3, stderr: expect.stringMatching(/INTERRUPTED.*the campaign goes on/) },
  });
  const { status: ended } = await api.as('operator')('POST', `/api/v1/campaigns/${id}/cancel`, {
    payload: {},
  });
  expect(ended).toBe(200);
}
