// Things that happen, for a test that waits for them one by one.

export class Signals<Value> {
  /** All that have happened. */
  readonly all: Value[] = [];
  #taken = 0;
  #wake: (() => void)[] = [];

  readonly push = (value: Value): void => {
    this.all.push(value);
    for (const wake of this.#wake.splice(0)) wake();
  };

  /** The first that fits, of those that nobody has waited for; those before it are passed over. */
  async next<Fit extends Value>(fits: (value: Value) => value is Fit): Promise<Fit>;
  async next(fits?: (value: Value) => boolean): Promise<Value>;
  async next(fits: (value: Value) => boolean = () => true): Promise<Value> {
    for (;;) {
      while (this.#taken < this.all.length) {
        const value = this.all[this.#taken] as Value;
        this.#taken += 1;
        if (fits(value)) return value;
      }
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }
}
