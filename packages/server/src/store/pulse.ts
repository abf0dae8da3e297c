// Whether each shard answers now, for those who ask again and again: balancers, people at /readyz.
//
// The fleet's own status says how a shard stands as of its last heartbeat, and trusts a shard for
// as long as its lease lasts. Here it is asked, by a connection of its own, so that a pool whose
// connections are all in use does not look like a shard that is gone. However many ask, a shard is
// asked once a second at most, and waited for no longer than that.

import pg from 'pg';
import type { StoreShard } from './install.js';

/** The longest wait for an answer, in ms; and for so long one answer serves all who ask. */
export const PULSE_MS = 1000;

export interface Pulse {
  /** Asks all shards at once. Never throws. @returns the names of those that answer. */
  ask(): Promise<ReadonlySet<string>>;
  /** Ends the connections. Idempotent. */
  close(): Promise<void>;
}

/** Opens nothing before somebody asks. `now` counts milliseconds, and never goes back. */
export function createPulse(shards: readonly StoreShard[], now: () => number): Pulse {
  const probes = shards.map((shard) => new Probe(shard, now));
  return {
    async ask() {
      const answers = await Promise.all(probes.map((probe) => probe.ask()));
      return new Set(probes.filter((_, at) => answers[at]).map(({ name }) => name));
    },
    async close() {
      await Promise.all(probes.map((probe) => probe.close()));
    },
  };
}

class Probe {
  readonly name: string;
  readonly #url: string;
  readonly #now: () => number;
  #client: pg.Client | undefined;
  #answer: Promise<boolean> = Promise.resolve(false);
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor({ name, url }: StoreShard, now: () => number) {
    this.name = name;
    this.#url = url;
    this.#now = now;
  }

  ask(): Promise<boolean> {
    if (this.#isClosed) return Promise.resolve(false);
    if (this.#now() - this.#askedAtMs >= PULSE_MS) {
      this.#askedAtMs = this.#now();
      this.#answer = this.#look();
    }
    return this.#answer;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#answer;
    await this.#drop();
  }

  async #look(): Promise<boolean> {
    // One that broke while nobody asked says nothing of the shard: then a new one is tried.
    for (let isKept = this.#client !== undefined; ; isKept = false) {
      try {
        this.#client ??= await this.#connect();
        await this.#client.query('select 1');
        return true;
      } catch (error) {
        await this.#drop();
        if (!isKept || isLate(error)) return false;
      }
    }
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: this.#url,
      connectionTimeoutMillis: PULSE_MS,
      query_timeout: PULSE_MS,
      application_name: 'halflap/pulse',
    });
    const forget = () => {
      if (this.#client === client) this.#client = undefined;
    };
    client.on('error', forget);
    client.on('end', forget);
    await client.connect();
    return client;
  }

  async #drop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    // One whose answer is still awaited is cut off, and not waited for.
    await client?.end().catch(() => {});
  }
}

/** Of the driver, which has no code for it. */
function isLate(error: unknown): boolean {
  return error instanceof Error && /timeout/i.test(error.message);
}
