// What is to be done next for a job, from what is known of its runs. Pure: no clock, no I/O.
//
// A batch is over when each of its runs has ended, or waits for a host that is not connected: such
// a host holds up neither the others nor a place of `concurrency`, and has its turn when it comes
// back, until its deadline.

import type { Group, JobRow, StopKind } from './job.js';
import { BUSY_STATES, FAILED_STATES, isOpen, type RunState } from './run.js';

export interface Known {
  /** Of all shards: of one that does not answer, what it said last. */
  readonly groups: readonly Group[];
  /** Whether all shards have answered now. */
  readonly isWhole: boolean;
  /** By the home shard's clock. */
  readonly isLate: boolean;
}

export interface Decision {
  /** To be stopped now; null: not, or it is stopping already. */
  readonly stop: { readonly kind: StopKind; readonly reason: string } | null;
  /** Batches up to this one have their turn; -1: none. */
  readonly turn: number;
  /** So many runs may be released. */
  readonly places: number;
  /** Every run has ended. */
  readonly isOver: boolean;
}

export type Decided = Pick<
  JobRow,
  'state' | 'stop_kind' | 'total' | 'batches' | 'concurrency' | 'stop_after'
>;

export function decide(job: Decided, known: Known): Decision {
  const { groups, isWhole } = known;
  const stop = stopOf(job, known);
  const all = countOf(groups, () => true);
  const isOver = isWhole && all === job.total && groups.every(({ state }) => !isOpen(state));
  // More than there are: a bucket is being moved, and its runs are seen twice.
  if (stop !== null || job.state !== 'running' || all > job.total) {
    return { stop, turn: -1, places: 0, isOver };
  }
  const busy = countOf(groups, ({ state }) => isOne(BUSY_STATES, state));
  return {
    stop: null,
    turn: turnOf(job, groups),
    places: Math.max(0, job.concurrency - busy),
    isOver,
  };
}

function stopOf(job: Decided, { groups, isLate }: Known): Decision['stop'] {
  // A job that is being stopped by failures may still run out of time; then it ends what runs.
  if (isLate && (job.stop_kind === null || job.stop_kind === 'failures')) {
    return { kind: 'timeout', reason: 'the total time of the job is over' };
  }
  if (job.state !== 'running' || job.stop_after === null) return null;
  const failures = countOf(groups, ({ state }) => isOne(FAILED_STATES, state));
  if (failures < job.stop_after) return null;
  const reason = `${failures} of ${job.total} hosts failed; the job stops after ${job.stop_after}`;
  return { kind: 'failures', reason };
}

function turnOf({ batches }: Decided, groups: readonly Group[]): number {
  const turn = Math.max(-1, ...groups.filter(({ hasTurn }) => hasTurn).map(({ batch }) => batch));
  const isHeld = groups.some(
    ({ batch, state, isReady }) =>
      batch <= turn && (isOne(BUSY_STATES, state) || (state === 'waiting' && isReady)),
  );
  return isHeld ? turn : Math.min(turn + 1, batches - 1);
}

function countOf(groups: readonly Group[], counts: (group: Group) => boolean): number {
  return groups.reduce((sum, group) => sum + (counts(group) ? group.count : 0), 0);
}

function isOne(states: readonly RunState[], state: RunState): boolean {
  return states.includes(state);
}
