// Figures of this server for Prometheus. Each server is asked for its own; labels are routes and
// shards, never hosts, so that their number does not grow with the fleet.

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Store } from '../store/store.js';

export interface Metrics {
  readonly registry: Registry;
  answered(
    request: { readonly method: string; readonly route: string; readonly status: number },
    seconds: number,
  ): void;
  /** Live views that are open. */
  readonly views: Gauge;
  /** Sign-ins by how they ended. */
  readonly signIns: Counter<'outcome'>;
}

/** From what is quick for one shard to the longest that is waited for one. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 15];

export function createMetrics(store: Store): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, prefix: 'halflap_' });
  const requests = new Histogram({
    name: 'halflap_http_request_seconds',
    help: 'How long requests took, by method, route and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: SECONDS,
    registers,
  });
  new Gauge({
    name: 'halflap_shard_served',
    help: 'Whether a shard serves this server: 1 or 0.',
    labelNames: ['shard', 'mode'],
    registers,
    collect() {
      this.reset();
      for (const { shard, mode } of store.fleet.status()) {
        this.set({ shard, mode }, isServed(mode) ? 1 : 0);
      }
    },
  });
  const views = new Gauge({
    name: 'halflap_live_views',
    help: 'Live views that are open.',
    registers,
  });
  const signIns = new Counter({
    name: 'halflap_sign_ins_total',
    help: 'Sign-ins by how they ended.',
    labelNames: ['outcome'],
    registers,
  });
  return {
    registry,
    views,
    signIns,
    answered: ({ method, route, status }, seconds) =>
      requests.observe({ method, route, status }, seconds),
  };
}

/** Modes in which statements are sent to a shard. */
export function isServed(mode: string): boolean {
  return mode === 'native' || mode === 'lens' || mode === 'session';
}
