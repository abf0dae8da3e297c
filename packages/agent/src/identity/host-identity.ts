// The identity of a host while its agent runs, and the changes that a server may make to it.
//
// Invariant: a change is kept before it is used. What a server says is taken only when the host can
// go on with it: a certificate of its own key; order keys and authorities that a key known before
// vouches for. So a server that was taken over without the cluster's keys can give the host neither
// orders nor authorities of its own: it may name fewer than there are, and never none.

import type { Certificate, Kept, Trust } from '@halflap/protocol/agent';
import type { Identity, OrderKey } from './identity.js';
import { isOfKey, validityOf } from './key.js';
import { believedAuthorities, believedKeys, certificatesOf, pinOf } from './trusted.js';

/** What became of an offer of a server. */
export interface Renewed {
  /** Why the certificate was not taken; null when it was. */
  readonly problem: string | null;
  /** Ids of order keys that nobody vouches for. */
  readonly strangers: readonly string[];
}

export class HostIdentity {
  /** PKCS #8, PEM. */
  readonly key: string;
  #current: Identity;
  readonly #keep: (identity: Identity) => void;
  #onKeys: (keys: readonly OrderKey[]) => void = () => {};

  /** @param keep returns once it is kept for good. */
  constructor(current: Identity, key: string, keep: (identity: Identity) => void) {
    this.#current = current;
    this.key = key;
    this.#keep = keep;
  }

  get current(): Identity {
    return this.#current;
  }

  /** The keys that orders may be signed with. */
  get orderKeys(): readonly OrderKey[] {
    return this.#current.keys;
  }

  /** Calls with them now, and whenever they have changed. One call at most is remembered. */
  followOrderKeys(call: (keys: readonly OrderKey[]) => void): void {
    this.#onKeys = call;
    call(this.#current.keys);
  }

  /** What it has kept, as servers are told it. */
  get kept(): Kept {
    const { keys, authorities, chain } = this.#current;
    return {
      keys: keys.map(({ id }) => id),
      authorities: certificatesOf(authorities).flatMap((one) => pinOf(one) ?? []),
      certificate: pinOf(chain) ?? '',
    };
  }

  /** Takes what is right of a server's offer; the certificate is used from the next connection. */
  renew({ chain, keys }: Pick<Certificate, 'chain' | 'keys'>, now: number): Renewed {
    const problem = this.#problemOf(chain, now);
    const { taken, strangers } = believedKeys(this.#current.keys, keys);
    this.#become({
      ...this.#current,
      chain: problem === null ? chain : this.#current.chain,
      // Without any the host could never be given an order again, nor a key.
      keys: taken.length === 0 ? this.#current.keys : [...taken],
    });
    return { problem, strangers };
  }

  /**
   * Takes what is vouched for of the keys and authorities that a server names, and drops what it
   * names no more; used from the next order, and the next connection, on.
   * @returns ids and digests that nobody vouches for.
   */
  trust({ keys, authorities }: Pick<Trust, 'keys' | 'authorities'>): readonly string[] {
    const before = this.#current;
    const newKeys = believedKeys(before.keys, keys);
    const kept = newKeys.taken.length === 0 ? before.keys : [...newKeys.taken];
    // A key that is dropped with this offer has vouched for those that stay, and for nothing else.
    const roots = believedAuthorities(before.authorities, authorities, kept);
    const former = [...(before.formerAuthorities ?? []), ...this.kept.authorities];
    this.#become({
      ...before,
      formerAuthorities: [...new Set(former)],
      keys: kept,
      // Without any the host would never find a server again.
      authorities: roots.taken.length === 0 ? before.authorities : roots.taken.join('\n'),
    });
    return [...newKeys.strangers, ...roots.strangers];
  }

  revoke(detail: string, now: number): void {
    const next = { ...this.#current, revoked: { at: new Date(now).toISOString(), detail } };
    this.#keep(next);
    this.#current = next;
  }

  #become(next: Identity): void {
    this.#keep(next);
    this.#current = next;
    this.#onKeys(next.keys);
  }

  #problemOf(chain: string, now: number): string | null {
    if (!isOfKey(chain, this.key)) return 'it is not of the key of this host';
    const { from, to } = validityOf(chain);
    if (to <= now) return `it has ended at ${new Date(to).toISOString()}`;
    return from >= to ? 'it is never valid' : null;
  }
}
