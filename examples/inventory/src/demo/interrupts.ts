// Ctrl-C: at once, but for a person who has been received. Then the first one ends the visit in
// order, and the second at once.

export class Interrupts {
  readonly #stopping = new AbortController();
  readonly #leaving = new AbortController();
  #isReceived = false;

  /** Everything stops. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  /** From now on the first interrupt is told by the signal that is returned. */
  receive(): AbortSignal {
    this.#isReceived = true;
    return this.#leaving.signal;
  }

  interrupt(): void {
    if (this.#isReceived && !this.#leaving.signal.aborted) this.#leaving.abort();
    else this.#stopping.abort(new Error('interrupted'));
  }
}
