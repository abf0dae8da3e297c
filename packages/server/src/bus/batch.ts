// Several small statements of many callers as few larger ones: while one is under way, the next
// gathers.

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** `send` gets the items that have gathered, at most `most`, and gives a result for each. */
export class Batch<Item, Result> {
  readonly #send: (items: readonly Item[]) => Promise<readonly Result[]>;
  readonly #most: number;
  #waiting: Waiting<Item, Result>[] = [];
  #isSending = false;

  constructor(send: (items: readonly Item[]) => Promise<readonly Result[]>, most: number) {
    this.#send = send;
    this.#most = most;
  }

  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (!this.#isSending) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isSending = true;
    // What is ready in the same turn goes along.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const now = this.#waiting.splice(0, this.#most);
      try {
        const results = await this.#send(now.map(({ item }) => item));
        now.forEach(({ resolve }, at) => {
          resolve(results[at] as Result);
        });
      } catch (error) {
        for (const { reject } of now) reject(error);
      }
    }
    this.#isSending = false;
  }
}
