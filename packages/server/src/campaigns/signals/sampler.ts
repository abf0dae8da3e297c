// Asks the application for its signals while something goes on in a campaign, beside its passes,
// which it holds up once: before the first step it is asked what it was before.
//
//   running, or a step is under way ──► every signalSeconds  an answer that does not come is a gap
//   paused or stopped               ──► for another AFTER_MS  so that is seen whether it recovers

import { performance } from 'node:perf_hooks';
import { Rounds } from '../../rounds.js';
import type { Lease } from '../../store/leases.js';
import type { CampaignState } from '../decide/decide.js';
import type { SignalSeen } from '../decide/signal-limits.js';
import { atHome, type DrivingParts } from '../pass.js';
import { type Asked, keepSamples, readSeen, thinSamples } from './samples.js';
import { type DeclaredSignal, limitOf } from './signal-declaration.js';
import { readSignal } from './signal-source.js';

const AFTER_MS = 10 * 60_000;
const THIN_MS = 10 * 60_000;

interface Sampling {
  readonly on: Pick<DrivingParts, 'store' | 'log' | 'signalSeconds'>;
  readonly lease: Lease;
  readonly campaign: string;
}

type Asking = {
  readonly state: CampaignState;
  readonly signals: readonly DeclaredSignal[];
  readonly is_over: boolean;
  readonly is_busy: boolean;
  readonly has_begun: boolean;
};

export class Sampler {
  /** The first step may begin. */
  readonly ready: Promise<void>;
  readonly #sampling: Sampling;
  readonly #ending = new AbortController();
  readonly #rounds: Rounds;
  #getReady: () => void = () => {};
  #seen: readonly SignalSeen[] = [];
  #busyAt = performance.now();
  #thinnedAt = Number.NEGATIVE_INFINITY;

  constructor(sampling: Sampling) {
    this.#sampling = sampling;
    this.ready = new Promise((resolve) => {
      this.#getReady = resolve;
    });
    this.#rounds = new Rounds(() => this.#round());
  }

  /** Signals that may stop the campaign, with their last answers. */
  get seen(): readonly SignalSeen[] {
    return this.#seen;
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#rounds.stop();
  }

  async #round(): Promise<number | null> {
    const { campaign, on } = this.#sampling;
    try {
      const asking = await this.#read();
      if (asking === undefined || asking.is_over) return null;
      if (asking.has_begun) this.#getReady();
      await this.#ask(asking);
    } catch (error) {
      if (!this.#ending.signal.aborted) {
        on.log.warn({ campaign, error }, 'signals of a campaign were not kept');
      }
    } finally {
      this.#getReady();
    }
    return this.#ending.signal.aborted ? null : on.signalSeconds * 1000;
  }

  async #read(): Promise<Asking | undefined> {
    const { campaign, on } = this.#sampling;
    const { rows } = await on.store.home.query<Asking>(
      `select c.state, coalesce(k.declared -> 'signals', '[]') as signals,
         c.ended_at is not null as is_over,
         coalesce(bool_or(s.state = 'running'), false) as is_busy,
         coalesce(bool_or(s.attempt > 0), false) as has_begun
       from campaigns as c
       join clusters as k on k.id = c.cluster_id
       left join campaign_steps as s on s.campaign_id = c.id
       where c.id = $1
       group by c.id, k.id`,
      [campaign],
    );
    return rows[0];
  }

  async #ask({ state, signals, is_busy: isBusy }: Asking): Promise<void> {
    const now = performance.now();
    if (state === 'running' || isBusy) this.#busyAt = now;
    if (signals.length === 0 || now - this.#busyAt > AFTER_MS) {
      this.#seen = [];
      return;
    }
    const asked = await Promise.all(signals.map((one) => this.#askFor(one)));
    const { campaign, on } = this.#sampling;
    if (this.#ending.signal.aborted) return;
    const isThick = now - this.#thinnedAt > THIN_MS;
    await atHome(this.#sampling, async (client) => {
      await keepSamples(client, campaign, asked);
      if (isThick) await thinSamples(client, campaign);
    });
    if (isThick) this.#thinnedAt = now;
    this.#seen = await readSeen(on.store.home, campaign);
  }

  async #askFor(declared: DeclaredSignal): Promise<Asked> {
    const limit = limitOf(declared);
    try {
      const value = await readSignal(declared, this.#ending.signal);
      return { ...limit, value, away: null };
    } catch (error) {
      return { ...limit, value: null, away: (error as Error).message };
    }
  }
}
