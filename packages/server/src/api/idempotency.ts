// Requests that are repeated with their key: the first is carried out, the others get its answer.
//
// Invariant: a key of a caller stands for one request, for a day. The key itself is not kept, only
// its hash; and the answer, which may hold a secret that is shown once, is sealed with the key. So
// whoever reads the table learns neither.

import { createHash, hkdfSync } from 'node:crypto';
import { HalflapError } from '@halflap/protocol';
import type { ClientBase } from 'pg';
import { SECRET_BYTES, seal, unseal } from '../authority/sealing.js';

export interface Claim {
  readonly key: string;
  readonly caller: string;
  /** Method, address and body: what the key stands for. */
  readonly what: string;
}

/** How long a key is known. */
const KEPT = '1 day';

/**
 * Takes the key for this request; or gives the answer that it has already. Waits for another
 * request with the same key whose transaction is open. Without a claim it does nothing.
 * @throws API_CONFLICT when the key stands for another request, or for one that has not ended.
 */
export async function claimKey(
  client: ClientBase,
  claim: Claim | undefined,
): Promise<{ readonly answer: unknown } | undefined> {
  if (claim === undefined) return undefined;
  const id = idOf(claim);
  await client.query(
    `delete from api_requests where made_at < now() - interval '${KEPT}'
       and id in (select id from api_requests where made_at < now() - interval '${KEPT}'
         order by made_at limit 100 for update skip locked)`,
  );
  const { rowCount } = await client.query(
    `insert into api_requests (id, request_hash) values ($1, $2) on conflict (id) do nothing`,
    [id, hash(claim.what)],
  );
  if (rowCount === 1) return undefined;
  const { rows } = await client.query<{ request_hash: Buffer; answer: Buffer | null }>(
    `select request_hash, answer from api_requests where id = $1`,
    [id],
  );
  const [row] = rows;
  if (row === undefined || !row.request_hash.equals(hash(claim.what))) {
    throw conflict('this key was used for another request', 'use a new key for a new request');
  }
  if (row.answer === null) {
    throw conflict(
      'the first request with this key has not ended, or its server died over it',
      'look whether it took effect; then repeat it with a new key if it has not',
    );
  }
  const answer = JSON.parse(unseal(sealingKey(claim), PURPOSE, row.answer)) as unknown;
  return { answer: answer ?? undefined };
}

/** Keeps what the request is answered with. */
export async function keepAnswer(
  client: ClientBase,
  claim: Claim | undefined,
  answer: unknown,
): Promise<void> {
  if (claim === undefined) return;
  await client.query(`update api_requests set answer = $2 where id = $1`, [
    idOf(claim),
    seal(sealingKey(claim), PURPOSE, JSON.stringify(answer ?? null)),
  ]);
}

/** The request was refused: its key is free again. */
export async function forgetClaim(client: ClientBase, claim: Claim | undefined): Promise<void> {
  if (claim === undefined) return;
  await client.query(`delete from api_requests where id = $1 and answer is null`, [idOf(claim)]);
}

function idOf({ caller, key }: Claim): Buffer {
  return hash(JSON.stringify([caller, key]));
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** 256 bits that only who has the key can find again (RFC 5869). */
function sealingKey({ key, caller }: Claim): Buffer {
  return Buffer.from(hkdfSync('sha256', key, caller, PURPOSE, SECRET_BYTES));
}

const PURPOSE = 'answer of a request';

function conflict(message: string, hint: string): HalflapError {
  return new HalflapError('API_CONFLICT', message, { hint });
}
