// What a run has time for. With CI set, each day takes a third of what takes long and changes
// seldom: of the cases that go the same road, and of some files. Without, all are taken.

import { createHash } from 'node:crypto';

/** Days over which everything has had its turn. */
const DAYS = 3;

/** Files that take turns, so that those of a day take about as long as those of another. */
const IN_TURN = [
  'test/concurrency/under-way.test.ts',
  'test/restore/dump.test.ts',
  'test/concurrency/both-releases.test.ts',
  'packages/engine/src/gate/trial.test.ts',
  'test/crash/server-killed.test.ts',
  'packages/cli/src/diff.test.ts',
  'test/lifecycle/in-use.test.ts',
  'test/lifecycle/slices.test.ts',
  'packages/engine/src/shard/locks.test.ts',
  'test/client/upsert.test.ts',
  'test/lifecycle/backfill.test.ts',
  'packages/engine/src/shard/throttle.test.ts',
  'examples/inventory/src/demo.test.ts',
  'test/console/start.test.ts',
  'test/server/itself.test.ts',
  'test/bench/fleet.test.ts',
  'packages/engine/src/testing/embedded.test.ts',
  'test/pgbench/pgbench.test.ts',
  'test/versions/versions.test.ts',
  'test/lifecycle/sequences.test.ts',
  'test/lifecycle/split.test.ts',
];

const isShort = process.env.CI !== undefined;
const day = Math.floor(Date.now() / 86_400_000);

/** Why a case is skipped. */
export const NOT_DUE = 'it has its turn on another day';

/** Whether the case of this name has its turn today; always where time is not short. */
export function isDue(name: string): boolean {
  const turn = createHash('sha256').update(name).digest().readUInt16BE();
  return !isShort || turn % DAYS === day % DAYS;
}

/** Files that have not. */
export function filesNotDue(): string[] {
  return isShort ? IN_TURN.filter((_, place) => place % DAYS !== day % DAYS) : [];
}
