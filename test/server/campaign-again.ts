// What people do to a campaign, done again: nothing changes, nothing is written, and it is no
// mistake. What contradicts how the campaign stands is refused all the same.

import { expect } from 'vitest';
import type { CampaignGround } from './campaign-ground.js';

type Act = readonly [word: string, payload: object];

export const PAUSE: Act = ['pause', { reason: 'until the quarter has ended' }];
export const RESUME: Act = ['resume', {}];
export const START: Act = ['start', {}];
export const CANCEL: Act = ['cancel', {}];
export const approving = (payload: { digest: string } | { step: string }): Act => [
  'approve',
  payload,
];

/** Does the act, which changes something, and then once more. */
export async function doTwice(ground: CampaignGround, id: string, act: Act): Promise<void> {
  expect(await answerTo(ground, id, act), act[0]).toEqual({ status: 200, changed: true });
  await isSo(ground, id, act);
}

/** The act changes nothing, and leaves no entry in the audit log nor in the history. */
export async function isSo(ground: CampaignGround, id: string, act: Act): Promise<void> {
  const before = await written(ground, id);
  expect(await answerTo(ground, id, act), act[0]).toEqual({ status: 200, changed: false });
  expect(await written(ground, id), act[0]).toEqual(before);
}

/** The act contradicts how the campaign stands. */
export async function isRefused(ground: CampaignGround, id: string, act: Act): Promise<void> {
  const { status, code } = await answerTo(ground, id, act);
  expect({ status, code }, act[0]).toEqual({ status: 409, code: 'API_CONFLICT' });
}

/** Planned in the same words it is the same campaign; in others, another one. */
export async function isPlanned(
  { ask }: CampaignGround,
  id: string,
  payload: { readonly cluster: string; readonly policy: object },
): Promise<void> {
  const asked = (more: object) =>
    ask('POST', '/api/v1/campaigns', { payload: { ...payload, ...more } });
  expect(await asked({})).toMatchObject({ status: 200, body: { id, changed: false } });
  const others = { policy: { ...payload.policy, soakSeconds: 1 } };
  const other = await asked(others);
  expect(other).toMatchObject({ status: 201, body: { changed: true } });
  expect(other.body.id).not.toBe(id);
  const repeated = await asked(others);
  expect(repeated).toMatchObject({ status: 200, body: { id: other.body.id, changed: false } });
}

/** A plan for what is reached already: none is made, and nothing is written. */
export async function isReached(ground: CampaignGround, cluster: string): Promise<void> {
  const { ask, test } = ground;
  const count = async () => {
    const { rows } = await test.store.home.query<{ n: number }>(
      `select (select count(*)::int from audit_entries)
         + (select count(*)::int from campaigns) as n`,
    );
    return rows[0]?.n;
  };
  const before = await count();
  for (const asked of [{}, { to: '2.0' }, { goal: 'expanded' }]) {
    const { status, body } = await ask('POST', '/api/v1/campaigns', {
      payload: { cluster, ...asked },
    });
    const none = { id: null, changed: false, from: '1.0', to: '2.0' };
    expect({ status, body }).toEqual({ status: 200, body: none });
  }
  expect(await count()).toBe(before);
  const next = await ask('POST', '/api/v1/campaigns', { payload: { cluster, to: '3.0' } });
  expect(next).toMatchObject({ status: 404, body: { code: 'API_NOT_FOUND' } });
}

async function answerTo({ ask }: CampaignGround, id: string, [word, payload]: Act) {
  const { status, body } = await ask('POST', `/api/v1/campaigns/${id}/${word}`, { payload });
  return { status, code: body.code, changed: body.changed };
}

/** What people did to it, by the audit log and by its own history. */
async function written({ test }: CampaignGround, id: string) {
  const { rows } = await test.store.home.query(
    `select (select count(*)::int from audit_entries where target like $2) as entries,
       (select count(*)::int from campaign_events
        where campaign_id = $1 and by is not null) as acts`,
    [id, `campaign ${id}%`],
  );
  return rows[0];
}
