// A server with its console, as `halflap serve` starts it, on two shards, and simulated hosts.

import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { systemClock } from '@halflap/agent';
import { SECRET_BYTES, type Server, startServer } from '@halflap/server';
import { Fleet } from '../../bench/src/simulator/fleet.js';
import { enrolHost } from '../../bench/src/simulator/identities.js';
import { cutOff } from '../server/cut-off.js';
import { openTestFleet } from '../server/shards.js';
import { SILENT } from '../server/store.js';

export const CONSOLE = fileURLToPath(new URL('../../packages/console/dist', import.meta.url));

const LOCAL = { host: '127.0.0.1', port: 0 } as const;

export interface Served {
  readonly first: Server;
  /** Of the next release, on the same shards. */
  readonly next: Server;
  /** Lets so many hosts in. */
  enrol(token: string, count: number): Promise<Fleet>;
  /** Takes the home shard away for the time of `body`. */
  withoutHome(body: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

export async function serve(): Promise<Served> {
  const store = await openTestFleet(2);
  const secret = randomBytes(SECRET_BYTES);
  const start = (name: string, version: string) =>
    startServer({
      ...{ name, version, secret, shards: store.targets, console: CONSOLE },
      ...{ listen: LOCAL, agents: LOCAL, names: ['localhost', '127.0.0.1'], log: SILENT },
    });
  const first = await start('one', '0.1.0');
  const next = await start('two', '0.2.0');
  const fleets: Fleet[] = [];
  return {
    first,
    next,
    async enrol(token, count) {
      const servers = [{ host: '127.0.0.1', port: first.agents.port }];
      const enrolment = {
        ...{ servers, authorities: first.authority, token, clock: systemClock },
        signal: new AbortController().signal,
      };
      const fleet = new Fleet({
        ...{ count, servers, clock: systemClock, random: () => 0.05, log: SILENT },
        identify: (at) => enrolHost(enrolment, at),
        identifyAtOnce: count,
        changesPerSecond: 0,
        perform: () => ({ delayMs: 200, exitCode: 0, output: ['first line\n', 'second line\n'] }),
      });
      fleets.push(fleet);
      await fleet.start();
      await fleet.untilReported(count);
      return fleet;
    },
    withoutHome: (body) => cutOff(store.targets[0]?.url ?? '', store.targets[1]?.url ?? '', body),
    async stop() {
      await Promise.all(fleets.map((fleet) => fleet.stop()));
      await Promise.all([first.stop(), next.stop()]);
      await store.close();
    },
  };
}
