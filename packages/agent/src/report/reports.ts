// Which facts a server is told next, one revision after the other:
//
//   nothing told ── pending ──► told ── reported ──► acknowledged (kept on the disk)
//                                └──── reported, isNeeded ──► all is told anew
//
// A revision is told in the same words until it is answered. Its number is higher than any that a
// server or this agent has had, so a number never stands for two different states.

import type { Report, Snapshot } from '@halflap/protocol/agent';
import type { Log } from '../log.js';
import { type Acknowledged, readAcknowledged, writeAcknowledged } from './acknowledged-file.js';
import { differenceOf, isEmpty, settled } from './difference.js';
import { framesOf } from './frames.js';

interface Told extends Acknowledged {
  readonly frames: readonly Report[];
}

export class FactReports {
  readonly #directory: string;
  readonly #log: Log;
  #acknowledged: Acknowledged | null;
  #told: Told | null = null;
  #now: Snapshot | null = null;
  /** A server does not have what was acknowledged. */
  #isAllNeeded = false;
  #highest: number;
  #writing: Promise<void> = Promise.resolve();

  private constructor(directory: string, log: Log, acknowledged: Acknowledged | null) {
    this.#directory = directory;
    this.#log = log;
    this.#acknowledged = acknowledged;
    this.#highest = acknowledged?.revision ?? 0;
  }

  /** From what is kept in a directory that is the agent's own. Never fails for what it holds. */
  static async open(directory: string, log: Log): Promise<FactReports> {
    return new FactReports(directory, log, await readAcknowledged(directory, log));
  }

  /** The last revision that a server has acknowledged; 0 for none. */
  get acknowledged(): number {
    return this.#acknowledged?.revision ?? 0;
  }

  /** What was found out now. @returns whether there is something to tell. */
  found(snapshot: Snapshot): boolean {
    this.#now = settled(this.#told?.snapshot ?? this.#acknowledged?.snapshot ?? null, snapshot);
    return this.pending().length > 0;
  }

  /** The messages of the next revision, in their order; none when all is told and acknowledged. */
  pending(): readonly Report[] {
    this.#told ??= this.#next();
    return this.#told?.frames ?? [];
  }

  /**
   * A server has stored a revision; `isNeeded`: it has that one, and wants all facts anew.
   * @returns when it is kept on the disk; if that fails, the next start tells more than it must.
   */
  async reported(revision: number, isNeeded: boolean): Promise<void> {
    if (isNeeded) {
      this.#highest = Math.max(this.#highest, revision);
      this.#told = null;
      this.#isAllNeeded = true;
      return;
    }
    if (this.#told?.revision !== revision) return;
    const { snapshot } = this.#told;
    this.#acknowledged = { revision, snapshot };
    this.#told = null;
    this.#isAllNeeded = false;
    this.#writing = this.#writing.then(() => this.#keep({ revision, snapshot }));
    await this.#writing;
  }

  #next(): Told | null {
    if (this.#now === null) return null;
    const base = this.#isAllNeeded ? null : this.#acknowledged;
    const snapshot = this.#now;
    const difference = differenceOf(base?.snapshot ?? null, snapshot);
    if (isEmpty(difference)) return null;
    this.#highest += 1;
    const revision = this.#highest;
    const frames = framesOf(difference, { revision, base: base?.revision ?? null });
    return { revision, snapshot, frames };
  }

  async #keep(acknowledged: Acknowledged): Promise<void> {
    try {
      await writeAcknowledged(this.#directory, acknowledged);
    } catch (error) {
      this.#log.error({ error }, 'the acknowledged facts could not be kept');
    }
  }
}
