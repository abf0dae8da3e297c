// What the bus is told when it is made, checked once and completed with defaults.

import type { Fleet, Log } from '@halflap/client';
import type { Backoff } from './bell.js';
import type { Carrier } from './carrier.js';
import { FORMATS, type Formats } from './envelope.js';
import { invalid } from './message.js';

export interface BusOptions {
  readonly fleet: Fleet;
  /** How operators know this server, in claims and in what is parked. */
  readonly server: string;
  /** The driver: `memoryCarrier`, `postgresCarrier`, `natsCarrier`. */
  readonly carrier: Carrier;
  readonly clock: () => Date;
  readonly log?: Log;
  /** Formats of envelopes; default: those of this release. */
  readonly formats?: Formats;
  /** Silent for so long, a member loses what it has in hand; 1–3600 seconds, default 30. */
  readonly claimSeconds?: number;
  /** How often a shard is asked without any news, 50–60000 ms, default 2000. */
  readonly pollMs?: number;
  /** How often a message is tried before it is parked, 1–1000, default 10. */
  readonly attempts?: number;
  /** Pauses between attempts; default from 1 s, doubled, to 5 min. */
  readonly backoff?: Backoff;
  /** How long messages are kept after they were published, 60–604800 seconds, default 3600. */
  readonly keepSeconds?: number;
}

export interface Settings {
  readonly fleet: Fleet;
  readonly server: string;
  readonly carrier: Carrier;
  readonly clock: () => Date;
  readonly log: Log;
  readonly formats: Formats;
  readonly claimSeconds: number;
  readonly pollMs: number;
  readonly attempts: number;
  readonly backoff: Backoff;
  readonly keepSeconds: number;
  /** Longest wait for the answer of a shard. */
  readonly timeoutMs: number;
}

const BACKOFF: Backoff = { firstMs: 1000, longestMs: 5 * 60_000 };

/** @throws BUS_INVALID naming the option. */
export function settingsOf(options: BusOptions): Settings {
  const { claimSeconds = 30, pollMs = 2000, attempts = 10, keepSeconds = 3600 } = options;
  const { fleet, server, carrier, clock, formats = FORMATS, backoff = BACKOFF } = options;
  if (formats.reads[formats.writes] === undefined) {
    throw invalid('formats.writes', 'one of the formats that are read');
  }
  return {
    fleet,
    server,
    carrier,
    clock,
    formats,
    backoff,
    log: options.log ?? (() => {}),
    claimSeconds: within('claimSeconds', claimSeconds, [1, 3600]),
    pollMs: within('pollMs', pollMs, [50, 60_000]),
    attempts: within('attempts', attempts, [1, 1000]),
    keepSeconds: within('keepSeconds', keepSeconds, [60, 604_800]),
    // An answer that comes later than the next renewal is of no use.
    timeoutMs: Math.min(10_000, (claimSeconds * 1000) / 3),
  };
}

/** Most handlers of one subscription at once. */
const MOST_HANDLERS = 1000;
const HANDLERS = 8;

/** @throws BUS_INVALID. */
export function handlersOf(concurrency: number | undefined): number {
  return within('concurrency', concurrency ?? HANDLERS, [1, MOST_HANDLERS]);
}

function within(name: string, value: number, [least, most]: readonly [number, number]): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw invalid(name, `a whole number from ${least} to ${most}`);
}
