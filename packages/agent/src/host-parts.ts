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
import type { RunFrame } from './session/duties.js';

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
    const { host, version, stateDirectory, log } = options;
    const reports = await FactReports.open(stateDirectory, log);
    const watch = watchOf(options, reports, tell.wake);
    const emit = (frame: RunFrame) => {
      tell.emit(frame);
      // It may have changed what there is to tell.
      if (frame.type === 'ended') watch.soon();
    };
    const orders = await startOrders(options, identity, { ...tell, emit });
    const parts: AgentParts = {
      reports,
      orders,
      about: async () => ({
        agentVersion: version,
        abilities: await findAbilities(host),
        allowed: await orders.allowed(),
      }),
      readJournal: ({ service, lines }) => journalOf(host, service, lines),
      welcomed: ({ reportSeconds }) => watch.every(reportSeconds),
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

function watchOf(
  { host, clock, random, log }: HostPartsOptions,
  reports: FactReports,
  wake: () => void,
): FactWatch {
  const memory = new Memory();
  return new FactWatch({
    look: async () => reports.found(await collect({ host, memory })),
    ...{ wake, clock, random, log },
  });
}
