// What an agent says about its runs, as the store keeps it (run.ts has the states). All of it may
// come twice; what comes from a session that another has followed changes nothing.

import type { Begun, Result } from '@halflap/protocol/agent';
import type { ClientBase } from 'pg';
import type { Static } from 'typebox';
import type { Present } from '../agents/presence.js';

/** released, sent → running. */
export async function noteBegun(
  client: ClientBase,
  { host, fence }: Present,
  { run, at }: Static<typeof Begun>,
): Promise<void> {
  await client.query(
    `update job_runs as r
     set state = 'running', began_at = now(), started_at = $4, session_fence = $3,
       deadline_at = least(
         case when r.cancel_kind is not null then r.deadline_at end,
         now() + make_interval(secs => r.timeout_seconds + r.lost_seconds))
     from hosts as h
     where r.id = $1 and r.host_id = $2 and h.id = r.host_id and h.fence = $3
       and r.state in ('released', 'sent')`,
    [run, host, fence, instantOf(at)],
  );
}

/** What became of a result: the job whose run has ended by it; or why none has. */
export type Noted = { readonly ended: string } | 'known' | 'old';

/**
 * released, sent, running → the end that the agent says. An order that was never begun is expired
 * when the total time of the job has ended it, or when it came too late.
 * @returns `old` when the session is not the host's any more; `known` for a run that has ended
 * (where it had been given up, what the host says is kept beside), and for one that nobody knows.
 */
export async function noteEnded(
  client: ClientBase,
  { host, fence }: Present,
  run: string,
  result: Result,
): Promise<Noted> {
  const { rows } = await client.query<{ job_id: string }>(
    `update job_runs as r
     set state = case
         when $9::timestamptz is null and ($4 = 'cancelled' and r.cancel_kind = 'timeout'
           or $4 = 'refused' and r.begin_before <= now())
         then 'expired' else $4 end,
       ended_at = now(), order_text = null, exit_code = $5, signal = $6,
       message = case when $4 = 'cancelled' then coalesce(r.cancel_reason, $7) else $7 end,
       output_dropped_bytes = r.output_dropped_bytes + $8,
       started_at = coalesce($9, r.started_at), finished_at = $10, session_fence = $3
     from hosts as h
     where r.id = $1 and r.host_id = $2 and h.id = r.host_id and h.fence = $3
       and r.state in ('released', 'sent', 'running')
     returning r.job_id`,
    [
      ...[run, host, fence, result.state, exitCodeOf(result), textOf(result.signal)],
      ...[textOf(result.message), result.droppedBytes, instantOf(result.startedAt)],
      instantOf(result.endedAt),
    ],
  );
  if (rows[0] !== undefined) return { ended: rows[0].job_id };
  const session = await client.query('select from hosts where id = $1 and fence = $2', [
    host,
    fence,
  ]);
  if (session.rowCount === 0) return 'old';
  const { state, message, exitCode, endedAt } = result;
  await client.query(
    `update job_runs set said_later = $3
     where id = $1 and host_id = $2 and finished_at is null and said_later is null
       and state in ('lost', 'cancelled')`,
    [run, host, JSON.stringify({ state, message: textOf(message), exitCode, endedAt })],
  );
  return 'known';
}

const INT_MAX = 2 ** 31 - 1;

/** An exit code is a byte; whatever else a host says is none. */
function exitCodeOf({ exitCode }: Result): number | null {
  return exitCode !== null && Math.abs(exitCode) <= INT_MAX ? exitCode : null;
}

/** A time that the shape lets pass may still be none: the 99th of a month. */
function instantOf(text: string | null): Date | null {
  const at = new Date(text ?? Number.NaN);
  return Number.isNaN(at.getTime()) ? null : at;
}

/** PostgreSQL's text holds no NUL. */
export function textOf<Text extends string | null>(text: Text): Text {
  return (text?.replaceAll('\0', '\ufffd') ?? null) as Text;
}
