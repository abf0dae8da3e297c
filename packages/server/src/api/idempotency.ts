// Requests that are repeated with their key: the first is carried out, the others get its answer.
//
// Invariant: a key of a caller stands for one request, for a day. The key itself is not kept, only
// its hash; and the answer, which may hold a secret that is shown once, is sealed with the key. So
// whoever reads the table learns neither.

import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { HalflapError } from '@halflap/protocol';
import type { ClientBase } from 'pg';

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
  return { answer: unseal(claim, row.answer) };
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
    seal(claim, answer),
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

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Nonce, tag, text. */
function seal(claim: Claim, answer: unknown): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, sealingKey(claim), nonce);
  const text = Buffer.from(JSON.stringify(answer ?? null));
  const sealed = Buffer.concat([cipher.update(text), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
}

function unseal(claim: Claim, sealed: Buffer): unknown {
  const decipher = createDecipheriv(CIPHER, sealingKey(claim), sealed.subarray(0, NONCE_BYTES));
  decipher.setAuthTag(sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  const text = Buffer.concat([
    decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES)),
    decipher.final(),
  ]);
  return (JSON.parse(text.toString('utf8')) as unknown) ?? undefined;
}

function sealingKey({ key, caller }: Claim): Buffer {
  return Buffer.from(hkdfSync('sha256', key, caller, 'halflap answer', 32));
}

function conflict(message: string, hint: string): HalflapError {
  return new HalflapError('API_CONFLICT', message, { hint });
}
