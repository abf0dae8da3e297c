// What an operator does with messages that a group of the bus gave up, by the command line.

import { type Bus, type Store, unreadable } from '@halflap/server';
import { expect } from 'vitest';
import type { TestApi } from './api.js';
import type { Asking } from './campaign-commands.js';

export interface OnBus {
  readonly store: Store;
  readonly bus: Bus;
  readonly api: TestApi;
}

export async function commandBus(
  { halflap, printed }: Asking,
  { store, bus, api }: OnBus,
): Promise<void> {
  const work = { group: 'campaigns', topics: ['step.done'] };
  const handled: unknown[] = [];
  let isMended = false;
  await bus.work({
    ...work,
    async handle({ body }) {
      if (!isMended) throw unreadable('body/step is missing');
      handled.push(body);
    },
  });
  for (const [at, shard] of ['s1', 's2', 's2'].entries()) {
    await store.fleet
      .shard(shard)
      .transaction((client) => bus.publish(shard, client, { topic: 'step.done', body: at }));
  }
  const parked = () => printed('bus', 'parked', '--group=campaigns', '--topic', 'step.done');
  await expect.poll(async () => (await parked()).total, { timeout: 30_000 }).toBe(3);
  const { messages } = await parked();
  const list = await halflap('bus', 'parked', '--limit', '1');
  expect(list.stdout).toMatch(
    / campaigns +step\.done .*body\/step is missing .* one +0s ago\n1 of 3 /,
  );
  const { groups } = await printed('bus', 'status');
  expect(groups).toMatchObject([
    { shard: 's1', parked: 1 },
    { shard: 's2', parked: 2 },
  ]);
  expect((await halflap('bus', 'status')).stdout).toMatch(/\ncampaigns +s2 +0 +0 +0 +2\n/);
  const figures = await api.as('operator')('GET', '/metrics');
  expect(figures.text).toMatch(
    /^halflap_bus_messages\{shard="s2",group="campaigns",state="pa.* 2$/m,
  );
  const lost = messages.find(({ envelope }: { envelope: string }) => /:2\}$/.test(envelope));
  const gone = await printed('bus', 'discard', lost.id.slice(0, 12), '--yes');
  expect(gone.messages).toEqual([lost]);
  expect(await halflap('bus', 'give-back', lost.id)).toMatchObject({ code: 2 });
  expect(await halflap('bus', 'give-back')).toMatchObject({ code: 2 });
  isMended = true;
  const back = await printed('bus', 'give-back', '--group', 'campaigns');
  expect(back.messages).toHaveLength(2);
  await expect.poll(() => [...handled].sort(), { timeout: 30_000 }).toEqual([0, 1]);
  const { entries } = await printed('audit', 'list', '--act', 'bus-message.discard');
  expect(entries.map(({ outcome }: { outcome: string }) => outcome)).toEqual(['done', 'intended']);
}
