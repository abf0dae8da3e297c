// What a generator saw since it last told: statements by server and shard, failures, longest wait.
//
// A wait is the time of one request, or the time in which no request of this generator was
// answered.

import type { Reply } from './http-client.js';
import type { Cell, Target, Tick } from './messages.js';

export class Sampler {
  #cells = new Map<string, Cell>();
  #requests = 0;
  #failures: string[] = [];
  #contradictions: string[] = [];
  #longestMs = 0;
  /** Null while the load is paused on purpose. */
  #lastAnswerAt: number | null = null;

  startClock(): void {
    this.#lastAnswerAt = performance.now();
  }

  stopClock(): void {
    this.#lastAnswerAt = null;
  }

  answered(target: Target, reply: Reply, tookMs: number): void {
    const now = performance.now();
    this.#requests += 1;
    const gapMs = this.#lastAnswerAt === null ? 0 : now - this.#lastAnswerAt;
    this.#longestMs = Math.max(this.#longestMs, tookMs, gapMs);
    if (this.#lastAnswerAt !== null) this.#lastAnswerAt = now;
    // An answer that reports a failure says nothing about what works.
    if (reply.status >= 500) return;
    for (const { shard, mode, statements } of reply.tally) {
      const key = `${target.server}/${reply.release}/${shard}/${mode}`;
      const before = this.#cells.get(key)?.statements ?? 0;
      this.#cells.set(key, {
        server: target.server,
        release: reply.release,
        shard,
        mode,
        statements: before + statements,
      });
    }
  }

  failure(text: string): void {
    this.#failures.push(text);
  }

  contradiction(text: string): void {
    this.#contradictions.push(text);
  }

  /** Takes what was seen and begins anew. */
  tick(acknowledged: number): Tick {
    const tick: Tick = {
      kind: 'tick',
      cells: [...this.#cells.values()],
      requests: this.#requests,
      acknowledged,
      failures: this.#failures,
      contradictions: this.#contradictions,
      longestMs: this.#longestMs,
    };
    this.#cells = new Map();
    this.#requests = 0;
    this.#failures = [];
    this.#contradictions = [];
    this.#longestMs = 0;
    return tick;
  }
}
