// Whom a host trusts after an offer of a server: what it knew before, and what a key of orders that
// it knew vouches for, one after the other. Pure.

import { createHash, verify, X509Certificate } from 'node:crypto';
import {
  authorityStatement,
  keyStatement,
  type OfferedAuthority,
  type OfferedKey,
} from '@halflap/protocol/agent';
import type { OrderKey } from './identity.js';

/** What is taken of an offer, and what nobody who is known vouches for. */
export interface Believed<One> {
  readonly taken: readonly One[];
  readonly strangers: readonly string[];
}

/**
 * Offered keys come in the order in which they follow each other: a host that was away for some
 * changes gets from the key that it knows to the present one.
 */
export function believedKeys(
  known: readonly OrderKey[],
  offered: readonly OfferedKey[],
): Believed<OrderKey> {
  const believed = [...known];
  const taken: OrderKey[] = [];
  const strangers: string[] = [];
  for (const one of offered) {
    const { id, publicKey, isRetired = false } = one;
    if (!isVouched(believed, one)) {
      // Of what was before its time a host knows nothing, and needs nothing.
      if (!isRetired) strangers.push(id);
      continue;
    }
    believed.push({ id, publicKey });
    if (!isRetired) taken.push({ id, publicKey });
  }
  return { taken, strangers };
}

/** Authorities in PEM. @param keys of orders, after the same offer */
export function believedAuthorities(
  known: string,
  offered: readonly OfferedAuthority[],
  keys: readonly OrderKey[],
): Believed<string> {
  const before = new Set(certificatesOf(known).map(pinOf));
  const taken: string[] = [];
  const strangers: string[] = [];
  for (const { certificate, voucher } of offered) {
    const pin = pinOf(certificate);
    if (pin === null) strangers.push('what is no certificate');
    else if (before.has(pin) || isSigned(authorityStatement(pin), voucher, keys)) {
      taken.push(certificate);
    } else strangers.push(pin);
  }
  return { taken, strangers };
}

/** The certificates that a text in PEM has. */
export function certificatesOf(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}

/** The digest of the first certificate of a text in PEM, `sha256:…`; null for what is none. */
export function pinOf(pem: string): string | null {
  try {
    const { raw } = new X509Certificate(pem);
    return `sha256:${createHash('sha256').update(raw).digest('hex')}`;
  } catch {
    return null;
  }
}

function isVouched(known: readonly OrderKey[], offered: OfferedKey): boolean {
  const same = known.find(({ id }) => id === offered.id);
  if (same !== undefined) return same.publicKey === offered.publicKey;
  return isSigned(keyStatement(offered), offered.voucher, known);
}

function isSigned(
  statement: string,
  voucher: OfferedKey['voucher'],
  keys: readonly OrderKey[],
): boolean {
  const by = keys.find(({ id }) => id === voucher?.by);
  if (voucher === undefined || by === undefined) return false;
  try {
    const signature = Buffer.from(voucher.signature, 'base64');
    return verify(null, Buffer.from(statement), by.publicKey, signature);
  } catch {
    return false;
  }
}
