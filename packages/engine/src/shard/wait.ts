// Waits until a shard is in a phase, for scripts and configuration management: reads only.
//
// A wait ends in one of four ways: the shard is in the phase, or has passed it within the evolution
// (both are success), cannot come there any more, or the deadline passes. A shard that is settled
// does not say which evolution is awaited: `release`, the newer one of it, does. Without it a shard
// that is settled may be on its way yet.

import { setTimeout as delay } from 'node:timers/promises';
import { compareVersions, HalflapError, PHASES, type Phase } from '@halflap/protocol';
import { phaseOf, readShard } from './fleet.js';
import type { ShardState } from './state.js';
import type { ShardStatus } from './status.js';

export interface WaitOptions {
  readonly url: string;
  readonly phase: Phase;
  /**
   * For `settled`: at which release; any when left out. For the other phases: the newer release of
   * the evolution; the one under way when left out.
   */
  readonly release?: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** Name for messages. */
  readonly shard?: string;
  /** Told what the shard is found in, as often as it is looked at and not there yet. */
  readonly onWait?: (status: ShardStatus) => void;
}

type Reached = 'there' | 'passed' | 'ahead' | 'never';

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1000;

/**
 * The shard in the phase, or past it. A shard that cannot be reached meanwhile is waited for too.
 * @throws WAIT_TIMED_OUT; PHASE_REFUSED when the phase cannot come any more; INTERRUPTED.
 */
export async function waitFor(options: WaitOptions): Promise<ShardStatus> {
  const deadline = performance.now() + options.timeoutMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    const status = await readShard(options.url);
    const reached = reachedBy(options, status.state);
    if (reached === 'there' || reached === 'passed') return status;
    if (reached === 'never') throw cannotCome(options, status);
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) throw timedOut(options, status);
    options.onWait?.(status);
    await pause(options, Math.min(pauseMs, leftMs));
  }
}

function reachedBy({ phase, release }: WaitOptions, state: ShardState | null): Reached {
  if (state === null) return 'ahead';
  if (phase === 'settled') return settledBy(release, state);
  if (state.phase === 'settled') {
    const isBehind = release !== undefined && compareVersions(state.floor, release) >= 0;
    return isBehind ? 'passed' : 'ahead';
  }
  const order = release === undefined ? 0 : compareVersions(state.ceiling, release);
  if (order !== 0) return order > 0 ? 'passed' : 'ahead';
  if (state.phase === phase) return 'there';
  return PHASES.indexOf(state.phase) > PHASES.indexOf(phase) ? 'passed' : 'ahead';
}

function settledBy(release: string | undefined, state: ShardState): Reached {
  const { phase, floor, ceiling } = state;
  if (phase === 'settled' && (release === undefined || floor === release)) return 'there';
  if (release === undefined) return 'ahead';
  // Until contract has begun, abort leads back to the floor; nothing leads below it.
  const lowest = phase === 'contracting' ? ceiling : floor;
  return compareVersions(release, lowest) < 0 ? 'never' : 'ahead';
}

async function pause(options: WaitOptions, ms: number): Promise<void> {
  const { signal, phase } = options;
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  } catch (cause) {
    throw new HalflapError('INTERRUPTED', `the wait for ${phase} was stopped on request`, {
      ...detailOf(options),
      hint: `halflap wait --for ${phase}${shardOption(options)} goes on waiting`,
      cause,
    });
  }
}

function cannotCome(options: WaitOptions, { state }: ShardStatus): HalflapError {
  const found = state?.phase === 'settled' ? `settled at ${state.floor}` : `${state?.phase}`;
  return new HalflapError(
    'PHASE_REFUSED',
    `${nameOf(options)} is ${found}: nothing leads back to ${wanted(options)}`,
    { ...detailOf(options), hint: statusCommand(options) },
  );
}

function timedOut(options: WaitOptions, status: ShardStatus): HalflapError {
  const why = status.blocked === null ? '' : ` (${status.blocked})`;
  const message = `${nameOf(options)} did not become ${wanted(options)} within`;
  return new HalflapError(
    'WAIT_TIMED_OUT',
    `${message} ${options.timeoutMs / 1000} s: ${foundIn(status)}${why}`,
    { ...detailOf(options), hint: status.hint ?? statusCommand(options) },
  );
}

function foundIn(status: ShardStatus): string {
  if (!status.reachable) return `it could not be reached: ${status.error}`;
  if (status.error !== null) return `it could not be read: ${status.error}`;
  const { state } = status;
  if (state === null) return 'Halflap does not know the database';
  return state.phase === 'settled' ? `it is settled at ${state.floor}` : `it is ${phaseOf(status)}`;
}

function wanted({ phase, release }: WaitOptions): string {
  if (release === undefined) return phase;
  return phase === 'settled' ? `settled at ${release}` : `${phase} for ${release}`;
}

function statusCommand(options: WaitOptions): string {
  return `halflap status${shardOption(options)}`;
}

function shardOption({ shard }: WaitOptions): string {
  return shard === undefined ? '' : ` --shard ${shard}`;
}

function nameOf({ shard }: WaitOptions): string {
  return shard === undefined ? 'the shard' : `shard ${shard}`;
}

function detailOf({ shard }: WaitOptions) {
  return shard === undefined ? {} : { detail: { shard } };
}
