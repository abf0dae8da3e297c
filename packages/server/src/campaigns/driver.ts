// Drives campaigns: takes those that nobody drives, and does one pass of each after the other until
// they have ended. Every server has one; a campaign has one server at a time, by its lease on the
// home shard, and another one when that server has been silent for as long as the lease lasts.

import { randomUUID } from 'node:crypto';
import { HalflapError } from '@halflap/protocol';
import { Rounds } from '../rounds.js';
import { giveLease, type Lease, renewLease, takeLease } from '../store/leases.js';
import { campaignLease } from './campaign.js';
import { drive, IDLE_MS } from './drive.js';
import { HookCalls } from './hooks/hook-work.js';
import type { DrivingParts } from './pass.js';
import { Sampler } from './signals/sampler.js';
import { Verbs } from './verbs.js';

export interface CampaignDriverOptions extends DrivingParts {
  /** The name of this server. */
  readonly server: string;
  /** After this time of silence another server goes on with the campaigns of this one. */
  readonly leaseSeconds: number;
}

/**
 * Between passes: the shortest while something moves; then doubled up to so much, and so much for
 * each shard that is asked, and up to the longest.
 */
const PAUSE_MS = { shortest: 50, few: 200, perShard: 6, longest: 1000 } as const;
/** How often campaigns that nobody drives are looked for. */
const LOOK_MS = 1000;
/** How long the home shard is waited for. */
const TAKE_MS = 5000;
const RENEWALS_PER_LEASE = 3;

export class CampaignDriver {
  readonly #options: CampaignDriverOptions;
  /** Another one after a restart: what the process before has begun must not go on unnoticed. */
  readonly #owner: string;
  readonly #owned = new Map<string, Owned>();
  readonly #looking: Rounds;
  readonly #renewal: NodeJS.Timeout;
  #isRenewing = false;

  constructor(options: CampaignDriverOptions) {
    this.#options = options;
    this.#owner = `${options.server} ${randomUUID()}`;
    this.#looking = new Rounds(() => this.#take());
    // Apart from the passes: one may wait for a shard that does not answer.
    const everyMs = (options.leaseSeconds * 1000) / RENEWALS_PER_LEASE;
    this.#renewal = setInterval(() => void this.#renew(), everyMs);
  }

  /** Something has changed, of that campaign or of those that nobody drives. */
  kick(campaign: string): void {
    const owned = this.#owned.get(campaign);
    if (owned === undefined) this.#looking.kick();
    else owned.kick();
  }

  /** Interrupts verbs, ends after the passes under way, gives campaigns to others. Idempotent. */
  async stop(): Promise<void> {
    clearInterval(this.#renewal);
    await this.#looking.stop();
    await Promise.all([...this.#owned.values()].map((owned) => owned.stop()));
    const { store, log } = this.#options;
    for (const [id, { lease }] of this.#owned) {
      await giveLease(store.home, lease).catch((error: unknown) => {
        log.warn({ campaign: id, error }, 'a campaign was not given back');
      });
    }
    this.#owned.clear();
  }

  async #take(): Promise<number> {
    const { store, leaseSeconds, log } = this.#options;
    try {
      const { rows } = await store.home.query<{ id: string }>(
        `select c.id
         from campaigns as c
         left join leases as l on l.name = 'campaign/' || c.id
         where c.started_at is not null
           and (
             c.ended_at is null or c.id in (
               select h.campaign_id from campaign_hooks as h where h.state in ('waiting', 'running')
             )
           )
           and (l.name is null or l.expires_at <= now())`,
        [],
        { timeoutMs: TAKE_MS },
      );
      for (const { id } of rows) {
        const place = { name: campaignLease(id), owner: this.#owner };
        const lease = await takeLease(store.home, place, leaseSeconds);
        if (lease === null || this.#owned.has(id)) continue;
        const leave = () => void this.#owned.delete(id);
        this.#owned.set(id, new Owned(this.#options, { id, lease, leave }));
      }
    } catch (error) {
      log.warn({ error }, 'campaigns wait: the home shard does not answer');
    }
    return LOOK_MS;
  }

  async #renew(): Promise<void> {
    if (this.#isRenewing) return;
    this.#isRenewing = true;
    const { store, leaseSeconds, log } = this.#options;
    for (const owned of [...this.#owned.values()]) {
      const isMine = await renewLease(store.home, owned.lease, leaseSeconds).catch(
        (error: unknown) => {
          log.warn({ error }, 'the lease of a campaign was not renewed');
          return null;
        },
      );
      if (isMine === true) owned.renewedAt = performance.now();
      const isLate = performance.now() - owned.renewedAt > leaseSeconds * 1000;
      if (isMine === false || isLate) void owned.stop();
    }
    this.#isRenewing = false;
  }
}

interface Owning {
  readonly id: string;
  readonly lease: Lease;
  /** It is not driven here any more. */
  leave(): void;
}

/** A campaign that this server drives. */
class Owned {
  readonly lease: Lease;
  /** By the clock of `performance`. */
  renewedAt = performance.now();
  readonly #options: CampaignDriverOptions;
  readonly #owning: Owning;
  readonly #verbs: Verbs;
  readonly #hooks: HookCalls;
  readonly #sampler: Sampler;
  readonly #loop: Rounds;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #pauseMs = 0;

  constructor(options: CampaignDriverOptions, owning: Owning) {
    this.#options = options;
    this.#owning = owning;
    this.lease = owning.lease;
    this.#verbs = new Verbs(() => this.kick());
    this.#hooks = new HookCalls(() => this.kick());
    const { id, lease } = owning;
    this.#sampler = new Sampler({ on: options, lease, campaign: id });
    this.#loop = new Rounds(() => this.#pass());
  }

  kick(): void {
    this.#loop.kick();
  }

  async stop(): Promise<void> {
    const ended = Promise.all([this.#loop.stop(), this.#sampler.stop()]);
    await this.#stopWork();
    await ended;
    // A pass that was under way may have begun another one.
    await this.#stopWork();
    this.#owning.leave();
  }

  async #stopWork(): Promise<void> {
    await Promise.all([this.#verbs.stop(), this.#hooks.stop()]);
  }

  /** @returns how long to wait for the next one, in ms; null when there is none */
  async #pass(): Promise<number | null> {
    const { id, lease } = this.#owning;
    await this.#sampler.ready;
    const isDue = performance.now() - this.#lookedAt > IDLE_MS;
    try {
      const own = { on: this.#options, lease, campaignId: id, verbs: this.#verbs };
      const parts = { ...own, hooks: this.#hooks, signals: this.#sampler.seen };
      const { passed, asked } = await drive(parts, isDue);
      if (isDue) this.#lookedAt = performance.now();
      if (passed === 'over') {
        await this.#sampler.stop();
        await giveLease(this.#options.store.home, lease);
        this.#owning.leave();
        return null;
      }
      const most = Math.min(PAUSE_MS.longest, PAUSE_MS.few + asked * PAUSE_MS.perShard);
      const slower = Math.min(most, Math.max(PAUSE_MS.shortest, this.#pauseMs * 2));
      this.#pauseMs = passed === 'moved' ? PAUSE_MS.shortest : slower;
    } catch (error) {
      const isLost = error instanceof HalflapError && error.code === 'LEASE_LOST';
      const message = 'a pass of a campaign failed; the next one goes on';
      this.#options.log.warn({ campaign: id, error }, message);
      if (isLost) {
        await Promise.all([this.#stopWork(), this.#sampler.stop()]);
        this.#owning.leave();
        return null;
      }
      this.#pauseMs = PAUSE_MS.longest;
    }
    return this.#pauseMs;
  }
}
