// What the server that has hosts' sessions does to their runs (run.ts has the states) before it
// sends anything. Each statement asserts that the session is still the host's: one that another
// session has followed finds nothing.

import type { ClientBase } from 'pg';
import type { Present } from '../agents/presence.js';

/** To be sent as it is. */
export interface ToRun {
  readonly run: string;
  readonly host: string;
  readonly order: string;
}

export interface ToCancel {
  readonly run: string;
  readonly host: string;
}

export interface Handed {
  readonly orders: readonly ToRun[];
  readonly cancels: readonly ToCancel[];
}

const SESSIONS = `unnest($1::uuid[], $2::bigint[]) as s (host_id, fence)
  join hosts as h on h.id = s.host_id and h.fence = s.fence and h.state = 'active'`;

/**
 * released → sent; and with `again`, when a session has begun, also what was sent in an earlier
 * one: nobody knows whether it came. What is to be cancelled is told, and sent no more.
 */
export async function handOver(
  client: ClientBase,
  sessions: readonly Present[],
  again: boolean,
): Promise<Handed> {
  const values = [sessions.map(({ host }) => host), sessions.map(({ fence }) => fence)];
  const orders = await client.query<ToRun>(
    `update job_runs as r
     set state = 'sent', session_fence = s.fence, sent_at = coalesce(r.sent_at, now()),
       deadline_at = coalesce(r.deadline_at,
         r.begin_before + make_interval(secs => r.timeout_seconds + r.lost_seconds))
     from ${SESSIONS}
     where r.host_id = s.host_id and r.cancel_kind is null
       and (r.state = 'released' and r.begin_before > now()${again ? ` or r.state = 'sent'` : ''})
     returning r.id as run, r.host_id as host, r.order_text as order`,
    values,
  );
  const cancels = await client.query<ToCancel>(
    `update job_runs as r
     set cancel_told_fence = s.fence
     from ${SESSIONS}
     where r.host_id = s.host_id and r.state in ('sent', 'running')
       and r.cancel_kind is not null and r.cancel_told_fence is distinct from s.fence
     returning r.id as run, r.host_id as host`,
    values,
  );
  return { orders: orders.rows, cancels: cancels.rows };
}

/**
 * running → lost: the agent has begun them, and knows nothing of them any more.
 * @param unfinished what it knows
 */
export async function loseForgotten(
  client: ClientBase,
  { host, fence }: Present,
  unfinished: readonly string[],
): Promise<void> {
  await client.query(
    `update job_runs as r
     set state = 'lost', ended_at = now(), order_text = null,
       message = 'its agent came back and does not know how it ended'
     from hosts as h
     where r.host_id = $1 and h.id = r.host_id and h.fence = $2
       and r.state = 'running' and r.id <> all($3::uuid[])`,
    [host, fence, unfinished],
  );
}

/** Hosts of this server's sessions for which there is something. */
export const NEWS = `select distinct r.host_id
  from job_runs as r
  join hosts as h on h.id = r.host_id and h.server = $1 and h.session_expires_at > now()
  where r.state in ('released', 'sent', 'running')
    and (r.state = 'released' and r.begin_before > now()
      or r.state <> 'released' and r.cancel_kind is not null
        and r.cancel_told_fence is distinct from h.fence)`;
