// Shows how far a job is: a bar on a terminal, a line now and then elsewhere, JSON lines with
// --json.

import type { Job } from '@halflap/server';
import { SingleBar } from 'cli-progress';
import { countsText, endedOf } from './job-view.js';
import { count, excerpt, type Printer } from './print.js';
import { hostsText } from './quantities.js';

export interface JobProgress {
  update(job: Job): void;
  /** Something worth a line of its own; never breaks the bar. */
  line(text: string): void;
  /** Leaves the terminal clean. Idempotent. */
  stop(): void;
}

const LINE_EVERY_MS = 5000;

export function createJobProgress(printer: Printer): JobProgress {
  if (printer.isJson) return jsonLines(printer);
  return printer.isInteractive ? bar(printer) : lines(printer);
}

function jsonLines(printer: Printer): JobProgress {
  let told = '';
  return {
    update({ id, state, hosts, counts }) {
      const text = JSON.stringify([state, counts]);
      if (text === told) return;
      told = text;
      printer.json({ event: 'progress', job: id, state, hosts, ended: endedOf(counts), counts });
    },
    line() {},
    stop() {},
  };
}

function lines(printer: Printer): JobProgress {
  let told = '';
  let toldAt = Number.NEGATIVE_INFINITY;
  return {
    update(job) {
      const text = progressText(job);
      if (text === told || performance.now() - toldAt < LINE_EVERY_MS) return;
      told = text;
      toldAt = performance.now();
      printer.note(text);
    },
    line: (text) => printer.line(text),
    stop() {},
  };
}

function bar(printer: Printer): JobProgress {
  let shown: SingleBar | undefined;
  const stop = () => {
    shown?.stop();
    shown = undefined;
  };
  return {
    update(job) {
      const ended = endedOf(job.counts);
      if (shown === undefined) {
        shown = new SingleBar({
          format: (_options, { maxWidth }, { text, part }) => barText(text, part, maxWidth),
          stream: printer.progressStream,
          hideCursor: true,
          clearOnComplete: true,
        });
        shown.start(job.hosts, ended, { text: progressText(job), part: 0 });
      }
      shown.update(ended, { text: progressText(job), part: ended / Math.max(1, job.hosts) });
    },
    line(text) {
      stop();
      printer.line(text);
    },
    stop,
  };
}

const BAR_COLUMNS = 20;

/** Never longer than the terminal is wide. */
function barText(text: string, part: number, width: number): string {
  const filled = Math.round(part * BAR_COLUMNS);
  const drawn = '█'.repeat(filled) + '░'.repeat(BAR_COLUMNS - filled);
  return width < 2 * BAR_COLUMNS ? excerpt(text, width) : excerpt(`${drawn} ${text}`, width);
}

/** `12 of 20 hosts: 12 succeeded, 8 running`. */
export function progressText({ hosts, counts }: Pick<Job, 'hosts' | 'counts'>): string {
  const states = countsText(counts);
  const all = `${count(endedOf(counts))} of ${hostsText(hosts)}`;
  return states === '' ? all : `${all}: ${states}`;
}
