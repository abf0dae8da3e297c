// In which phase each shard is, seen from outside: asked again and again over a connection of its
// own.
//
// Invariant: `steadyFor` tells how long a phase has been seen without a break, so that what
// happened near a change is not counted for either side of it.

import pg from 'pg';
import type { ShardUrls } from './shards.js';

export interface ShardPhase {
  readonly phase: string;
  /** The oldest release that the shard serves. */
  readonly floor: string;
  readonly ceiling: string;
}

/** What a database is before anybody told Halflap of it. */
const UNTOUCHED: ShardPhase = { phase: 'settled', floor: '1.0', ceiling: '1.0' };

const SAMPLE_MS = 40;
const UNDEFINED_TABLE = '42P01';

export class Phases {
  readonly #clients = new Map<string, pg.Client>();
  readonly #seen = new Map<string, { phase: ShardPhase; since: number }>();
  #isStopped = false;
  #sampling: Promise<void>[] = [];

  async start(urls: ShardUrls): Promise<void> {
    for (const [shard, connectionString] of Object.entries(urls)) {
      const client = new pg.Client({ connectionString, application_name: 'demo/observer' });
      client.on('error', () => {});
      await client.connect();
      this.#clients.set(shard, client);
      await this.#sample(shard, client);
      this.#sampling.push(this.#watch(shard, client));
    }
  }

  of(shard: string): ShardPhase {
    return this.#seen.get(shard)?.phase ?? UNTOUCHED;
  }

  /** Milliseconds since when the phase of the shard is what it is. */
  steadyFor(shard: string): number {
    return performance.now() - (this.#seen.get(shard)?.since ?? performance.now());
  }

  /** Who has prepared each shard, as its journal names them: once for each attempt. */
  async preparedBy(): Promise<Record<string, string[]>> {
    const found: Record<string, string[]> = {};
    for (const [shard, client] of this.#clients) {
      const { rows } = await client.query<{ runner: string }>(
        "select runner from halflap.journal where step = 'prepare/lens' order by id",
      );
      found[shard] = rows.map((row) => row.runner);
    }
    return found;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#sampling);
    await Promise.all([...this.#clients.values()].map((client) => client.end().catch(() => {})));
  }

  async #watch(shard: string, client: pg.Client): Promise<void> {
    while (!this.#isStopped) {
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
      // A database that goes away at the end takes this connection with it.
      await this.#sample(shard, client).catch(() => {});
    }
  }

  async #sample(shard: string, client: pg.Client): Promise<void> {
    const phase = await readPhase(client);
    const before = this.#seen.get(shard);
    const isSame = before?.phase.phase === phase.phase && before.phase.floor === phase.floor;
    if (!isSame) this.#seen.set(shard, { phase, since: performance.now() });
  }
}

async function readPhase(client: pg.Client): Promise<ShardPhase> {
  try {
    const { rows } = await client.query<ShardPhase>(
      'select phase, floor, ceiling from halflap.shard',
    );
    return rows[0] ?? UNTOUCHED;
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === UNDEFINED_TABLE) return UNTOUCHED;
    throw error;
  }
}
