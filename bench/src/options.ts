// What the command line of the benchmark says.

import { parseArgs } from 'node:util';
import { KIND_CASES } from './kind-cases.js';

export interface BenchOptions {
  /** Rows of the table that is split. */
  readonly rows: number;
  /** The same for the parts `size` and `kinds`, of the largest table. */
  readonly sizeRows: number;
  /** Kinds of change that are measured by `kinds`. */
  readonly kinds: readonly string[];
  /** Tables of the releases that are compiled. */
  readonly tables: number;
  /** File for all figures as JSON; null for none. */
  readonly json: string | null;
  /** Alternations between the databases for each statement. */
  readonly rounds: number;
  /** Statements of one kind on one database in one round. */
  readonly burst: number;
  /** Repetitions of the whole way, for stalls and for backfill. */
  readonly cycles: number;
  /** Hosts of the parts `hosts` and `console`, and how often each list of them is asked for. */
  readonly hosts: number;
  readonly requests: number;
  /** Simulated agents of the parts `agents` and `reconnect`. */
  readonly agents: number;
  /** Simulated hosts of the part `jobs`. */
  readonly jobHosts: number;
  /** How long idle agents are watched. */
  readonly watchSeconds: number;
  readonly parts: readonly Part[];
  /** Commits wait for the disk, as in production. */
  readonly isDurable: boolean;
}

export const PARTS = [
  'costs',
  'stalls',
  'saturation',
  'backfill',
  'size',
  'compile',
  'kinds',
  'bus',
  'skew',
  'hosts',
  'console',
  'agents',
  'reconnect',
  'jobs',
  'agent',
  'matrix',
] as const;
export type Part = (typeof PARTS)[number];

const SIZE_ROWS = 1_000_000;
const KINDS = KIND_CASES.map(({ kind }) => kind);

export const USAGE = `npm run bench -- [options]

  --rows N       rows of the table that is split (default 100000); for size and
                 kinds, of the largest table (default 1000000)
  --only PART    one of ${PARTS.slice(0, 9).join(', ')},
                 and of the system management application
                 ${PARTS.slice(9).join(', ')}; may be given several times
  --hosts N      hosts of the parts hosts and console (default 10000)
  --agents N     simulated agents of the parts agents and reconnect (default 2000),
                 at most half of them for jobs
  --watch S      seconds for which idle agents are watched (default 60)
  --kind KIND    of the part kinds, one of
                 ${KINDS.slice(0, 5).join(', ')},
                 ${KINDS.slice(5, 10).join(', ')},
                 ${KINDS.slice(10).join(', ')}; may be given several times
  --quick        fewer rows and repetitions: a look, not a measurement
  --in-memory    commits do not wait for the disk: nothing hides what Halflap adds
  --json FILE    all figures as JSON
`;

const OPTIONS = {
  rows: { type: 'string' },
  hosts: { type: 'string' },
  agents: { type: 'string' },
  watch: { type: 'string' },
  json: { type: 'string' },
  only: { type: 'string', multiple: true },
  kind: { type: 'string', multiple: true },
  quick: { type: 'boolean', default: false },
  'in-memory': { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** The command line is wrong. */
export class UsageError extends Error {}

/** @throws UsageError that says what is wrong. */
export function readOptions(args: readonly string[]): BenchOptions | 'help' {
  const values = parse(args);
  if (values.help) return 'help';
  const rows = Number(values.rows ?? (values.quick ? 20_000 : 100_000));
  if (!Number.isSafeInteger(rows) || rows < 2000) {
    throw new UsageError(`--rows takes a number from 2000 on, found ${values.rows}`);
  }
  const { quick: isQuick } = values;
  const agents = numberOf('--agents', values.agents, isQuick ? 300 : 2000);
  const unknown = values.only?.find((one) => !isPart(one));
  if (unknown !== undefined) throw new UsageError(`--only takes ${PARTS.join(', ')}: ${unknown}`);
  const strange = values.kind?.find((one) => !KINDS.includes(one));
  if (strange !== undefined) throw new UsageError(`--kind takes ${KINDS.join(', ')}: ${strange}`);
  return {
    rows,
    sizeRows: values.rows !== undefined || values.quick ? rows : SIZE_ROWS,
    kinds: values.kind ?? KINDS,
    tables: values.quick ? 30 : 150,
    json: values.json ?? null,
    rounds: values.quick ? 7 : 25,
    burst: values.quick ? 40 : 100,
    cycles: values.quick ? 1 : 3,
    hosts: numberOf('--hosts', values.hosts, isQuick ? 2000 : 10_000),
    requests: isQuick ? 40 : 200,
    agents,
    jobHosts: Math.ceil(agents / 2),
    watchSeconds: numberOf('--watch', values.watch, isQuick ? 10 : 60),
    parts: values.only?.filter(isPart) ?? PARTS,
    isDurable: !values['in-memory'],
  };
}

function numberOf(option: string, text: string | undefined, usual: number): number {
  const number = Number(text ?? usual);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new UsageError(`${option} takes a number from 1 on, found ${text}`);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function isPart(text: string): text is Part {
  return PARTS.some((part) => part === text);
}
