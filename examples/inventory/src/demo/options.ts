// The demonstration's command line.

import { parseArgs } from 'node:util';

export interface DemoOptions {
  /** Hosts per shard, on average: names are spread by their hash. */
  readonly rows: number;
  readonly seed: number;
  /** How long each state is held under load. */
  readonly holdSeconds: number;
  /** Of each client, from one request to the next, where the answer does not take longer. */
  readonly paceMs: number;
  readonly reportFile: string | undefined;
  readonly asksBefore: boolean;
}

export const USAGE = `Usage: npm start -- [options]

Starts three PostgreSQL servers and three servers of inventory 1.0, puts load on them, and upgrades
everything to 2.0, one server and one shard at a time. Leaves nothing behind.

  --rows N       hosts per shard (default 20000)
  --seed N       seed of the load (default 1)
  --seconds N    how long each state is held under load (default 2)
  --pace-ms N    pause of each client between requests (default 12)
  --report FILE  write the facts as JSON
  --yes          ask nothing
  --help         print this
`;

/** From this many rows on, a person at a terminal is asked first. */
export const MANY_ROWS = 200_000;

/** @throws TypeError that says what is wrong with which option. */
export function readOptions(args: readonly string[]): DemoOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rows: { type: 'string', default: '20000' },
      seed: { type: 'string', default: '1' },
      seconds: { type: 'string', default: '2' },
      'pace-ms': { type: 'string', default: '12' },
      report: { type: 'string' },
      yes: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  return {
    rows: number('rows', values.rows, { from: 50, to: 10_000_000 }),
    seed: number('seed', values.seed, { from: 0, to: 2 ** 31 }),
    holdSeconds: number('seconds', values.seconds, { from: 0.5, to: 3600 }),
    paceMs: number('pace-ms', values['pace-ms'], { from: 1, to: 10_000 }),
    reportFile: values.report,
    asksBefore: !values.yes,
  };
}

function number(option: string, text: string, range: { from: number; to: number }): number {
  const value = Number(text);
  const isWhole = Number.isInteger(value) || option === 'seconds';
  if (text !== '' && isWhole && value >= range.from && value <= range.to) return value;
  throw new TypeError(
    `--${option} takes a number from ${range.from} to ${range.to}, found ${text}`,
  );
}
