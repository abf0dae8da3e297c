// What an agent does for its host, put together: it looks at the host from time to time, runs the
// orders that the host's policy allows, and reads journals.

import type { Welcome } from '@halflap/protocol/agent';
import { findAbilities } from './abilities.js';
import type { AgentOptions, AgentParts, Tell } from './agent.js';
import { type Clock, pause, type Random } from './clock.js';
import { collect } from './collect.js';
import type { Host } from './host.js';
import type { HostIdentity } from './identity/host-identity.js';
import type { Log } from './log.js';
import { Memory } from './memory.js';
import { Orders } from './orders/orders.js';
import { FactReports } from './report/reports.js';
import { journalOf } from './services/journal.js';

export interface HostPartsOptions {
  readonly host: Host;
  readonly version: string;
  readonly stateDirectory: string;
  readonly policyFile: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Until a server says how often. */
const FIRST_LOOK_SECONDS = 60;
/** Agents of many hosts do not look at the same moment, which one machine may carry all of. */
const JITTER = 0.2;

/** The parts of an agent that manages its own host. */
export function hostParts(options: HostPartsOptions): AgentOptions['parts'] {
  return async (identity, tell) => {
    const { host, version, stateDirectory, log } = options;
    const reports = await FactReports.open(stateDirectory, log);
    const orders = await startOrders(options, identity, tell);
    const looks = new Looks(options, reports, tell.wake);
    const parts: AgentParts = {
      reports,
      orders,
      about: async () => ({
        agentVersion: version,
        abilities: await findAbilities(host),
        allowed: await orders.allowed(),
      }),
      readJournal: ({ service, lines }) => journalOf(host, service, lines),
      welcomed: (welcome) => looks.follow(welcome),
      async stop() {
        await looks.stop();
        await orders.stop();
      },
    };
    looks.start();
    return parts;
  };
}

async function startOrders(
  { stateDirectory, policyFile, clock, log }: HostPartsOptions,
  identity: HostIdentity,
  { emit }: Tell,
): Promise<Orders> {
  const orders = new Orders({
    ...{ policyFile, emit, log, clock, state: stateDirectory },
    host: identity.current.host,
    keys: identity.orderKeys,
  });
  identity.followOrderKeys((keys) => orders.trust(keys));
  await orders.start();
  return orders;
}

/** Looks at the host, one look after the other. */
class Looks {
  readonly #options: HostPartsOptions;
  readonly #reports: FactReports;
  readonly #wake: () => void;
  readonly #memory = new Memory();
  readonly #stopping = new AbortController();
  #seconds = FIRST_LOOK_SECONDS;
  #running: Promise<void> = Promise.resolve();

  constructor(options: HostPartsOptions, reports: FactReports, wake: () => void) {
    this.#options = options;
    this.#reports = reports;
    this.#wake = wake;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** As often as the server says, from the next look on. */
  follow({ reportSeconds }: Welcome): void {
    this.#seconds = reportSeconds;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, random, log, host } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        const found = await collect({ host: { ...host, signal }, memory: this.#memory });
        // What was ended in the middle is no look.
        if (!signal.aborted && this.#reports.found(found)) this.#wake();
      } catch (error) {
        if (!signal.aborted) log.error({ error }, 'the host could not be looked at');
      }
      const spread = 1 + JITTER * (2 * random() - 1);
      await pause(clock, this.#seconds * 1000 * spread, signal);
    }
  }
}
