// What `check --queries` found, as people read it.

import { HalflapError } from '@halflap/protocol';
import type { QueriesChecked, QueryFinding, QueryVerdict } from './queries.js';

const WORDS: Readonly<Record<QueryVerdict, string>> = {
  refused: 'refused through the lens',
  misplaced: 'writes into other columns than on a fresh install',
  client: 'only by the client through the lens',
  differs: 'differs through the lens',
  wrong: 'refused on tables too',
  unread: 'not asked',
};

/** One finding after another, each with its place, and a line that sums them up. */
export function queriesText({ count, findings, hidden }: QueriesChecked): string {
  const head = `queries: ${count === 1 ? '1 statement' : `${count} statements`}`;
  const tail = hidden === 0 ? [] : [`${hidden} more ${HIDDEN}`];
  if (findings.length === 0) {
    return [`${head}, all of which work through the lens as on tables`, ...tail].join('; ');
  }
  const counts = (Object.keys(WORDS) as QueryVerdict[]).flatMap((verdict) => {
    const found = findings.filter((one) => one.verdict === verdict).length;
    return found === 0 ? [] : [`${found} ${WORDS[verdict]}`];
  });
  const sum = [`${head}; ${counts.join(', ')}`, ...tail].join('; ');
  return [...findings.map(findingText), sum].join('\n');
}

const HIDDEN = 'cannot be seen by this role: grant it pg_read_all_stats';

function findingText(finding: QueryFinding): string {
  const { verdict, sqlstate, message, fix, text } = finding;
  const answer = sqlstate === null ? message : `${sqlstate} ${message}`;
  const lines = [
    `${placeText(finding)}: ${WORDS[verdict]}: ${answer}`,
    ...(text === undefined ? [] : [`  statement: ${shortened(text)}`]),
    ...(fix === null ? [] : [`  write: ${fix}`]),
  ];
  return lines.join('\n');
}

function placeText(finding: QueryFinding): string {
  if ('file' in finding) return `${finding.file}:${finding.line}`;
  const { queryid, calls } = finding;
  return `queryid ${queryid}, ${calls === 1 ? '1 call' : `${calls} calls`}`;
}

/** Enough to know it again; the database has the whole of it. */
const STATEMENT_COLUMNS = 120;

function shortened(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= STATEMENT_COLUMNS ? line : `${line.slice(0, STATEMENT_COLUMNS - 1)}…`;
}

/**
 * The error with which the command ends; null where every statement works with the client. A
 * database was sent statements of others too, such as an older release or a program that watches
 * it: there only what the lens refuses, or misplaces, counts.
 */
export function queriesFailure({ findings }: QueriesChecked): HalflapError | null {
  const failing = findings.filter((one) =>
    'file' in one
      ? one.verdict !== 'client' && one.verdict !== 'differs'
      : one.verdict === 'refused' || one.verdict === 'misplaced',
  );
  if (failing.length === 0) return null;
  const what = failing.length === 1 ? '1 statement' : `${failing.length} statements`;
  const hint = failing.some((one) => 'file' in one)
    ? 'write what is proposed, or leave out of the directory what is not of this release'
    : 'write what is proposed';
  return new HalflapError('CHECK_FAILED', `${what} of the queries did not hold`, { hint });
}
