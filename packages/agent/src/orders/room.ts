// How much the runs take on the disk, and which of them go. A run goes a day after a server has
// kept all of it, and not before its order could not begin any more: who knows a run no longer
// would run its order a second time.

import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import type { Order } from '@halflap/protocol/agent';
import { FACTS, forget, type Kept, runDirectory, sizeOf } from './journal.js';

/** One run, as far as its room is concerned. */
export interface Tenant {
  readonly order: Order;
  /** When a server had kept all of it; null before that. */
  readonly completeAt: string | null;
  /** Whether it may still write. */
  readonly isOpen: boolean;
}

export interface RoomLimits {
  /** Of all runs together. */
  readonly diskBytes: number;
  /** As many runs as are known at once. */
  readonly runs: number;
  /** After a server has kept everything. */
  readonly forgetAfterMs: number;
}

/** Besides the output: the order, the facts. Headers of pieces are a thousandth of the output. */
const OTHER_BYTES = 256 * 1024;
/** The clocks of two hosts differ. */
const CLOCK_MARGIN_MS = 24 * 3600 * 1000;

export class Room {
  readonly #runs: string;
  readonly #limits: RoomLimits;
  /** Of runs that write no more. */
  readonly #sizes = new Map<string, number>();

  constructor(runs: string, limits: RoomLimits) {
    this.#runs = runs;
    this.#limits = limits;
  }

  /** Makes room for one more run, of output that servers have kept; or says why there is none. */
  async make(wantedBytes: number, tenants: ReadonlyMap<string, Tenant>): Promise<string | null> {
    const { runs, diskBytes } = this.#limits;
    if (tenants.size >= runs) return `there are ${runs} runs on this host already`;
    let used = wantedBytes + OTHER_BYTES;
    for (const [run, tenant] of tenants) used += await this.#sizeOf(run, tenant);
    const complete = [...tenants].filter(([, { completeAt }]) => completeAt !== null);
    for (const [run] of complete.sort(byAge)) {
      if (used <= diskBytes) break;
      used -= this.#sizes.get(run) ?? 0;
      await fs.rm(join(runDirectory(this.#runs, run), FACTS.output), { force: true });
      this.#sizes.delete(run);
      used += await this.#sizeOf(run, tenants.get(run));
    }
    return used <= diskBytes
      ? null
      : `its output would be beyond the ${diskBytes} bytes of all runs`;
  }

  /** Takes away what has had its day; which ones. */
  async clean(tenants: ReadonlyMap<string, Tenant>, now: Date): Promise<string[]> {
    const old = [...tenants].filter(([, tenant]) => this.#isOver(tenant, now.getTime()));
    for (const [run] of old) {
      await forget(this.#runs, run);
      this.#sizes.delete(run);
    }
    return old.map(([run]) => run);
  }

  #isOver({ order, completeAt }: Tenant, nowMs: number): boolean {
    if (completeAt === null) return false;
    const keepUntil = Date.parse(completeAt) + this.#limits.forgetAfterMs;
    return nowMs > keepUntil && nowMs > Date.parse(order.beginBefore) + CLOCK_MARGIN_MS;
  }

  async #sizeOf(run: string, tenant: Tenant | undefined): Promise<number> {
    if (tenant?.isOpen) return tenant.order.outputLimitBytes + OTHER_BYTES;
    const known = this.#sizes.get(run) ?? (await sizeOf(runDirectory(this.#runs, run)));
    this.#sizes.set(run, known);
    return known;
  }
}

type Entry = readonly [string, Tenant];

const byAge = ([, one]: Entry, [, other]: Entry): number =>
  (one.completeAt ?? '').localeCompare(other.completeAt ?? '');

/** When everything of a run was kept. */
export const completeAt = (kept: Kept | null): string | null =>
  kept?.isComplete ? kept.resultAt : null;
