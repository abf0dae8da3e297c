// The line of a signal over time: the steps as numbered bands, its limit as a dashed line. What it
// shows is in a table as well (signals-part.tsx).

import type { CampaignSignal } from '@halflap/server';
import { type Charted, type ChartPoint, chartOf } from '@halflap/server/chart';
import { type PointerEvent, useState } from 'react';
import { absolute } from '../../../state/words';
import { useWidth } from './use-width';
import { valueText } from './values';

const HEIGHT = 180;

interface Props {
  readonly signal: CampaignSignal;
  readonly drawn: Omit<Charted, 'limit'>;
}

export function SignalChart({ signal, drawn }: Props) {
  const [place, width] = useWidth();
  const [near, setNear] = useState<ChartPoint | null>(null);
  return (
    <div ref={place} className="hf-chart">
      {width !== null && (
        <Drawing signal={signal} drawn={drawn} width={width} near={near} onNear={setNear} />
      )}
      {/* For the pointer alone: everybody else has the table. */}
      <div className="hf-quiet" aria-hidden="true">
        {near === null
          ? '\u00a0'
          : `${absolute(near.at.toISOString())}: ${valueText(near.value, signal)}`}
      </div>
    </div>
  );
}

interface DrawingProps extends Props {
  readonly width: number;
  readonly near: ChartPoint | null;
  onNear(point: ChartPoint | null): void;
}

function Drawing({ signal, drawn, width, near, onNear }: DrawingProps) {
  const { from, to, points } = drawn;
  const size = { width, height: HEIGHT, zone: 'local' } as const;
  const chart = chartOf({ ...drawn, limit: signal.stopAbove }, size);
  const { left, right, top, bottom } = chart;
  const span = to.getTime() - from.getTime();
  const look = ({ clientX, currentTarget }: PointerEvent<SVGSVGElement>) => {
    const across = clientX - currentTarget.getBoundingClientRect().left;
    const time = from.getTime() + ((across - left) / (right - left)) * span;
    onNear(nearest(points, time));
  };
  const mark =
    near === null ? null : left + ((near.at.getTime() - from.getTime()) / span) * (right - left);
  return (
    <svg
      role="img"
      aria-label={labelOf(signal)}
      width={width}
      height={HEIGHT}
      onPointerMove={look}
      onPointerLeave={() => onNear(null)}
    >
      {chart.bands.map(({ id, number, place, width: wide }) => (
        <g key={id}>
          <rect className="hf-chart-band" x={place} y={top} width={wide} height={bottom - top} />
          <text x={place} y={top - 5}>
            {number}
          </text>
        </g>
      ))}
      {chart.values.map(({ place, text }) => (
        <g key={text}>
          <path className="hf-chart-grid" d={`M${left},${place}H${right}`} />
          <text className="hf-chart-value" x={left - 6} y={place + 4}>
            {text}
          </text>
        </g>
      ))}
      {chart.times.map(({ place, text }) => (
        <text key={text} className="hf-chart-time" x={place} y={bottom + 16}>
          {text}
        </text>
      ))}
      {chart.limit !== null && (
        <path className="hf-chart-limit" d={`M${left},${chart.limit}H${right}`} />
      )}
      {mark !== null && <path className="hf-chart-grid" d={`M${mark},${top}V${bottom}`} />}
      <path className="hf-chart-line" d={chart.line} />
    </svg>
  );
}

function nearest(points: readonly ChartPoint[], time: number): ChartPoint | null {
  const away = ({ at }: ChartPoint) => Math.abs(at.getTime() - time);
  return points.reduce<ChartPoint | null>(
    (best, one) => (best === null || away(one) < away(best) ? one : best),
    null,
  );
}

function labelOf(signal: CampaignSignal): string {
  const { name, now, highest, stopAbove } = signal;
  const limit = stopAbove === null ? '' : `, limit ${valueText(stopAbove, signal)}`;
  const said = `now ${valueText(now, signal)}, highest ${valueText(highest, signal)}`;
  return `${name} over time: ${said}${limit}`;
}
