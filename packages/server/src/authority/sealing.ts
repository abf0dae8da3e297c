// How the cluster's private keys lie in the database: sealed by a key that only its servers have,
// in a file. Whoever reads the database, or a backup of it, can neither issue a certificate nor
// sign an order.

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { HalflapError } from '@halflap/protocol';

/** Bytes of the servers' secret. */
export const SECRET_BYTES = 32;

const CIPHER = 'aes-256-gcm';
/** Bytes of nonce and tag (NIST SP 800-38D, sections 8.2.2 and 5.2.1.2). */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** @param purpose what it is the secret of: another purpose does not open it */
export function seal(secret: Buffer, purpose: string, text: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, checked(secret), nonce);
  cipher.setAAD(Buffer.from(purpose));
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
}

/** @throws CONFIG_INVALID when it was sealed with another secret, or changed since. */
export function unseal(secret: Buffer, purpose: string, sealed: Buffer): string {
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const tag = sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
  try {
    const decipher = createDecipheriv(CIPHER, checked(secret), nonce);
    decipher.setAAD(Buffer.from(purpose));
    decipher.setAuthTag(tag);
    const open = [decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()];
    return Buffer.concat(open).toString('utf8');
  } catch (cause) {
    throw new HalflapError('CONFIG_INVALID', `the ${purpose} does not open with this secret`, {
      hint: 'give this server the secret file that the other servers of the cluster have',
      cause,
    });
  }
}

function checked(secret: Buffer): Buffer {
  if (secret.length === SECRET_BYTES) return secret;
  throw new HalflapError(
    'CONFIG_INVALID',
    `the servers' secret has ${secret.length} bytes, not ${SECRET_BYTES}`,
    { hint: `make one: head -c ${SECRET_BYTES} /dev/urandom > secret` },
  );
}
