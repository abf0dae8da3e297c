// The load balancer before the servers: spreads requests, and drains a server before it stops.
//
// Invariant: after drain(server) resolved, no request is on its way to that server.

import type { Target } from './messages.js';
import type { Random } from './random.js';

export class Balancer {
  #targets: readonly Target[] = [];
  readonly #draining = new Set<string>();
  readonly #inFlight = new Map<string, number>();
  #waiting: { server: string | null; resolve: () => void }[] = [];

  /** Replaces the list of servers; a server in it is no longer drained. */
  setTargets(targets: readonly Target[]): void {
    this.#targets = targets;
    this.#draining.clear();
  }

  /** Runs a request on one of the servers. @throws Error when there is none. */
  async on<Result>(random: Random, body: (target: Target) => Promise<Result>): Promise<Result> {
    const open = this.#targets.filter((target) => !this.#draining.has(target.server));
    const target = random.pick(open);
    this.#count(target.server, 1);
    try {
      return await body(target);
    } finally {
      this.#count(target.server, -1);
    }
  }

  drain(server: string): Promise<void> {
    this.#draining.add(server);
    return this.#idle(server);
  }

  /** Resolves when nothing is in flight at all. */
  quiet(): Promise<void> {
    return this.#idle(null);
  }

  #idle(server: string | null): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ server, resolve });
      this.#wake();
    });
  }

  #count(server: string, change: number): void {
    this.#inFlight.set(server, (this.#inFlight.get(server) ?? 0) + change);
    if (change < 0) this.#wake();
  }

  #wake(): void {
    const isIdle = (server: string | null) =>
      server === null
        ? [...this.#inFlight.values()].every((count) => count === 0)
        : (this.#inFlight.get(server) ?? 0) === 0;
    const ready = this.#waiting.filter(({ server }) => isIdle(server));
    this.#waiting = this.#waiting.filter(({ server }) => !isIdle(server));
    for (const { resolve } of ready) resolve();
  }
}
