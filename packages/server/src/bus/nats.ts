// The driver for when NOTIFY and everybody's reading of the shards is outgrown: NATS JetStream.
//
// One server carries the messages of each shard into a stream (nats-relay.ts). Followers read the
// stream, and the shards no more (nats-follow.ts). Of a group one member is told of each message,
// and claims it in the shard (nats-hints.ts). While NATS is away groups work by polling, and
// followers wait; nothing is lost with it that the shards still have.

import type { Subscription } from '@nats-io/transport-node';
import { pause } from './bell.js';
import type { Carrier, CarrierHost, Listener } from './carrier.js';
import { NatsFollow } from './nats-follow.js';
import { hearHints } from './nats-hints.js';
import { type Link, Links, type NatsOptions } from './nats-link.js';
import { Relay } from './nats-relay.js';

const AGAIN_MS = 100;

/** For several servers with a broker. */
export function natsCarrier(options: NatsOptions): Carrier {
  return new NatsCarrier(options);
}

class NatsCarrier implements Carrier {
  readonly driver = 'nats';
  readonly #options: NatsOptions;
  readonly #listeners = new Set<Listener>();
  readonly #relays = new Map<string, Relay>();
  readonly #running = new Set<Promise<void>>();
  #started: Links | undefined;

  constructor(options: NatsOptions) {
    this.#options = options;
  }

  get isLinked(): boolean {
    return this.#started?.current !== undefined;
  }

  start(host: CarrierHost): void {
    const links = new Links(this.#options, host);
    this.#started = links;
    for (const name of host.fleet.names) {
      const relay = new Relay(host.fleet.shard(name), links, host);
      this.#relays.set(name, relay);
      this.#track(relay.run());
    }
    this.#track(this.#hearBells(links));
  }

  ring(shard: string): void {
    this.#relays.get(shard)?.bell.ring();
    const link = this.#started?.current;
    if (link !== undefined && !link.connection.isClosed()) {
      link.connection.publish(this.#bellSubject, shard);
      return;
    }
    for (const listener of this.#listeners) listener.wake(shard);
  }

  listen(listener: Listener): () => void {
    const links = this.#links;
    const stop = new AbortController();
    this.#listeners.add(listener);
    const until = AbortSignal.any([stop.signal, links.stopped]);
    for (const topic of listener.topics) this.#track(hearHints(links, listener, topic, until));
    return () => {
      this.#listeners.delete(listener);
      stop.abort();
    };
  }

  async follow(follower: Parameters<NonNullable<Carrier['follow']>>[0]) {
    const follow = new NatsFollow(this.#links, follower);
    await follow.begin();
    // Only now: what is carried from here on comes behind the place where it begins.
    for (const [shard, relay] of this.#relays) {
      const missed = () => follower.missed(`shard ${shard} was away at the beginning`);
      await relay.prepare().catch(missed);
    }
    return () => follow.end();
  }

  async stop(): Promise<void> {
    const relaying = this.#started?.stop();
    await Promise.all([relaying, ...this.#running]);
  }

  get #links(): Links {
    if (this.#started === undefined) throw new Error('a carrier is used before its start');
    return this.#started;
  }

  /** Outside of the stream: nobody keeps a doorbell. */
  get #bellSubject(): string {
    return `${this.#links.stream}.bell`;
  }

  #track(running: Promise<void>): void {
    this.#running.add(running);
    void running.finally(() => this.#running.delete(running));
  }

  async #hearBells(links: Links): Promise<void> {
    while (!links.stopped.aborted) {
      const link = await links.get(links.stopped).catch(() => undefined);
      if (link !== undefined) await this.#hear(link).catch(() => {});
      // A connection that has just closed is still the current one for a moment.
      await pause(AGAIN_MS, links.stopped);
    }
  }

  async #hear({ connection, lost }: Link): Promise<void> {
    const bells: Subscription = connection.subscribe(this.#bellSubject);
    lost.addEventListener('abort', () => bells.unsubscribe(), { once: true });
    for await (const bell of bells) this.#relays.get(bell.string())?.bell.ring();
  }
}
