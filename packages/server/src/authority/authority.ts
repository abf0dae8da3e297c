// The cluster's own authority: whom its servers and agents trust, and what orders are signed with.
//
// The keys are on the home shard, sealed (cluster-keys.ts); each server keeps them in memory, so
// that a home shard that is away keeps no agent from connecting, and looks for new ones every few
// seconds. While a key is replaced there are two:
//
//   authority   both are trusted, by servers and by agents that were told. Servers show
//               certificates of the old one until it is dropped; hosts get certificates of the new
//               one as soon as every server that runs has read it
//   orders      each order is signed with the newest key that its agent has said it knows

import type { Kept, OfferedKey, Trust } from '@halflap/protocol/agent';
import type { Queryable } from '../store/leases.js';
import type { Store } from '../store/store.js';
import { type HostCertificate, issueHost, issueServer, type Keys } from './certificates.js';
import { ensureKeys, KEY_COLUMNS, type KeyRow } from './cluster-keys.js';
import {
  type Keyring,
  newest,
  offeredRoots,
  openKeyring,
  type Root,
  signedBy,
  signerFor,
} from './keyring.js';
import { behind, forgetReading, noteReading, readReaders } from './readers.js';

export interface AuthorityOptions {
  /** SECRET_BYTES that only the servers of this cluster have. */
  readonly secret: Buffer;
  /** How long a host's certificate is good for; it is renewed at two thirds. */
  readonly hostCertificateDays: number;
  readonly clock: () => Date;
  /** The server that these keys are read for; without one nobody waits for this reader. */
  readonly server?: string;
}

/** Whom hosts are to trust. */
export type Offer = Pick<Trust, 'keys' | 'authorities'>;

/** Called when the keys have changed; does not fail. */
export type Follower = () => void | Promise<void>;

/** An endpoint's certificate outlasts any server's run; a server makes a new one when it starts. */
const SERVER_CERTIFICATE_DAYS = 825;

export class Authority {
  readonly #store: Store;
  readonly #options: AuthorityOptions;
  readonly #followers = new Set<Follower>();
  #ring: Keyring;
  /** What hosts' certificates are issued by. */
  #issuer: Root;
  #offer: Offer;
  #looking: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  /** @see openAuthority */
  constructor(store: Store, ring: Keyring, options: AuthorityOptions) {
    this.#store = store;
    this.#options = options;
    this.#ring = ring;
    this.#issuer = ring.roots[0];
    this.#offer = { keys: [...ring.chain], authorities: offeredRoots(ring) };
  }

  /** What the certificates of servers are from, in PEM. */
  get certificate(): string {
    return this.#ring.roots[0].certificate;
  }

  /** All that are trusted, in PEM. */
  get certificates(): string {
    return this.#ring.roots.map(({ certificate }) => certificate).join('\n');
  }

  /** Digests of all that are trusted. */
  get pins(): string[] {
    return this.#ring.roots.map(({ pin }) => pin);
  }

  /** By which an agent knows the authority before it has it. */
  async pin(): Promise<string> {
    return this.#ring.roots[0].pin;
  }

  /** What agents check orders with. */
  get orderKeys(): readonly OfferedKey[] {
    return this.#ring.chain.filter(({ isRetired }) => isRetired !== true);
  }

  /** The same, with those that vouched for them. */
  get keyChain(): readonly OfferedKey[] {
    return this.#ring.chain;
  }

  /**
   * What a host should trust that has kept this, and uses a certificate of `issuedBy`; null when it
   * is as it should be.
   */
  offerFor(kept: Kept, issuedBy: string): (Offer & { readonly renews: boolean }) | null {
    // Where a server has fallen behind, hosts get old certificates again, and keep new ones.
    const isNewest = this.#issuer.id === newest(this.#ring.roots).id;
    const renews = isNewest && issuedBy !== this.#issuer.pin;
    const keys = this.orderKeys.map(({ id }) => id);
    const isTold = isSame(kept.keys, keys) && isSame(kept.authorities, this.pins);
    return isTold && !renews ? null : { ...this.#offer, renews };
  }

  /** Whether a host has kept what this server has not read yet. */
  isBehind({ keys, authorities }: Kept): boolean {
    return [...keys, ...authorities].some((one) => !this.#ring.known.has(one));
  }

  /**
   * @param known what the host has said it knows; null when it has said nothing
   * @returns key id and signature, Ed25519, base64.
   */
  signOrder(
    text: string,
    known: readonly string[] | null = null,
  ): { readonly key: string; readonly signature: string } {
    const signer = signerFor(this.#ring, known);
    return { key: signer.id, signature: signedBy(signer, text) };
  }

  async issueHost(id: string, request: string): Promise<HostCertificate> {
    const { hostCertificateDays: days, clock } = this.#options;
    return issueHost(this.#issuer, { id, request, days }, clock());
  }

  issueServer(names: readonly string[]): Promise<Keys> {
    const days = SERVER_CERTIFICATE_DAYS;
    return issueServer(this.#ring.roots[0], { names, days }, this.#options.clock());
  }

  /** Calls whenever the keys, or what issues certificates, have changed. @returns the end. */
  follow(call: Follower): () => void {
    this.#followers.add(call);
    return () => this.#followers.delete(call);
  }

  /**
   * Reads the keys anew, and notes that this server has; by then all who follow have them. One look
   * at a time: calls during one share the next.
   * @throws what the home shard does when it is away: the keys stay as they are.
   */
  refresh(): Promise<void> {
    if (this.#looking !== undefined) {
      this.#next ??= this.#looking
        .catch(() => {})
        .then(() => {
          this.#next = undefined;
          return this.refresh();
        });
      return this.#next;
    }
    this.#looking = this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** This server ends: nobody waits for it to read a key. */
  async leave(): Promise<void> {
    const { server } = this.#options;
    // It would note the reading once more.
    await (this.#next ?? this.#looking)?.catch(() => {});
    if (server !== undefined) await forgetReading(this.#store.home, server);
  }

  async #look(): Promise<void> {
    const { server, secret } = this.#options;
    const home: Queryable = {
      query: (sql, values) => this.#store.home.query(sql, values, { timeoutMs: ANSWER_MS }),
    };
    const { rows } = await home.query<KeyRow>(`select ${KEY_COLUMNS} from cluster_keys`, []);
    const ring = await openKeyring(rows, secret);
    if (server !== undefined) await noteReading(home, server, ring.inUse);
    const last = newest(ring.roots);
    const late = behind(await readReaders(home), last.id);
    const issuer = late.length === 0 ? last : ring.roots[0];
    const isSameRing = isSame(ring.inUse, this.#ring.inUse);
    if (isSameRing && issuer.id === this.#issuer.id) return;
    this.#ring = ring;
    this.#issuer = issuer;
    this.#offer = { keys: [...ring.chain], authorities: offeredRoots(ring) };
    await Promise.all([...this.#followers].map((call) => call()));
  }
}

/** How long the home shard is waited for. */
const ANSWER_MS = 5000;

/**
 * The authority of the store's cluster, made when there is none.
 * @throws CONFIG_INVALID when the servers' secret is not the one that it was made with.
 */
export async function openAuthority(store: Store, options: AuthorityOptions): Promise<Authority> {
  const rows = await store.home.transaction((client) => ensureKeys(client, options));
  const authority = new Authority(store, await openKeyring(rows, options.secret), options);
  await authority.refresh();
  return authority;
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((each) => other.includes(each));
}
