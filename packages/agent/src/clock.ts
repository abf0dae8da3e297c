// Time and chance, as the parts of an agent get them from whoever starts it: a test gives its own.

export interface Clock {
  /** Milliseconds since 1970. Jumps when somebody sets the host's clock: not for durations. */
  now(): number;
  /** Calls once, after so many milliseconds; what it returns takes that back. */
  after(ms: number, call: () => void): () => void;
}

/** Evenly from 0 (included) to 1 (not included). */
export type Random = () => number;

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, call) {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
};

/** Ends after so long, or at once when the signal is aborted. Never throws. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      takeBack();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const takeBack = clock.after(ms, end);
    signal.addEventListener('abort', end);
  });
}
