// The cluster's keys as a server holds them in memory, ready to be used. Pure, but for the opening
// of what is sealed.

import {
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign,
  X509Certificate,
} from 'node:crypto';
import { HalflapError } from '@halflap/protocol';
import {
  authorityStatement,
  MOST_KEYS,
  type OfferedAuthority,
  type OfferedKey,
} from '@halflap/protocol/agent';
import { type Keys, pinOf } from './certificates.js';
import { inOrder, inUse, type KeyRow, unsealed } from './cluster-keys.js';

/** An authority that is in use. */
export interface Root extends Keys {
  readonly id: string;
  readonly pin: string;
}

interface Signer {
  readonly id: string;
  readonly privateKey: KeyObject;
}

export interface Keyring {
  /** One, or two while one is being replaced: the older one first. */
  readonly roots: readonly [Root, ...Root[]];
  /** The same of keys of orders. */
  readonly signers: readonly [Signer, ...Signer[]];
  /** The latest keys of orders in their order, with those that are retired. */
  readonly chain: readonly OfferedKey[];
  /** Digests and ids of all that there ever were. */
  readonly known: ReadonlySet<string>;
  /** Ids of all that are in use. */
  readonly inUse: readonly string[];
}

/**
 * @throws CONFIG_INVALID when the servers' secret is not the one that they were sealed with, or a
 * public half is another's.
 */
export async function openKeyring(rows: readonly KeyRow[], secret: Buffer): Promise<Keyring> {
  const pins = await Promise.all(inOrder(rows, 'authority').map((row) => pinOf(row.public_part)));
  const roots = await Promise.all(
    inUse(rows, 'authority').map(async (row) => {
      const privateKey = unsealed(row, secret);
      assertPair(row, new X509Certificate(row.public_part).publicKey, privateKey);
      const pin = await pinOf(row.public_part);
      return { id: row.id, pin, certificate: row.public_part, privateKey };
    }),
  );
  const signers = inUse(rows, 'orders').map((row) => {
    const privateKey = unsealed(row, secret);
    assertPair(row, createPublicKey(row.public_part), privateKey);
    return { id: row.id, privateKey: createPrivateKey(privateKey) };
  });
  const orders = inOrder(rows, 'orders').map(offeredOf);
  return {
    roots: some(roots, 'authority'),
    signers: some(signers, 'orders'),
    chain: orders.slice(-MOST_KEYS),
    known: new Set([...pins, ...orders.map(({ id }) => id)]),
    inUse: [...roots, ...signers].map(({ id }) => id),
  };
}

/**
 * Whoever can write the database, and has no secret, could put a public half of his own beside what
 * is sealed. @throws CONFIG_INVALID
 */
function assertPair({ kind }: KeyRow, publicKey: KeyObject, privateKey: string): void {
  if (publicKey.equals(createPublicKey(privateKey))) return;
  throw new HalflapError('CONFIG_INVALID', `the public half of the ${kind} key is not its own`, {
    hint: 'somebody has changed cluster_keys on the home shard: restore the row from a backup',
  });
}

function offeredOf({ id, public_part, follows, voucher, retired_at }: KeyRow): OfferedKey {
  return {
    ...{ id, publicKey: public_part },
    ...(follows === null || voucher === null
      ? {}
      : { voucher: { by: follows, signature: voucher } }),
    ...(retired_at === null ? {} : { isRetired: true }),
  };
}

/** The authorities, each vouched for by the newest key of orders: a host takes the keys first. */
export function offeredRoots({ roots, signers }: Keyring): OfferedAuthority[] {
  const signer = newest(signers);
  return roots.map(({ certificate, pin }) => {
    const signature = signedBy(signer, authorityStatement(pin));
    return { certificate, voucher: { by: signer.id, signature } };
  });
}

/** Ed25519, base64. */
export function signedBy({ privateKey }: Signer, text: string): string {
  return sign(null, Buffer.from(text), privateKey).toString('base64');
}

/**
 * The newest key that a host knows. A host that does not say what it knows was enrolled before the
 * newest one was made, or knows both; one that knows none of them has just been told.
 */
export function signerFor({ signers }: Keyring, known: readonly string[] | null): Signer {
  if (known === null) return signers[0];
  return signers.findLast(({ id }) => known.includes(id)) ?? newest(signers);
}

export function newest<One>(all: readonly [One, ...One[]]): One {
  return all.at(-1) ?? all[0];
}

function some<One>(all: readonly One[], kind: string): readonly [One, ...One[]] {
  const [first, ...others] = all;
  if (first === undefined) throw new Error(`the cluster has no ${kind} key`);
  return [first, ...others];
}
