// Whether a run was asked to end, by whom, and whether it still listens. A package transaction does
// not, once it has begun: a host with half-configured packages is worse than a late answer.

/** Why a run ends before its program does. */
export type InterruptedBy = 'cancelled' | 'timed_out' | 'stopped';

export class Interruption {
  readonly #controller = new AbortController();
  #askedBy: InterruptedBy | null = null;
  #isCommitted = false;

  /** Aborted when the work is to end. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What asked first, whether or not it was heard. */
  get askedBy(): InterruptedBy | null {
    return this.#askedBy;
  }

  /** From now on the work is not ended any more. @returns false when it has been asked to end. */
  commit(): boolean {
    this.#isCommitted = !this.signal.aborted;
    return this.#isCommitted;
  }

  ask(by: InterruptedBy): void {
    this.#askedBy ??= by;
    if (!this.#isCommitted) this.#controller.abort();
  }
}
