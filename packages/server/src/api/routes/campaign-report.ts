// The report of a campaign: all that is known of it, as data and as one page of HTML. The page is
// in the JSON like everything else: no address of a server gives HTML that is made of data.

import { type Static, Type } from 'typebox';
import { readCampaign, readEvents, readFirstMatrix } from '../../campaigns/campaign.js';
import type { Store } from '../../store/store.js';
import { seeCampaign } from '../campaign-look.js';
import { Campaign, CampaignEvent, eventView } from '../campaign-shapes.js';
import { Matrix, matrixView } from '../matrix-shapes.js';
import { reportPage } from '../report/page.js';
import { type Route, read } from '../route.js';
import { id, instant, nullable } from '../shapes.js';
import { CampaignSignals } from '../signal-shapes.js';
import { seeSignals } from './campaign-signals.js';

/** Of the history: what a page can show. */
const MOST_EVENTS = 5000;

export const CampaignReport = Type.Object({
  madeAt: instant(),
  campaign: Campaign,
  signals: CampaignSignals,
  first: nullable(Matrix),
  last: nullable(Matrix),
  events: Type.Array(CampaignEvent, { description: 'Its history from the beginning.' }),
  hasMore: Type.Boolean({ description: 'The history goes on.' }),
  html: Type.String({ description: 'All of it as one page, without scripts.' }),
});
export type CampaignReport = Static<typeof CampaignReport>;

export function campaignReportRoute({ store }: { readonly store: Store }): Route {
  return read({
    method: 'GET',
    path: '/api/v1/campaigns/:id/report',
    summary: 'All of a campaign, as data and as one page of HTML that can be kept and printed.',
    permission: 'cluster:read',
    params: { id: id() },
    answer: CampaignReport,
    async handle({ params }) {
      const { home } = store;
      const campaign = await seeCampaign({ store }, params.id);
      const { matrix, seen_at: seenAt } = await readCampaign(home, params.id);
      const begun = await readFirstMatrix(home, params.id);
      const rows = await readEvents(home, params.id, { after: '0', limit: MOST_EVENTS + 1 });
      const reported = {
        ...{ madeAt: new Date().toISOString(), campaign },
        signals: await seeSignals(store, params.id, null),
        first: begun === null ? null : matrixView(begun.matrix, begun.at),
        last: matrix === null ? null : matrixView(matrix, seenAt),
        events: rows.slice(0, MOST_EVENTS).map(eventView),
        hasMore: rows.length > MOST_EVENTS,
      };
      return { ...reported, html: reportPage(reported) };
    },
  });
}
