// What the agent tells its orders when it makes them, and what holds where it says nothing.

import { fileURLToPath } from 'node:url';
import type { Clock } from '../clock.js';
import type { Log } from '../log.js';
import type { TrustedKey } from './admission.js';
import type { ToldFrame } from './events.js';

export interface OrdersOptions {
  /** A directory of the agent's alone; it is made where it is missing. */
  readonly state: string;
  /** The id by which the cluster knows this host. */
  readonly host: string;
  /** The keys that orders are signed with; `trust` changes them later. */
  readonly keys: readonly TrustedKey[];
  readonly policyFile: string;
  /** Called while connected only. Frames of one run come in their order. */
  readonly emit: (frame: ToldFrame) => void;
  readonly log: Log;
  readonly clock: Pick<Clock, 'now'>;
  /**
   * The command line that supervises the run whose directory is appended to it; Node with the
   * program beside this module where nothing is said.
   */
  readonly supervisor?: readonly string[];
  /** Differs after each boot; the kernel's own where nothing is said. */
  readonly bootId?: string;
  readonly limits?: Partial<OrdersLimits>;
}

export interface OrdersLimits {
  /** Runs at once, besides one package transaction. */
  readonly concurrentRuns: number;
  /** Between SIGTERM and SIGKILL. */
  readonly graceMs: number;
  /** How long a package manager waits for another one to end. */
  readonly lockWaitSeconds: number;
  /** A supervisor that has not begun after this does not begin any more. */
  readonly startPatienceMs: number;
  /** Of all runs together. An order that does not fit is refused. */
  readonly diskBytes: number;
  /** Runs that are known at once: as many as the greeting of an agent can name. */
  readonly runs: number;
  /** After a server has kept everything of a run. */
  readonly forgetAfterMs: number;
}

export const DEFAULT_LIMITS: OrdersLimits = {
  concurrentRuns: 4,
  graceMs: 10_000,
  lockWaitSeconds: 300,
  startPatienceMs: 60_000,
  diskBytes: 512 * 1024 * 1024,
  runs: 1000,
  forgetAfterMs: 24 * 3600 * 1000,
};

export const DEFAULT_SUPERVISOR: readonly string[] = [
  process.execPath,
  fileURLToPath(new URL('./supervisor.js', import.meta.url)),
];
