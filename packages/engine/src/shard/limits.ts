// How long and how hard the runner may press on a shard: every figure with its unit and its reason.
//
// Invariant: each wait for a lock that applications use is shorter than deadlock_timeout (1 s
// unless changed), so PostgreSQL never picks an application's statement as the victim of a
// deadlock with us.

export interface Limits {
  /**
   * One wait for a table lock of a transaction step, in ms: the longest that clients queue behind
   * us.
   */
  readonly lockTimeoutMs: number;
  /** How often a whole transaction is tried again because of contention. */
  readonly lockAttempts: number;
  /** All attempts together, in ms. */
  readonly lockPatienceMs: number;
  /** The longest pause between two attempts, in ms. */
  readonly lockPauseMs: number;
  /** One wait for a row lock of a backfill batch, in ms. */
  readonly batchLockTimeoutMs: number;
  /** Duration at which the size of a backfill batch aims, in ms. */
  readonly batchTargetMs: number;
  /** The fewest rows of a batch; below, the cost per transaction rules. */
  readonly batchRowsFloor: number;
  /** Duration at which the size of a verified range aims, in ms, and the most rows of one. */
  readonly verifyTargetMs: number;
  readonly verifyRows: number;
  /** Replay lag of the slowest standby above which backfill waits, in ms. */
  readonly lagMs: number;
  /** Sessions of the database that wait for any lock, above which backfill waits. */
  readonly waitingSessions: number;
  /** How long contract watches for use of the old layout, in ms. */
  readonly evidenceWindowMs: number;
  /** Age in ms above which contract does not trust an earlier verify and runs it again. */
  readonly verifyFreshMs: number;
  /**
   * How long a runner waits for the shard's own lock, in ms: a runner that was killed lets go
   * late.
   */
  readonly busyPatienceMs: number;
}

export const LIMITS: Limits = {
  lockTimeoutMs: 60,
  lockAttempts: 200,
  lockPatienceMs: 120_000,
  lockPauseMs: 500,
  batchLockTimeoutMs: 50,
  batchTargetMs: 30,
  batchRowsFloor: 50,
  verifyTargetMs: 100,
  verifyRows: 20_000,
  lagMs: 10_000,
  waitingSessions: 20,
  evidenceWindowMs: 3000,
  verifyFreshMs: 24 * 3600 * 1000,
  busyPatienceMs: 1500,
};
