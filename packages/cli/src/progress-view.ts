// Shows a running verb: a bar that is redrawn on a terminal, one line now and then elsewhere, JSON
// lines with --json. All three say the same: step, rows, rate, time left, and what is waited for.

import type { Progress } from '@halflap/engine';
import { Presets, SingleBar } from 'cli-progress';
import { count, duration, type Printer } from './print.js';

export interface ProgressView {
  update(progress: Progress): void;
  /** Something worth a line of its own; never breaks the bar. */
  log(line: string, shard?: string): void;
  /** Leaves the terminal clean. Idempotent. */
  stop(): void;
}

/** Elsewhere than on a terminal, a step under way is reported this often. */
const LINE_EVERY_MS = 5000;

/** Milliseconds that only ever grow; passed in so that tests need no clock. */
export type Clock = () => number;

export function createProgressView(printer: Printer, clock: Clock = monotonicMs): ProgressView {
  if (printer.isJson) return jsonView(printer);
  return printer.isInteractive ? barView(printer) : lineView(printer, clock);
}

const monotonicMs: Clock = () => performance.now();

/** `12 000 of about 30 000 rows, 4 500 rows/s, 4s left`; empty for a step that walks no rows. */
export function rowsText(progress: Progress): string {
  if (progress.relation === null) return '';
  const parts = [`${count(progress.rowsDone)} of about ${count(estimateOf(progress))} rows`];
  if (progress.rowsPerSecond > 0) parts.push(`${count(progress.rowsPerSecond)} rows/s`);
  if (progress.secondsLeft !== null) parts.push(`${duration(progress.secondsLeft)} left`);
  return parts.join(', ');
}

function jsonView(printer: Printer): ProgressView {
  return {
    update: (progress) => printer.json({ event: 'progress', ...progress }),
    log: (message, shard) => printer.json({ event: 'log', shard: shard ?? null, message }),
    stop: () => {},
  };
}

function lineView(printer: Printer, clock: Clock): ProgressView {
  let waitingFor: string | null = null;
  let lastAt = clock();
  return {
    update(progress) {
      const isNews = progress.waitingFor !== waitingFor;
      if (!isNews && clock() - lastAt < LINE_EVERY_MS) return;
      waitingFor = progress.waitingFor;
      lastAt = clock();
      const text = progressText(progress);
      if (text !== '') printer.note(`${progress.shard} ${progress.step}: ${text}`);
    },
    log(line, shard) {
      lastAt = clock();
      printer.note(logText(line, shard));
    },
    stop: () => {},
  };
}

function barView(printer: Printer): ProgressView {
  let bar: SingleBar | undefined;
  let step = '';
  const close = () => {
    bar?.stop();
    bar = undefined;
  };
  return {
    update(progress) {
      if (progress.step !== step) close();
      step = progress.step;
      const text = progressText(progress);
      if (text === '') return;
      bar ??= startBar(progress, printer.progressStream);
      bar.setTotal(estimateOf(progress));
      bar.update(Math.min(progress.rowsDone, estimateOf(progress)), { text });
    },
    log(line, shard) {
      close();
      printer.note(logText(line, shard));
    },
    stop: close,
  };
}

function logText(line: string, shard: string | undefined): string {
  return shard === undefined ? line : `${shard} ${line}`;
}

function startBar(progress: Progress, stream: NodeJS.WriteStream): SingleBar {
  // A step that only waits has no rows to draw a bar of.
  const format = progress.relation === null ? '  {text}' : '  {bar} {percentage}% {text}';
  const bar = new SingleBar(
    { format, stream, hideCursor: true, barsize: 24, clearOnComplete: progress.relation === null },
    Presets.shades_classic,
  );
  bar.start(estimateOf(progress), progress.rowsDone, { text: progressText(progress) });
  return bar;
}

function progressText(progress: Progress): string {
  const waiting = progress.waitingFor === null ? '' : `waiting for ${progress.waitingFor}`;
  return [rowsText(progress), waiting].filter((part) => part !== '').join('; ');
}

/** Statistics may be older than the rows: what was done is the least that there is. */
function estimateOf(progress: Progress): number {
  return Math.max(progress.rowsEstimated, progress.rowsDone, 1);
}
