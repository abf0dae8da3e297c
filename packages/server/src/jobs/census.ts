// How far the runs of a job are, as its shards say.

import type { Store } from '../store/store.js';
import type { Census, Group, JobRow } from './job.js';
import type { Driven } from './transitions.js';

export interface Counted {
  /** Of shards that did not answer, what they said last. */
  readonly census: Census;
  readonly silent: readonly string[];
  /** Runs that a driver before this one may still change. */
  readonly behind: number;
}

/** How long a shard is waited for. */
export const ANSWER_MS = 5000;

type Row = {
  readonly shard: string;
  /** A bucket that is on its way to another shard. */
  readonly leaving: number | null;
  readonly batch: number;
  readonly state: Group['state'];
  readonly has_turn: boolean;
  readonly is_ready: boolean;
  readonly behind: number;
  readonly count: number;
};

export async function countRuns(store: Store, { job, fence }: Driven): Promise<Counted> {
  const { rows, outcomes } = await store.gather<Row>(
    `select case when b.state = 'leaving' then b.bucket end as leaving, r.batch, r.state,
       r.begin_before is not null as has_turn,
       (r.state = 'waiting' and h.state = 'active' and h.session_expires_at > now()) is true
         as is_ready,
       count(*) filter (where r.driver_fence < $2 and r.ended_at is null)::int as behind,
       count(*)::int as count
     from job_runs as r
     join buckets as b on b.bucket = r.bucket
     left join hosts as h on h.id = r.host_id
     where r.job_id = $1
     group by 1, 2, 3, 4, 5
     order by 1, 2, 3, 4, 5`,
    [job.id, fence],
    { shardColumn: 'shard', timeoutMs: ANSWER_MS },
  );
  const census: Record<string, Group[]> = {};
  for (const { shard, ok } of outcomes) census[shard] = ok ? [] : unheard(job, shard);
  const there = await withoutCopies(store, rows);
  for (const row of there) {
    const { batch, state, has_turn: hasTurn, is_ready: isReady, count } = row;
    census[row.shard]?.push({ batch, state, hasTurn, isReady, count });
  }
  return {
    census,
    silent: outcomes.filter(({ ok }) => !ok).map(({ shard }) => shard),
    behind: there.reduce((sum, { behind }) => sum + behind, 0),
  };
}

/** What leaves a shard is still there for a while after it has arrived at another. */
async function withoutCopies(store: Store, rows: readonly Row[]): Promise<readonly Row[]> {
  if (rows.every(({ leaving }) => leaving === null)) return rows;
  const map = await store.refresh();
  return rows.filter(({ leaving, shard }) => leaving === null || map.shardOf(leaving) === shard);
}

/** Nothing waits there for a place. */
function unheard(job: JobRow, shard: string): Group[] {
  return (job.census[shard] ?? []).map((group) => ({ ...group, isReady: false }));
}

/** The same text for the same census. */
export function censusText(census: Census): string {
  const shards = Object.keys(census).sort();
  const groups = (shard: string) =>
    (census[shard] ?? []).map((one) => [
      ...[one.batch, one.state, one.hasTurn, one.isReady, one.count],
    ]);
  return JSON.stringify(shards.map((shard) => [shard, groups(shard)]));
}
