// What has become visible in a shard since somebody looked last.
//
// Numbers and times of rows cannot tell it: transactions end in another order than they began, so a
// row may appear below one that was read already. What tells it are two snapshots: new is what the
// second one sees and the first did not, whatever is still under way; nothing waits for the longest
// transaction. All that is new is read in pages, by position, which is the order of each key.
// Source: PostgreSQL manual, section 9.27 (pg_snapshot, pg_visible_in_snapshot).

import type { Shard } from '@halflap/client';

/** How far a reader has come; null where it has not begun. Opaque, and may be kept as JSON. */
export interface Cursor {
  /** All that this snapshot sees was read. */
  readonly seen: string;
  /** The snapshot that is being read to, and the last position of that; null between two. */
  readonly target: string | null;
  readonly after: string;
}

export interface TailRow {
  readonly id: string;
  readonly position: string;
  readonly topic: string;
  readonly key: string | null;
  readonly envelope: string;
}

export interface TailPage {
  readonly rows: readonly TailRow[];
  /** Where to go on once these are handled. */
  readonly cursor: Cursor;
  /** There may be more at once. */
  readonly isFull: boolean;
  /** The shard went back in time (it was restored): what was published meanwhile is unknown. */
  readonly isBroken: boolean;
}

const READ = `
select s.target::text, s.is_broken, m.*
from (
  select coalesce($2::pg_snapshot, pg_current_snapshot()) as target,
    pg_snapshot_xmax(pg_current_snapshot()) < pg_snapshot_xmax($1::pg_snapshot) as is_broken
) s
left join lateral (
  select b.id, b.position, b.topic, b.key, b.envelope
  from bus_messages b
  where b.xid >= pg_snapshot_xmin($1::pg_snapshot)
    and not pg_visible_in_snapshot(b.xid, $1::pg_snapshot)
    and pg_visible_in_snapshot(b.xid, s.target)
    and b.position > $3
    and ($4::text[] is null or b.topic = any($4::text[]))
  order by b.position
  limit $5
) m on true
order by m.position`;

/** A cursor behind all that is visible now. */
export async function tailFromNow(shard: Shard, timeoutMs: number): Promise<Cursor> {
  const text = 'select pg_current_snapshot()::text as seen';
  const { rows } = await shard.query<{ readonly seen: string }>(text, undefined, { timeoutMs });
  return between(rows[0]?.seen ?? '');
}

/** The next page of what is new, of these topics or of all. Takes no lock. */
export async function readTail(
  shard: Shard,
  cursor: Cursor,
  {
    topics,
    limit,
    timeoutMs,
  }: {
    readonly topics: readonly string[] | null;
    readonly limit: number;
    readonly timeoutMs: number;
  },
): Promise<TailPage> {
  const { rows } = await shard.query<
    TailRow & { readonly target: string; readonly is_broken: boolean }
  >(
    // Planned anew each time, for the reason that claim() in ledger.ts has.
    READ,
    [cursor.seen, cursor.target, cursor.after, topics, limit],
    { timeoutMs },
  );
  const target = rows[0]?.target ?? cursor.seen;
  const found = rows.filter(({ position }) => position !== null);
  const isFull = found.length === limit;
  const after = found.at(-1)?.position ?? cursor.after;
  return {
    rows: found,
    cursor: isFull ? { seen: cursor.seen, target, after } : between(target),
    isFull,
    isBroken: rows[0]?.is_broken ?? false,
  };
}

function between(seen: string): Cursor {
  return { seen, target: null, after: '0' };
}
