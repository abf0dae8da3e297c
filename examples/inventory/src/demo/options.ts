// The demonstration's command line.

import { parseArgs } from 'node:util';

export interface DemoOptions {
  /** Hosts per shard, on average: names are spread by their hash. */
  readonly rows: number;
  readonly seed: number;
  /** How long a shard's backfill lasts, and with `--yes` each state is held under load. */
  readonly holdSeconds: number;
  /** Of each client, from one request to the next, where the answer does not take longer. */
  readonly paceMs: number;
  /** Where the console listens; 0: the system chooses, undefined: so, where 8440 is taken. */
  readonly port: number | undefined;
  readonly reportFile: string | undefined;
  /** It presses the buttons itself. */
  readonly isAlone: boolean;
}

export const USAGE = `Usage: npm start -- [options]

Starts three shards and three servers of inventory 1.0 with load on them, two servers of Halflap and
an agent, plans a campaign to 2.0, and says where the console is: you upgrade servers and shards in
an order of your own. When everything is 2.0, and at Ctrl-C, every acknowledged write is asked for.
Leaves nothing behind.

  --yes          press the buttons itself, and follow here
  --rows N       hosts per shard (default 20000)
  --seed N       seed of the load (default 1)
  --seconds N    how long a shard's backfill takes (default 15), and with --yes
                 how long each state is held under load (default 2)
  --pace-ms N    pause of each client between requests (default 12)
  --port N       where the console listens (default 8440, or what is free)
  --report FILE  write the facts as JSON
  --help         print this
`;

/** From this many rows on, a person at a terminal is asked first. */
export const MANY_ROWS = 200_000;

const PORTS = { from: 0, to: 65_535 };

/** @throws TypeError that says what is wrong with which option. */
export function readOptions(args: readonly string[]): DemoOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rows: { type: 'string', default: '20000' },
      seed: { type: 'string', default: '1' },
      seconds: { type: 'string' },
      'pace-ms': { type: 'string', default: '12' },
      port: { type: 'string' },
      report: { type: 'string' },
      yes: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  return {
    rows: number('rows', values.rows, { from: 50, to: 10_000_000 }),
    seed: number('seed', values.seed, { from: 0, to: 2 ** 31 }),
    holdSeconds: number('seconds', values.seconds ?? (values.yes ? '2' : '15'), {
      from: 0.5,
      to: 3600,
    }),
    paceMs: number('pace-ms', values['pace-ms'], { from: 1, to: 10_000 }),
    port: values.port === undefined ? undefined : number('port', values.port, PORTS),
    reportFile: values.report,
    isAlone: values.yes,
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
