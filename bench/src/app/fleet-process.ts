// Simulated hosts in a process of their own: they enrol, connect, tell facts and run orders.

import { type Address, type Log, systemClock } from '@halflap/agent';
import { Fleet, type Latencies } from '../simulator/fleet.js';
import { enrolHost } from '../simulator/identities.js';
import { serveParent } from './child.js';

export interface FleetProcessOptions {
  readonly count: number;
  readonly servers: readonly Address[];
  readonly token: string;
  /** In PEM. */
  readonly authorities: string;
  /** They tell neither packages nor services, where those would only take time. */
  readonly isBrief: boolean;
}

export interface FleetReady {
  /** From the first enrolment to the last. */
  readonly enrolMs: number;
}

export interface FleetState {
  readonly open: number;
  /** Reports that a server has stored, of all hosts. */
  readonly reported: number;
  readonly runs: number;
  readonly ranTwice: number;
}

const ENROL_AT_ONCE = 16;

const silent = () => {};
const SILENT: Log = { debug: silent, info: silent, warn: silent, error: silent };

await serveParent(async (options: FleetProcessOptions) => {
  const { count, servers, token, authorities, isBrief } = options;
  const { signal } = new AbortController();
  const enrolment = { servers, authorities, token, clock: systemClock, signal };
  const fleet = new Fleet({
    ...{ count, servers, clock: systemClock, random: Math.random, log: SILENT },
    identify: (at) => enrolHost(enrolment, at),
    identifyAtOnce: ENROL_AT_ONCE,
    ...{ changesPerSecond: 0, isBrief },
    perform: () => ({ delayMs: 0, exitCode: 0, output: ['simulated\n'] }),
  });
  const startedAt = performance.now();
  await fleet.start();
  const ready: FleetReady = { enrolMs: performance.now() - startedAt };
  const duties = {
    until: ({ open }: { readonly open: number }) => fleet.until((now) => now === open),
    below: ({ open }: { readonly open: number }) => fleet.until((now) => now < open),
    untilReported: ({ reported }: { readonly reported: number }) => fleet.untilReported(reported),
    saturate: async ({ hosts }: { readonly hosts: number }) => fleet.saturate(hosts),
    state: async (): Promise<FleetState> => {
      const { runs, ranTwice } = fleet.ledger;
      const { open, reported } = fleet;
      return { open, reported, runs: runs.size, ranTwice: ranTwice.length };
    },
    /** Those since it was asked last. */
    latencies: async (): Promise<Latencies> => {
      const { connect, welcome, away } = fleet.latencies;
      return { connect: connect.splice(0), welcome: welcome.splice(0), away: away.splice(0) };
    },
  };
  return { ready, duties };
});
