// What the command line of npm run fleet says.

import { parseArgs } from 'node:util';
import type { ServerPace } from '@halflap/server';
import { UsageError } from '../options.js';

export interface FleetRunOptions {
  readonly agents: number;
  /** Every choice follows from it; what processes do at the same time does not. */
  readonly seed: number;
  /** Between two failures, in which the cluster is at peace. */
  readonly calmMs: number;
  /** How long the shard is cut off. */
  readonly cutMs: number;
  /** Changes of facts in a second, of all hosts together. */
  readonly changesPerSecond: number;
  /** Of each who looks at the cluster, between an answer and the next question. */
  readonly readerPauseMs: number;
  /** The longest order. */
  readonly orderMs: number;
  /** A job goes to so many hosts at most. */
  readonly jobHosts: number;
  readonly pace: Partial<ServerPace>;
  /** So many times as fast time goes by for agents: their pauses, heartbeats and limits. */
  readonly haste: number;
  /** After this it has failed, whatever it waits for. */
  readonly patienceMs: number;
}

export const USAGE = `npm run fleet -- [options]

  --agents N   simulated hosts (default 2000)
  --seed N     replays the choices of another run: who is killed when, which jobs there are
  --quick      servers that notice failures sooner, and no pauses between them
  --help

Three servers over four shards, each a process. Facts change and jobs go on while each server in
turn is killed and started again, and while a shard is cut off and comes back. Ends with a verdict:
exit code 0 when every promise was kept, 1 when one was broken.
`;

const OPTIONS = {
  agents: { type: 'string', default: '2000' },
  seed: { type: 'string' },
  quick: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

const MOST_SEED = 1_000_000_000;

const USUAL = {
  calmMs: 10_000,
  cutMs: 30_000,
  readerPauseMs: 50,
  orderMs: 3000,
  pace: {},
  haste: 1,
  patienceMs: 40 * 60_000,
} as const;

/** Seconds instead of tens of seconds: leases are over, and agents come back, that much sooner. */
const QUICK = {
  calmMs: 200,
  cutMs: 1500,
  readerPauseMs: 400,
  orderMs: 200,
  pace: { heartbeatSeconds: 6, jobLeaseSeconds: 2 },
  haste: 6,
  patienceMs: 5 * 60_000,
} as const;

/** @throws UsageError that says what is wrong. */
export function readOptions(args: readonly string[]): FleetRunOptions | 'help' {
  const { help, quick, ...values } = parse(args);
  if (help) return 'help';
  const agents = numberOf('--agents', values.agents);
  const seed = numberOf('--seed', values.seed ?? String(1 + (Date.now() % MOST_SEED)));
  return {
    ...(quick ? QUICK : USUAL),
    ...{ agents, seed },
    changesPerSecond: Math.max(5, agents / 40),
    jobHosts: Math.min(agents, 500),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function numberOf(option: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new UsageError(`${option} takes a number from 1 on, found ${text}`);
}
