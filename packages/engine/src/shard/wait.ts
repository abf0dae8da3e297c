// Waits until a shard is in a phase, for scripts and configuration management: reads only.

import { setTimeout as delay } from 'node:timers/promises';
import { HalflapError, type Phase } from '@halflap/protocol';
import { phaseOf, readShard, type ShardStatus } from './fleet.js';

export interface WaitOptions {
  readonly url: string;
  readonly phase: Phase;
  /** For `settled`: at which release; any when left out. */
  readonly release?: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** Name for messages. */
  readonly shard?: string;
  readonly onLook?: (status: ShardStatus) => void;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1000;

/**
 * A shard that cannot be reached meanwhile is waited for too. @throws WAIT_TIMED_OUT,
 * INTERRUPTED.
 */
export async function waitFor(options: WaitOptions): Promise<ShardStatus> {
  const deadline = performance.now() + options.timeoutMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    const status = await readShard(options.url);
    options.onLook?.(status);
    if (hasArrived(options, status)) return status;
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) throw timedOut(options, status);
    await pause(options, Math.min(pauseMs, leftMs));
  }
}

function hasArrived({ phase, release }: WaitOptions, status: ShardStatus): boolean {
  if (phaseOf(status) !== phase) return false;
  return phase !== 'settled' || release === undefined || status.state?.floor === release;
}

async function pause(options: WaitOptions, ms: number): Promise<void> {
  const { signal, shard, phase } = options;
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  } catch (cause) {
    throw new HalflapError('INTERRUPTED', `the wait for ${phase} was stopped on request`, {
      ...(shard === undefined ? {} : { detail: { shard } }),
      cause,
    });
  }
}

function timedOut(options: WaitOptions, status: ShardStatus): HalflapError {
  const found = phaseOf(status) ?? status.error ?? 'unknown to Halflap';
  const why = status.blocked === null ? '' : ` (${status.blocked})`;
  const shard = options.shard === undefined ? 'the shard' : `shard ${options.shard}`;
  return new HalflapError(
    'WAIT_TIMED_OUT',
    `${shard} did not become ${options.phase} within ${options.timeoutMs} ms: found ${found}${why}`,
    {
      ...(options.shard === undefined ? {} : { detail: { shard: options.shard } }),
      hint: 'halflap status shows what it waits for',
    },
  );
}
