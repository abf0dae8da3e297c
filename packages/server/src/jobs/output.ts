// What runs write: pieces in their order, each kept once, up to the limit of the run. From the
// first that does not fit on nothing is kept, so that there is no hole; it is counted and said.

import type { OUTPUT_STREAMS, Output } from '@halflap/protocol/agent';
import type { ClientBase } from 'pg';
import type { Present } from '../agents/presence.js';
import type { Store } from '../store/store.js';
import { textOf } from './results.js';
import { type RunState, runIdOf } from './run.js';

/**
 * Keeps a piece. One that has come before is known by its number.
 * @returns below which number all have come, as the agent is told; null for an old session. A run
 * that nobody knows here has no more to say: all have come.
 */
export async function keepOutput(
  client: ClientBase,
  session: Present,
  { run, number, stream, text }: Output,
): Promise<number | null> {
  const piece = { run, number, stream, bytes: Buffer.from(textOf(text)) };
  return (await keepWhole(client, session, piece)) ? number + 1 : keepPart(client, session, piece);
}

interface Come extends Pick<Output, 'run' | 'number' | 'stream'> {
  readonly bytes: Buffer;
}

/** Nearly all pieces are new and fit. @returns whether this one did. */
async function keepWhole(client: ClientBase, { host, fence }: Present, piece: Come) {
  const { run, number, stream, bytes } = piece;
  const { rowCount } = await client.query(
    `with kept as (
       update job_runs as r
       set output_next = $4::int + 1, output_kept_bytes = r.output_kept_bytes + $7::int
       from hosts as h
       where r.id = $1 and r.host_id = $2 and h.id = r.host_id and h.fence = $3
         and r.output_next <= $4 and r.output_dropped_bytes = 0
         and r.output_kept_bytes + $7 <= r.output_limit_bytes
       returning r.id
     )
     insert into job_output (run_id, number, stream, text)
     select id, $4, $5, $6 from kept
     on conflict (run_id, number) do nothing`,
    [run, host, fence, number, stream, bytes.toString('utf8'), bytes.length],
  );
  return rowCount === 1;
}

async function keepPart(client: ClientBase, { host, fence }: Present, piece: Come) {
  const { run, number, stream, bytes } = piece;
  const { rows } = await client.query<Room>(
    `select r.output_next,
       case when r.output_dropped_bytes > 0 then 0
       else r.output_limit_bytes - r.output_kept_bytes end as room
     from job_runs as r
     join hosts as h on h.id = r.host_id and h.fence = $3
     where r.id = $1 and r.host_id = $2
     for update of r`,
    [run, host, fence],
  );
  const [row] = rows;
  if (row === undefined) return (await isCurrent(client, { host, fence })) ? number + 1 : null;
  if (number < row.output_next) return row.output_next;
  const kept = cut(bytes, Number(row.room));
  if (kept.length > 0) {
    await client.query(
      `insert into job_output (run_id, number, stream, text) values ($1, $2, $3, $4)
       on conflict (run_id, number) do nothing`,
      [run, number, stream, kept.toString('utf8')],
    );
  }
  await client.query(
    `update job_runs
     set output_next = $2, output_kept_bytes = output_kept_bytes + $3,
       output_dropped_bytes = output_dropped_bytes + $4
     where id = $1`,
    [run, number + 1, kept.length, bytes.length - kept.length],
  );
  return number + 1;
}

type Room = { readonly output_next: number; readonly room: string };

/** At most so many bytes, and no half of a character. */
function cut(bytes: Buffer, room: number): Buffer {
  if (bytes.length <= room) return bytes;
  let end = Math.max(0, room);
  // Bytes of a character after its first: 10xxxxxx (RFC 3629, section 3).
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end);
}

async function isCurrent(client: ClientBase, { host, fence }: Present): Promise<boolean> {
  const { rowCount } = await client.query('select from hosts where id = $1 and fence = $2', [
    host,
    fence,
  ]);
  return rowCount === 1;
}

export interface Piece {
  readonly number: number;
  readonly stream: (typeof OUTPUT_STREAMS)[number];
  readonly text: string;
  readonly at: Date;
}

export interface Pieces {
  /** Of the run, when they were read: once it has ended no more come. */
  readonly state: RunState;
  readonly pieces: readonly Piece[];
  readonly droppedBytes: number;
  /** The number to go on from. */
  readonly next: number;
  /** There are more pieces than these. */
  readonly isCut: boolean;
}

/** Pieces that are read at once: with 64 KiB each a few megabytes. */
const PAGE = 50;

/** Pieces from a number on; undefined when there is no such run. */
export async function readOutput(
  store: Store,
  { job, host }: { readonly job: string; readonly host: string },
  from: number,
): Promise<Pieces | undefined> {
  const run = runIdOf(job, host);
  // The state first: a piece is there before its run has ended.
  const runs = await store.readHost<{ state: RunState; dropped: number }>(
    host,
    'select state, output_dropped_bytes::float8 as dropped from job_runs where id = $1',
    [run],
  );
  const [row] = runs;
  if (row === undefined) return undefined;
  const found = await store.readHost<Piece>(
    host,
    `select number, stream, text, at from job_output
     where run_id = $1 and number >= $2
     order by number
     limit $3`,
    [run, from, PAGE + 1],
  );
  const pieces = found.slice(0, PAGE);
  return {
    state: row.state,
    pieces,
    droppedBytes: row.dropped,
    next: (pieces.at(-1)?.number ?? from - 1) + 1,
    isCut: found.length > PAGE,
  };
}
