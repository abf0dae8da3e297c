// Opening a fleet: the one call by which a server begins to use its shards, and the object it then
// has.
//
// Contract of its life: `open` resolves once every shard was asked, whatever they answered; shards
// come and go by themselves from then on; `close` waits for the calls under way and may be called
// again. A refusing or dead shard never makes `open` fail nor the process end.

import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { type BehaviourMode, HalflapError } from '@halflap/protocol';
import { Behaviours } from './behaviours.js';
import { Features, type Standing } from './features.js';
import { type Gathered, type GatherOptions, gather } from './gather.js';
import { Lease, type ShardStatus } from './lease.js';
import type { Row } from './merge.js';
import { Messages } from './messages.js';
import { type OpenOptions, type Settings, type ShardTarget, settingsOf } from './options.js';
import { Sessions } from './sessions.js';
import { Shard, type Statement } from './shard.js';

/** A shard began or ceased to serve, or serves otherwise: another mode, phase, floor or ceiling. */
export interface ShardChange {
  readonly shard: string;
  readonly before: ShardStatus;
  readonly after: ShardStatus;
}

/** All shards of an application, as one server of one release uses them. */
export class Fleet {
  /** In the order in which they were given. */
  readonly names: readonly string[];
  /** What this server tells servers of the other release, and hears of them. */
  readonly messages: Messages;
  readonly #features: Features;
  readonly #behaviours: Behaviours;
  readonly #members: ReadonlyMap<string, Member>;
  readonly #settings: Settings;
  readonly #events: EventEmitter;
  #closing: Promise<void> | undefined;

  constructor(members: ReadonlyMap<string, Member>, settings: Settings, events: EventEmitter) {
    this.names = [...members.keys()];
    this.#members = members;
    this.#settings = settings;
    this.#events = events;
    const heard = () => [...members.values()].map(({ lease }) => lease.heard);
    const { servers, behavesAs } = settings;
    this.#features = new Features(servers?.features ?? {}, heard);
    this.#behaviours = new Behaviours(servers?.behaviours ?? {}, behavesAs);
    this.messages = new Messages({ settings, heard, shard: (name) => this.shard(name) });
    events.on('checked', () => this.#onChecked());
  }

  /**
   * Whether the feature is enabled on every shard that this server has heard within its lease. Asks
   * nothing, and follows an operator's act within one heartbeat.
   * @throws CLIENT_OPTIONS for a name that the servers file of this release does not have.
   */
  isEnabled(feature: string): boolean {
    return this.#features.standingOf(feature) === 'enabled';
  }

  /** `off`, `allowed` (others may see it enabled already, or still) or `enabled`. */
  featureState(feature: string): Standing {
    return this.#features.standingOf(feature);
  }

  /**
   * How a retained behaviour is met by someone who declares this release (default: `behavesAs`),
   * and counts one use. Asks nothing.
   * @throws CLIENT_OPTIONS for a name that the servers file of this release does not have.
   */
  behaves(behaviour: string, declared?: string): BehaviourMode {
    return this.#behaviours.modeOf(behaviour, declared);
  }

  /** @throws CLIENT_OPTIONS when the fleet has no shard of that name. */
  shard(name: string): Shard {
    const member = this.#members.get(name);
    if (member !== undefined) return member.shard;
    throw new HalflapError(
      'CLIENT_OPTIONS',
      `the fleet has no shard ${name}; it has ${this.names.join(', ')}`,
      { hint: 'name one of those, or add the shard to the options of open()' },
    );
  }

  /** The shard that holds a key, by the `locate` of the options. */
  shardFor(key: string): Shard {
    return this.shard(this.#settings.locate(key, this.names));
  }

  /** One statement on all shards, or on those of `options.shards`. See `gather.ts`. */
  async gather<Result extends Row = Row>(
    statement: Statement,
    values?: readonly unknown[],
    options: GatherOptions = {},
  ): Promise<Gathered<Result>> {
    const shards = (options.shards ?? this.names).map((name) => this.shard(name));
    return gather<Result>(shards, statement, values, options);
  }

  /** One row per shard, as last heard, in the order of `names`. Asks nothing. */
  status(): readonly ShardStatus[] {
    return [...this.#members.values()].map((member) => member.lease.status);
  }

  /** Asks every shard now instead of at its next heartbeat, and gives the status after that. */
  async check(): Promise<readonly ShardStatus[]> {
    await Promise.all([...this.#members.values()].map((member) => member.lease.check()));
    return this.status();
  }

  /** Calls the listener at every change, until the function that this returns is called. */
  on(event: 'change', listener: (change: ShardChange) => void): () => void {
    this.#events.on(event, listener);
    return () => this.#events.off(event, listener);
  }

  /**
   * Refuses new calls with CLIENT_CLOSED, waits for those under way (a prepare too), gives the
   * leases back and ends the connections. Idempotent; never throws for a shard that cannot be told.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #onChecked(): void {
    this.#features.refresh();
    this.messages.refresh();
    void this.#flush();
  }

  /** To the first shard that would take it. */
  async #flush(): Promise<void> {
    const now = performance.now();
    const members = [...this.#members.values()];
    const live = members.find(({ lease }) => (lease.heard?.untilMs ?? 0) > now);
    if (live !== undefined) await this.#behaviours.flush(live.shard, this.#settings.server);
  }

  async #close(): Promise<void> {
    // The last call that is let in: closing waits for it, as for all that are under way.
    void this.#flush();
    await Promise.all([...this.#members.values()].map((member) => member.shard.close()));
    this.#events.removeAllListeners();
  }
}

interface Member {
  readonly shard: Shard;
  readonly lease: Lease;
}

/**
 * Opens the fleet for one release of one application. Takes at least one connection and one lease
 * per shard that serves; waits for each shard's first answer, connectTimeoutMs at most, or for its
 * prepare.
 * @throws CLIENT_OPTIONS and nothing else.
 */
export async function open<Target extends ShardTarget>(
  options: OpenOptions<Target>,
): Promise<Fleet> {
  const settings = settingsOf(options);
  const events = new EventEmitter();
  const instance = randomUUID();
  const members = new Map<string, Member>();
  for (const target of options.shards) {
    members.set(target.name, memberOf(target, { settings, events, instance }, options.prepare));
  }
  const fleet = new Fleet(members, settings, events);
  await fleet.check();
  return fleet;
}

function memberOf<Target extends ShardTarget>(
  target: Target,
  fleet: {
    readonly settings: Settings;
    readonly events: EventEmitter;
    readonly instance: string;
  },
  prepare: ((shard: Target) => Promise<void>) | undefined,
): Member {
  const { settings, events, instance } = fleet;
  // A connection that broke while idle says early what the next heartbeat would find out.
  const sessions: Sessions = new Sessions(target, settings, () => lease.hurry());
  const lease: Lease = new Lease({
    shard: target.name,
    settings,
    sessions,
    instance,
    prepare: prepare && (() => prepare(target)),
    onChange(before, after) {
      const change: ShardChange = { shard: target.name, before, after };
      // Apart from the check that found it: an error of a listener is not an error of the shard.
      queueMicrotask(() => events.emit('change', change));
    },
    onChecked: () => events.emit('checked'),
  });
  return { shard: new Shard(target.name, lease, sessions, settings), lease };
}
