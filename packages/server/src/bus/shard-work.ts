// One member of a group at work on one shard: claims what it has room for, hands it to the handler,
// and settles what became of it.
//
// Invariant: of the messages of one key that were claimed together the next begins once the one
// before is settled; when that fails, the rest goes back. No transaction is open while a handler
// runs.

import { randomUUID } from 'node:crypto';
import type { Shard } from '@halflap/client';
import { HalflapError } from '@halflap/protocol';
import { Batch } from './batch.js';
import { Bell, pause, pauseAfter } from './bell.js';
import { formatsRead, readEnvelope } from './envelope.js';
import { Held } from './held.js';
import type { Claimed, Member } from './ledger.js';
import * as ledger from './ledger.js';
import type { Settings } from './options.js';
import type { Slots } from './slots.js';
import { type Counters, reasonOf, type Work } from './subscription.js';

/** A message that so many members did not outlive is put aside. */
const MOST_LOSSES = 5;
/** Settled by one statement at most. */
const MOST_SETTLED = 500;
/** About as long as somebody else's claim takes. */
const CONTENDED_MS = 20;
/** How often a group is said to be alive; far below the month after which it is forgotten. */
const JOIN_MS = 3600_000;

export interface WorkHost {
  readonly settings: Settings;
  readonly work: Work;
  readonly slots: Slots;
  readonly counters: Counters;
  /** Ends the claiming. */
  readonly stop: AbortSignal;
  /** Ends the handlers. */
  readonly grace: AbortSignal;
}

export class ShardWork {
  readonly #host: WorkHost;
  readonly #shard: Shard;
  readonly #member: Member;
  readonly #held: Held;
  readonly #done: Batch<Claimed, boolean>;
  readonly #lanes = new Set<Promise<void>>();
  readonly bell = new Bell();
  /** The last key that was taken; the next claim begins behind it. */
  #after = '';
  #joinedAtMs = Number.NEGATIVE_INFINITY;

  constructor(host: WorkHost, shard: Shard) {
    this.#host = host;
    this.#shard = shard;
    const { group, topics } = host.work;
    const { formats, server, claimSeconds, timeoutMs } = host.settings;
    this.#member = { group, topics, formats: formatsRead(formats), server, claimSeconds };
    this.#held = new Held({ shard, group, claimSeconds, timeoutMs });
    this.#done = new Batch((rows) => this.#settleDone(rows), MOST_SETTLED);
  }

  /** Makes the group known on the shard; from now on it gets what is published there. */
  async join(): Promise<void> {
    await ledger.joinGroup(this.#shard, this.#member, this.#host.settings.timeoutMs);
    this.#joinedAtMs = performance.now();
  }

  /** Claims until the stop; resolves when all that it has claimed is settled. */
  async run(): Promise<void> {
    const { stop, grace, settings } = this.#host;
    const abort = () => this.#held.abort(grace.reason);
    grace.addEventListener('abort', abort, { once: true });
    let failures = 0;
    while (!stop.aborted) {
      try {
        await this.#claim();
        failures = 0;
      } catch (error) {
        failures += 1;
        if (failures === 1) this.#warn(`cannot be asked for messages: ${reasonOf(error)}`);
        const backoff = { firstMs: settings.pollMs / 4, longestMs: settings.pollMs };
        await pause(pauseAfter(failures, backoff), stop);
      }
    }
    await Promise.all(this.#lanes);
    this.#held.end();
  }

  async #claim(): Promise<void> {
    const { slots, stop, settings } = this.#host;
    const { timeoutMs } = settings;
    const limit = await slots.free(stop);
    if (limit === 0) return;
    if (performance.now() - this.#joinedAtMs > JOIN_MS) await this.join();
    const askedAtMs = performance.now();
    const order = { limit, claim: randomUUID(), after: this.#after, timeoutMs };
    const { rows, isContended } = await ledger.claim(this.#shard, this.#member, order);
    this.#begin(rows, askedAtMs);
    const wasAll = this.#after === '';
    this.#after = rows.length === limit ? lastKey(rows, this.#after) : '';
    // Keys before those that were asked about.
    if (rows.length === limit || !wasAll) return;
    if (isContended) await pause(Math.random() * CONTENDED_MS, stop);
    else await this.bell.wait(settings.pollMs, stop);
  }

  #begin(rows: readonly Claimed[], askedAtMs: number): void {
    this.#host.slots.take(rows.length);
    const signals = new Map(rows.map((row) => [row, this.#held.hold(row, askedAtMs)]));
    for (const lane of lanesOf(rows)) {
      const running = this.#inOrder(lane, signals).finally(() => {
        this.#host.slots.give(lane.length);
        this.#lanes.delete(running);
        // What has waited for the end of these may be taken now.
        this.bell.ring();
      });
      this.#lanes.add(running);
    }
  }

  async #inOrder(
    lane: readonly Claimed[],
    signals: ReadonlyMap<Claimed, AbortSignal>,
  ): Promise<void> {
    for (const [at, row] of lane.entries()) {
      const lost = signals.get(row) ?? AbortSignal.abort();
      const goesOn = await this.#host.slots.run(async () => {
        if (this.#host.stop.aborted || lost.aborted) return false;
        return this.#handle(row, lost);
      });
      if (goesOn) continue;
      // Of this one, if it was settled, nothing is left to let go.
      await this.#letGo(lane.slice(at));
      return;
    }
  }

  /** True when it is settled for good, so that the next of its key may begin. */
  async #handle(row: Claimed, lost: AbortSignal): Promise<boolean> {
    const { work, settings, counters } = this.#host;
    try {
      if (row.losses >= MOST_LOSSES) {
        return await this.#park(row, `${row.losses} members have not outlived its handler`);
      }
      await work.handle(readEnvelope(row.envelope, settings.formats), lost);
    } catch (error) {
      return this.#failed(row, error);
    }
    this.#held.drop(row);
    const isOurs = await this.#done.add(row).catch((error: unknown) => this.#unsettled(error));
    if (isOurs) counters.handled += 1;
    return isOurs;
  }

  async #failed(row: Claimed, error: unknown): Promise<boolean> {
    const { counters, settings } = this.#host;
    counters.failed += 1;
    const attempts = row.attempts + 1;
    const isHopeless = error instanceof HalflapError && error.code === 'BUS_UNREADABLE';
    try {
      if (isHopeless || attempts >= settings.attempts) {
        return await this.#park({ ...row, attempts }, reasonOf(error));
      }
      const pauseMs = pauseAfter(attempts, settings.backoff);
      const failure = { reason: reasonOf(error), pauseMs };
      this.#held.drop(row);
      await ledger.settleFailed(this.#shard, this.#settlement([row]), failure);
      void pause(pauseMs, this.#host.stop).then(() => this.bell.ring());
    } catch (cause) {
      this.#unsettled(cause);
    }
    return false;
  }

  async #park(row: Claimed, reason: string): Promise<boolean> {
    const { attempts } = row;
    this.#held.drop(row);
    const parked = await ledger.settleParked(this.#shard, this.#settlement([row]), {
      reason,
      attempts,
    });
    if (!parked.has(row.position)) return false;
    this.#host.counters.parked += 1;
    this.#warn(`${this.#member.group} has parked message ${row.id}: ${reason}`);
    return true;
  }

  async #settleDone(rows: readonly Claimed[]): Promise<boolean[]> {
    const settled = await ledger.settleDone(this.#shard, this.#settlement(rows));
    this.#host.counters.lost += rows.length - settled.size;
    return rows.map(({ position }) => settled.has(position));
  }

  async #letGo(rows: readonly Claimed[]): Promise<void> {
    for (const row of rows) this.#held.drop(row);
    await ledger.letGo(this.#shard, this.#settlement(rows)).catch((error: unknown) => {
      this.#unsettled(error);
    });
  }

  #settlement(held: readonly Claimed[]): ledger.Settlement {
    const { timeoutMs } = this.#host.settings;
    return { group: this.#member.group, held, timeoutMs };
  }

  /** It comes again once its claim has ended. */
  #unsettled(error: unknown): false {
    this.#warn(`cannot be told what became of a message: ${reasonOf(error)}`);
    return false;
  }

  #warn(message: string): void {
    const { settings } = this.#host;
    settings.log({ level: 'warn', shard: this.#shard.name, message: `bus: ${message}` });
  }
}

/** Of those that were taken in one round from key to key. */
function lastKey(rows: readonly Claimed[], before: string): string {
  return rows.reduce((last, { key }) => (key !== null && key > last ? key : last), before);
}

/** Those of one key in their order, others each by itself. */
function lanesOf(rows: readonly Claimed[]): Claimed[][] {
  const lanes = new Map<string, Claimed[]>();
  for (const row of rows) {
    const lane = row.key === null ? `position ${row.position}` : `key ${row.key}`;
    lanes.set(lane, [...(lanes.get(lane) ?? []), row]);
  }
  return [...lanes.values()];
}
