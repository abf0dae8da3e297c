// All output of the command line: which stream, colours or none, text or JSON, and no secrets.
//
// Results go to stdout; errors, notes and progress to stderr. With --json everything that a program
// reads goes to stdout, errors included, and stderr stays empty. Colours appear on a terminal only,
// and never when NO_COLOR is set (https://no-color.org).
//
// Errors and notes quote drivers and are redacted here. Results are not: they are made of fields
// that hold no secret, and a password such as "dual" must not change what a script reads. Whoever
// puts an error's text into a result redacts it there.

import { HalflapError } from '@halflap/protocol';
import picocolors from 'picocolors';
import wrapAnsi from 'wrap-ansi';
import { redact } from './secrets.js';

export type Colors = ReturnType<typeof picocolors.createColors>;

export interface Printer {
  readonly isJson: boolean;
  /** True when progress may be redrawn in place. */
  readonly isInteractive: boolean;
  /** Columns of the terminal that results go to; infinite elsewhere. */
  readonly width: number;
  /** Where bars are drawn. */
  readonly progressStream: NodeJS.WriteStream;
  readonly colors: Colors;
  /** A result for people; nothing with --json. */
  line(text?: string): void;
  /** Something worth knowing that is no result: stderr; nothing with --json. */
  note(text: string): void;
  /** A result for programs, on one line; nothing without --json. */
  json(value: unknown): void;
  /** True when nobody reads stdout any more: `halflap status --watch | head`. */
  isClosed(): boolean;
  /** Clears the terminal before a redraw; does nothing elsewhere. */
  clear(): void;
}

/** Of a terminal that does not say how wide it is. */
const DEFAULT_COLUMNS = 80;

export interface Streams {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

export function createPrinter(isJson: boolean, streams: Streams = process): Printer {
  const { stdout, stderr } = streams;
  let isClosed = false;
  stdout.once('error', () => {
    isClosed = true;
  });
  const write = (stream: NodeJS.WriteStream, text: string) => stream.write(`${text}\n`);
  return {
    isJson,
    isInteractive: !isJson && stderr.isTTY === true && process.env.TERM !== 'dumb',
    get width() {
      return stdout.isTTY ? stdout.columns || DEFAULT_COLUMNS : Number.POSITIVE_INFINITY;
    },
    progressStream: stderr,
    colors: picocolors.createColors(wantsColors(stdout)),
    line: (text = '') => void (isJson || write(stdout, text)),
    note: (text) => void (isJson || write(stderr, redact(text))),
    json: (value) => void (isJson && write(stdout, JSON.stringify(value))),
    isClosed: () => isClosed,
    clear: () => void (!isJson && stdout.isTTY && stdout.write('\u001b[H\u001b[J')),
  };
}

/** Prints an error and returns the exit code that goes with it. */
export function printError(error: unknown, isJson: boolean, streams: Streams = process): number {
  const known = asHalflapError(error);
  const { code, message, hint, detail, exitCode } = known;
  if (isJson) {
    const body = { code, message, hint: hint ?? null, detail, exitCode };
    // Before quoting: a secret with a quote in it would not be found in its escaped form.
    const clean = (_: string, value: unknown) =>
      typeof value === 'string' ? redact(value) : value;
    streams.stdout.write(`${JSON.stringify({ error: body }, clean)}\n`);
    return exitCode;
  }
  const colors = picocolors.createColors(wantsColors(streams.stderr));
  const lines = [`${colors.red(`error ${code}:`)} ${message}`];
  // A single finding is often the message itself.
  const evidence = (detail.evidence ?? []).filter((finding) => !message.includes(finding));
  lines.push(...evidence.map((finding) => `  ${finding}`));
  if (hint !== undefined) lines.push(`${colors.cyan('hint:')} ${hint}`);
  if (code === 'INTERNAL_DEFECT') lines.push(stackOf(error));
  streams.stderr.write(`${redact(lines.join('\n'))}\n`);
  return exitCode;
}

/** Breaks a line between words; what goes on stands `indent` columns to the right. */
export function wrapped(text: string, width: number, indent = 0): string[] {
  if (width === Number.POSITIVE_INFINITY) return [text];
  const lead = text.slice(0, text.length - text.trimStart().length);
  const room = width - Math.max(indent, lead.length);
  const lines = wrapAnsi(text.trimStart(), room).split('\n');
  return lines.map((line, at) => (at === 0 ? lead : ' '.repeat(indent)) + line);
}

/** The beginning of a text, on one line. */
export function excerpt(text: string, width: number): string {
  const plain = text.trim().replace(/\s+/g, ' ');
  return plain.length > width ? `${plain.slice(0, Math.max(0, width - 1))}…` : plain;
}

/** `1 234 567`: thousands apart, the same in every locale. */
export function count(rows: number): string {
  return String(Math.round(rows)).replace(/\B(?=(\d{3})+$)/g, ' ');
}

/** `already inventory 1.0, settled since 2031-02-03 10:15 UTC: nothing to do`. */
export function alreadyText(what: string, since: Date): string {
  return `already ${what}, settled since ${utc(since).slice(0, 16)} UTC: nothing to do`;
}

/** `2031-02-03 10:15:00`. */
export function utc(time: Date): string {
  return time.toISOString().slice(0, 19).replace('T', ' ');
}

/** `2h05m`, `3m20s`, `12s`, `0.3s`. */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${Math.max(0, seconds).toFixed(1)}s`;
  const whole = Math.max(0, Math.round(seconds));
  const pad = (value: number) => String(value).padStart(2, '0');
  if (whole >= 3600) return `${Math.floor(whole / 3600)}h${pad(Math.floor(whole / 60) % 60)}m`;
  if (whole >= 60) return `${Math.floor(whole / 60)}m${pad(whole % 60)}s`;
  return `${whole}s`;
}

function wantsColors(stream: NodeJS.WriteStream): boolean {
  const refused = (process.env.NO_COLOR ?? '') !== '' || process.env.TERM === 'dumb';
  return stream.isTTY === true && !refused;
}

function asHalflapError(error: unknown): HalflapError {
  if (error instanceof HalflapError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new HalflapError('INTERNAL_DEFECT', message, {
    cause: error,
    hint: 'report it with the command line and the lines above',
  });
}

/** Frames without the message, which may quote anything. */
function stackOf(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  return stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .join('\n');
}
