// The report of a campaign: one page that holds all of it, to be kept, sent and printed. It has no
// script, and asks for nothing from anywhere.

import type { Campaign, CampaignEvent } from '../campaign-shapes.js';
import type { Matrix } from '../matrix-shapes.js';
import type { CampaignSignals } from '../signal-shapes.js';
import { html, Markup } from './markup.js';
import { signalsPart } from './signals-part.js';
import {
  approvalsTable,
  historyTable,
  matrixTable,
  stepsTable,
  table,
  timeText,
} from './tables.js';

export interface Reported {
  readonly madeAt: string;
  readonly campaign: Campaign;
  readonly signals: CampaignSignals;
  /** The cluster when it was planned, and as it was seen last. */
  readonly first: Matrix | null;
  readonly last: Matrix | null;
  readonly events: readonly CampaignEvent[];
  /** The history goes on. */
  readonly hasMore: boolean;
}

const STYLE = new Markup(`
body { color: #1f1f1f; font: 14px/1.45 system-ui, sans-serif; margin: 2rem auto;
  max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: .5rem 0; width: 100%; }
caption { color: #4d4d4d; padding: .25rem 0; text-align: start; }
th, td { border-bottom: 1px solid #c7c7c7; padding: .25rem .75rem .25rem 0; text-align: start;
  vertical-align: top; }
tbody th { font-weight: normal; } ul { margin: 0; padding-inline-start: 1.2rem; }
pre { background: #f2f2f2; margin: .25rem 0; padding: .5rem; white-space: pre-wrap; }
figure { break-inside: avoid; margin: 1rem 0; } svg { width: 100%; }
svg text { fill: #4d4d4d; font-size: 11px; } .value { text-anchor: end; }
.time { text-anchor: middle; } .grid { stroke: #e0e0e0; }
.band { fill: #0066cc; fill-opacity: .1; stroke: #0066cc; stroke-opacity: .4; }
.line { fill: none; stroke: #004d99; stroke-linecap: round; stroke-width: 2; }
.limit { stroke: #b1380b; stroke-dasharray: 6 4; stroke-width: 1.5; }
@media print { body { margin: 0; max-width: none; } tr { break-inside: avoid; } }
`);

export function reportPage(reported: Reported): string {
  const { campaign, signals, first, last, events, hasMore, madeAt } = reported;
  const title = titleOf(campaign);
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>${title}</title><style>${STYLE}</style></head><body><main>
<h1>${title}</h1>
<p>${campaign.state}${campaign.reason === null ? '' : `: ${campaign.reason}`}. All times are UTC;
this was written at ${timeText(madeAt)}.</p>
${factsTable(campaign)}
<h2>Approvals</h2>${approvalsTable(campaign)}
<h2>Policy</h2>${policyTable(campaign)}
${excludedPart(campaign)}
<h2>Steps</h2>${stepsTable(campaign)}
<h2>Signals of the application</h2>${signalsPart(signals)}
<h2>Servers and shards</h2>
${matrixTable('When it was planned', first)}${matrixTable('As they were seen last', last)}
<h2>History</h2>${historyTable(events)}
${hasMore ? html`<p>It goes on: halflap campaign history ${campaign.id}</p>` : null}
</main></body></html>
`;
  return page.text;
}

function titleOf({ goal, from, to, cluster }: Campaign): string {
  const way = goal === 'back' ? `Back ${to} → ${from}` : `Upgrade ${from} → ${to}`;
  return `${way} of ${cluster.name}`;
}

function factsTable(campaign: Campaign): Markup {
  const { id, backOf, goal, bundle, done, steps } = campaign;
  const who = (by: string | null, at: string | null) =>
    by === null ? 'nobody' : `${by}, ${timeText(at)}`;
  return table(
    'The campaign',
    ['what', 'is'],
    [
      ['id', id],
      ['goal', goal],
      ...(backOf === null ? [] : [['takes back', backOf]]),
      ['steps done', `${done} of ${steps}`],
      ['planned by', who(campaign.plannedBy, campaign.plannedAt)],
      ['started by', who(campaign.startedBy, campaign.startedAt)],
      ['ended', timeText(campaign.endedAt) || 'not yet'],
      ['bundle', bundle],
    ],
  );
}

function policyTable({ policy }: Campaign): Markup {
  const rows = Object.entries(policy).map(([key, value]) => [
    key,
    typeof value === 'object' ? JSON.stringify(value) : String(value),
  ]);
  return table('What held it back', ['key', 'value'], rows);
}

function excludedPart({ excluded }: Campaign): Markup | null {
  if (excluded.length === 0) return null;
  const rows = excluded.map(({ kind, name, reason, by, at }) => [
    ...[`${kind} ${name}`, reason, by, timeText(at)],
  ]);
  return html`<h2>Left out</h2>${table('Servers and shards', ['what', 'why', 'by', 'at'], rows)}`;
}
