// Durations as results carry them: seconds, to the millisecond. More digits would say nothing.

/** Seconds since a moment of `performance.now()`. */
export function secondsSince(startedAtMs: number): number {
  return toMilliseconds((performance.now() - startedAtMs) / 1000);
}

/** Seconds without the digits below a millisecond. */
export function toMilliseconds(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
