// The line of a signal over time, with its limit and the steps of a campaign, as places on a
// drawing: the console draws it in a page, and a report keeps it as a picture. Pure.

import { scaleLinear, scaleTime, scaleUtc } from 'd3-scale';
import { line } from 'd3-shape';

export interface ChartPoint {
  readonly at: Date;
  /** Null: there was no answer; the line has a gap. */
  readonly value: number | null;
}

export interface ChartSpan {
  readonly id: string;
  readonly startedAt: Date;
  /** Null: it goes on. */
  readonly endedAt: Date | null;
}

export interface Charted {
  readonly points: readonly ChartPoint[];
  readonly limit: number | null;
  readonly spans: readonly ChartSpan[];
  /** What the time axis shows, so that charts beside each other have the same one. */
  readonly from: Date;
  readonly to: Date;
}

export interface ChartSize {
  readonly width: number;
  readonly height: number;
  /** Whose clock the time axis goes by. */
  readonly zone: 'utc' | 'local';
}

interface Tick {
  readonly place: number;
  readonly text: string;
}

export interface Chart {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  /** The line, as the `d` of a path; empty: there is nothing to draw. */
  readonly line: string;
  /** Where the limit is; null also where it is so high that the line would be flat. */
  readonly limit: number | null;
  readonly times: readonly Tick[];
  readonly values: readonly Tick[];
  /** In the order of the spans; those that are out of sight are left out. */
  readonly bands: readonly {
    readonly id: string;
    readonly number: number;
    readonly place: number;
    readonly width: number;
  }[];
}

/** Around the drawing, for what the axes say; in px. */
const MARGIN = { left: 44, right: 12, top: 18, bottom: 20 } as const;
const TICK_WIDTH = 90;
const TICK_HEIGHT = 32;
/** A limit that is so many times the highest value is not drawn. */
const FAR = 4;
/** Values from here on are written as `20k`. */
const LONG = 10_000;
/** Of one letter, in px; and between two texts. */
const LETTER = { width: 7, gap: 10 } as const;
/** So that a step that took a moment is seen. */
const BAND_WIDTH = 2;

export function chartOf(charted: Charted, { width, height, zone }: ChartSize): Chart {
  const { points, limit, spans, from, to } = charted;
  const [left, right] = [MARGIN.left, Math.max(MARGIN.left + 1, width - MARGIN.right)];
  const [top, bottom] = [MARGIN.top, height - MARGIN.bottom];
  const scale = zone === 'utc' ? scaleUtc() : scaleTime();
  const x = scale.domain([from, to]).range([left, right]).clamp(true);
  const { y, isLimitSeen } = scaleOf(points, limit, [bottom, top]);
  const draw = line<ChartPoint>()
    .defined(({ value }) => value !== null)
    .x(({ at }) => x(at))
    .y(({ value }) => y(value ?? 0))
    .digits(1);
  const values = y.ticks(Math.max(2, Math.floor((bottom - top) / TICK_HEIGHT)));
  const valueText = y.tickFormat(values.length, (values.at(-1) ?? 0) < LONG ? undefined : '~s');
  const ticks = x.ticks(Math.max(2, Math.floor((right - left) / TICK_WIDTH)));
  const seconds = (to.getTime() - from.getTime()) / 1000;
  return {
    ...{ left, right, top, bottom },
    line: draw(points) ?? '',
    limit: limit === null || !isLimitSeen ? null : y(limit),
    times: apart(ticks.map((at) => ({ place: x(at), text: timeText(at, seconds, zone) }))),
    values: values.map((value) => ({ place: y(value), text: valueText(value) })),
    bands: spans.flatMap(({ id, startedAt, endedAt }, at) => {
      const end = endedAt ?? to;
      if (end < from || startedAt > to) return [];
      const place = x(startedAt);
      return [{ id, number: at + 1, place, width: Math.max(BAND_WIDTH, x(end) - place) }];
    }),
  };
}

/** Those whose texts do not touch. */
function apart(ticks: readonly Tick[]): readonly Tick[] {
  let end = Number.NEGATIVE_INFINITY;
  return ticks.filter(({ place, text }) => {
    const half = (text.length * LETTER.width) / 2;
    if (place - half < end) return false;
    end = place + half + LETTER.gap;
    return true;
  });
}

/** From nothing to the highest value, and to the limit unless that is far away. */
function scaleOf(
  points: readonly ChartPoint[],
  limit: number | null,
  range: readonly [number, number],
) {
  const values = points.flatMap(({ value }) => (value === null ? [] : [value]));
  const highest = values.reduce((one, other) => Math.max(one, other), 0);
  const lowest = values.reduce((one, other) => Math.min(one, other), 0);
  const isLimitSeen = limit !== null && (highest === 0 || limit <= highest * FAR);
  const end = isLimitSeen ? Math.max(highest, limit) : highest;
  const domain = [lowest, end === lowest ? lowest + 1 : end];
  return { y: scaleLinear().domain(domain).nice().range(range), isLimitSeen };
}

const DAY_SECONDS = 86_400;

/** `14:05`, with seconds where all of it is short, with the day where it is long. */
function timeText(at: Date, seconds: number, zone: ChartSize['zone']): string {
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  const text = (zone === 'utc' ? at : local).toISOString();
  if (seconds > DAY_SECONDS) return text.slice(5, 16).replace('T', ' ');
  return text.slice(11, seconds < 600 ? 19 : 16);
}

/** A time axis of less would have the same second several times. */
const LEAST_MS = 10_000;

/** All that charts of one campaign show beside each other; null: there is nothing yet. */
export function timesOf(
  lines: readonly (readonly ChartPoint[])[],
): { readonly from: Date; readonly to: Date } | null {
  const ends = lines.flatMap((points) => [points[0], points.at(-1)].flatMap((one) => one ?? []));
  const times = ends.map(({ at }) => at.getTime());
  if (times.length === 0) return null;
  const [from, to] = [Math.min(...times), Math.max(...times)];
  return { from: new Date(from), to: new Date(Math.max(to, from + LEAST_MS)) };
}
