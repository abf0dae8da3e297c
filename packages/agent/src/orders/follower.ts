// Follows one run that has begun, from its files: tells its output piece by piece and its result
// once, and finds out when its supervisor is gone. It knows nothing that the files do not say, so
// another agent process can take over at any point.
//
//   begun ──claim.json──► claimed ──result.json──► ended ──kept by a server──► complete
//     │                      └──its supervisor is gone, no result──► lost
//     └──no supervisor comes──► failed
//
// Invariant: the result is told after all output, and output in the order of its numbers.

import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import type { Order, Result } from '@halflap/protocol/agent';
import { readValue, replace, writeOnce } from '../durable.js';
import { type Booting, bootResult, bootsHost } from './booting.js';
import type { OrderLog, ToldFrame } from './events.js';
import {
  type Claim,
  emptyResult,
  FACTS,
  JOURNAL_FORMAT,
  type Kept,
  type Mend,
  settle,
} from './journal.js';
import { isAlive, type ProcessMark } from './liveness.js';
import { readPiece } from './output-file.js';
import { endGroup } from './program.js';
import { watchDirectory } from './watch.js';

export interface FollowHost {
  readonly emit: (frame: ToldFrame) => void;
  readonly isConnected: () => boolean;
  readonly log: (entry: OrderLog) => void;
  readonly now: () => Date;
  readonly bootId: string;
  readonly startPatienceMs: number;
  readonly graceMs: number;
  /** Starts a supervisor that puts in order what a transaction left when the host went down. */
  readonly mend: () => Promise<void>;
  /** Called once, when it is known how the run ended. */
  readonly onEnded: () => void;
  /** Called once, when a server has kept everything. */
  readonly onComplete: () => void;
}

/** Pieces that are told and not yet kept by a server, at most. */
const WINDOW_PIECES = 16;
/** Without a word of ours on the disk, this many pieces are told twice at most. */
const KEEP_EVERY_PIECES = 32;

export class Follower {
  readonly #directory: string;
  readonly #order: Order;
  readonly #host: FollowHost;
  readonly #sinceMs: number;
  #watch: { close(): void } | undefined;
  #looking: Promise<void> | undefined;
  #isLookWanted = false;
  #isStopped = false;
  #claim: Claim | null = null;
  #result: Result | null = null;
  #hasEnded = false;
  /** Where reading goes on: the number of the next piece, and its place in the file. */
  #next: number;
  #offset: number;
  #isAtEnd = false;
  /** What a server has kept, as it says and as the disk says. */
  #below: number;
  #kept: Kept;
  /** Where pieces end that are told and not kept. */
  readonly #ends = new Map<number, number>();
  #isTold = false;
  /** When a supervisor was asked to put things in order. */
  #mendSinceMs: number | null = null;
  #keeping: Promise<void> = Promise.resolve();

  constructor(directory: string, order: Order, kept: Kept | null, host: FollowHost) {
    this.#directory = directory;
    this.#order = order;
    this.#host = host;
    this.#kept = kept ?? NOTHING_KEPT;
    this.#below = this.#next = this.#kept.below;
    this.#offset = this.#kept.offset;
    this.#isTold = this.#kept.resultAt !== null;
    this.#sinceMs = performance.now();
  }

  get result(): Result | null {
    return this.#result;
  }

  get isResultKept(): boolean {
    return this.#kept.resultAt !== null;
  }

  start(): Promise<void> {
    this.#watch = watchDirectory(this.#directory, () => void this.look());
    return this.look();
  }

  /** Returns when nothing is being read or told any more; the run goes on. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#watch?.close();
    await this.#looking;
    if (this.#kept.below < this.#below) await this.#keep({}).catch(() => undefined);
  }

  /** Tells everything that no server has kept, from its beginning. */
  tellAgain({ isAsked = false } = {}): Promise<void> {
    this.#next = this.#kept.below;
    this.#offset = this.#kept.offset;
    this.#ends.clear();
    this.#isAtEnd = false;
    this.#isTold = this.isResultKept && !isAsked;
    return this.look();
  }

  /** Looks at the files, and once more when somebody asks for that in the meantime. */
  look(): Promise<void> {
    this.#isLookWanted = true;
    this.#looking ??= this.#lookWhileWanted().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async outputKept(below: number): Promise<void> {
    if (below <= this.#below) return;
    this.#below = below;
    if (this.#below - this.#kept.below >= KEEP_EVERY_PIECES) await this.#keep({});
    await this.look();
  }

  async resultKept(): Promise<void> {
    if (this.#result === null || this.isResultKept) return;
    await this.#keep({ resultAt: this.#host.now().toISOString() });
    this.#log('acknowledged', 'a server has kept the result');
    await this.look();
  }

  async #lookWhileWanted(): Promise<void> {
    while (this.#isLookWanted && !this.#isStopped) {
      this.#isLookWanted = false;
      try {
        await this.#lookOnce();
      } catch (error) {
        // The disk is full or fails: the next look asks it again.
        this.#log('trouble', (error as Error).message);
      }
    }
  }

  async #lookOnce(): Promise<void> {
    // Before the output: whatever was written before the result is read after it.
    this.#result ??= await readValue<Result>(this.#directory, FACTS.result);
    if (this.#result === null) await this.#careForSupervisor();
    if (this.#result !== null && !this.#hasEnded) {
      this.#hasEnded = true;
      this.#log('ended', this.#result.message);
      this.#host.onEnded();
    }
    if (!this.#host.isConnected()) return;
    await this.#tell();
    await this.#completeIfAllIsKept();
  }

  async #tell(): Promise<void> {
    const result = this.#result;
    await this.#tellOutput();
    if (result === null || !this.#isAtEnd || this.#isTold || this.#isStopped) return;
    this.#isTold = true;
    this.#host.emit({ type: 'ended', run: this.#order.run, result });
    this.#log('told', result.state);
  }

  async #tellOutput(): Promise<void> {
    const file = await fs.open(join(this.#directory, FACTS.output), 'r').catch(() => null);
    this.#isAtEnd = file === null;
    try {
      while (file !== null && this.#next - this.#below < WINDOW_PIECES && !this.#isStopped) {
        const at = this.#offset;
        const piece = await readPiece(file, at);
        // All is told anew, or by nobody, since a session has begun or ended meanwhile.
        if (this.#offset !== at || !this.#host.isConnected()) return;
        this.#isAtEnd = piece === null;
        if (piece === null) return;
        const { stream, text, end } = piece;
        const number = this.#next;
        this.#next += 1;
        this.#offset = end;
        this.#ends.set(number, end);
        if (number < this.#below) continue;
        this.#host.emit({ type: 'output', run: this.#order.run, number, stream, text });
      }
    } finally {
      await file?.close();
    }
  }

  async #careForSupervisor(): Promise<void> {
    const { bootId, startPatienceMs, now } = this.#host;
    this.#claim ??= await readValue<Claim>(this.#directory, FACTS.claim);
    const claim = this.#claim;
    if (claim === null) {
      if (performance.now() - this.#sinceMs < startPatienceMs) return;
      const result = emptyResult('failed', 'its supervisor did not start', now());
      await settle(this.#directory, { result, bootId });
    } else if (claim.supervisor === null) {
      const lost = emptyResult('lost', 'its agent has said nothing of its end', now());
      await writeOnce(this.#directory, FACTS.result, claim.result ?? lost);
    } else if (claim.bootId !== bootId) {
      if (!(await this.#isBooting(claim))) await this.#careForCut(claim);
    } else if (!(await isAlive(claim.supervisor))) {
      // The last thing that a supervisor does is to write the result, or that the host goes down.
      const result = await readValue<Result>(this.#directory, FACTS.result);
      if (result === null && !(await this.#isBooting(claim))) {
        await this.#endWorker();
        await this.#lose(claim, 'its supervisor was killed while it ran');
      }
    } else {
      return;
    }
    this.#result = await readValue<Result>(this.#directory, FACTS.result);
  }

  /** The order was to boot the host, which may have happened by now. */
  async #isBooting(claim: Claim): Promise<boolean> {
    const { bootId, now } = this.#host;
    if (!bootsHost(this.#order.work)) return false;
    const booting = await readValue<Booting>(this.#directory, FACTS.booting);
    if (booting === null) return false;
    const isCancelled = (await readValue(this.#directory, FACTS.cancel)) !== null;
    const hasBooted = claim.bootId !== bootId;
    const at = { hasBooted, isCancelled, order: this.#order, now: now() };
    const result = bootResult(booting, at);
    if (result !== null) await writeOnce(this.#directory, FACTS.result, result);
    return true;
  }

  /** The host has been booted since. */
  async #careForCut(claim: Claim): Promise<void> {
    const why = 'the host went down while it ran';
    if (this.#order.work.kind !== 'packages') return this.#lose(claim, why);
    const { bootId, startPatienceMs, mend } = this.#host;
    const found = await readValue<Mend>(this.#directory, FACTS.mend);
    const supervisor = found?.bootId === bootId ? found.supervisor : null;
    if (supervisor === null && this.#mendSinceMs === null) {
      this.#mendSinceMs = performance.now();
      const asked: Mend = { format: JOURNAL_FORMAT, bootId, supervisor };
      await replace(this.#directory, FACTS.mend, asked);
      await mend();
      return;
    }
    const sinceMs = this.#mendSinceMs ?? 0;
    const isComing = supervisor === null && performance.now() - sinceMs < startPatienceMs;
    if (isComing || (supervisor !== null && (await isAlive(supervisor)))) return;
    await this.#lose(claim, `${why}, and what it left was not put in order`);
  }

  async #lose(claim: Claim, why: string): Promise<void> {
    const result = { ...emptyResult('lost', why, this.#host.now()), startedAt: claim.at };
    if (await writeOnce(this.#directory, FACTS.result, result)) this.#log('lost', why);
  }

  /** Nobody reads its output or ends it in time any more. Not of packages: see work-packages.ts. */
  async #endWorker(): Promise<void> {
    if (this.#order.work.kind === 'packages') return;
    const work = await readValue<{ worker: ProcessMark | null }>(this.#directory, FACTS.work);
    const worker = work?.worker ?? null;
    if (worker !== null && (await isAlive(worker))) await endGroup(worker.pid, this.#host.graceMs);
  }

  /** One after the other, each with what the one before has written. */
  #keep(change: Partial<Kept>): Promise<void> {
    const done = this.#keeping.then(async () => {
      const below = Math.min(this.#below, this.#next);
      const offset = this.#ends.get(below - 1);
      const progress = offset === undefined ? {} : { below, offset };
      const kept = { ...this.#kept, ...progress, ...change };
      await replace(this.#directory, FACTS.kept, kept);
      this.#kept = kept;
      for (const number of this.#ends.keys()) if (number < below - 1) this.#ends.delete(number);
    });
    this.#keeping = done.catch(() => undefined);
    return done;
  }

  async #completeIfAllIsKept(): Promise<void> {
    const isAll = this.isResultKept && this.#isAtEnd && this.#below >= this.#next;
    if (!isAll || this.#kept.isComplete) return;
    await this.#keep({ isComplete: true });
    this.#host.onComplete();
  }

  #log(event: OrderLog['event'], message: string): void {
    this.#host.log({ event, run: this.#order.run, message });
  }
}

const NOTHING_KEPT: Kept = {
  format: JOURNAL_FORMAT,
  below: 0,
  offset: 0,
  resultAt: null,
  isComplete: false,
};
