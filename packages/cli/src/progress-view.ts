// Shows a running verb: a line that is redrawn on a terminal (progress-line.ts), one line now and
// then elsewhere, JSON lines with --json. All three say the same: step, rows, rate, time left, and
// what is waited for.

import type { Progress } from '@halflap/engine';
import { SingleBar } from 'cli-progress';
import type { Printer } from './print.js';
import { estimateOf, progressLine, rowsText, waitingText } from './progress-line.js';

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
      if (progressText(progress) === '') return;
      bar ??= startBar(progress, printer.progressStream);
      bar.setTotal(estimateOf(progress));
      bar.update(progress.rowsDone, { progress });
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
  const bar = new SingleBar({
    format: (_options, { maxWidth }, payload) => progressLine(payload.progress, maxWidth),
    stream,
    hideCursor: true,
    // A step that only waits leaves nothing worth reading behind.
    clearOnComplete: progress.relation === null,
  });
  bar.start(estimateOf(progress), progress.rowsDone, { progress });
  return bar;
}

function progressText(progress: Progress): string {
  return [rowsText(progress), waitingText(progress)].filter((part) => part !== '').join('; ');
}
