// The output of a run as it comes. What this server receives itself is seen at once, the rest when
// the store is looked at again.

import type { Store } from '../store/store.js';
import { type Pieces, readOutput } from './output.js';
import { isOpen } from './run.js';

/** How often the store is looked at without any news. */
const LOOK_MS = 1000;

/** News of hosts' runs on this server. */
export class News {
  readonly #waiting = new Map<string, Set<() => void>>();

  /** There is something new of the host's runs. */
  tell(host: string): void {
    const waiting = this.#waiting.get(host);
    this.#waiting.delete(host);
    for (const wake of waiting ?? []) wake();
  }

  /** Begins to listen. `wait` ends with the first news since, after the time, or by the signal. */
  listen(host: string, signal: AbortSignal) {
    let wake = () => {};
    const heard = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const waiting = this.#waiting.get(host) ?? new Set();
    this.#waiting.set(host, waiting.add(wake));
    const forget = () => {
      waiting.delete(wake);
      if (waiting.size === 0 && this.#waiting.get(host) === waiting) this.#waiting.delete(host);
    };
    const wait = async (ms: number) => {
      const timer = setTimeout(wake, ms);
      signal.addEventListener('abort', wake, { once: true });
      if (!signal.aborted) await heard;
      clearTimeout(timer);
      signal.removeEventListener('abort', wake);
      forget();
    };
    return { wait, forget };
  }
}

export interface Followed {
  readonly job: string;
  readonly host: string;
  /** The first number that is wanted. */
  readonly from: number;
}

/**
 * Yields what there is, then what comes, and ends once the run has; the last one has its end state.
 * Nothing when there is no such run. The state is told when it changes, also without pieces.
 * @throws STORE_UNAVAILABLE
 */
export async function* follow(
  on: { readonly store: Store; readonly news: News },
  { job, host, from }: Followed,
  signal: AbortSignal,
): AsyncGenerator<Pieces, void, undefined> {
  let next = from;
  let state: string | undefined;
  while (!signal.aborted) {
    // Before the store is read: what comes while it is read is not missed.
    const listening = on.news.listen(host, signal);
    let read: Pieces | undefined;
    try {
      read = await readOutput(on.store, { job, host }, next);
    } finally {
      if (read === undefined || read.isCut) listening.forget();
    }
    if (read === undefined) return;
    if (read.pieces.length > 0 || read.state !== state) yield read;
    ({ next, state } = read);
    if (read.isCut) continue;
    if (!isOpen(read.state)) {
      listening.forget();
      return;
    }
    await listening.wait(LOOK_MS);
  }
}
