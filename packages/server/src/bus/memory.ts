// The driver of a single server: news stay in the process.

import type { Carrier, Listener } from './carrier.js';

/** For one process; several of them find each other's messages by polling only. */
export function memoryCarrier(): Carrier {
  const listeners = new Set<Listener>();
  return {
    driver: 'memory',
    isLinked: true,
    start() {},
    ring(shard) {
      for (const { wake } of listeners) wake(shard);
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async stop() {
      listeners.clear();
    },
  };
}
