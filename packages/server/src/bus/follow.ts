// What one server follows by itself: every message of its topics, in the order of each key, as long
// as it runs. Nothing of it stands in a shard, so nothing is left behind when the server vanishes.
//
// Every message is handled, or onMissed is told that one may not have been. While there is no room,
// no more is read.

import type { Shard } from '@halflap/client';
import { Bell, pause, pauseAfter } from './bell.js';
import { readEnvelope } from './envelope.js';
import type { Message } from './message.js';
import type { Settings } from './options.js';
import type { Slots } from './slots.js';
import { type Counters, type Follow, reasonOf } from './subscription.js';
import { type Cursor, readTail, tailFromNow } from './tail.js';

export interface FollowHost {
  readonly settings: Settings;
  readonly follow: Follow;
  readonly slots: Slots;
  readonly counters: Counters;
  readonly stop: AbortSignal;
  readonly grace: AbortSignal;
}

/** A view that fails so often in a row is told to begin anew: its own memory is all that it has. */
const ATTEMPTS = 5;
/** Rows of one read at most. */
const PAGE = 200;

/** Handles what others bring. */
export class Intake {
  readonly #host: FollowHost;
  /** The last message of each key that is in hand. */
  readonly #lanes = new Map<string, Promise<void>>();
  readonly #underWay = new Set<Promise<void>>();
  readonly #handlers = new Set<AbortController>();

  constructor(host: FollowHost) {
    this.#host = host;
    const abort = () => {
      for (const handler of this.#handlers) handler.abort(host.grace.reason);
    };
    host.grace.addEventListener('abort', abort, { once: true });
  }

  /** Resolves when there is room for another. Never throws. */
  async take(envelope: string): Promise<void> {
    const { slots, stop, settings, follow } = this.#host;
    if (stop.aborted) return;
    try {
      const message = readEnvelope(envelope, settings.formats);
      if (follow.topics.includes(message.topic)) this.#begin(message);
    } catch (error) {
      this.missed(reasonOf(error));
    }
    await slots.free(stop);
  }

  missed(why: string): void {
    this.#host.counters.parked += 1;
    this.#host.follow.onMissed(why);
  }

  /** Resolves when nothing is in hand. */
  async end(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  #begin(message: Message): void {
    const { slots, stop } = this.#host;
    const lane = message.key ?? message.id;
    const before = this.#lanes.get(lane);
    slots.take(1);
    const running = (async () => {
      await before;
      if (!stop.aborted) await this.#handle(message);
    })().finally(() => {
      slots.give(1);
      this.#underWay.delete(running);
      if (this.#lanes.get(lane) === running) this.#lanes.delete(lane);
    });
    this.#lanes.set(lane, running);
    this.#underWay.add(running);
  }

  /** With a signal of its own: what a handler leaves on it goes with it. */
  async #attempt(message: Message): Promise<void> {
    const handler = new AbortController();
    this.#handlers.add(handler);
    try {
      await this.#host.follow.handle(message, handler.signal);
    } finally {
      this.#handlers.delete(handler);
    }
  }

  async #handle(message: Message): Promise<void> {
    const { settings, slots, counters, stop } = this.#host;
    for (let attempt = 1; !stop.aborted; attempt += 1) {
      try {
        await slots.run(() => this.#attempt(message));
        counters.handled += 1;
        return;
      } catch (error) {
        counters.failed += 1;
        if (attempt >= Math.min(ATTEMPTS, settings.attempts)) {
          this.missed(`its handler fails: ${reasonOf(error)}`);
          return;
        }
        await pause(pauseAfter(attempt, settings.backoff), stop);
      }
    }
  }
}

/** Reads one shard for a follower, where no driver brings its messages. */
export class ShardFollow {
  readonly #host: FollowHost;
  readonly #intake: Intake;
  readonly #shard: Shard;
  readonly bell = new Bell();
  #cursor: Cursor | undefined;
  #readAtMs = performance.now();

  constructor(host: FollowHost, intake: Intake, shard: Shard) {
    this.#host = host;
    this.#intake = intake;
    this.#shard = shard;
  }

  /** From now on. @throws SHARD_UNREACHABLE and others, and then it begins late. */
  async begin(): Promise<void> {
    this.#cursor = await tailFromNow(this.#shard, this.#host.settings.timeoutMs);
    this.#readAtMs = performance.now();
  }

  async run(): Promise<void> {
    const { stop, settings } = this.#host;
    let failures = 0;
    while (!stop.aborted) {
      try {
        await this.#read();
        failures = 0;
      } catch (error) {
        failures += 1;
        if (failures === 1) this.#warn(reasonOf(error));
        const backoff = { firstMs: settings.pollMs / 4, longestMs: settings.pollMs };
        await pause(pauseAfter(failures, backoff), stop);
      }
    }
  }

  async #read(): Promise<void> {
    const { slots, stop, settings, follow } = this.#host;
    if (this.#cursor === undefined) {
      await this.begin();
      this.#intake.missed(`shard ${this.#shard.name} was away at the beginning`);
    }
    const room = await slots.free(stop);
    const cursor = this.#cursor;
    if (room === 0 || cursor === undefined) return;
    const askedAtMs = performance.now();
    const page = await readTail(this.#shard, cursor, {
      topics: follow.topics,
      limit: Math.min(room, PAGE),
      timeoutMs: settings.timeoutMs,
    });
    if (page.isBroken) this.#intake.missed(`shard ${this.#shard.name} was restored`);
    else if (askedAtMs - this.#readAtMs > settings.keepSeconds * 1000) {
      this.#intake.missed(`shard ${this.#shard.name} was not read for ${settings.keepSeconds} s`);
    }
    for (const { envelope } of page.rows) await this.#intake.take(envelope);
    this.#cursor = page.cursor;
    if (page.isFull) return;
    this.#readAtMs = askedAtMs;
    await this.bell.wait(settings.pollMs, stop);
  }

  #warn(problem: string): void {
    const message = `bus: cannot be followed: ${problem}`;
    this.#host.settings.log({ level: 'warn', shard: this.#shard.name, message });
  }
}
