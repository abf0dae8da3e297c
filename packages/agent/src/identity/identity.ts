// Who a host is, as its agent keeps it: what enrolment answered, and what came since.

import { HalflapError } from '@halflap/protocol';
import { type Checked, checkOf } from '@halflap/protocol/agent';
import { type Static, Type } from 'typebox';

/** A key that orders are signed with: Ed25519, PEM. */
export const OrderKey = Type.Object({ id: Type.String(), publicKey: Type.String() });
export type OrderKey = Readonly<Static<typeof OrderKey>>;

export const Identity = Type.Object({
  format: Type.Literal(1),
  host: Type.String(),
  /** The request that its certificates are asked for with. */
  request: Type.String(),
  /** Certificates in PEM, the host's first. */
  chain: Type.String(),
  /** The authorities whose servers are trusted, in PEM. */
  authorities: Type.String(),
  /** Digests of authorities that it trusted before, or was enrolled by: what a unit still names. */
  formerAuthorities: Type.Optional(Type.Array(Type.String())),
  keys: Type.Array(OrderKey),
  /** Why the servers know it no more, in their words; null while they do. */
  revoked: Type.Union([Type.Object({ at: Type.String(), detail: Type.String() }), Type.Null()]),
});
export type Identity = Readonly<Static<typeof Identity>>;

const checkIdentity = checkOf(Identity);

/** @throws AGENT_STATE_INVALID, naming the file. */
export function readIdentity(text: string, file: string): Identity {
  const checked = parsed(text);
  if (checked.ok) return checked.value;
  const why = checked.problems.join('; ');
  throw new HalflapError('AGENT_STATE_INVALID', `${file} is damaged: ${why}`, {
    detail: { file },
    hint: `restore it, or take it away and enrol again: halflap agent --enrol TOKEN`,
  });
}

function parsed(text: string): Checked<Identity> {
  try {
    return checkIdentity(JSON.parse(text));
  } catch (error) {
    return { ok: false, problems: [(error as Error).message] };
  }
}
