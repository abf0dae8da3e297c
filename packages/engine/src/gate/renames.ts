// What may be a rename that nobody stated: to a comparison of two schemas, a rename looks like
// something that goes and something else that comes, and what goes is lost at contract. What
// `halflap diff` would propose or ask beside what is stated is what `check` tells of. Pure.

import { HalflapError } from '@halflap/protocol';
import type { CompileInput } from '../compile/compile.js';
import type { Change } from '../release/evolution.js';
import { changeText } from '../release/evolution-text.js';
import type { Question } from './proposal.js';
import { propose, restructuredBy } from './propose.js';

export interface PossibleRename {
  /** `column owner of hosts goes and column team of hosts comes, both text` */
  readonly what: string;
  /** The entry of `changes:` that would state it: `- rename_column: { table: hosts, … }`. */
  readonly change: string;
}

/** Tables first; what goes stands beside one thing that comes, the one most like it. */
export function possibleRenames(releases: Releases): PossibleRename[] {
  const { changes, questions } = propose(releases);
  const taken = new Set<string>();
  const found = [
    ...changes.map(({ change, reason }) => ({ change, what: reason })),
    ...questions.flatMap((one) => likeliest(one, taken)),
  ];
  // Within a split that nobody stated, a rename would be none.
  const restructured = new Set(changes.flatMap(({ change }) => restructuredBy(change)));
  return found
    .filter(
      ({ change }) =>
        change.kind === 'rename_table' ||
        change.kind === 'rename_label' ||
        (change.kind === 'rename_column' && !restructured.has(change.table)),
    )
    .map(({ change, what }) => ({ what, change: changeText(change) }));
}

type Releases = Pick<CompileInput, 'from' | 'to' | 'evolution'>;

/** Each thing that comes is asked about once. */
function likeliest(question: Question, taken: Set<string>): { change: Change; what: string }[] {
  if (question.kind !== 'choose') return [];
  const table = question.id.includes('.') ? question.id.split('.')[0] : '';
  const found = question.choices.find(({ word }) => !taken.has(`${table}.${word}`));
  if (found === undefined) return [];
  taken.add(`${table}.${found.word}`);
  return [{ change: found.change, what: found.about }];
}

/**
 * An error of compile() with the renames that may be meant, where it misses a value for something
 * that perhaps only has another name now; any other error as it is.
 */
export function adviseRenames(error: unknown, releases: Releases): unknown {
  if (!(error instanceof HalflapError) || error.code !== 'EVOLUTION_INCOMPLETE') return error;
  const changes = possibleRenames(releases).map((one) => one.change);
  if (changes.length === 0) return error;
  const { code, message, detail, hint = '' } = error;
  const advice = `${hint}; or is it a rename? ${changes.join(', ')}`;
  return new HalflapError(code, message, { detail, hint: advice, cause: error });
}
