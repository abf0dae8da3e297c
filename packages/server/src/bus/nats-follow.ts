// Follows topics in NATS. Where a connection is lost, it goes on behind the last message that it
// has handed on; where the stream is another one, or has dropped what was not read, it says so.

import { DeliverPolicy, type StreamInfo } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { pause, pauseAfter } from './bell.js';
import type { Follower } from './carrier.js';
import type { Link, Links } from './nats-link.js';

/** Messages that NATS sends ahead. They are small beside what a handler takes. */
const AHEAD = 64;
/** NATS forgets a reader that is silent for so long. */
const SILENCE_MS = 60_000;
const AGAIN = { firstMs: 100, longestMs: 2000 };
/** How long the begin waits for NATS; then it begins late, and says so. */
const BEGIN_MS = 5000;

export class NatsFollow {
  readonly #links: Links;
  readonly #follower: Follower;
  readonly #stop = new AbortController();
  /** Of the stream that is being read; another one begins anew. */
  #created: string | undefined;
  #next = 1;
  /** When NATS was there last. */
  #seenAtMs = performance.now();
  #running: Promise<void> | undefined;

  constructor(links: Links, follower: Follower) {
    this.#links = links;
    this.#follower = follower;
  }

  /** From now on, if NATS answers soon. */
  async begin(): Promise<void> {
    const late = new AbortController();
    // Not AbortSignal.timeout, which does not keep a process that has nothing else to do yet.
    const timer = setTimeout(() => late.abort(), BEGIN_MS);
    const soon = AbortSignal.any([this.#links.stopped, late.signal]);
    try {
      const { state, created } = await this.#links.ensureStream(await this.#links.get(soon));
      this.#created = created;
      this.#next = state.last_seq + 1;
    } catch {
      // It begins when NATS is back.
    } finally {
      clearTimeout(timer);
    }
    this.#running = this.#run();
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const stop = AbortSignal.any([this.#stop.signal, this.#links.stopped]);
    let failures = 0;
    while (!stop.aborted) {
      try {
        const link = await this.#links.get(stop);
        const info = await this.#links.ensureStream(link);
        this.#checkStream(info);
        await this.#read(link, stop);
        failures = 0;
      } catch {
        // The connection is told as lost where it is made; here one only goes on when it is back.
        failures += 1;
      }
      await pause(pauseAfter(Math.max(1, failures), AGAIN), stop);
    }
  }

  #checkStream({ created, state }: StreamInfo): void {
    if (this.#created === undefined) {
      this.#next = state.last_seq + 1;
      this.#follower.missed('NATS was away at the beginning');
    } else if (this.#created !== created) {
      this.#next = 1;
      this.#follower.missed('NATS has lost its stream');
    } else if (this.#next < state.first_seq) {
      this.#next = state.first_seq;
      this.#follower.missed('NATS has dropped messages that were not read yet');
    }
    this.#created = created;
  }

  async #read({ js, lost }: Link, stop: AbortSignal): Promise<void> {
    const { topics } = this.#follower;
    // Several subjects in one filter take NATS 2.10: all then, and the rest is left out.
    const [only] = topics;
    const subject = topics.length === 1 && only !== undefined ? only : '>';
    if (performance.now() - this.#seenAtMs > this.#links.keepMs) {
      this.#follower.missed('NATS was away for longer than messages are kept');
    }
    const consumer = await js.consumers.get(this.#links.stream, {
      filter_subjects: this.#links.subject(subject),
      inactive_threshold: nanos(SILENCE_MS),
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: this.#next,
    });
    const messages = await consumer.consume({
      max_messages: AHEAD,
      abort_on_missing_resource: true,
    });
    const until = AbortSignal.any([stop, lost]);
    const end = () => messages.stop();
    until.addEventListener('abort', end, { once: true });
    try {
      for await (const message of messages) {
        if (until.aborted) return;
        await this.#follower.take(message.string());
        this.#next = message.seq + 1;
      }
    } finally {
      until.removeEventListener('abort', end);
      messages.stop();
      this.#seenAtMs = performance.now();
    }
  }
}
