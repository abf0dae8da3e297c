// Everything that is wrong with an evolution, collected before anything is refused: an author
// should see all of it at once, each with its place.

import { HalflapError } from '@halflap/protocol';
import type { Position } from './evolution.js';

export interface Finding {
  readonly code:
    | 'EVOLUTION_INVALID'
    | 'EVOLUTION_UNKNOWN_NAME'
    | 'EVOLUTION_INCOMPLETE'
    | 'SERVERS_INVALID';
  readonly message: string;
  /** Null for what the file says nothing about. */
  readonly at: Position | null;
  /** What to write; that of the code where there is none. */
  readonly hint?: string;
}

/** Before everything in the file stands what is not in it. */
const NOWHERE: Position = { line: 0, column: 0 };

const HINTS: Readonly<Record<Finding['code'], string>> = {
  EVOLUTION_INVALID: 'Correct the file; docs/evolution-file.md describes every key.',
  EVOLUTION_UNKNOWN_NAME:
    '`table` and `column` name things of the old release, `to` and `into` of the new one.',
  SERVERS_INVALID: 'Correct the file; docs/servers-file.md describes every key.',
  EVOLUTION_INCOMPLETE: 'State the change; docs/evolution-file.md describes every kind.',
};

/**
 * Does nothing when there are no findings.
 * @throws the first finding's code, with all findings as evidence in the order of the file.
 */
export function refuseFindings(findings: readonly Finding[], file: string | null): void {
  const placed = findings.map((finding) => ({ ...finding, at: finding.at ?? NOWHERE }));
  const sorted = placed.sort(
    (left, right) => left.at.line - right.at.line || left.at.column - right.at.column,
  );
  const first = sorted[0];
  if (first === undefined) return;
  const where = file ?? 'evolution';
  const evidence = sorted.map(({ at, message }) =>
    at === NOWHERE ? `${where}: ${message}` : `${where}:${at.line}:${at.column}: ${message}`,
  );
  const more = sorted.length > 1 ? ` (and ${sorted.length - 1} more)` : '';
  const place = first.at === NOWHERE ? {} : first.at;
  throw new HalflapError(first.code, `${evidence[0]}${more}`, {
    detail: { ...(file === null ? {} : { file }), ...place, evidence },
    hint: first.hint ?? HINTS[first.code],
  });
}
