// The cluster's keys as the home shard has them, and what happens to them.
//
//   first ──────────────► in use ──rotate──► in use, with the next one ──retire──► retired
//                           ▲                       │ the next one
//                           └───────────────────────┘
//
// Invariants: of each kind there is one chain, without forks (`follows`), with one or two keys at
// its end that are not retired. Each change is one transaction of the home shard, so whoever is
// stopped has done it or not, and whoever asks again goes on from there.

import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { keyStatement } from '@halflap/protocol/agent';
import type { ClientBase } from 'pg';
import { createAuthority } from './certificates.js';
import { seal, unseal } from './sealing.js';

export type KeyKind = 'authority' | 'orders';

export type KeyRow = {
  readonly id: string;
  readonly kind: KeyKind;
  readonly public_part: string;
  readonly sealed: Buffer;
  readonly created_at: Date;
  readonly follows: string | null;
  readonly voucher: string | null;
  readonly retired_at: Date | null;
};

export interface KeyOptions {
  /** SECRET_BYTES that only the servers of this cluster have. */
  readonly secret: Buffer;
  readonly clock: () => Date;
}

export const KEY_COLUMNS =
  'id, kind, public_part, sealed, created_at, follows, voucher, retired_at';

/** Makes the first key of each kind where there is none. @returns all keys. */
export async function ensureKeys(client: ClientBase, options: KeyOptions): Promise<KeyRow[]> {
  const found = await readLocked(client);
  if (found.length > 0) return found;
  for (const kind of ['authority', 'orders'] as const) {
    await keep(client, { kind, ...(await newKey(kind, options)), follows: null }, options);
  }
  return readLocked(client);
}

/** What became of a change: the key, and whether it is this call that did it. */
export interface KeyChanged {
  readonly id: string;
  readonly isDone: boolean;
}

/** Makes the next key of a kind; while there are two already, it is the newer one. */
export async function rotateKey(
  client: ClientBase,
  kind: KeyKind,
  options: KeyOptions,
): Promise<KeyChanged> {
  const [old, next] = inUse(await readLocked(client), kind);
  if (old === undefined) throw new Error(`the cluster has no ${kind} key`);
  if (next !== undefined) return { id: next.id, isDone: false };
  const id = randomUUID();
  const made = await newKey(kind, options);
  const statement = Buffer.from(keyStatement({ id, publicKey: made.publicPart }));
  const voucher =
    kind === 'orders'
      ? sign(null, statement, unsealed(old, options.secret)).toString('base64')
      : null;
  await keep(client, { id, kind, ...made, follows: old.id, voucher }, options);
  return { id, isDone: true };
}

/** The older of two keys, and the one that is left without it; null while there is one only. */
export async function retiring(
  client: ClientBase,
  kind: KeyKind,
): Promise<{ readonly old: KeyRow; readonly next: KeyRow } | null> {
  const [old, next] = inUse(await readLocked(client), kind);
  return old === undefined || next === undefined ? null : { old, next };
}

/** Gives a key up for good: its private half is gone with that. */
export async function retireKey(client: ClientBase, id: string, now: Date): Promise<void> {
  await client.query(`update cluster_keys set retired_at = $2, sealed = '' where id = $1`, [
    id,
    now,
  ]);
}

/** All of a kind, each before the one that follows it. */
export function inOrder(rows: readonly KeyRow[], kind: KeyKind): KeyRow[] {
  const ofKind = rows.filter((one) => one.kind === kind);
  const ordered: KeyRow[] = [];
  let next = ofKind.find(({ follows }) => follows === null);
  while (next !== undefined) {
    const { id } = next;
    ordered.push(next);
    next = ofKind.find(({ follows }) => follows === id);
  }
  return ordered;
}

/** Those that are not retired, the older one first. */
export function inUse(rows: readonly KeyRow[], kind: KeyKind): KeyRow[] {
  return inOrder(rows, kind).filter(({ retired_at }) => retired_at === null);
}

/** The private half, PEM. @throws CONFIG_INVALID when it was sealed with another secret. */
export function unsealed({ kind, sealed }: KeyRow, secret: Buffer): string {
  return unseal(secret, `${kind} key`, sealed);
}

/** Under a lock, so that nobody else makes or retires keys until the transaction ends. */
async function readLocked(client: ClientBase): Promise<KeyRow[]> {
  await client.query('lock table cluster_keys in exclusive mode');
  return (await client.query<KeyRow>(`select ${KEY_COLUMNS} from cluster_keys`)).rows;
}

interface Made {
  readonly privateKey: string;
  readonly publicPart: string;
}

async function newKey(kind: KeyKind, { clock }: KeyOptions): Promise<Made> {
  if (kind === 'authority') {
    const { privateKey, certificate } = await createAuthority(clock());
    return { privateKey, publicPart: certificate };
  }
  const { privateKey, publicKey } = generateKeyPairSync('ed25519', {
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return { privateKey, publicPart: publicKey };
}

interface Kept extends Made {
  readonly id?: string;
  readonly kind: KeyKind;
  readonly follows: string | null;
  readonly voucher?: string | null;
}

async function keep(client: ClientBase, made: Kept, { secret, clock }: KeyOptions): Promise<void> {
  const { id = randomUUID(), kind, publicPart, privateKey, follows, voucher = null } = made;
  const sealed = seal(secret, `${kind} key`, privateKey);
  await client.query(
    `insert into cluster_keys (id, kind, public_part, sealed, created_at, follows, voucher)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [id, kind, publicPart, sealed, clock(), follows, voucher],
  );
}
