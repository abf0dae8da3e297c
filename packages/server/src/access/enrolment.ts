// Enrolment tokens: what a host needs once, to become known.

import { randomUUID } from 'node:crypto';
import { HalflapError } from '@halflap/protocol';
import type { ClientBase } from 'pg';
import type { Redeem } from '../agents/enrol.js';
import { hashOf, newSecret } from './secrets.js';

export interface EnrolmentTokenAsked {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly needsApproval: boolean;
  readonly maxUses: number;
  readonly expiresInSeconds: number;
  readonly madeBy: string;
}

/** In a transaction of the home shard. @returns its id, and the secret, which is not kept. */
export async function makeEnrolmentToken(
  client: ClientBase,
  asked: EnrolmentTokenAsked,
): Promise<{ readonly id: string; readonly secret: string }> {
  const { secret, prefix, hash } = newSecret('enrolment');
  const id = randomUUID();
  await client.query(
    `insert into enrolment_tokens
       (id, name, prefix, hash, labels, needs_approval, max_uses, made_by, expires_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, now() + make_interval(secs => $9))`,
    [
      ...[id, asked.name, prefix, hash, JSON.stringify(asked.labels), asked.needsApproval],
      ...[asked.maxUses, asked.madeBy, asked.expiresInSeconds],
    ],
  );
  return { id, secret };
}

interface TokenRow {
  readonly id: string;
  readonly labels: Record<string, string>;
  readonly needs_approval: boolean;
  readonly uses: number;
  readonly max_uses: number;
  readonly is_revoked: boolean;
  readonly is_expired: boolean;
}

/**
 * Uses a token for a host, in a transaction of the home shard. The same host may use it again, at
 * any time, and it counts once.
 * @throws ENROLMENT_REFUSED with the reason.
 */
export const redeemEnrolmentToken: Redeem = async (client, { token, host }) => {
  const { rows } = await client.query<TokenRow>(
    `select id, labels, needs_approval, uses, max_uses, revoked_at is not null as is_revoked,
       expires_at <= now() as is_expired
     from enrolment_tokens where hash = $1 for update`,
    [hashOf(token)],
  );
  const [row] = rows;
  if (row === undefined) throw refused('the enrolment token is unknown');
  if (row.is_revoked) throw refused('the enrolment token was revoked');
  const { rowCount: uses } = await client.query(
    `insert into enrolment_uses (token_id, host_id) values ($1, $2) on conflict do nothing`,
    [row.id, host],
  );
  if (uses === 1) {
    if (row.is_expired) throw refused('the enrolment token has expired');
    if (row.uses >= row.max_uses) {
      throw refused(`the enrolment token was used ${row.uses} times, as often as it may be`);
    }
    await client.query('update enrolment_tokens set uses = uses + 1 where id = $1', [row.id]);
  }
  return { id: row.id, labels: row.labels, needsApproval: row.needs_approval };
};

function refused(message: string): HalflapError {
  return new HalflapError('ENROLMENT_REFUSED', message, {
    hint: 'make a new one: halflap tokens create',
  });
}
