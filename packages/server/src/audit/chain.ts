// The audit log: who did what, in one order, each entry with a hash over the one before.
//
// Invariant: an entry is added by whoever holds the head's row until his transaction ends, so there
// is one order and no gap; an act of the home shard and its entry commit together. Whoever changes
// or removes an entry breaks the chain there. What the chain does not protect against: somebody who
// can write all of the table, and computes the hashes anew from there on. He is found out only by a
// head that was noted elsewhere; so every server logs the head with each entry that it adds.

import { createHash } from 'node:crypto';
import type { ClientBase } from 'pg';

export const OUTCOMES = ['intended', 'done', 'refused', 'failed'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** What happened, as its author tells it. */
export interface AuditNote {
  /** For people: the name of a user, of a user's token. */
  readonly actor: string;
  readonly actorId: string;
  readonly address: string;
  /** The id of the request. */
  readonly request: string;
  readonly act: string;
  readonly target: string;
  readonly outcome: Outcome;
  readonly detail: object;
}

/** One entry, as it is kept. */
export interface AuditRow {
  /** As the driver gives an int8. */
  readonly number: string;
  readonly at: Date;
  readonly actor: string;
  readonly actor_id: string;
  readonly address: string;
  readonly request: string;
  readonly act: string;
  readonly target: string;
  readonly outcome: Outcome;
  readonly detail: string;
  readonly hash: Buffer;
}

export const AUDIT_COLUMNS =
  'number, at, actor, actor_id, address, request, act, target, outcome, detail, hash';

/** The hash before the first entry. */
export const NO_HASH = Buffer.alloc(32);

/** Over the hash before and the canonical text of the entry: a JSON array in this order. */
export function entryHash(before: Buffer, row: Omit<AuditRow, 'hash'>): Buffer {
  const text = JSON.stringify([
    before.toString('hex'),
    row.number,
    row.at.toISOString(),
    row.actor,
    row.actor_id,
    row.address,
    row.request,
    row.act,
    row.target,
    row.outcome,
    row.detail,
  ]);
  return createHash('sha256').update(text).digest();
}

export interface Head {
  readonly number: string;
  readonly hash: Buffer;
}

/**
 * Adds an entry, last in a transaction of the home shard: until that ends nobody else can.
 * @returns the head that there is then.
 */
export async function appendAudit(client: ClientBase, note: AuditNote): Promise<Head> {
  const { rows } = await client.query<{ number: string; hash: Buffer; at: Date }>(
    `insert into audit_head (number, hash) values (0, $1)
     on conflict (id) do update set number = audit_head.number
     returning number, hash, date_trunc('milliseconds', clock_timestamp()) as at`,
    [NO_HASH],
  );
  const [head] = rows;
  if (head === undefined) throw new Error('the head of the audit log has no row');
  const number = String(BigInt(head.number) + 1n);
  const row = {
    ...{
      number,
      at: head.at,
      actor: plain(note.actor, MOST_OF_NAME),
      actor_id: plain(note.actorId),
    },
    ...{ address: plain(note.address), request: note.request, act: note.act },
    ...{
      target: plain(note.target, MOST_OF_NAME),
      outcome: note.outcome,
      detail: detailText(note.detail),
    },
  };
  const hash = entryHash(head.hash, row);
  await client.query(
    `insert into audit_entries (${AUDIT_COLUMNS})
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    [
      ...[row.number, row.at, row.actor, row.actor_id, row.address, row.request],
      ...[row.act, row.target, row.outcome, row.detail, hash],
    ],
  );
  await client.query('update audit_head set number = $1, hash = $2', [number, hash]);
  return { number, hash };
}

const MOST_LETTERS = 8192;
/** Of what has an index, whose entries may not be longer than a third of a page. */
const MOST_OF_NAME = 512;

function detailText(detail: object): string {
  const text = plain(JSON.stringify(detail));
  return text.length < MOST_LETTERS ? text : '{"omitted":"too long"}';
}

/** What PostgreSQL keeps as it is: no zero byte, no half of a pair of surrogates, not endless. */
function plain(text: string, most = MOST_LETTERS): string {
  return Buffer.from(text.slice(0, most)).toString('utf8').replaceAll('\0', '');
}
