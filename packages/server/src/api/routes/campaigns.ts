// Campaigns: plans, how they go on, their history. What people do to one is in campaign-acts.ts.

import { Type } from 'typebox';
import { readCampaign, readEvents, readMatrixAt } from '../../campaigns/campaign.js';
import type { Campaigns } from '../../campaigns/campaigns.js';
import { CAMPAIGN_STATES } from '../../campaigns/decide/decide.js';
import type { CampaignParts } from '../../campaigns/make.js';
import { readSamples } from '../../campaigns/signals/samples.js';
import { askHome } from '../../store/home.js';
import { CAMPAIGNS, LISTED_CAMPAIGN, seeCampaign } from '../campaign-look.js';
import {
  Campaign,
  CampaignEvent,
  CampaignSummary,
  campaignSummaryOf,
  eventView,
  type ListedCampaign,
} from '../campaign-shapes.js';
import { Conditions } from '../conditions.js';
import { cursorOf, placeOf } from '../cursor.js';
import { Matrix, matrixView } from '../matrix-shapes.js';
import { found, type Live, live, type Route, read } from '../route.js';
import { id, limitOf, oneOf, pageOf, paging } from '../shapes.js';
import { campaignActRoutes } from './campaign-acts.js';
import { campaignReportRoute } from './campaign-report.js';
import { campaignSignalsRoute } from './campaign-signals.js';
import { pause } from './clusters.js';

export interface CampaignApi extends Omit<CampaignParts, 'bundles' | 'reader'> {
  readonly campaigns: Campaigns;
}

const params = { id: id() };
const NUMBER = Type.String({ pattern: '^[0-9]{1,18}$', description: 'The number of an event.' });

export function campaignRoutes(api: CampaignApi): readonly Route[] {
  return [
    listOf(api),
    oneCampaign(api),
    matrixOf(api),
    eventsOf(api),
    liveOf(api),
    campaignSignalsRoute(api),
    campaignReportRoute(api),
    ...campaignActRoutes(api),
  ];
}

function listOf({ store }: CampaignApi): Route {
  return read({
    method: 'GET',
    path: '/api/v1/campaigns',
    summary: 'Campaigns, those that were planned last first.',
    permission: 'cluster:read',
    query: {
      ...paging,
      cluster: Type.Optional(id()),
      state: Type.Optional(Type.Array(oneOf(CAMPAIGN_STATES), { maxItems: 6 })),
    },
    answer: pageOf(CampaignSummary),
    async handle({ query }) {
      const { cluster, state, cursor } = query;
      const conditions = new Conditions();
      const mark = { campaigns: [cluster, state] };
      if (cluster !== undefined) conditions.add(`c.cluster_id = ${conditions.place(cluster)}`);
      if (state !== undefined) conditions.add(`c.state = any(${conditions.place(state)}::text[])`);
      if (cursor !== undefined) {
        const [at, last] = placeOf(mark, cursor, 2);
        const place = `(${conditions.place(at)}::timestamptz, ${conditions.place(last)}::uuid)`;
        conditions.add(`(c.planned_at, c.id) < ${place}`);
      }
      const limit = limitOf(query);
      const rows = await askHome<ListedCampaign & { place: string }>(
        store,
        `select ${LISTED_CAMPAIGN}, c.planned_at::text as place from ${CAMPAIGNS}
         where ${conditions.text}
         order by c.planned_at desc, c.id desc limit ${conditions.place(limit + 1)}`,
        conditions.values,
      );
      const page = rows.slice(0, limit);
      const end = rows.length > limit ? page.at(-1) : undefined;
      return {
        items: page.map(campaignSummaryOf),
        next: end === undefined ? null : cursorOf(mark, [end.place, end.id]),
      };
    },
  });
}

function oneCampaign(api: CampaignApi): Route {
  return read({
    method: 'GET',
    path: '/api/v1/campaigns/:id',
    summary: 'One campaign: its plan, how far each step is, and what it waits for.',
    permission: 'cluster:read',
    params,
    answer: Campaign,
    handle: ({ params }) => seeCampaign(api, params.id),
  });
}

function matrixOf({ store }: CampaignApi): Route {
  return read({
    method: 'GET',
    path: '/api/v1/campaigns/:id/matrix',
    summary: 'The cluster as the campaign saw it last, or at a moment of its history.',
    permission: 'cluster:read',
    params,
    query: { at: Type.Optional(NUMBER) },
    answer: Matrix,
    async handle({ params, query }) {
      const { matrix, seen_at: seenAt } = await readCampaign(store.home, params.id);
      if (query.at === undefined) return matrixView(found(matrix ?? undefined, 'matrix'), seenAt);
      const then = await readMatrixAt(store.home, params.id, query.at);
      const { matrix: kept, at } = found(then ?? undefined, `matrix before ${query.at}`);
      return matrixView(kept, at);
    },
  });
}

function eventsOf({ store }: CampaignApi): Route {
  return read({
    method: 'GET',
    path: '/api/v1/campaigns/:id/events',
    summary: 'The history of a campaign from its beginning: what was seen, decided and done.',
    permission: 'cluster:read',
    params,
    query: paging,
    answer: pageOf(CampaignEvent),
    async handle({ params, query }) {
      await readCampaign(store.home, params.id);
      const mark = { events: params.id };
      const [after = '0'] = query.cursor === undefined ? [] : placeOf(mark, query.cursor, 1);
      const limit = limitOf(query);
      const rows = await readEvents(store.home, params.id, { after, limit: limit + 1 });
      const page = rows.slice(0, limit);
      const end = rows.length > limit ? page.at(-1) : undefined;
      return {
        items: page.map(eventView),
        next: end === undefined ? null : cursorOf(mark, [end.number]),
      };
    },
  });
}

/** Between two looks at what the campaign has written, in ms. */
const LIVE_MS = 1000;
const MOST_EVENTS = 500;

function liveOf(api: CampaignApi): Route {
  return live({
    method: 'GET',
    path: '/api/v1/campaigns/:id/live',
    summary:
      'A campaign as it goes on: `campaign` (it has changed), `matrix` (the cluster has), ' +
      '`event` (of its history, from the last that the client has seen), `signals` (what the ' +
      'application said). Ends when it has ended.',
    permission: 'cluster:read',
    params,
    async handle({ params, signal }) {
      await seeCampaign(api, params.id);
      return (view) => follow(api, params.id, view, signal);
    },
  });
}

async function follow(
  api: CampaignApi,
  id: string,
  view: Live,
  signal: AbortSignal,
): Promise<void> {
  const told = { campaign: '', matrix: '' };
  let sampledAt: Date | null = null;
  let after = /^[0-9]{1,18}$/.test(view.lastEventId ?? '') ? (view.lastEventId ?? '0') : '0';
  const tell = async (event: 'campaign' | 'matrix', data: object) => {
    const text = JSON.stringify(data);
    if (text === told[event]) return true;
    told[event] = text;
    return view.send({ event, data });
  };
  while (!signal.aborted) {
    // The end is read before what is told: nothing comes after it.
    const { ended_at: endedAt } = await readCampaign(api.store.home, id);
    for (;;) {
      const events = await readEvents(api.store.home, id, { after, limit: MOST_EVENTS });
      for (const row of events) {
        if (!view.send({ id: row.number, event: 'event', data: eventView(row) })) return;
        await view.room();
      }
      after = events.at(-1)?.number ?? after;
      if (events.length < MOST_EVENTS) break;
    }
    const { matrix, seen_at: seenAt } = await readCampaign(api.store.home, id);
    if (matrix !== null && !(await tell('matrix', matrixView(matrix, seenAt)))) return;
    if (!(await tell('campaign', await seeCampaign(api, id)))) return;
    const samples = await readSamples(api.store.home, id, sampledAt);
    sampledAt = samples.at(-1)?.at ?? sampledAt;
    const isNews = samples.length > 0;
    if (isNews && !view.send({ event: 'signals', data: { samples } })) return;
    if (endedAt !== null) return;
    await view.room();
    await pause(LIVE_MS, signal);
  }
}
