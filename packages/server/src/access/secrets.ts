// Secrets that are shown once: API tokens, enrolment tokens, sessions, the first user's token.
//
// Invariant: a secret is 256 random bits, so a plain hash of it is enough to keep; nobody who reads
// the database can use what he finds.

import { createHash, randomBytes } from 'node:crypto';

/** What a secret begins with, so that people and scanners know it for what it is. */
const KINDS = {
  ...{ api: 'hla_', enrolment: 'hle_', setup: 'hls_', session: '' },
  // Kept as it is, sealed: both sides sign by it.
  webhook: 'hlw_',
} as const;

/** Letters of the random part that are shown afterwards. */
const SHOWN = 6;

export interface Secret {
  readonly secret: string;
  readonly prefix: string;
  readonly hash: Buffer;
}

export function newSecret(kind: keyof typeof KINDS): Secret {
  const secret = KINDS[kind] + randomBytes(32).toString('base64url');
  return { secret, prefix: secret.slice(0, KINDS[kind].length + SHOWN), hash: hashOf(secret) };
}

export function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** What a page has to send back with every act of a session: it cannot be told from the cookie. */
export function csrfTokenOf(session: string): string {
  return createHash('sha256').update(`csrf ${session}`).digest('base64url');
}
