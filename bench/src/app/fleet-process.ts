// Simulated hosts in a process of their own: they enrol, connect, tell facts and run orders.

import { type Address, type Clock, type Log, systemClock } from '@halflap/agent';
import type { Order } from '@halflap/protocol/agent';
import { chanceOf } from '../simulator/facts.js';
import { Fleet, type Latencies } from '../simulator/fleet.js';
import type { HostFacts } from '../simulator/host-facts.js';
import { enrolHost } from '../simulator/identities.js';
import type { LedgerLine } from '../simulator/ledger.js';
import { serveParent } from './child.js';

export interface FleetProcessOptions {
  readonly count: number;
  readonly servers: readonly Address[];
  readonly token: string;
  /** In PEM. */
  readonly authorities: string;
  /** They tell neither packages nor services, where those would only take time. */
  readonly isBrief: boolean;
  /** Of all hosts together; default 0. */
  readonly changesPerSecond?: number;
  /** How long they take, and which of them fail, by chance; default: all succeed at once. */
  readonly orders?: DrawnOrders;
  /** So many times as fast time goes by for agents; default 1. */
  readonly haste?: number;
}

export interface DrawnOrders {
  readonly mostMs: number;
  readonly seed: number;
}

export interface FleetReady {
  /** From the first enrolment to the last. */
  readonly enrolMs: number;
  /** Their ids. */
  readonly hosts: readonly string[];
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
  const { count, servers, token, authorities, isBrief, changesPerSecond = 0, haste = 1 } = options;
  const { signal } = new AbortController();
  const clock = hasty(haste);
  const enrolment = { servers, authorities, token, clock, signal };
  const fleet = new Fleet({
    ...{ count, servers, clock, random: Math.random, log: SILENT },
    identify: (at) => enrolHost(enrolment, at),
    identifyAtOnce: ENROL_AT_ONCE,
    ...{ changesPerSecond: changesPerSecond / haste, isBrief },
    perform: (order) => {
      const { delayMs, exitCode } = drawn(order, options.orders);
      return { delayMs: delayMs * haste, exitCode, output: ['simulated\n'] };
    },
  });
  const startedAt = performance.now();
  await fleet.start();
  const ready: FleetReady = { enrolMs: performance.now() - startedAt, hosts: fleet.hosts };
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
    /** Nothing changes any more, and all that has changed is stored. */
    rest: () => fleet.rest(),
    facts: async (): Promise<readonly HostFacts[]> => fleet.facts(),
    ledger: async () => {
      const runs = [...fleet.ledger.runs].map(([run, entry]): LedgerLine => ({ run, ...entry }));
      return { runs, strays: fleet.ledger.strays.length };
    },
    /** Those since it was asked last. */
    latencies: async (): Promise<Latencies> => {
      const { connect, welcome, away } = fleet.latencies;
      return { connect: connect.splice(0), welcome: welcome.splice(0), away: away.splice(0) };
    },
  };
  return { ready, duties };
});

/** Of each second, the agents believe that it was several. */
function hasty(haste: number): Clock {
  return { ...systemClock, after: (ms, call) => systemClock.after(ms / haste, call) };
}

/** Of one job in five every third order fails, of the others one in twenty-five. */
function drawn({ run, job }: Order, orders: DrawnOrders | undefined) {
  if (orders === undefined) return { delayMs: 0, exitCode: 0 };
  const { mostMs, seed } = orders;
  const chance = (id: string, row: number) =>
    chanceOf(seed, row, Number.parseInt(id.slice(0, 8), 16));
  const failing = chance(job, 1) < 0.2 ? 1 / 3 : 1 / 25;
  return { delayMs: chance(run, 2) * mostMs, exitCode: chance(run, 3) < failing ? 1 : 0 };
}
