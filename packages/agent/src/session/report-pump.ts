// Tells the facts of a host, one revision after the other: the next one when a server has stored
// the one before.

import type { Report, Reported } from '@halflap/protocol/agent';
import type { ReportsDuty } from './duties.js';

/** A revision whose answer has not come is told again: the server knows it by its number. */
const BEATS_TO_ANSWER = 10;

export class ReportPump {
  readonly #reports: ReportsDuty;
  readonly #send: (report: Report) => Promise<boolean>;
  /** The revision that was told, or is being told; null when there is none. */
  #told: number | null = null;
  #isTelling = false;
  #beats = 0;

  constructor(reports: ReportsDuty, send: (report: Report) => Promise<boolean>) {
    this.#reports = reports;
    this.#send = send;
  }

  /** Tells what is pending, unless the answer to something told is still to come. */
  wake(): void {
    if (this.#told !== null || this.#isTelling) return;
    const frames = this.#reports.pending();
    const [first] = frames;
    if (first !== undefined) void this.#tell(first.revision, frames);
  }

  answered({ revision, isNeeded }: Reported): Promise<void> {
    // Of an earlier session, or of nobody: it says nothing about what was told in this one.
    if (revision !== this.#told && !isNeeded) return Promise.resolve();
    this.#told = null;
    const kept = this.#reports.reported(revision, isNeeded);
    this.wake();
    return kept;
  }

  /** With each heartbeat. */
  beat(): void {
    if (this.#told === null || this.#isTelling) return;
    this.#beats += 1;
    if (this.#beats < BEATS_TO_ANSWER) return;
    this.#told = null;
    this.wake();
  }

  async #tell(revision: number, frames: readonly Report[]): Promise<void> {
    this.#told = revision;
    this.#beats = 0;
    this.#isTelling = true;
    for (const frame of frames) if (!(await this.#send(frame))) break;
    this.#isTelling = false;
    // The answer may be that all facts are needed, and may have come in between.
    if (this.#told === null) this.wake();
  }
}
