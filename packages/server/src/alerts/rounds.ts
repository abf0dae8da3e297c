// Does something over and over, with a pause between, until it is stopped.

export class Rounds {
  readonly #pauseMs: number;
  readonly #round: () => Promise<boolean>;
  readonly #loop: Promise<void>;
  #isStopping = false;
  #isKicked = false;
  #wake: () => void = () => {};

  /** @param round never rejects; true when there is more to do at once */
  constructor(pauseMs: number, round: () => Promise<boolean>) {
    this.#pauseMs = pauseMs;
    this.#round = round;
    this.#loop = this.#run();
  }

  /** The next round begins at once. */
  kick(): void {
    this.#isKicked = true;
    this.#wake();
  }

  /** Ends after the round under way. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#wake();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      this.#isKicked = false;
      const hasMore = await this.#round();
      if (!hasMore && !this.#isKicked && !this.#isStopping) await this.#pause();
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#pauseMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
