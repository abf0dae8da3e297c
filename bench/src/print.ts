// The figures as tables for people, with the aims beside them. A figure that misses its aim is
// marked.

import type { BackfillFigures } from './backfill.js';
import type { BusFigures } from './bus.js';
import type { CompileFigures } from './compiling.js';
import type { CostRow } from './costs.js';
import type { KindFigures } from './kinds.js';
import { type LaneCost, quantile } from './measure.js';
import type { SaturationFigures } from './saturation.js';
import type { SizeFigures } from './size.js';
import type { SkewFigures } from './skew.js';
import type { StallFigures } from './stalls.js';
import type { Aim } from './workloads.js';

export const MISSED = ' !';
const STALL_AIM_MS = 100;
const BACKFILL_AIM = 0.5;
/** A ratio that should be 1.0 may differ by what two runs on one database differ. */
const NOISE_ALLOWANCE = 0.1;

export function costTable(rows: readonly CostRow[]): string {
  const lanes = rows[0]?.lanes ?? [];
  const head = ['', ...lanes.map((lane) => lane.label), 'aim'];
  const body = rows.map(({ title, lanes: costs, aim }) => [
    title,
    ...costs.map((cost, index) => costCell(cost, index === 0, aim)),
    Number.isFinite(aim.most) ? `${aim.most.toFixed(1)}×` : '',
  ]);
  return table([head, ...body]);
}

function costCell(cost: LaneCost, isYardstick: boolean, aim: Aim): string {
  if (cost.failure !== null) return `fails: ${cost.failure}`.slice(0, 40);
  const server = (one: number | null, digits: number, unit: string) =>
    one === null ? '' : ` (${one.toFixed(digits)}${unit})`;
  if (isYardstick) return `${cost.latencyUs.toFixed(0)}${server(cost.serverUs, 0, '')} µs`;
  const isMissed =
    aim.lanes.includes(cost.label) && cost.latencyRatio > aim.most * (1 + NOISE_ALLOWANCE);
  const ratio = `${cost.latencyRatio.toFixed(2)}×${server(cost.serverRatio, 2, '×')}`;
  return isMissed ? ratio + MISSED : ratio;
}

/** How far the same statement on the same database was apart, over all statements. */
export function noiseLine(rows: readonly CostRow[]): string {
  const again = rows.flatMap((row) => row.lanes.filter((lane) => lane.label === 'again'));
  const off = again.map((lane) => Math.abs(lane.latencyRatio - 1));
  const spread = again.map(({ quartiles: [low, high] }) => (high - low) / 2);
  return (
    `noise: the same statement on the same database differed by ${percent(quantile(off, 0.5))} ` +
    `in the middle, ${percent(quantile(off, 1))} at most; ` +
    `single rounds by ±${percent(quantile(spread, 0.5))}`
  );
}

export function stallTable({ stalls, statements, failures }: StallFigures): string {
  const cell = (ms: number | null) =>
    ms === null || Number.isNaN(ms)
      ? '–'
      : `${ms.toFixed(0)} ms${ms >= STALL_AIM_MS ? MISSED : ''}`;
  const body = stalls.map((one) => [
    one.what,
    cell(one.oldMs),
    cell(one.newMs),
    `${one.seconds.toFixed(2)} s`,
    `${STALL_AIM_MS} ms`,
  ]);
  const failed = failures.length === 0 ? 'none failed' : `failed: ${failures.join('; ')}`;
  return [
    table([['while', 'old release', 'new release', 'lasted', 'aim'], ...body]),
    `${statements} statements, ${failed}`,
  ].join('\n');
}

export function saturationTable(figures: SaturationFigures): string {
  const { sessions, unitsPerSecond, controlMs, steps, refusals } = figures;
  const range = (middle: number, most: number) => `${middle.toFixed(0)} (${most.toFixed(0)})`;
  const body = steps.map((one) => [
    one.step,
    range(one.attempts, one.mostAttempts),
    range(one.ms, one.mostMs),
    one.oldMs.toFixed(0),
    one.newMs.toFixed(0),
    one.failures === 0 ? '' : `${one.failures}${MISSED}`,
  ]);
  const refused = Object.entries(refusals).map(([answer, count]) => `${count} × ${answer}`);
  const head = ['step', 'attempts (most)', 'ms (most)', 'old waits ms', 'new waits ms', 'failed'];
  return [
    table([head, ...body]),
    `${sessions} sessions, ${unitsPerSecond} units of work per second; ` +
      `longest wait while nothing is done: ${controlMs.toFixed(0)} ms`,
    refused.length === 0 ? 'nothing was refused' : `refused: ${refused.join('; ')}`,
  ].join('\n');
}

export function backfillTable(figures: BackfillFigures): string {
  const isMissed = figures.ratio < BACKFILL_AIM;
  return table([
    ['', 'rows/s', 'ratio', 'aim'],
    ['bare insert … select', rate(figures.bare), '', ''],
    [
      'backfill',
      rate(figures.backfill),
      `${figures.ratio.toFixed(2)}×${isMissed ? MISSED : ''}`,
      `${BACKFILL_AIM.toFixed(1)}×`,
    ],
  ]);
}

export function sizeTable(figures: readonly SizeFigures[]): string {
  const lines = figures.flatMap((one) => [
    [`${one.what}, ${one.rows.toLocaleString('en')} rows`, '', ''],
    ['  create table as, with indexes', rate(one.byHand), ''],
    ['  backfill, with indexes', rate(one.backfill), `${one.backfillRatio.toFixed(2)}×`],
    ['  verify', rate(one.verify), `${one.verifyRatio.toFixed(2)}×`],
  ]);
  return table([['', 'rows/s', 'ratio'], ...lines]);
}

export function compileTable(figures: CompileFigures): string {
  const ms = (list: readonly number[]) => Math.round(quantile(list, 0.5)).toLocaleString('en');
  const { tables, columns, changes } = figures;
  return [
    table([
      ['', 'ms'],
      ['both schemas by PostgreSQL alone', ms(figures.schemaMs)],
      ['load both releases', ms(figures.loadMs)],
      ['compile', ms(figures.compileMs)],
      ['halflap check, with its trial', ms(figures.checkMs)],
    ]),
    `${tables} tables, ${columns.toLocaleString('en')} columns, ${changes} changes; ` +
      `load and compile take ${figures.ratio.toFixed(1)}× the schemas alone`,
  ].join('\n');
}

export function busTable({ publishing, drivers, messages, sessions }: BusFigures): string {
  const count = (rate: number) => Math.round(rate).toLocaleString('en');
  return [
    table([
      [`transactions of ${sessions} sessions`, 'per second', 'ratio'],
      ...publishing.map(({ what, perSecond, ratio }) => [
        what,
        count(perSecond),
        `${ratio.toFixed(2)}×`,
      ]),
    ]),
    '',
    table([
      ['messages per second', 'published and handled', 'handled alone', 'published and followed'],
      ...drivers.map(({ driver, worked, drained, followed }) => [
        driver,
        count(worked),
        count(drained),
        count(followed),
      ]),
    ]),
    `${messages.toLocaleString('en')} messages, one in each transaction, in one process`,
  ].join('\n');
}

export function skewTable({ calls, heartbeat }: SkewFigures): string {
  const { plain, declaring } = heartbeat;
  return [
    table([
      ['call', 'nanoseconds'],
      ...calls.map(({ what, nanoseconds }) => [what, String(Math.round(nanoseconds))]),
    ]),
    `a heartbeat: ${Math.round(declaring)} µs, ${Math.round(plain)} µs without what is supported`,
  ].join('\n');
}

/** The microseconds of the native statement, and what it costs elsewhere as ratios to that. */
export function kindTable(figures: readonly KindFigures[]): string {
  const head = [
    ...['', '1.0 reads', 'prepared', 'dual', '1.0 writes', 'prepared', 'dual'],
    ...['2.0 reads', 'lens', 'dual', '2.0 writes', 'lens', 'dual'],
  ];
  const body = (cell: (cost: LaneCost, isYardstick: boolean) => string) =>
    figures.map(({ kind, old, new: fresh }) => {
      const costs = [old.read, old.write, fresh.read, fresh.write];
      return [kind, ...costs.flatMap((lanes) => lanes.map((lane, at) => cell(lane, at === 0)))];
    });
  const times = (us: number | null, ratio: number | null, isYardstick: boolean) =>
    isYardstick ? `${us?.toFixed(0) ?? '–'} µs` : `${ratio?.toFixed(2) ?? '–'}×`;
  const latency = body((cost, isYardstick) =>
    cost.failure === null
      ? times(cost.latencyUs, cost.latencyRatio, isYardstick)
      : `fails: ${cost.failure}`.slice(0, 40),
  );
  const server = body((cost, isYardstick) => times(cost.quickUs, cost.quickRatio, isYardstick));
  return [
    table([head, ...latency]),
    `\nthe time of the server alone, where nothing disturbed it\n${table([head, ...server])}`,
  ].join('\n');
}

function rate(list: readonly number[]): string {
  return Math.round(quantile(list, 0.5)).toLocaleString('en');
}

export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd();
  const [head, ...body] = rows;
  const rule = widths.map((width) => '─'.repeat(width)).join('──');
  return [line(head ?? []), rule, ...body.map(line)].join('\n');
}

function percent(part: number): string {
  return `${(part * 100).toFixed(0)} %`;
}
