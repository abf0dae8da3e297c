// A handler for tests: notes what it gets, holds it at a gate where that is wanted, and tells when
// it has seen enough.

import type { Handle, Message } from '@halflap/server';

export class Recorder {
  /** In the order in which handling began. */
  readonly begun: Message[] = [];
  readonly ended: Message[] = [];
  readonly signals: AbortSignal[] = [];
  readonly missed: string[] = [];
  /** Keys that were in the hands of two handlers at once. */
  readonly overlaps: string[] = [];
  mostAtOnce = 0;
  readonly #running: Message[] = [];
  #gate: PromiseWithResolvers<void> | undefined;
  #waiting: (() => void)[] = [];

  /** From now on handlers wait until `open`. */
  close(): this {
    this.#gate = gate();
    return this;
  }

  open(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  readonly handle: Handle = async (message, signal) => {
    if (this.#running.some(({ key }) => key !== null && key === message.key)) {
      this.overlaps.push(message.key ?? '');
    }
    this.#running.push(message);
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#running.length);
    this.begun.push(message);
    this.signals.push(signal);
    this.#changed();
    try {
      await this.#gate?.promise;
      // Others get their turn in between.
      await new Promise((resolve) => setImmediate(resolve));
    } finally {
      this.#running.splice(this.#running.indexOf(message), 1);
    }
    this.ended.push(message);
    this.#changed();
  };

  readonly onMissed = (why: string): void => {
    this.missed.push(why);
    this.#changed();
  };

  /** Resolves when it holds, asked whenever something has begun, ended or was missed. */
  async until(holds: (recorder: this) => boolean): Promise<void> {
    while (!holds(this)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  bodies(): unknown[] {
    return this.ended.map(({ body }) => body);
  }

  #changed(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

interface PromiseWithResolvers<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
}

export function gate(): PromiseWithResolvers<void> {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
