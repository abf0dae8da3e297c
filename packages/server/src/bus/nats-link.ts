// The connection to NATS, and the stream in it: made when NATS answers, and made again when it is
// lost with all that it had.

import { once } from 'node:events';
import {
  DiscardPolicy,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamInfo,
} from '@nats-io/jetstream';
import {
  connect,
  type NatsConnection,
  type NodeConnectionOptions,
  nanos,
} from '@nats-io/transport-node';
import { pause, pauseAfter } from './bell.js';
import type { CarrierHost } from './carrier.js';
import { reasonOf } from './subscription.js';

export interface NatsOptions {
  /** Servers, credentials and certificates; see the client's own documentation. */
  readonly connection: NodeConnectionOptions;
  /** Of the stream, for clusters that share a NATS, and in its subjects; default `halflap`. */
  readonly name?: string;
  /** Copies of the stream among the servers of NATS, 1–5, default 1. */
  readonly replicas?: number;
}

export interface Link {
  readonly connection: NatsConnection;
  readonly js: JetStreamClient;
  readonly manager: JetStreamManager;
  /** Aborted when this connection was lost, even if it comes back. */
  readonly lost: AbortSignal;
}

/** Where none is named. */
export const STREAM = 'halflap';

/** What a relay stores twice within this time is stored once. */
const DUPLICATES_MS = 2 * 60_000;
/** A broker that is full drops what is oldest; followers are told. */
const STREAM_BYTES = 2 ** 30;
const RECONNECT = { firstMs: 200, longestMs: 5000 };

export class Links {
  readonly stream: string;
  readonly #options: NatsOptions;
  readonly #host: CarrierHost;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  readonly #changes = new EventTarget();
  #link: Link | undefined;

  constructor(options: NatsOptions, host: CarrierHost) {
    this.#options = options;
    this.#host = host;
    this.stream = options.name ?? STREAM;
    this.#ended = this.#run();
  }

  /** How long messages are kept, in the shards and in the stream. */
  get keepMs(): number {
    return this.#host.keepSeconds * 1000;
  }

  /** Aborted by `stop`. */
  get stopped(): AbortSignal {
    return this.#stop.signal;
  }

  /** The link while it is up. */
  get current(): Link | undefined {
    return this.#link;
  }

  /** Resolves when it is up. @throws the reason of the signal. */
  async get(signal: AbortSignal): Promise<Link> {
    for (;;) {
      signal.throwIfAborted();
      if (this.#link !== undefined) return this.#link;
      await once(this.#changes, 'change', { signal });
    }
  }

  subject(topic: string): string {
    return `${this.stream}.bus.${topic}`;
  }

  /** The stream as it is; made first where it is missing. */
  async ensureStream({ manager }: Link): Promise<StreamInfo> {
    return manager.streams.info(this.stream).catch(() =>
      manager.streams.add({
        name: this.stream,
        subjects: [this.subject('>')],
        retention: RetentionPolicy.Limits,
        storage: StorageType.File,
        discard: DiscardPolicy.Old,
        max_age: nanos(this.keepMs),
        max_bytes: STREAM_BYTES,
        duplicate_window: nanos(DUPLICATES_MS),
        num_replicas: this.#options.replicas ?? 1,
      }),
    );
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      try {
        const connection = await connect({
          timeout: this.#host.timeoutMs,
          ...this.#options.connection,
          name: `halflap/${this.#host.server}`,
          // Here, so that whoever reads a stream looks each time what has become of it.
          reconnect: false,
        });
        failures = 0;
        await this.#serve(connection);
      } catch (error) {
        failures += 1;
        if (failures === 1) this.#warn(reasonOf(error));
      }
      await pause(pauseAfter(Math.max(1, failures), RECONNECT), this.#stop.signal);
    }
  }

  async #serve(connection: NatsConnection): Promise<void> {
    const lost = new AbortController();
    const close = () => void connection.close();
    this.#stop.signal.addEventListener('abort', close, { once: true });
    try {
      const manager = await jetstreamManager(connection, { timeout: this.#host.timeoutMs });
      const link = { connection, manager, js: jetstream(connection), lost: lost.signal };
      await this.ensureStream(link);
      this.#become(link);
      const reason = await connection.closed();
      if (!this.#stop.signal.aborted) this.#warn(`connection lost${reasonText(reason)}`);
    } finally {
      this.#become(undefined);
      lost.abort();
      this.#stop.signal.removeEventListener('abort', close);
      await connection.close();
    }
  }

  #become(link: Link | undefined): void {
    this.#link = link;
    this.#changes.dispatchEvent(new Event('change'));
  }

  #warn(problem: string): void {
    const message = `bus: ${problem}; work goes on by polling`;
    // The log names shards; this is beside all of them.
    this.#host.log({ level: 'warn', shard: 'nats', message });
  }
}

function reasonText(reason: unknown): string {
  return reason instanceof Error ? `: ${reason.message}` : '';
}
