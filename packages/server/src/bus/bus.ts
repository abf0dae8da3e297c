// The bus between the servers of a cluster, as one server uses it.
//
// Publishing writes rows in a shard, in the transaction that changes the data (publish.ts). Who
// works (a group) claims and settles them there (ledger.ts, shard-work.ts); who follows gets all
// (follow.ts). The driver brings the news (carrier.ts).
//
// Life: new ──start──► running ──stop──► stopped. `stop` claims no more, waits for the handlers
// under way, aborts them when the grace is over, and waits for them still.

import type { ClientBase } from 'pg';
import { pause } from './bell.js';
import type { Carrier } from './carrier.js';
import { Intake, ShardFollow } from './follow.js';
import { checkName, type Draft } from './message.js';
import { type BusOptions, handlersOf, type Settings, settingsOf } from './options.js';
import { Endings, publish } from './publish.js';
import { purge } from './purge.js';
import { ShardWork } from './shard-work.js';
import { Slots } from './slots.js';
import { type Counters, checkTopics, countersOf, type Follow, type Work } from './subscription.js';

const PURGE_MS = 60_000;
/** Who follows waits for so long when a relay dies; a group is not held up. */
const LEASE_SECONDS = 5;
const GRACE_MS = 30_000;

/** How the bus of this server stands. */
export interface BusState {
  readonly driver: Carrier['driver'];
  /** Whether what the driver needs beside the shards is there now. */
  readonly isLinked: boolean;
  /** Whether all that this server follows has begun, or will begin late. */
  readonly isFollowing: boolean;
}

export class Bus {
  readonly #settings: Settings;
  readonly #endings = new Endings();
  readonly #counters: Counters[] = [];
  readonly #stop = new AbortController();
  readonly #grace = new AbortController();
  /** Loops that end by the signals. */
  readonly #running: Promise<void>[] = [];
  readonly #closing: (() => void | Promise<void>)[] = [];
  #stopped: Promise<void> | undefined;
  /** Calls of `follow` that have not resolved yet. */
  #beginning = 0;

  /** @throws BUS_INVALID naming the option. */
  constructor(options: BusOptions) {
    this.#settings = settingsOf(options);
  }

  /** Returns at once; shards and broker may be away. Called once. */
  start(): void {
    const { carrier, claimSeconds, ...host } = this.#settings;
    carrier.start({ ...host, leaseSeconds: Math.min(LEASE_SECONDS, claimSeconds) });
    this.#running.push(this.#purge());
  }

  /**
   * Publishes in the caller's transaction on that shard; returns the ids of what is new. The news
   * go out when the transaction has ended. See publish.ts for the locks it takes.
   * @throws BUS_INVALID, BUS_TOO_LARGE, PostgreSQL's errors.
   */
  async publish(
    shard: string,
    client: ClientBase,
    drafts: Draft | readonly Draft[],
  ): Promise<string[]> {
    const { formats, clock, carrier } = this.#settings;
    const list = isList(drafts) ? drafts : [drafts];
    const ids = await publish(client, list, { formats, at: clock() });
    this.#endings.after(client, () => carrier.ring(shard));
    return ids;
  }

  /**
   * Takes part in the work of a group. Resolves when every shard that answers knows the group: it
   * gets what is published there from then on, and until the group was gone for 30 days.
   * @throws BUS_INVALID.
   */
  async work(work: Work): Promise<void> {
    checkName('group', work.group);
    checkTopics(work.topics);
    const slots = new Slots(handlersOf(work.concurrency));
    const counters = this.#count(work.group);
    const host = { ...this.#host(), work, slots, counters };
    const members = this.#onShards((shard) => new ShardWork(host, shard));
    await Promise.allSettled([...members.values()].map((member) => member.join()));
    this.#listen(work.group, work.topics, { slots, members });
  }

  /**
   * Follows topics. Resolves when it begins, on every shard that answers.
   * @throws BUS_INVALID.
   */
  async follow(follow: Follow): Promise<void> {
    checkName('name', follow.name);
    checkTopics(follow.topics);
    this.#beginning += 1;
    await this.#follow(follow).finally(() => {
      this.#beginning -= 1;
    });
  }

  async #follow(follow: Follow): Promise<void> {
    const slots = new Slots(handlersOf(follow.concurrency));
    const counters = this.#count(`server/${follow.name}`);
    const host = { ...this.#host(), follow, slots, counters };
    const intake = new Intake(host);
    this.#closing.push(() => intake.end());
    const { carrier } = this.#settings;
    if (carrier.follow !== undefined) {
      const end = await carrier.follow({
        topics: follow.topics,
        take: (envelope) => intake.take(envelope),
        missed: (why) => intake.missed(why),
      });
      this.#closing.unshift(end);
      return;
    }
    const members = this.#onShards((shard) => new ShardFollow(host, intake, shard));
    await Promise.allSettled([...members.values()].map((member) => member.begin()));
    this.#listen(null, follow.topics, { slots, members });
  }

  /** Asks nobody. */
  state(): BusState {
    const { driver, isLinked } = this.#settings.carrier;
    return { driver, isLinked, isFollowing: this.#beginning === 0 };
  }

  /** Of every subscription of this server, since its start. */
  counters(): readonly Readonly<Counters>[] {
    return this.#counters.map((one) => ({ ...one }));
  }

  /** @see the head of this file. Idempotent. */
  stop(graceMs = GRACE_MS): Promise<void> {
    this.#stopped ??= this.#end(graceMs);
    return this.#stopped;
  }

  async #end(graceMs: number): Promise<void> {
    this.#stop.abort();
    const over = new AbortController();
    const grace = pause(graceMs, over.signal).then(() => {
      if (!over.signal.aborted) this.#grace.abort();
    });
    await Promise.all(this.#running);
    for (const close of this.#closing) await close();
    over.abort();
    await grace;
    await this.#settings.carrier.stop();
  }

  #host() {
    const { signal: stop } = this.#stop;
    return { settings: this.#settings, stop, grace: this.#grace.signal };
  }

  #count(group: string): Counters {
    const counters = countersOf(group);
    this.#counters.push(counters);
    return counters;
  }

  #onShards<Member>(make: (shard: ReturnType<Settings['fleet']['shard']>) => Member) {
    const { fleet } = this.#settings;
    return new Map(fleet.names.map((name) => [name, make(fleet.shard(name))] as const));
  }

  #listen(
    group: string | null,
    topics: readonly string[],
    {
      slots,
      members,
    }: {
      readonly slots: Slots;
      readonly members: ReadonlyMap<string, ShardWork | ShardFollow>;
    },
  ): void {
    const wake = (shard?: string) => {
      const woken = shard === undefined ? [...members.values()] : [members.get(shard)];
      for (const member of woken) member?.bell.ring();
    };
    const free = (signal: AbortSignal) => slots.free(signal);
    this.#closing.push(this.#settings.carrier.listen({ group, topics, wake, free }));
    for (const member of members.values()) this.#running.push(member.run());
  }

  async #purge(): Promise<void> {
    const { fleet, keepSeconds, timeoutMs } = this.#settings;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await pause(PURGE_MS * (0.5 + Math.random()), signal);
      if (signal.aborted) return;
      const shards = fleet.names.map((name) => fleet.shard(name));
      // A shard that is away is purged when it is back.
      await Promise.allSettled(shards.map((shard) => purge(shard, { keepSeconds, timeoutMs })));
    }
  }
}

function isList(drafts: Draft | readonly Draft[]): drafts is readonly Draft[] {
  return Array.isArray(drafts);
}
