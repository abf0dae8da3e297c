// What the drivers of the bus have in common: they bring the news of what stands in the shards.
//
// Messages, claims and what became of them are in the shards whatever the driver. So a driver may
// lose news, bring them twice or not at all: who waits for them looks by itself every `pollMs`. And
// so servers with different drivers work side by side on the same groups.

import type { Fleet, Log } from '@halflap/client';

export interface CarrierHost {
  readonly fleet: Fleet;
  readonly server: string;
  readonly log: Log;
  readonly pollMs: number;
  readonly timeoutMs: number;
  readonly keepSeconds: number;
  /** How long a server may be silent that does something for all of them. */
  readonly leaseSeconds: number;
}

/** One subscription of this server that reads from the shards. */
export interface Listener {
  /** Of a group whose members share the work; null where every server gets all. */
  readonly group: string | null;
  readonly topics: readonly string[];
  /** There may be something new on the shard; on all of them where none is named. Never throws. */
  readonly wake: (shard?: string) => void;
  /** Resolves when it can take some, with how many. */
  readonly free: (signal: AbortSignal) => Promise<number>;
}

/** One subscription of this server that takes messages from the driver itself. */
export interface Follower {
  readonly topics: readonly string[];
  /** Takes the text of an envelope; resolves when there is room for another. Never throws. */
  readonly take: (envelope: string) => Promise<void>;
  /** Some messages may never come: what was derived from them must be read anew. */
  readonly missed: (why: string) => void;
}

export interface Carrier {
  readonly driver: 'memory' | 'postgres' | 'nats';
  /** Whether what it needs beside the shards is there now. */
  readonly isLinked: boolean;
  /** Returns at once; what it needs may be away and come later. Called once. */
  start(host: CarrierHost): void;
  /** A transaction with messages has ended on the shard. Never throws. */
  ring(shard: string): void;
  /** Wakes the listener until the function that this returns is called. */
  listen(listener: Listener): () => void;
  /**
   * Carries messages that are published from now on; absent where followers read the shards.
   * Resolves when it does so, with how to end it.
   */
  follow?(follower: Follower): Promise<() => Promise<void>>;
  /** Ends everything that it has opened. Idempotent. */
  stop(): Promise<void>;
}
