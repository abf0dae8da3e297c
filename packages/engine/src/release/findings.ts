// Everything that is wrong with an evolution, collected before anything is refused: an author
// should see all of it at once, each with its place.

import { HalflapError } from '@halflap/protocol';
import type { Position } from './evolution.js';

export interface Finding {
  readonly code: 'EVOLUTION_INVALID' | 'EVOLUTION_UNKNOWN_NAME';
  readonly message: string;
  readonly at: Position;
}

const HINTS: Readonly<Record<Finding['code'], string>> = {
  EVOLUTION_INVALID: 'Correct the file; docs/evolution-file.md describes every key.',
  EVOLUTION_UNKNOWN_NAME:
    '`table` and `column` name things of the old release, `to` and `into` of the new one.',
};

/**
 * Does nothing when there are no findings.
 * @throws the first finding's code, with all findings as evidence in the order of the file.
 */
export function refuseFindings(findings: readonly Finding[], file: string | null): void {
  const sorted = [...findings].sort(
    (left, right) => left.at.line - right.at.line || left.at.column - right.at.column,
  );
  const first = sorted[0];
  if (first === undefined) return;
  const where = file ?? 'evolution';
  const evidence = sorted.map(({ at, message }) => `${where}:${at.line}:${at.column}: ${message}`);
  const more = sorted.length > 1 ? ` (and ${sorted.length - 1} more)` : '';
  throw new HalflapError(first.code, `${evidence[0]}${more}`, {
    detail: { ...(file === null ? {} : { file }), ...first.at, evidence },
    hint: HINTS[first.code],
  });
}
