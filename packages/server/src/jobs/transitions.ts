// What the driver of a job does to its runs (run.ts has their states). Each in a transaction that
// holds the buckets of the hosts, and only for a driver that has not been followed by another.

import type { Order } from '@halflap/protocol/agent';
import type { ClientBase } from 'pg';
import { bucketOf } from '../store/buckets.js';
import type { JobRow, StopKind } from './job.js';
import { type RunState, runIdOf } from './run.js';

/** A job, and the number by which a server drives it. */
export interface Driven {
  readonly job: JobRow;
  readonly fence: number;
}

export interface JobHost {
  readonly host: string;
  readonly batch: number;
}

/** Makes the runs of these hosts that are not there. */
export async function makeRuns(
  client: ClientBase,
  { job, fence }: Driven,
  hosts: readonly JobHost[],
): Promise<void> {
  await client.query(
    `insert into job_runs (id, job_id, host_id, bucket, batch, hostname, driver_fence,
       timeout_seconds, lost_seconds, output_limit_bytes)
     select r.id, $1, r.host_id, r.bucket, r.batch, coalesce(h.hostname, 'removed'), $6, $7, $8, $9
     from unnest($2::uuid[], $3::uuid[], $4::int[], $5::int[]) as r (id, host_id, bucket, batch)
     left join hosts as h on h.id = r.host_id
     on conflict (id) do nothing`,
    [
      job.id,
      hosts.map(({ host }) => runIdOf(job.id, host)),
      hosts.map(({ host }) => host),
      hosts.map(({ host }) => bucketOf(host)),
      hosts.map(({ batch }) => batch),
      ...[fence, job.timeout_seconds, job.lost_seconds, job.output_limit_bytes],
    ],
  );
}

/** From now on a driver with a lower number changes nothing. */
export async function raiseFence(
  client: ClientBase,
  { job, fence }: Driven,
  hosts: readonly string[],
): Promise<void> {
  await client.query(
    `update job_runs set driver_fence = $3
     where job_id = $1 and host_id = any($2::uuid[]) and driver_fence < $3 and ended_at is null`,
    [job.id, hosts, fence],
  );
}

/** Gives runs their turn: from now on their hosts are waited for. Times are cut to milliseconds. */
export async function giveTurn(
  client: ClientBase,
  { job, fence }: Driven,
  hosts: readonly string[],
): Promise<void> {
  await client.query(
    `update job_runs
     set begin_before = date_trunc('milliseconds',
       least($4::timestamptz, now() + make_interval(secs => $5)))
     where job_id = $1 and host_id = any($2::uuid[]) and state = 'waiting'
       and begin_before is null and driver_fence <= $3`,
    [job.id, hosts, fence, job.deadline_at, job.wait_seconds],
  );
}

/** A run that may be released. */
export interface Candidate {
  readonly id: string;
  readonly host_id: string;
  readonly begin_before: Date;
}

/**
 * waiting → released. The order of a run that was released before stays as it is.
 * @returns the server that has the session of each.
 */
export async function release(
  client: ClientBase,
  { job, fence }: Driven,
  candidates: readonly Candidate[],
): Promise<{ readonly host_id: string; readonly server: string | null }[]> {
  const { rows } = await client.query<{ host_id: string; server: string | null }>(
    `update job_runs as r
     set state = 'released', released_at = now(), driver_fence = $3,
       order_text = coalesce(r.order_text, o.text)
     from unnest($1::uuid[], $2::text[]) as o (id, text), hosts as h
     where r.id = o.id and h.id = r.host_id and h.state = 'active'
       and r.state = 'waiting' and r.begin_before > now() and r.driver_fence <= $3
     returning r.host_id, h.server`,
    [
      candidates.map(({ id }) => id),
      candidates.map((candidate) => JSON.stringify(orderOf(job, candidate))),
      fence,
    ],
  );
  return rows;
}

function orderOf(job: JobRow, { id, host_id, begin_before }: Candidate): Order {
  return {
    format: 1,
    run: id,
    job: job.id,
    host: host_id,
    work: job.work,
    beginBefore: begin_before.toISOString(),
    timeoutSeconds: job.timeout_seconds,
    outputLimitBytes: job.output_limit_bytes,
  };
}

/** A run that changes without its host: what it is, and what it becomes. */
export type Due = {
  readonly id: string;
  readonly host_id: string;
  readonly state: RunState;
  /** Another state; `cancel` asks the host to end it. */
  readonly next: 'waiting' | 'expired' | 'skipped' | 'cancelled' | 'lost' | 'cancel';
  readonly reason: string;
};

/** How a time is written for people. */
const TIME = `'YYYY-MM-DD HH24:MI:SS "UTC"'`;

/**
 * Runs, at most so many, that are late, whose host has gone, or that a stop ends; a released one
 * whose host is not connected goes back to waiting. `$1` is the job, `$2` the kind of its stop,
 * `$3` its reason, `$4` how many.
 */
export const DUE = `select d.* from (
    select r.id, r.host_id, r.state,
      case
        when coalesce(h.state, '') <> 'active' then 'cancelled'
        when r.state in ('sent', 'running') then
          case
            -- An agent that is there ends what runs for too long, and says so.
            when r.deadline_at <= now() and (not h.is_connected or coalesce(r.began_at,
              r.begin_before) + make_interval(secs => r.timeout_seconds + r.lost_seconds) <= now())
              then 'lost'
            when $2::text in ('cancelled', 'timeout') and r.cancel_kind is null then 'cancel'
          end
        when $2::text = 'cancelled' then 'cancelled'
        when $2::text = 'failures' then 'skipped'
        when $2::text = 'timeout' or r.begin_before <= now() then 'expired'
        when r.state = 'released' and not h.is_connected then 'waiting'
      end as next,
      case
        when h.state is null then 'the host was removed'
        when h.state <> 'active' then 'the host is ' || h.state
        when r.state in ('sent', 'running') and r.deadline_at <= now() then
          'nothing was heard of it until ' || to_char(r.deadline_at at time zone 'UTC', ${TIME})
        when $2::text is not null then $3::text
        else 'it did not begin until ' || to_char(r.begin_before at time zone 'UTC', ${TIME})
      end as reason
    from job_runs as r
    left join (
      select id, state, coalesce(session_expires_at > now(), false) as is_connected from hosts
    ) as h on h.id = r.host_id
    where r.job_id = $1 and r.ended_at is null
  ) as d
  where d.next is not null
  limit $4`;

/** Carries out what is due, where the run still is what it was. @returns what was. */
export async function settle(
  client: ClientBase,
  { job, fence }: Driven,
  due: readonly Due[],
): Promise<{ readonly host_id: string; readonly server: string | null; readonly next: string }[]> {
  const { rows } = await client.query<{ host_id: string; server: string | null; next: string }>(
    `update job_runs as r
     set driver_fence = $5,
       state = case when d.next = 'cancel' then r.state else d.next end,
       ended_at = case when d.next in ('cancel', 'waiting') then null else now() end,
       order_text = case when d.next in ('cancel', 'waiting') then r.order_text end,
       message = case when d.next in ('cancel', 'waiting') then r.message else d.reason end,
       cancel_kind = case when d.next = 'cancel' then $6 else r.cancel_kind end,
       cancel_reason = case when d.next = 'cancel' then d.reason else r.cancel_reason end,
       deadline_at = case when d.next = 'cancel'
         then least(r.deadline_at, now() + make_interval(secs => r.lost_seconds))
         else r.deadline_at end
     from unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) as d (id, state, next, reason)
     left join lateral (
       select h.server from hosts as h join job_runs as o on o.host_id = h.id where o.id = d.id
     ) as h on true
     where r.id = d.id and r.state = d.state and r.driver_fence <= $5
       and (d.next <> 'cancel' or r.cancel_kind is null)
     returning r.host_id, h.server, d.next`,
    [
      due.map(({ id }) => id),
      due.map(({ state }) => state),
      due.map(({ next }) => next),
      due.map(({ reason }) => reason),
      fence,
      job.stop_kind satisfies StopKind | null,
    ],
  );
  return rows;
}
