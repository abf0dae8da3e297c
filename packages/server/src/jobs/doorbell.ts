// Tells a server that there is something for hosts whose sessions it has. It may be lost, early or
// late: whoever hears it looks into the store, and looks there anyway every few seconds.

import { checkOf } from '@halflap/protocol/agent';
import { Type } from 'typebox';
import type { Bus } from '../bus/bus.js';
import type { Place } from '../store/many-hosts.js';
import type { Log } from '../store/store.js';

export interface Doorbell {
  /** In the transaction that makes the news. */
  ring(place: Place, server: string, hosts: readonly string[]): Promise<void>;
  /** @returns what ends it. */
  on(server: string, heard: (hosts: readonly string[]) => void): () => void;
}

/** Between the servers of one process. */
export function localDoorbell(): Doorbell {
  const listeners = new Map<string, (hosts: readonly string[]) => void>();
  return {
    async ring({ client }, server, hosts) {
      const heard = listeners.get(server);
      if (heard === undefined) return;
      // The driver says so when it has nothing more to send: the transaction has ended.
      const look = () => {
        if (client.getTransactionStatus() !== 'I') return;
        client.off('drain', look);
        heard(hosts);
      };
      client.on('drain', look);
    },
    on(server, heard) {
      listeners.set(server, heard);
      return () => {
        if (listeners.get(server) === heard) listeners.delete(server);
      };
    },
  };
}

/** For a server that nobody rings at. */
export const NO_DOORBELL: Doorbell = { ring: async () => {}, on: () => () => {} };

const TOPIC = 'jobs.released';
const Rung = checkOf(
  Type.Object({ server: Type.String(), hosts: Type.Array(Type.String(), { maxItems: 1000 }) }),
);

/** Between all servers, by the bus. Resolves when it listens. */
export async function busDoorbell(bus: Bus, log: Log): Promise<Doorbell> {
  const listeners = new Map<string, (hosts: readonly string[]) => void>();
  await bus.follow({
    name: 'jobs',
    topics: [TOPIC],
    handle: async ({ body }) => {
      const rung = Rung(body);
      if (rung.ok) listeners.get(rung.value.server)?.(rung.value.hosts);
    },
    onMissed: (why) => log.debug({ why }, 'news of jobs may have been missed'),
  });
  return {
    async ring({ client, shard }, server, hosts) {
      await bus.publish(shard, client, { topic: TOPIC, body: { server, hosts } });
    },
    on(server, heard) {
      listeners.set(server, heard);
      return () => {
        if (listeners.get(server) === heard) listeners.delete(server);
      };
    },
  };
}
