// The claims of one member on one shard while it works on them: renewed in time, lost in time.
//
// Invariant: a handler's signal is aborted before the shard may give its message to somebody else,
// as far as this process runs at all; the shard holds to it in any case, by the claim's own number.

import type { Shard } from '@halflap/client';
import { HalflapError } from '@halflap/protocol';
import { pause } from './bell.js';
import { type Claimed, renew } from './ledger.js';

interface Holding {
  readonly claimed: Claimed;
  readonly loss: AbortController;
  /** On the monotonic clock, from before the claim was asked for. */
  untilMs: number;
}

export interface HeldOptions {
  readonly shard: Shard;
  readonly group: string;
  readonly claimSeconds: number;
  readonly timeoutMs: number;
}

/** Renewals in the time of a claim: two may fail before the third is too late. */
const RENEWALS = 3;

export class Held {
  readonly #options: HeldOptions;
  readonly #held = new Map<string, Holding>();
  readonly #stop = new AbortController();
  #isRenewing = false;

  constructor(options: HeldOptions) {
    this.#options = options;
  }

  /** Keeps the claim until `drop`. The signal says that it was lost. */
  hold(claimed: Claimed, askedAtMs: number): AbortSignal {
    // A claim that had ended, taken again by this very member.
    const before = this.#held.get(claimed.position);
    if (before !== undefined) this.#lose(before);
    const loss = new AbortController();
    const untilMs = askedAtMs + this.#options.claimSeconds * 1000;
    this.#held.set(claimed.position, { claimed, loss, untilMs });
    if (!this.#isRenewing) void this.#keep();
    return loss.signal;
  }

  /** Ends the handlers, as far as they listen; what they have stays theirs. */
  abort(reason: unknown): void {
    for (const { loss } of this.#held.values()) loss.abort(reason);
  }

  drop({ position, claim }: Claimed): void {
    if (this.#held.get(position)?.claimed.claim === claim) this.#held.delete(position);
  }

  end(): void {
    this.#stop.abort();
  }

  async #keep(): Promise<void> {
    this.#isRenewing = true;
    const tickMs = (this.#options.claimSeconds * 1000) / RENEWALS;
    while (this.#held.size > 0 && !this.#stop.signal.aborted) {
      await pause(tickMs, this.#stop.signal);
      await this.#renew();
      const soonMs = performance.now() + tickMs / 2;
      for (const holding of this.#held.values()) {
        if (holding.untilMs <= soonMs) this.#lose(holding);
      }
    }
    this.#isRenewing = false;
  }

  async #renew(): Promise<void> {
    const { shard, group, claimSeconds, timeoutMs } = this.#options;
    const asked = [...this.#held.values()];
    if (asked.length === 0) return;
    const held = asked.map(({ claimed }) => claimed);
    const untilMs = performance.now() + claimSeconds * 1000;
    try {
      const kept = await renew(shard, { group, held, timeoutMs }, claimSeconds);
      for (const holding of asked) {
        if (kept.has(holding.claimed.position)) holding.untilMs = untilMs;
        else if (this.#held.get(holding.claimed.position) === holding) this.#lose(holding);
      }
    } catch {
      // A shard that is away renews nothing: the claims end by their own time.
    }
  }

  #lose({ claimed, loss }: Holding): void {
    this.drop(claimed);
    const { shard, group } = this.#options;
    loss.abort(
      new HalflapError('LEASE_LOST', `bus: the claim of ${group} on ${claimed.id} has ended`, {
        detail: { shard: shard.name },
        hint: 'nothing: another member handles the message again',
      }),
    );
  }
}
