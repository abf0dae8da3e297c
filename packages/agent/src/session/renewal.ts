// When a host asks for the certificate that follows the present one: at two thirds of its life,
// give or take a bit, so that hosts which enrolled together do not ask together.

import type { Certificate, Trust } from '@halflap/protocol/agent';
import type { Clock, Random } from '../clock.js';
import type { HostIdentity } from '../identity/host-identity.js';
import { validityOf } from '../identity/key.js';
import type { Log } from '../log.js';

const DUE = 2 / 3;
/** Either way, as a part of its life. */
const JITTER = 1 / 15;
/** A request that was not answered is repeated after so long. */
const AGAIN_MS = 3_600_000;

export interface RenewalOptions {
  readonly identity: HostIdentity;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export class Renewal {
  readonly #options: RenewalOptions;
  #dueAt: number;

  constructor(options: RenewalOptions) {
    this.#options = options;
    this.#dueAt = this.#dueOf(options.identity.current.chain);
  }

  /** The request to send now; null when it is not time yet, or has just been sent. */
  due(): string | null {
    const { clock, identity } = this.#options;
    const now = clock.now();
    if (now < this.#dueAt) return null;
    this.#dueAt = now + AGAIN_MS;
    return identity.current.request;
  }

  /** When the present certificate has ended, in ms since 1970. */
  get endsAt(): number {
    return validityOf(this.#options.identity.current.chain).to;
  }

  answered(offered: Certificate): void {
    const { identity, clock, log } = this.#options;
    const { problem, strangers } = identity.renew(offered, clock.now());
    if (strangers.length > 0) {
      log.error({ keys: strangers }, 'a server names keys of orders that no known key vouches for');
    }
    if (problem !== null) {
      log.error({ problem }, 'a server has sent a certificate that this host cannot use');
      return;
    }
    this.#dueAt = this.#dueOf(offered.chain);
    log.info({ until: new Date(this.endsAt).toISOString() }, 'the certificate has been renewed');
  }

  /** Takes whom a server says to trust; with that may come the wish for a new certificate. */
  told(offered: Trust): void {
    const { identity, clock, random, log } = this.#options;
    const strangers = identity.trust(offered);
    if (strangers.length > 0) {
      log.error({ strangers }, 'a server names keys or authorities that no known key vouches for');
    }
    const { keys, authorities } = identity.kept;
    log.info({ keys, authorities }, 'a server has said whom to trust');
    const { renewWithinSeconds } = offered;
    if (renewWithinSeconds === null) return;
    this.#dueAt = Math.min(this.#dueAt, clock.now() + random() * renewWithinSeconds * 1000);
  }

  #dueOf(chain: string): number {
    const { from, to } = validityOf(chain);
    const part = DUE + (this.#options.random() * 2 - 1) * JITTER;
    return from + (to - from) * part;
  }
}
