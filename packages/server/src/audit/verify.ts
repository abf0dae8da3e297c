// Whether the audit log is what was written: every hash anew, from the first entry to the head.

import type { ClientBase } from 'pg';
import { AUDIT_COLUMNS, type AuditRow, entryHash, type Head, NO_HASH } from './chain.js';

export interface Verified {
  readonly ok: boolean;
  /** Entries that are as they were written, from the first on. */
  readonly entries: number;
  /** The number of the first that is not, and what is wrong with it. */
  readonly broken: { readonly number: string; readonly reason: string } | null;
  /** The last that is right: to be compared with one that was noted elsewhere. */
  readonly head: { readonly number: string; readonly hash: string };
}

/** Entries read at a time. */
const BATCH = 1000;

/** Reads the whole log in one snapshot: give it a transaction that is repeatable read. */
export async function verifyAudit(client: ClientBase, signal?: AbortSignal): Promise<Verified> {
  return verifyFrom(client, { number: '0', hash: NO_HASH }, signal);
}

/**
 * The same of the last entries alone: quick, however long the log is. What was changed before them
 * is not found.
 */
export async function verifyAuditEnd(client: ClientBase, entries: number): Promise<Verified> {
  const { rows } = await client.query<Head>(
    `select e.number, e.hash
     from audit_head h
     join audit_entries e on e.number = h.number - $1::bigint`,
    [entries],
  );
  return verifyFrom(client, rows[0] ?? { number: '0', hash: NO_HASH });
}

async function verifyFrom(
  client: ClientBase,
  start: Head,
  signal?: AbortSignal,
): Promise<Verified> {
  let head = start;
  for (;;) {
    signal?.throwIfAborted();
    const { rows } = await client.query<AuditRow>(
      `select ${AUDIT_COLUMNS} from audit_entries e
       where e.number > $1::bigint order by e.number limit ${BATCH}`,
      [head.number],
    );
    for (const row of rows) {
      const reason = faultOf(head, row);
      if (reason !== null) return found(head, { number: next(head), reason });
      head = { number: row.number, hash: row.hash };
    }
    if (rows.length < BATCH) break;
  }
  return found(head, await faultOfHead(client, head));
}

function faultOf(before: Head, row: AuditRow): string | null {
  if (row.number !== next(before)) return `it is missing; the next is entry ${row.number}`;
  const isRight = entryHash(before.hash, row).equals(row.hash);
  return isRight ? null : 'its hash is not that of its text and of the entry before';
}

/** Entries that were cut off the end are told by the head, which is kept beside them. */
async function faultOfHead(client: ClientBase, last: Head) {
  const { rows } = await client.query<Head>('select number, hash from audit_head');
  const head = rows[0] ?? { number: '0', hash: NO_HASH };
  if (head.number === last.number && head.hash.equals(last.hash)) return null;
  return { number: next(last), reason: `the head is entry ${head.number}, which is not the last` };
}

function found(head: Head, broken: Verified['broken']): Verified {
  return {
    ok: broken === null,
    entries: Number(head.number),
    broken,
    head: { number: head.number, hash: head.hash.toString('hex') },
  };
}

function next({ number }: Head): string {
  return String(BigInt(number) + 1n);
}
