// Figures of this server for Prometheus. Each server is asked for its own; labels are routes and
// shards, never hosts, so that their number does not grow with the fleet.

import type { Gathered } from '@halflap/client';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type Backlog, backlogOf } from '../bus/backlog.js';
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

/** How long what the shards said of the bus is told again: they are asked once for all of it. */
const BACKLOG_MS = 5000;

/** @param shardMs how long a shard is waited for; of one that is later there are no figures */
export function createMetrics(store: Store, shardMs: number): Metrics {
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
  addBacklog(registers, () => backlogOf(store.fleet, shardMs));
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

function addBacklog(registers: Registry[], ask: () => Promise<Gathered<Backlog>>): void {
  let asked: ReturnType<typeof ask> | undefined;
  let askedAt = Number.NEGATIVE_INFINITY;
  const rows = async () => {
    if (asked === undefined || performance.now() - askedAt > BACKLOG_MS) {
      askedAt = performance.now();
      asked = ask();
    }
    return (await asked).rows;
  };
  new Gauge({
    name: 'halflap_bus_messages',
    help: 'Messages of the bus that a group has not handled yet, or has given up (parked).',
    labelNames: ['shard', 'group', 'state'],
    registers,
    async collect() {
      const backlog = await rows();
      this.reset();
      for (const { shard, group, ...numbers } of backlog) {
        for (const state of ['waiting', 'claimed', 'parked'] as const) {
          this.set({ shard, group, state }, numbers[state]);
        }
      }
    },
  });
  new Gauge({
    name: 'halflap_bus_oldest_seconds',
    help: 'How long the oldest message that is not parked has waited for a group.',
    labelNames: ['shard', 'group'],
    registers,
    async collect() {
      const backlog = await rows();
      this.reset();
      for (const { shard, group, seconds } of backlog) this.set({ shard, group }, seconds);
    },
  });
}

/** Modes in which statements are sent to a shard. */
export function isServed(mode: string): boolean {
  return mode === 'native' || mode === 'lens' || mode === 'session';
}
