// The identity of a host while its agent runs, and the changes that a server may make to it.
//
// Invariant: a change is kept before it is used. What a server says is taken only when the host can
// go on with it: a certificate of its own key, order keys that a key known before vouches for. So a
// server that was taken over can neither lock the host out nor give it orders of its own.

import { verify } from 'node:crypto';
import { type Certificate, keyStatement } from '@halflap/protocol/agent';
import type { Identity, OrderKey } from './identity.js';
import { isOfKey, validityOf } from './key.js';

type Keys = Certificate['keys'];

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

  /** Takes what is right of a server's offer; the certificate is used from the next connection. */
  renew({ chain, keys }: Pick<Certificate, 'chain' | 'keys'>, now: number): Renewed {
    const problem = this.#problemOf(chain, now);
    const taken = vouched(this.#current.keys, keys);
    const strangers = keys.map(({ id }) => id).filter((id) => !taken.some((one) => one.id === id));
    const next = {
      ...this.#current,
      chain: problem === null ? chain : this.#current.chain,
      // Without any the host could never be given an order again, nor a key.
      keys: taken.length === 0 ? this.#current.keys : taken,
    };
    this.#keep(next);
    this.#current = next;
    this.#onKeys(next.keys);
    return { problem, strangers };
  }

  revoke(detail: string, now: number): void {
    const next = { ...this.#current, revoked: { at: new Date(now).toISOString(), detail } };
    this.#keep(next);
    this.#current = next;
  }

  #problemOf(chain: string, now: number): string | null {
    if (!isOfKey(chain, this.key)) return 'it is not of the key of this host';
    const { from, to } = validityOf(chain);
    if (to <= now) return `it has ended at ${new Date(to).toISOString()}`;
    return from >= to ? 'it is never valid' : null;
  }
}

/** Those of the offered keys that are known, or that a known one vouches for. */
function vouched(known: readonly OrderKey[], offered: Keys): OrderKey[] {
  return offered
    .filter((one) => isVouched(known, one))
    .map(({ id, publicKey }) => ({ id, publicKey }));
}

function isVouched(known: readonly OrderKey[], offered: Keys[number]): boolean {
  const same = known.find(({ id }) => id === offered.id);
  if (same !== undefined) return same.publicKey === offered.publicKey;
  const { voucher } = offered;
  const by = known.find(({ id }) => id === voucher?.by);
  if (voucher === undefined || by === undefined) return false;
  const statement = Buffer.from(keyStatement(offered));
  try {
    return verify(null, statement, by.publicKey, Buffer.from(voucher.signature, 'base64'));
  } catch {
    return false;
  }
}
