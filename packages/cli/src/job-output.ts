// What hosts write, line by line: a line is printed when it is whole, so that lines of several
// hosts do not run into one another.

import type { JobOutput, JobRun } from '@halflap/server';
import type { Printer } from './print.js';

export interface OutputLines {
  add(stream: 'stdout' | 'stderr', text: string): void;
  /** Prints what is left without an end of line. */
  end(): void;
}

/** Longer lines are broken: a host may write without end. */
const MOST_LETTERS = 64 * 1024;

/** @param name stands before each line; null: nothing does */
export function createOutputLines(
  { line, colors }: Pick<Printer, 'line' | 'colors'>,
  name: string | null,
): OutputLines {
  const begun = { stdout: '', stderr: '' };
  const prefix = name === null ? '' : `${colors.cyan(name)} ${colors.dim('|')} `;
  const print = (stream: keyof typeof begun, text: string) =>
    line(prefix + (stream === 'stderr' ? colors.yellow(text) : text));
  return {
    add(stream, text) {
      const lines = (begun[stream] + text).split('\n');
      const rest = lines.pop() ?? '';
      for (const one of lines) print(stream, one);
      const isLong = rest.length > MOST_LETTERS;
      if (isLong) print(stream, rest);
      begun[stream] = isLong ? '' : rest;
    },
    end() {
      for (const stream of ['stdout', 'stderr'] as const) {
        if (begun[stream] !== '') print(stream, begun[stream]);
        begun[stream] = '';
      }
    },
  };
}

type Host = Pick<JobRun, 'host' | 'hostname'>;
type Told = { readonly printer: Printer; readonly lines: OutputLines };

/** For people by lines, for programs as it came. */
export function tellPieces({ pieces }: JobOutput, host: Host, told: Told): void {
  for (const piece of pieces) tellPiece(piece, host, told);
}

export function tellPiece(
  { stream, text, at }: Pick<JobOutput['pieces'][number], 'stream' | 'text' | 'at'>,
  { host, hostname }: Host,
  { printer, lines }: Told,
): void {
  printer.json({ event: 'output', host, hostname, stream, text, at });
  lines.add(stream, text);
}
