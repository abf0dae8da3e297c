// Does something over and over, with the pause that each round gives, until it is stopped.

export class Rounds {
  readonly #round: () => Promise<number | null>;
  readonly #loop: Promise<void>;
  #isStopping = false;
  #isKicked = false;
  #wake: () => void = () => {};

  /** @param round never rejects; gives ms until the next one, 0: at once, null: there is none */
  constructor(round: () => Promise<number | null>) {
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
      const pauseMs = await this.#round();
      if (pauseMs === null) return;
      if (pauseMs > 0 && !this.#isKicked && !this.#isStopping) await this.#pause(pauseMs);
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
