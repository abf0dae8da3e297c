// How a host hears whom to trust once keys have been replaced: by its authenticated session, and
// only as far as a key of orders that it knows vouches for what is new. A server that was taken
// over without those keys can name neither keys nor authorities of its own.

import { type Static, Type } from 'typebox';
import { count, name, nullable } from './shape.js';

const Voucher = Type.Object({ by: name(64), signature: name(256) });

/** A key of orders, as a server names it. */
export const OfferedKey = Type.Object({
  id: name(64),
  publicKey: Type.String({ maxLength: 1024 }),
  /** `keyStatement` as signed (Ed25519, base64) by the key before it. */
  voucher: Type.Optional(Voucher),
  /** Signs no more: told because it vouches for one that follows. */
  isRetired: Type.Optional(Type.Boolean()),
});
export type OfferedKey = Static<typeof OfferedKey>;

/** As many keys as one message names: the latest, in the order in which they follow each other. */
export const MOST_KEYS = 16;

/** An authority, as a server names it. */
export const OfferedAuthority = Type.Object({
  /** PEM. */
  certificate: Type.String({ maxLength: 8192 }),
  /** `authorityStatement` as signed by a key of orders. */
  voucher: Voucher,
});
export type OfferedAuthority = Static<typeof OfferedAuthority>;

/**
 * Whom the host trusts from now on: what it knows and is not named it drops. Answered by `trusts`
 * once that is kept.
 */
export const Trust = Type.Object({
  type: Type.Literal('trust'),
  keys: Type.Array(OfferedKey, { maxItems: MOST_KEYS }),
  authorities: Type.Array(OfferedAuthority, { maxItems: 4 }),
  /** The host asks for a new certificate within this time; null: when it would anyway. */
  renewWithinSeconds: nullable(count(86_400)),
});
export type Trust = Static<typeof Trust>;

/** SHA-256, `sha256:` and hexadecimal digits in lower case. */
const digest = () => Type.String({ pattern: '^sha256:[0-9a-f]{64}$' });

/** What a host has kept. */
export const Kept = Type.Object({
  /** Ids of keys of orders. */
  keys: Type.Array(Type.String({ pattern: '^[!-~]{1,64}$' }), { maxItems: MOST_KEYS }),
  /** Digests of authorities (DER). */
  authorities: Type.Array(digest(), { maxItems: 16 }),
  /** The digest of its certificate (DER), which it uses from its next connection on. */
  certificate: digest(),
});
export type Kept = Static<typeof Kept>;

/** Said after each `trust` and `certificate`. */
export const Trusts = Type.Object({ type: Type.Literal('trusts'), kept: Kept });
export type Trusts = Static<typeof Trusts>;

/** What a key of orders signs to vouch for the one that follows it. */
export function keyStatement(key: { readonly id: string; readonly publicKey: string }): string {
  return `halflap order key ${key.id}\n${key.publicKey}`;
}

/** What a key of orders signs to vouch for an authority. @param pin its digest, `sha256:…` */
export function authorityStatement(pin: string): string {
  return `halflap authority ${pin}`;
}
