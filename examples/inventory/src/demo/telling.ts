// What the application tells of itself over HTTP, as its makers would have it: how long somebody
// waited, how many requests failed, how many there are. Campaigns ask for it beside their steps.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Tick } from '../load/messages.js';

/** What it tells is of the last so many ms. */
const LAST_MS = 5000;

export class Telling {
  #ticks: { readonly at: number; readonly tick: Tick }[] = [];
  readonly #server = createServer((_, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(this.#told()));
  });

  tick(tick: Tick): void {
    const now = performance.now();
    this.#ticks = [...this.#ticks.filter(({ at }) => at >= now - LAST_MS), { at: now, tick }];
  }

  /** @returns its signals, as a cluster declares them */
  async listen(): Promise<readonly object[]> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, '127.0.0.1', resolve);
    });
    const url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
    return [
      { name: 'longest-wait', unit: 'ms', url, pointer: '/longestMs', stopAbove: 10_000 },
      { name: 'failures', unit: '/s', url, pointer: '/failures', stopAbove: 1 },
      { name: 'requests', unit: '/s', url, pointer: '/requests' },
    ];
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #told() {
    const all = this.#ticks.map(({ tick }) => tick);
    const perSecond = (count: number) => Math.round((10 * count * 1000) / LAST_MS) / 10;
    return {
      longestMs: Math.round(all.reduce((most, one) => Math.max(most, one.longestMs), 0)),
      failures: perSecond(all.reduce((sum, one) => sum + one.failures.length, 0)),
      requests: perSecond(all.reduce((sum, one) => sum + one.requests, 0)),
    };
  }
}
