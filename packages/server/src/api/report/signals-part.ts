// Signals of an application in a campaign's report: a picture of each, and the numbers as a table.

import {
  type ChartPoint,
  type ChartSpan,
  chartOf,
  timesOf,
} from '../../campaigns/signals/chart.js';
import type { CampaignSignal, CampaignSignals } from '../signal-shapes.js';
import { html, type Markup } from './markup.js';
import { table } from './tables.js';

const SIZE = { width: 760, height: 180, zone: 'utc' } as const;

export function signalsPart({ signals, steps }: CampaignSignals): Markup {
  if (signals.length === 0) return html`<p>The cluster declares none.</p>`;
  const lines = signals.map(({ points }) =>
    points.map(({ at, value }) => ({ at: new Date(at), value })),
  );
  const times = timesOf(lines);
  const spans = steps.map(({ step: id, startedAt, endedAt }) => ({
    ...{ id, startedAt: new Date(startedAt) },
    endedAt: endedAt === null ? null : new Date(endedAt),
  }));
  const rows = [
    ['before the first step', ...signals.map(({ before, unit }) => valueText(before, unit))],
    ...steps.map(({ step, highest }, at) => [
      `${at + 1}. ${step}`,
      ...signals.map(({ unit }, of) => valueText(highest[of] ?? null, unit)),
    ]),
    ['at the end', ...signals.map(({ now, unit }) => valueText(now, unit))],
  ];
  return html`${signals.map((signal, at) =>
    times === null ? null : picture(signal, { ...times, points: lines[at] ?? [], spans }),
  )}
${table('The highest value during each step', ['step', ...signals.map(({ name }) => name)], rows)}`;
}

/** `12.5 ms`. */
function valueText(value: number | null, unit: string): string {
  return value === null ? 'not known' : `${Number(value.toPrecision(6))} ${unit}`.trim();
}

interface Drawn {
  readonly points: readonly ChartPoint[];
  readonly spans: readonly ChartSpan[];
  readonly from: Date;
  readonly to: Date;
}

function picture({ name, unit, stopAbove, stopAfterSeconds }: CampaignSignal, drawn: Drawn) {
  const chart = chartOf({ ...drawn, limit: stopAbove }, SIZE);
  const { left, right, top, bottom } = chart;
  const rule =
    stopAbove === null
      ? ''
      : `; stops the campaign above ${valueText(stopAbove, unit)} for ${stopAfterSeconds} s`;
  return html`<figure><figcaption>${name}${unit === '' ? '' : `, ${unit}`}${rule}</figcaption>
<svg role="img" aria-label="${name} over time" viewBox="0 0 ${SIZE.width} ${SIZE.height}">
${chart.bands.map(
  ({ place, width, number }) =>
    html`<rect class="band" x="${place.toFixed(1)}" y="${top}" width="${width.toFixed(1)}"
  height="${bottom - top}"/><text x="${place.toFixed(1)}" y="${top - 4}">${number}</text>\n`,
)}${chart.values.map(
  ({ place, text }) =>
    html`<path class="grid" d="M${left},${place.toFixed(1)}H${right}"/><text class="value"
  x="${left - 6}" y="${(place + 4).toFixed(1)}">${text}</text>\n`,
)}${chart.times.map(
  ({ place, text }) =>
    html`<text class="time" x="${place.toFixed(1)}" y="${bottom + 15}">${text}</text>\n`,
)}${
  chart.limit === null
    ? null
    : html`<path class="limit" d="M${left},${chart.limit.toFixed(1)}H${right}"/>`
}<path class="line" d="${chart.line}"/>
</svg></figure>`;
}
