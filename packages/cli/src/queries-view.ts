// What `check --queries` found, as people read it.

import { HalflapError } from '@halflap/protocol';
import type { QueriesChecked, QueryFinding, QueryVerdict } from './queries.js';

const WORDS: Readonly<Record<QueryVerdict, string>> = {
  refused: 'refused through the lens',
  client: 'only by the client through the lens',
  differs: 'differs through the lens',
  wrong: 'refused on tables too',
  unread: 'not asked',
};

/** One finding after another, each with its place, and a line that sums them up. */
export function queriesText({ count, findings }: QueriesChecked): string {
  const head = `queries: ${count === 1 ? '1 statement' : `${count} statements`}`;
  if (findings.length === 0) return `${head}, all of which work through the lens as on tables`;
  const counts = (Object.keys(WORDS) as QueryVerdict[]).flatMap((verdict) => {
    const found = findings.filter((one) => one.verdict === verdict).length;
    return found === 0 ? [] : [`${found} ${WORDS[verdict]}`];
  });
  return [...findings.map(findingText), `${head}; ${counts.join(', ')}`].join('\n');
}

function findingText({ file, line, verdict, sqlstate, message, fix }: QueryFinding): string {
  const answer = sqlstate === null ? message : `${sqlstate} ${message}`;
  const write = fix === null ? '' : `\n  write: ${fix}`;
  return `${file}:${line}: ${WORDS[verdict]}: ${answer}${write}`;
}

/** The error with which the command ends; null where every statement works with the client. */
export function queriesFailure({ findings }: QueriesChecked): HalflapError | null {
  const failing = findings.filter(({ verdict }) => verdict !== 'client' && verdict !== 'differs');
  if (failing.length === 0) return null;
  const what = failing.length === 1 ? '1 statement' : `${failing.length} statements`;
  return new HalflapError('CHECK_FAILED', `${what} of --queries did not hold`, {
    hint: 'write what is proposed, or leave out of the directory what is not of this release',
  });
}
