// What the command line of the benchmark says.

import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** Rows of the table that is split. */
  readonly rows: number;
  /** Where all figures go as JSON; null for none. */
  readonly json: string | null;
  /** Alternations between the databases for each statement. */
  readonly rounds: number;
  /** Statements of one kind on one database in one round. */
  readonly burst: number;
  /** Repetitions of the whole way, for stalls and for backfill. */
  readonly cycles: number;
  readonly parts: readonly Part[];
}

export const PARTS = ['costs', 'stalls', 'backfill'] as const;
export type Part = (typeof PARTS)[number];

export const USAGE = `npm run bench -- [options]

  --rows N       rows of the table that is split (default 100000)
  --only PART    one of ${PARTS.join(', ')}; may be given several times
  --quick        fewer rows and repetitions: a look, not a measurement
  --json FILE    all figures, with every round, as JSON
`;

/** @throws TypeError that says what is wrong with the command line. */
export function readOptions(args: readonly string[]): BenchOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rows: { type: 'string' },
      json: { type: 'string' },
      only: { type: 'string', multiple: true },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const rows = Number(values.rows ?? (values.quick ? 20_000 : 100_000));
  if (!Number.isSafeInteger(rows) || rows < 2000) {
    throw new TypeError(`--rows takes a number from 2000 on, found ${values.rows}`);
  }
  const unknown = values.only?.find((one) => !isPart(one));
  if (unknown !== undefined) throw new TypeError(`--only takes ${PARTS.join(', ')}: ${unknown}`);
  return {
    rows,
    json: values.json ?? null,
    rounds: values.quick ? 7 : 25,
    burst: values.quick ? 40 : 100,
    cycles: values.quick ? 1 : 3,
    parts: values.only?.filter(isPart) ?? PARTS,
  };
}

function isPart(text: string): text is Part {
  return PARTS.some((part) => part === text);
}
