// Tells a server that there is something for hosts whose sessions it has. It may be lost, early or
// late: whoever hears it looks into the store, and looks there anyway every few seconds.

import type { ClientBase } from 'pg';

export interface Doorbell {
  /** In the transaction that makes the news. */
  ring(client: ClientBase, server: string, hosts: readonly string[]): Promise<void>;
  /** @returns what ends it. */
  on(server: string, heard: (hosts: readonly string[]) => void): () => void;
}

/** Between the servers of one process. */
export function localDoorbell(): Doorbell {
  const listeners = new Map<string, (hosts: readonly string[]) => void>();
  return {
    async ring(client, server, hosts) {
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
