// What a server logs: lines for people on a terminal, JSON elsewhere, for whatever gathers logs. On
// stderr in both cases, and without secrets.

import type { Log } from '@halflap/server';
import { pino } from 'pino';
import type { Printer } from './print.js';
import { redact } from './secrets.js';

/** Values of these fields are never written, whoever logs them. */
const HIDDEN = ['*.password', '*.secret', '*.token', '*.privateKey'];

export function createLog(printer: Printer): Log {
  if (printer.isInteractive) return linesFor(printer);
  const destination = { write: (text: string) => void process.stderr.write(redact(text)) };
  return pino(
    { base: null, redact: HIDDEN, timestamp: pino.stdTimeFunctions.isoTime },
    destination,
  );
}

/** For a command that does one thing: what every start of a server says is of no interest. */
export function createQuietLog(printer: Printer): Log {
  const full = createLog(printer);
  return {
    debug() {},
    info() {},
    warn: (detail, message) => full.warn(detail, message),
    error: (detail, message) => full.error(detail, message),
  };
}

function linesFor(printer: Printer): Log {
  const { dim, yellow, red } = printer.colors;
  const line = (paint: (text: string) => string) => (detail: object, message: string) => {
    const fields = Object.entries(detail).map(([key, value]) => dim(`${key}=${textOf(value)}`));
    printer.note(
      [dim(new Date().toISOString().slice(11, 19)), paint(message), ...fields].join(' '),
    );
  };
  const plain = (text: string) => text;
  return { debug() {}, info: line(plain), warn: line(yellow), error: line(red) };
}

function textOf(value: unknown): string {
  if (value instanceof Error) return value.message;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
