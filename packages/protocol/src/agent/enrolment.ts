// How a host becomes known: one HTTPS request with a token, before it has a certificate.

import { type Static, Type } from 'typebox';
import { checkOf, name, nullable, oneOf, uuid } from './shape.js';

/** POST /agent/enrol */
export const EnrolmentAsked = Type.Object({
  /** The secret of an enrolment token. */
  token: name(),
  hostname: name(),
  machineId: nullable(name(64)),
  agentVersion: name(64),
  /** PKCS #10, PEM; its key never leaves the host. */
  request: Type.String({ minLength: 1, maxLength: 16_384 }),
});
export type EnrolmentAsked = Static<typeof EnrolmentAsked>;

export const Enrolled = Type.Object({
  host: uuid(),
  state: oneOf(['active', 'pending']),
  /** Certificates in PEM, the host's first. */
  chain: Type.String(),
  /** The authorities whose servers the agent trusts, in PEM. */
  authorities: Type.String(),
  /** The keys that orders are signed with, Ed25519, PEM. */
  keys: Type.Array(Type.Object({ id: name(64), publicKey: Type.String() })),
});
export type Enrolled = Static<typeof Enrolled>;

export const checkEnrolmentAsked = checkOf(EnrolmentAsked);
export const checkEnrolled = checkOf(Enrolled);
