// Tables of a campaign's report: its steps, the cluster at a moment, what happened.

import type { Campaign, CampaignEvent, CampaignStep } from '../campaign-shapes.js';
import type { Matrix } from '../matrix-shapes.js';
import { html, type Markup } from './markup.js';

/** `2031-02-03 10:15:00`, in UTC. */
export function timeText(instant: string | null): string {
  return instant === null ? '' : instant.slice(0, 19).replace('T', ' ');
}

function clockText(instant: string | null): string {
  return timeText(instant).slice(11);
}

export type Cell = Markup | string | number;

export function table(
  caption: string,
  heads: readonly string[],
  rows: readonly (readonly Cell[])[],
): Markup {
  return html`<div class="wide"><table><caption>${caption}</caption>
<thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${rows.map(
    ([first = '', ...rest]) =>
      html`<tr><th scope="row">${first}</th>${rest.map((cell) => html`<td>${cell}</td>`)}</tr>\n`,
  )}</tbody></table></div>`;
}

export function stepsTable({ plan }: Campaign): Markup {
  const heads = [
    'number',
    'step',
    'turn',
    'state',
    'attempt',
    'begun',
    'ended',
    'what became of it',
  ];
  const rows = plan.map((step, at) => [
    ...[at + 1, step.id, step.batch + 1, step.state, step.attempt],
    ...[timeText(step.startedAt), timeText(step.endedAt), aboutStep(step)],
  ]);
  return table('Steps in the order of the plan', heads, rows);
}

function aboutStep({ message, evidence, wait, stages, state }: CampaignStep): Markup {
  const why = state === 'waiting' && wait !== null ? wait.why : message;
  const told = stages.map(({ stage, state: became, tries, startedAt, endedAt }) => {
    const often = tries > 1 ? `, asked ${tries} times` : '';
    const times = `${clockText(startedAt)} – ${clockText(endedAt)}`;
    return html`<li>${stage}: ${became}${often} (${times})</li>`;
  });
  return html`${why}${told.length === 0 ? null : html`<ul>${told}</ul>`}${
    evidence.length === 0 ? null : html`<pre>${evidence.join('\n')}</pre>`
  }`;
}

export function approvalsTable({ approvedBy, approvedAt, digest, plan }: Campaign): Markup {
  const own = plan.flatMap(({ id, ownApproval }) =>
    ownApproval === null
      ? []
      : [
          [
            id,
            ownApproval.why,
            ownApproval.approvedBy ?? 'nobody',
            timeText(ownApproval.approvedAt),
          ],
        ],
  );
  const rows = [['the plan', digest, approvedBy ?? 'nobody', timeText(approvedAt)], ...own];
  return table('Who approved what', ['of', 'which', 'by', 'at'], rows);
}

export function matrixTable(caption: string, matrix: Matrix | null): Markup {
  if (matrix === null) return html`<p>${caption}: not known</p>`;
  const { shards, servers, cells, seenAt } = matrix;
  const heads = ['server', 'release', ...shards.map(({ name }) => name)];
  const standing = shards.map(({ phase, floor, ceiling, unreachable }) => {
    if (unreachable !== null) return 'unreachable';
    return phase === 'settled' ? `settled at ${floor}` : `${phase}, ${floor} → ${ceiling}`;
  });
  const rows = servers.map(({ name, installed, running }, at) => [
    ...[name, [...new Set([...running, installed ?? 'unknown'])].join(', ')],
    ...(cells[at] ?? []).map(
      ({ state, release, why }) =>
        html`${release === null ? state : `${state} ${release}`}${why === null ? '' : `: ${why}`}`,
    ),
  ]);
  const when = seenAt === null ? '' : `, ${timeText(seenAt)}`;
  return table(`${caption}${when}`, heads, [['phase', '', ...standing], ...rows]);
}

export function historyTable(events: readonly CampaignEvent[]): Markup {
  const heads = ['at', 'what', 'step', 'by', 'message'];
  const rows = events.map(({ at, kind, step, by, message }) => [
    ...[timeText(at), kind, step ?? '', by ?? 'the campaign', message],
  ]);
  return table('What was seen, decided and done', heads, rows);
}
