// What the application said while a campaign went on.

import { Type } from 'typebox';
import { readCampaign } from '../../campaigns/campaign.js';
import { readHighest, readSignals } from '../../campaigns/signals/samples.js';
import type { Store } from '../../store/store.js';
import { type Route, read } from '../route.js';
import { id } from '../shapes.js';
import { CampaignSignals, signalsView } from '../signal-shapes.js';

/** As long as they are kept: 90 days. */
const MOST_MINUTES = 90 * 24 * 60;

export function campaignSignalsRoute({ store }: { readonly store: Store }): Route {
  return read({
    method: 'GET',
    path: '/api/v1/campaigns/:id/signals',
    summary: 'Signals of the application: what each said, and the highest during each step.',
    permission: 'cluster:read',
    params: { id: id() },
    query: {
      minutes: Type.Optional(
        Type.Integer({
          ...{ minimum: 1, maximum: MOST_MINUTES },
          description: 'Points of the last so many minutes only; default: of all of it.',
        }),
      ),
    },
    answer: CampaignSignals,
    handle: ({ params, query }) => seeSignals(store, params.id, query.minutes ?? null),
  });
}

/** @throws API_NOT_FOUND */
export async function seeSignals(
  { home }: Pick<Store, 'home'>,
  id: string,
  minutes: number | null,
): Promise<CampaignSignals> {
  await readCampaign(home, id);
  return signalsView(await readSignals(home, id, minutes), await readHighest(home, id));
}
