// Whether a signal of the application stops a campaign. Pure: no clock, no I/O.
//
// A signal stops it that was above its limit for as long as it may be, by what was seen since the
// campaign was started or resumed last, and since something has gone on in it: a night in which it
// waits for an approval counts for nothing. Where nobody knows, nothing is counted: a gap that is
// longer than GAP_MS begins the count anew.

import type { SignalLimit } from '../signals/signal-declaration.js';
import type { Known, StepRecord } from './decide.js';

export interface Sample {
  readonly at: Date;
  /** Null: there was no answer. */
  readonly value: number | null;
}

export interface SignalSeen extends SignalLimit {
  /** The last ones, the oldest first. */
  readonly samples: readonly Sample[];
}

/** Three samples in a row that are missing. */
const GAP_MS = 15_000;

type Judged = Pick<Known, 'signals' | 'steps' | 'wentOnAt'> & {
  readonly policy: Pick<Known['policy'], 'soakSeconds'>;
};

/** @returns why it stops, null: nothing stops it */
export function stopBySignal({ signals, steps, wentOnAt, policy }: Judged): string | null {
  for (const signal of signals) {
    const { name, unit, stopAbove, stopAfterSeconds, samples } = signal;
    const now = samples.at(-1)?.at;
    if (stopAbove === null || now === undefined || wentOnAt === null) continue;
    const holdMs = Math.max(policy.soakSeconds, stopAfterSeconds) * 1000;
    const busy = busySince(steps, holdMs, now);
    if (busy === null) continue;
    const since = busy > wentOnAt ? busy : wentOnAt;
    const over = overOf(samples, stopAbove, since);
    if (over === null || over.ms < stopAfterSeconds * 1000) continue;
    const value = `${name} is ${withUnit(over.value, unit)}`;
    return `${value}, above ${withUnit(stopAbove, unit)} for ${Math.round(over.ms / 1000)} s`;
  }
  return null;
}

function withUnit(value: number, unit: string): string {
  const short = Number(value.toPrecision(6));
  return unit === '' || unit === '%' ? `${short}${unit}` : `${short} ${unit}`;
}

interface Over {
  readonly ms: number;
  /** The last one. */
  readonly value: number;
}

/** How long it has been above, up to the last sample; null: it is not. */
function overOf(samples: readonly Sample[], limit: number, since: Date): Over | null {
  let over: Over | null = null;
  let last: Date | null = null;
  for (const { at, value } of samples) {
    if (at < since) continue;
    const pauseMs: number = last === null ? 0 : at.getTime() - last.getTime();
    if (pauseMs > GAP_MS) over = null;
    if (value === null) continue;
    const ms: number = over === null ? 0 : over.ms + pauseMs;
    over = value > limit ? { ms, value } : null;
    last = at;
  }
  return over;
}

/**
 * Since when something goes on without a pause: a step that runs, and one that has ended as long as
 * it has to hold. Null: nothing does.
 */
function busySince(steps: readonly StepRecord[], holdMs: number, now: Date): Date | null {
  let since: Date | null = null;
  const times = steps
    .flatMap(({ state, startedAt, endedAt }) => {
      if (startedAt === null || state === 'waiting') return [];
      const end = state === 'running' || endedAt === null ? now.getTime() : endedAt.getTime();
      return [{ begun: startedAt, until: end + holdMs }];
    })
    .sort((one, other) => other.until - one.until);
  for (const { begun, until } of times) {
    if (until < (since ?? now).getTime()) break;
    if (since === null || begun < since) since = begun;
  }
  return since;
}
