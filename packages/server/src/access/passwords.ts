// Passwords: kept as Argon2id (RFC 9106), compared in the same time whether there is such a user.

import { type Algorithm, hash, verify } from '@node-rs/argon2';
import { Type } from 'typebox';

/** NIST SP 800-63B, section 3.1.1.2: length is what counts; no rules about kinds of letters. */
export const NewPassword = Type.String({ minLength: 12, maxLength: 256 });
/** Whatever is tried. */
export const TriedPassword = Type.String({ minLength: 1, maxLength: 256 });

/** OWASP's Password Storage Cheat Sheet, 2026: 19 MiB, two passes, one lane. */
const COST = {
  algorithm: 2 satisfies Algorithm.Argon2id,
  memoryCost: 19_456,
  timeCost: 2,
  parallelism: 1,
} as const;

export function hashPassword(password: string): Promise<string> {
  return hash(password, COST);
}

/** Of no user at all, made once per process. */
let nobodys: Promise<string> | undefined;

/** @param kept null for nobody, which takes as long as for somebody, and is never right. */
export async function isPassword(kept: string | null, tried: string): Promise<boolean> {
  nobodys ??= hashPassword('of nobody');
  const isRight = await verify(kept ?? (await nobodys), tried);
  return kept !== null && isRight;
}
