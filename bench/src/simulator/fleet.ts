// Thousands of hosts in one process: the agent's own sessions over real TLS, each host with its own
// certificate, with facts and orders that are pretended.

import {
  type Address,
  type Clock,
  type Fence,
  type HostIdentity,
  type Log,
  type Random,
  Session,
  type SessionState,
} from '@halflap/agent';
import type { Order, Range } from '@halflap/protocol/agent';
import { factsOf, type HostFacts } from './host-facts.js';
import { Ledger } from './ledger.js';
import { type Performance, SimulatedOrders } from './orders.js';
import { SimulatedReports } from './reports.js';

export interface FleetOptions {
  readonly count: number;
  /** Default 0: the number of the first host, where several processes make one fleet. */
  readonly first?: number;
  readonly servers: readonly Address[];
  /** Who the host of that number is; asked once for each. */
  readonly identify: (at: number) => Promise<HostIdentity>;
  /** Hosts that are identified at the same time. */
  readonly identifyAtOnce: number;
  /** Changes of facts, of all hosts together, in a second; 0 for none. */
  readonly changesPerSecond: number;
  /** They tell neither packages nor services. */
  readonly isBrief?: boolean;
  readonly perform: (order: Order, host: string) => Performance;
  readonly protocol?: Range;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Milliseconds, one for each time that it happened. */
export interface Latencies {
  /** From the first packet to the WebSocket. */
  readonly connect: number[];
  /** From the first packet to the welcome. */
  readonly welcome: number[];
  /** From the end of a session to the welcome of the next one. */
  readonly away: number[];
}

interface SimulatedHost {
  readonly identity: HostIdentity;
  readonly session: Session;
  readonly reports: SimulatedReports;
}

const CHANGE_TICK_MS = 100;

export class Fleet {
  readonly ledger = new Ledger();
  readonly latencies: Latencies = { connect: [], welcome: [], away: [] };
  readonly #options: FleetOptions;
  readonly #hosts: SimulatedHost[] = [];
  readonly #open = new Set<number>();
  readonly #waiting = new Set<() => void>();
  #takeBackTick = () => {};
  #due = 0;
  #reported = 0;
  /** Hosts below this place change again as soon as their change is stored. */
  #busy = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** Gives each host its identity and begins its session. Returns when all have begun. */
  async start(): Promise<void> {
    const { count, first = 0, identify, identifyAtOnce, changesPerSecond } = this.#options;
    let next = first;
    const some = async () => {
      while (next < first + count) {
        const at = next;
        next += 1;
        this.#begin(at, await identify(at));
      }
    };
    await Promise.all(Array.from({ length: identifyAtOnce }, some));
    if (changesPerSecond > 0) this.#tick();
  }

  /** Ids of all hosts. */
  get hosts(): string[] {
    return this.#hosts.map(({ identity }) => identity.current.host);
  }

  /** Hosts that have a session now. */
  get open(): number {
    return this.#open.size;
  }

  /** Resolves when so many hosts have a session, or so few. */
  async until(fits: (open: number) => boolean): Promise<void> {
    while (!fits(this.#open.size)) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** Reports that a server has stored, of all hosts. */
  get reported(): number {
    return this.#reported;
  }

  /** Resolves when so many reports have been stored. */
  async untilReported(count: number): Promise<void> {
    while (this.#reported < count) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** So many hosts change without pause from now on, each when its change before is stored. */
  saturate(hosts: number): void {
    this.#busy = hosts;
    for (let at = 0; at < hosts; at += 1) this.change(at);
  }

  /** Nothing changes any more; resolves when all that has changed is stored. */
  async rest(): Promise<void> {
    this.#takeBackTick();
    while (!this.#hosts.every(({ reports }) => reports.isStored)) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** Of all hosts. */
  facts(): HostFacts[] {
    return this.#hosts.map(({ identity, reports }) =>
      factsOf(identity.current.host, reports.acknowledged, reports.facts()),
    );
  }

  /** One host's facts change. */
  change(at: number): void {
    const host = this.#hosts[at];
    host?.reports.change(this.#options.random);
    host?.session.wake();
  }

  async stop(): Promise<void> {
    this.#takeBackTick();
    await Promise.all(this.#hosts.map(({ session }) => session.stop()));
  }

  #begin(at: number, identity: HostIdentity): void {
    const { servers, clock, random, log, perform, protocol, isBrief = false } = this.#options;
    const { host } = identity.current;
    const place = this.#hosts.length;
    const onStored = () => this.#stored(place);
    const reports = new SimulatedReports(at, { isBrief, onStored });
    const orders = new SimulatedOrders({
      host,
      clock,
      ledger: this.ledger,
      perform: (order) => perform(order, host),
      emit: (frame) => void session.emit(frame),
    });
    const session = new Session({
      servers,
      identity,
      fence: fenceInMemory(),
      about: async () => ABOUT,
      reports,
      orders,
      readJournal: async ({ service }) => [`${service} has said nothing`],
      clock,
      random,
      log,
      onState: this.#noting(at),
      ...(protocol !== undefined && { protocol }),
    });
    this.#hosts.push({ identity, session, reports });
    session.start();
  }

  #stored(place: number): void {
    this.#reported += 1;
    // The pump takes what is pending once it has heard the answer to its end.
    if (place < this.#busy) this.#hosts[place]?.reports.change(this.#options.random);
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** Times what a session does. */
  #noting(at: number): (state: SessionState) => void {
    let beganAt = 0;
    let endedAt: number | null = null;
    return ({ state }) => {
      const now = performance.now();
      if (state === 'connecting') beganAt = now;
      if (state === 'greeting') this.latencies.connect.push(now - beganAt);
      if (state === 'open') {
        this.latencies.welcome.push(now - beganAt);
        if (endedAt !== null) this.latencies.away.push(now - endedAt);
        this.#open.add(at);
      } else if (this.#open.delete(at)) {
        endedAt = now;
      }
      this.#wake();
    };
  }

  #tick(): void {
    this.#takeBackTick = this.#options.clock.after(CHANGE_TICK_MS, () => {
      this.#due += (this.#options.changesPerSecond * CHANGE_TICK_MS) / 1000;
      for (; this.#due >= 1; this.#due -= 1) {
        this.change(Math.floor(this.#options.random() * this.#hosts.length));
      }
      this.#tick();
    });
  }
}

const ABOUT = {
  agentVersion: 'simulated',
  abilities: { packages: ['dpkg' as const], services: true },
  allowed: ['packages' as const, 'service' as const, 'command' as const, 'file' as const],
};

function fenceInMemory(): Fence {
  let value = 0;
  return {
    get value() {
      return value;
    },
    raise(to) {
      value = Math.max(value, to);
    },
  };
}
