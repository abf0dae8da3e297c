// What `init` did, as people and programs read it: which files are new, what a release does not
// hold, what cannot change yet, and what to do next.

import type { Hanging } from '@halflap/engine';
import { shown } from './new-file.js';
import { wrapped } from './print.js';

/** `init --json`; additions only. */
export interface Initiated {
  readonly app: string;
  readonly release: string;
  /** Where the schema was read from. */
  readonly origin: string;
  readonly tables: number;
  /** The environment variable that must hold the URL of the shard; null where it is not new. */
  readonly variable: string | null;
  readonly files: readonly { readonly file: string; readonly isWritten: boolean }[];
  /** What the database has, and a release has not. */
  readonly leftOut: readonly string[];
  /** Tables that no evolution can restructure as they are. */
  readonly hanging: readonly Hanging[];
}

/** @param width columns of the terminal. */
export function initText(done: Initiated, width: number): string {
  const [schema, config] = done.files.map(
    ({ file, isWritten }) =>
      `${shown(file)}: ${isWritten ? 'written' : 'there already, left alone'}`,
  );
  const count = done.tables === 1 ? '1 table' : `${done.tables} tables`;
  const lines = [
    `${schema}; ${done.app} ${done.release}, ${count}, ${done.origin}`,
    `${config}${done.variable === null ? '' : `; shard first is at $${done.variable}`}`,
    ...(done.leftOut.length === 0
      ? []
      : [`left out: ${done.leftOut.join(', ')}; each shard keeps its own`]),
    ...hangingLines(done.hanging),
    'next: halflap check',
    ...(done.variable === null
      ? []
      : [`      export ${done.variable}=…, then halflap adopt ${done.release} --all`]),
  ];
  return lines.flatMap((line) => wrapped(line, width, 2)).join('\n');
}

function hangingLines(hanging: readonly Hanging[]): string[] {
  if (hanging.length === 0) return [];
  return [
    'these tables can stay and get more columns, but not be split, merged or converted:',
    ...hanging.map(({ table, reasons }) => `  ${table}: ${reasons.join(', ')}`),
  ];
}
