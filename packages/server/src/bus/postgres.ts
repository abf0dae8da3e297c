// The driver without a broker: NOTIFY on each shard, by a connection of its own.
//
// Never in the publishing transaction: there it takes a lock of the whole database at commit, so
// that commits queue. Here a doorbell rings after the commit, and those that come while one is
// being rung, or shortly after, are rung as one.

import pg, { type ClientConfig } from 'pg';
import { Bell, pause, pauseAfter } from './bell.js';
import type { Carrier, CarrierHost, Listener } from './carrier.js';
import { reasonOf } from './subscription.js';

export interface PostgresOptions {
  /** How to reach a shard; as for the fleet, with one more connection. */
  readonly connection: (shard: string) => ClientConfig;
}

const CHANNEL = 'halflap_bus';
/** Between two doorbells of this server on one shard: news are late by no more. */
const GAP_MS = 5;
const RECONNECT = { firstMs: 200, longestMs: 10_000 };

/** For several servers, with nothing but the shards. */
export function postgresCarrier({ connection }: PostgresOptions): Carrier {
  const listeners = new Set<Listener>();
  const doorbells = new Map<string, Doorbell>();
  const wake = (shard: string) => {
    for (const listener of listeners) listener.wake(shard);
  };
  return {
    driver: 'postgres',
    isLinked: true,
    start(host) {
      for (const shard of host.fleet.names) {
        doorbells.set(shard, new Doorbell(shard, { host, config: connection(shard), wake }));
      }
    },
    ring(shard) {
      // This server need not wait for the way there and back.
      wake(shard);
      doorbells.get(shard)?.ring();
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async stop() {
      await Promise.all([...doorbells.values()].map((doorbell) => doorbell.stop()));
      listeners.clear();
    },
  };
}

interface DoorbellHost {
  readonly host: CarrierHost;
  readonly config: ClientConfig;
  readonly wake: (shard: string) => void;
}

/** One connection: listens, rings, and is opened again when it breaks. */
class Doorbell {
  readonly #shard: string;
  readonly #options: DoorbellHost;
  readonly #stop = new AbortController();
  readonly #bell = new Bell();
  readonly #ended: Promise<void>;

  constructor(shard: string, options: DoorbellHost) {
    this.#shard = shard;
    this.#options = options;
    this.#ended = this.#run();
  }

  ring(): void {
    this.#bell.ring();
  }

  stop(): Promise<void> {
    this.#stop.abort();
    return this.#ended;
  }

  async #run(): Promise<void> {
    const { host } = this.#options;
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      try {
        await this.#serve(() => {
          failures = 0;
        });
      } catch (error) {
        failures += 1;
        if (failures === 1) {
          const message = `bus: the doorbell is out of order: ${reasonOf(error)}`;
          host.log({ level: 'warn', shard: this.#shard, message });
        }
        await pause(pauseAfter(failures, RECONNECT), this.#stop.signal);
      }
    }
  }

  /** Until the stop, or the connection breaks. */
  async #serve(onReady: () => void): Promise<void> {
    const { config, wake, host } = this.#options;
    const broken = new AbortController();
    const client = new pg.Client({
      connectionTimeoutMillis: host.timeoutMs,
      query_timeout: host.timeoutMs,
      keepAlive: true,
      ...config,
      application_name: `halflap/bus/${host.server}`.slice(0, 63),
    });
    client.on('error', (error) => broken.abort(error));
    client.on('end', () => broken.abort(new Error('the connection was closed')));
    client.on('notification', () => wake(this.#shard));
    try {
      await client.connect();
      await client.query(`listen ${CHANNEL}`);
      onReady();
      // What was rung while nobody listened.
      wake(this.#shard);
      const until = AbortSignal.any([this.#stop.signal, broken.signal]);
      while (!until.aborted) await this.#ringOnce(client, until);
      if (!this.#stop.signal.aborted) throw broken.signal.reason;
    } finally {
      await client.end().catch(() => {});
    }
  }

  async #ringOnce(client: pg.Client, until: AbortSignal): Promise<void> {
    if (await this.#bell.wait(IDLE_MS, until)) await client.query(`notify ${CHANNEL}`);
    // A connection that is broken without a word is found out by asking.
    else if (!until.aborted) await client.query('select 1');
    await pause(GAP_MS, until);
  }
}

const IDLE_MS = 30_000;
