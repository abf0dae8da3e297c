// What every step of a run needs, and the two ways to wait that honour the operator's wish to stop.

import { setTimeout as delay } from 'node:timers/promises';
import { HalflapError, type Verb } from '@halflap/protocol';
import type { Bundle } from '../compile/bundle.js';
import type { Session } from '../pg.js';
import type { Limits } from './limits.js';

/** One line of what a running verb does at this moment; fields that do not apply are null. */
export interface Progress {
  readonly shard: string;
  readonly verb: Verb;
  readonly step: string;
  readonly title: string;
  /** The relation that is filled or compared; null for steps that have none. */
  readonly relation: string | null;
  readonly rowsDone: number;
  readonly rowsEstimated: number;
  readonly rowsPerSecond: number;
  readonly secondsLeft: number | null;
  readonly batchRows: number;
  /** What the step waits for, in words for the operator; null while it works. */
  readonly waitingFor: string | null;
}

/** Overrides of the pace kept in the shard, for one run. */
export interface Pace {
  readonly batchRows?: number;
  /** Pause after each batch. */
  readonly paceMs?: number;
}

export interface Run {
  readonly url: string;
  readonly shard: string;
  readonly session: Session;
  /** Backend process of the session. */
  readonly pid: number;
  readonly bundle: Bundle;
  readonly verb: Verb;
  readonly attempt: number;
  readonly runner: string;
  readonly limits: Limits;
  readonly pace: Pace;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: Progress) => void) | undefined;
  readonly log: (line: string) => void;
}

/** How journal and quarantine name an evolution; the compiler's triggers use the same form. */
export function evolutionName(bundle: Bundle): string {
  return `${bundle.from.version}..${bundle.to.version}`;
}

/** @throws INTERRUPTED when the operator asked to stop. */
export function assertNotStopped(run: Pick<Run, 'signal' | 'shard' | 'verb'>): void {
  if (run.signal?.aborted) throw interrupted(run);
}

/** Waits. @throws INTERRUPTED as soon as the operator asks to stop. */
export async function rest(run: Pick<Run, 'signal' | 'shard' | 'verb'>, ms: number) {
  assertNotStopped(run);
  if (ms <= 0) return;
  try {
    await delay(ms, undefined, run.signal === undefined ? {} : { signal: run.signal });
  } catch {
    throw interrupted(run);
  }
}

/** What to type to go on after an error. */
export function continues({ verb, shard }: Pick<Run, 'shard' | 'verb'>): string {
  return `halflap ${verb} --shard ${shard} continues it`;
}

export function interrupted(run: Pick<Run, 'shard' | 'verb'>, cause?: unknown): HalflapError {
  return new HalflapError(
    'INTERRUPTED',
    `${run.verb} on shard ${run.shard} was stopped on request; what is done stays done`,
    {
      detail: { shard: run.shard },
      hint: continues(run),
      cause,
    },
  );
}
