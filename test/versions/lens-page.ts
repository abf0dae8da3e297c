// The tables of docs/sql-through-a-lens.md that say what each version of PostgreSQL answers.

import { PLACES } from '../docs/lens-statements.js';
import { type Answers, LENS_PLACES, type Matrix, STEPS } from './lens-matrix.js';

const COMMAND = 'npx vitest run test/versions/lens-matrix.test.ts -u';
const NOTE = (table: string) => `<!-- ${table}, written by \`${COMMAND}\` -->`;
const END = '<!-- end -->';

const DUMP = '`pg_dump --table`, with this `search_path`';

/** The page with its tables as they were found now. */
export function pageWith(page: string, matrices: readonly Matrix[]): string {
  const newestFirst = [...matrices].sort((one, other) => other.major - one.major);
  const statements = merged(newestFirst, (one) => {
    const dumped = one.dumped === null ? {} : { [DUMP]: one.dumped };
    return { ...one.statements, ...dumped };
  });
  const prepared = merged(newestFirst, (one) => one.prepared);
  const headings = STEPS.flatMap((verb) => LENS_PLACES.map(([place]) => `${place} ${verb}`));
  const shown = STEPS.flatMap((verb) =>
    LENS_PLACES.map(([place]) => `${place}: after \`${verb}\``),
  );
  return [
    ['statements', tableOf('statement', Object.keys(PLACES), statements)],
    ['prepared', tableOf('prepared statement', headings, prepared, shown)],
  ].reduce((text, [name = '', table = '']) => replaced(text, NOTE(name), table), page);
}

function replaced(page: string, note: string, table: string): string {
  const start = page.indexOf(note);
  const end = page.indexOf(END, start);
  if (start < 0 || end < 0) throw new Error(`no place for the table: ${note} … ${END}`);
  return `${page.slice(0, start)}${note}\n\n${table}\n${page.slice(end)}`;
}

/** Answers of each version that has one, in place of the answer. */
type Merged = Map<string, Map<string, [number, string][]>>;

function merged(matrices: readonly Matrix[], answersOf: (one: Matrix) => Answers): Merged {
  const all: Merged = new Map();
  for (const matrix of matrices) {
    for (const [name, row] of Object.entries(answersOf(matrix))) {
      const into = all.get(name) ?? new Map<string, [number, string][]>();
      all.set(name, into);
      for (const [heading, answer] of Object.entries(row)) {
        into.set(heading, [...(into.get(heading) ?? []), [matrix.major, answer]]);
      }
    }
  }
  return all;
}

function tableOf(
  first: string,
  headings: readonly string[],
  rows: Merged,
  shown: readonly string[] = headings,
): string {
  const lines = [...rows].map(([name, row]) => [
    name,
    ...headings.map((heading) => cellOf(row.get(heading) ?? [])),
  ]);
  const rule = `|${'---|'.repeat(headings.length + 1)}\n`;
  const [head = '', ...body] = [[first, ...shown], ...lines].map(
    (cells) => `| ${cells.join(' | ')} |\n`,
  );
  return [head, rule, ...body].join('');
}

/** `yes; 15–16: …; 14: …`: what the newest version answers, then the older ones. */
function cellOf(answers: readonly [number, string][]): string {
  const groups: { answer: string; from: number; to: number }[] = [];
  for (const [major, answer] of answers) {
    const last = groups.at(-1);
    if (last?.answer === answer) last.from = major;
    else groups.push({ answer, from: major, to: major });
  }
  const parts = groups.map(({ answer, from, to }, index) => {
    if (index === 0) return shownAs(answer);
    return `${from === to ? from : `${from}–${to}`}: ${shownAs(answer)}`;
  });
  return parts.join('; ') || '–';
}

function shownAs(answer: string): string {
  const [word = '', code] = answer.split(' ');
  if (word === 'client') return `\`${code}\`, client`;
  return /^[0-9A-Z]{5}$/.test(answer) ? `\`${answer}\`` : answer;
}
