// A job on one host. Every change of state is one conditional UPDATE (transitions.ts, handover.ts,
// results.ts) that asserts the state before; the end of a run is never changed again.
//
//   waiting ⇄ released ─► sent ─► running ─► succeeded, failed, timed_out, lost
//      │          │         └───────┴──────► cancelled, refused, lost
//      └──────────┴─► expired, skipped, cancelled
//
//   waiting    made by the driver; its batch has not had its turn, or its host is not connected, or
//              as many as may run at once do
//   released   by the driver, once it may begin: the text of its order is fixed. Back to waiting
//              when the host has gone before it was sent
//   sent       by the server that has the host's session, before it sends the order
//   running    by that session: the agent has written the order to its disk
//   succeeded, failed, timed_out, refused, cancelled, lost    by that session: the agent's result
//   lost       by the driver, `lost_seconds` after the run should have been over or was to be
//              cancelled; by a session, when the agent does not know what it has begun
//   expired    by the driver: not begun by the deadline of the host, or of the job
//   skipped    by the driver: the job was stopped by failures before its turn
//   cancelled  by the driver: somebody cancelled the job, or the host is revoked or removed

import { digestId } from '../store/digest-id.js';

export const RUN_STATES = [
  'waiting',
  'released',
  'sent',
  'running',
  'succeeded',
  'failed',
  'timed_out',
  'cancelled',
  'refused',
  'lost',
  'expired',
  'skipped',
] as const;
export type RunState = (typeof RUN_STATES)[number];

/** Of runs that have not ended. */
export const OPEN_STATES = ['waiting', 'released', 'sent', 'running'] as const;
/** Which take one of the places of `concurrency`. */
export const BUSY_STATES = ['released', 'sent', 'running'] as const;
/** Which count for `stopAfter`. A host that was offline is no failure. */
export const FAILED_STATES = ['failed', 'timed_out', 'refused', 'lost'] as const;
/** Which a retry takes, unless it is told others. */
export const RETRIED_STATES = [...FAILED_STATES, 'expired'] as const;

export function isOpen(state: RunState): boolean {
  return (OPEN_STATES as readonly RunState[]).includes(state);
}

/**
 * It follows from job and host: a run that has to be made again, because its shard has lost it, is
 * one that the agent knows.
 */
export function runIdOf(job: string, host: string): string {
  return digestId(`run ${job} ${host}`);
}
