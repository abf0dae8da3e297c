// A fleet of simulated hosts that connects to real servers: npm run simulate.

import { setMaxListeners } from 'node:events';
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { type Log, parseAddress, systemClock } from '@halflap/agent';
import { EXIT } from '@halflap/protocol';
import { quantile } from '../measure.js';
import { UsageError } from '../options.js';
import { Fleet } from './fleet.js';
import { enrolHost } from './identities.js';

const USAGE = `npm run simulate -- --server HOST:PORT --token TOKEN --ca FILE [options]

  --server HOST:PORT  may be given several times
  --token TOKEN       of halflap tokens create, with as many uses as there are hosts
  --ca FILE           the authority of the servers, in PEM
  --count N           hosts (default 100)
  --first N           number of the first host (default 0), for several processes
  --changes N         changes of facts of all hosts in a second (default 1)
  --delay MS          how long an order takes (default 1000)
  --exit-code N       how it ends (default 0)
  --verbose           what sessions log, on stderr

Prints a line of JSON every ten seconds; ends with Ctrl-C.
`;

const OPTIONS = {
  server: { type: 'string', multiple: true },
  token: { type: 'string' },
  ca: { type: 'string' },
  count: { type: 'string', default: '100' },
  first: { type: 'string', default: '0' },
  changes: { type: 'string', default: '1' },
  delay: { type: 'string', default: '1000' },
  'exit-code': { type: 'string', default: '0' },
  verbose: { type: 'boolean', default: false },
} as const;

const IDENTIFY_AT_ONCE = 16;
const LINE_MS = 10_000;

async function main(): Promise<void> {
  const { server, token, ca, verbose, ...values } = parsed();
  if (server === undefined || token === undefined || ca === undefined) {
    throw new UsageError('--server, --token and --ca are needed');
  }
  const numbers = Object.entries(values).map(([name, text]) => [name, numberOf(name, text)]);
  const { count = 0, first, changes, delay, 'exit-code': exitCode } = Object.fromEntries(numbers);
  const servers = server.map(parseAddress);
  const authorities = await readFile(ca, 'utf8');
  const stop = new AbortController();
  // Each host that enrols listens to it.
  setMaxListeners(0, stop.signal);
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
  const enrolment = { servers, authorities, token, clock: systemClock, signal: stop.signal };
  const fleet = new Fleet({
    ...{ count, first, servers, clock: systemClock, random: Math.random },
    identify: (at) => enrolHost(enrolment, at),
    identifyAtOnce: IDENTIFY_AT_ONCE,
    changesPerSecond: changes,
    perform: () => ({ delayMs: delay, exitCode, output: ['simulated\n'] }),
    log: verbose ? LOUD : SILENT,
  });
  const lines = setInterval(() => print(fleet, count), LINE_MS);
  try {
    await fleet.start().catch((error: Error) => {
      if (!stop.signal.aborted) throw error;
    });
    if (!stop.signal.aborted) {
      await new Promise((resolve) => stop.signal.addEventListener('abort', resolve));
    }
  } finally {
    clearInterval(lines);
    await fleet.stop();
    print(fleet, count);
  }
}

/** Latencies in ms since the line before. */
function print(fleet: Fleet, count: number): void {
  const latencies = Object.entries(fleet.latencies).map(([name, all]) => {
    const times = all.splice(0);
    const [p50, p95, most] = [0.5, 0.95, 1].map((part) => Math.round(quantile(times, part)));
    return [name, { count: times.length, p50, p95, most }];
  });
  const { ranTwice, strays, runs } = fleet.ledger;
  const orders = { runs: runs.size, ranTwice: ranTwice.length, strays: strays.length };
  const memoryMb = Math.round(process.memoryUsage.rss() / 2 ** 20);
  const line = { open: fleet.open, of: count, ...Object.fromEntries(latencies), orders, memoryMb };
  console.log(JSON.stringify(line));
}

function parsed() {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function numberOf(name: string, text: string): number {
  const number = Number(text);
  if (Number.isFinite(number) && number >= 0) return number;
  throw new UsageError(`--${name} takes a number, found ${text}`);
}

const silent = () => {};
const SILENT: Log = { debug: silent, info: silent, warn: silent, error: silent };
const loud = (detail: object, message: string) => console.error(message, JSON.stringify(detail));
const LOUD: Log = { debug: silent, info: loud, warn: loud, error: loud };

/** A wrong command line is answered in a line; everything else is a defect and shows whole. */
try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n\n${USAGE}`);
  process.exitCode = EXIT.usage;
}
