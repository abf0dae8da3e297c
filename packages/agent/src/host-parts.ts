// What an agent does for its host, put together: it looks at the host from time to time, runs the
// orders that the host's policy allows, and reads journals.

import { findAbilities } from './abilities.js';
import type { AgentOptions, AgentParts, Tell } from './agent.js';
import type { Clock, Random } from './clock.js';
import { collect } from './collect.js';
import type { Host } from './host.js';
import type { HostIdentity } from './identity/host-identity.js';
import type { Log } from './log.js';
import { Memory } from './memory.js';
import { Orders } from './orders/orders.js';
import { FactReports } from './report/reports.js';
import { FactWatch } from './report/watch.js';
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

/** The parts of an agent that manages its own host. */
export function hostParts(options: HostPartsOptions): AgentOptions['parts'] {
  return async (identity, tell) => {
    const { host, version, stateDirectory, clock, random, log } = options;
    const reports = await FactReports.open(stateDirectory, log);
    const memory = new Memory();
    const look = async (signal: AbortSignal) => {
      const found = await collect({ host: { ...host, signal }, memory });
      // What was ended in the middle is no look.
      return !signal.aborted && reports.found(found);
    };
    const watch = new FactWatch({ look, wake: tell.wake, clock, random, log });
    const emit: Tell['emit'] = (frame) => {
      tell.emit(frame);
      // An order may have changed what there is to tell.
      if (frame.type === 'ended') watch.soon();
    };
    const orders = await startOrders(options, identity, emit);
    const parts: AgentParts = {
      reports,
      orders,
      about: async () => ({
        agentVersion: version,
        abilities: await findAbilities(host),
        allowed: await orders.allowed(),
      }),
      readJournal: ({ service, lines }) => journalOf(host, service, lines),
      welcomed: (welcome) => watch.every(welcome.reportSeconds),
      async stop() {
        await watch.stop();
        await orders.stop();
      },
    };
    watch.start();
    return parts;
  };
}

async function startOrders(
  { stateDirectory, policyFile, clock, log }: HostPartsOptions,
  identity: HostIdentity,
  emit: Tell['emit'],
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
