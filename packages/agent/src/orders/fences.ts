// The highest number of a session that this host has seen. What comes with a lower one comes from
// a server that does not know yet that another one has the host.

import { readValue, replace } from './durable.js';

const FILE = 'fence.json';

interface KeptFence {
  readonly host: string;
  readonly fence: number;
}

export class Fences {
  readonly #directory: string;
  readonly #host: string;
  #highest = 0;

  constructor(directory: string, host: string) {
    this.#directory = directory;
    this.#host = host;
  }

  async open(): Promise<void> {
    const kept = await readValue<KeptFence>(this.#directory, FILE);
    // A host that was enrolled anew begins anew.
    this.#highest = kept?.host === this.#host ? kept.fence : 0;
  }

  get highest(): number {
    return this.#highest;
  }

  /** Whether a message of that number counts; a higher one than before is kept on the disk. */
  async pass(fence: number): Promise<boolean> {
    if (fence < this.#highest) return false;
    if (fence > this.#highest) {
      await replace(this.#directory, FILE, { host: this.#host, fence });
      this.#highest = fence;
    }
    return true;
  }
}
