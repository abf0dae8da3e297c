// Runs the orders of servers on this host, each exactly once.
//
//   take ──► waiting ──► begun ──► ended ──► complete ──► forgotten
//     │          └──cancelled, refused──┘
//     └──► refused
//
// Orders wait for their turn: package transactions one after the other, of all others some at once.
// What one run does is follower.ts; where its state is kept, journal.ts. Everything is on the disk
// before it is done or said, so the process may be killed at any point, and the next one goes on.

import { join } from 'node:path';
import type { Order, OrderKind, Result } from '@halflap/protocol/agent';
import { codeOf, readValue, writeOnce } from '../durable.js';
import {
  admit,
  claimedRun,
  type Refusal,
  readOrder,
  refusal,
  type TrustedKey,
} from './admission.js';
import { type FrameOf, logTo, type OrderLog } from './events.js';
import { Follower } from './follower.js';
import * as journal from './journal.js';
import { launch } from './launch.js';
import { readBootId } from './liveness.js';
import {
  DEFAULT_LIMITS,
  DEFAULT_SUPERVISOR,
  type OrdersLimits,
  type OrdersOptions,
} from './options.js';
import { kindsOf } from './policy.js';
import { readPolicyFile } from './policy-file.js';
import { completeAt, Room, type Tenant } from './room.js';

/** A run that this host knows. */
interface Known extends Tenant {
  readonly directory: string;
  readonly keptAt: string;
  begunAt: string | null;
  state: 'waiting' | 'begun' | 'ended';
  isOpen: boolean;
  completeAt: string | null;
  /** Of a run that has begun or ended, until a server has kept everything. */
  follower: Follower | null;
}

const CLEAN_EVERY_MS = 3600 * 1000;
/** A disk that has not taken what is to begin is asked again. */
const RETRY_MS = 10_000;
const DISK_FAILURES: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO']);

export class Orders {
  readonly #options: OrdersOptions;
  readonly #limits: OrdersLimits;
  readonly #runs: string;
  readonly #room: Room;
  readonly #known = new Map<string, Known>();
  /** Directories that this release cannot read; never run, never touched. */
  readonly #unread = new Set<string>();
  readonly #log: (entry: OrderLog) => void;
  #keys: readonly TrustedKey[];
  #bootId = '';
  #isConnected = false;
  #isStopped = false;
  #cleaning: NodeJS.Timeout | undefined;
  /** One thing at a time changes what is known. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: OrdersOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#runs = join(options.state, 'runs');
    this.#room = new Room(this.#runs, this.#limits);
    this.#log = logTo(options.log);
    this.#keys = options.keys;
  }

  /** Reads the journal and goes on with every run in it. Once, and before everything else. */
  start(): Promise<void> {
    return this.#inTurn(async () => {
      this.#bootId = this.#options.bootId ?? (await readBootId());
      const runs = await journal.openRuns(this.#runs);
      for (const run of runs) {
        await this.#pickUp(run).catch((error: Error) => {
          this.#known.delete(run);
          this.#leave(run, error.message);
        });
      }
      await this.#clean();
      this.#cleaning = setInterval(() => this.#later(() => this.#clean()), CLEAN_EVERY_MS);
      this.#cleaning.unref();
      await this.#beginNext();
    });
  }

  /** Lets go of everything; runs that have begun go on, and the next start finds them. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#isConnected = false;
    clearInterval(this.#cleaning);
    await this.#turn;
    for (const { follower } of this.#known.values()) await follower?.stop();
  }

  /** A session has begun: all that no server has kept is told, from its beginning. */
  connected(): Promise<void> {
    this.#isConnected = true;
    return this.#inTurn(async () => {
      for (const known of this.#known.values()) await this.#tell(known);
    });
  }

  disconnected(): void {
    this.#isConnected = false;
  }

  /** From now on orders are believed that these keys have signed, and no others. */
  trust(keys: readonly TrustedKey[]): void {
    this.#keys = keys;
  }

  /** For the greeting: what the host's policy file lets this agent run, at least in part. */
  async allowed(): Promise<OrderKind[]> {
    const { policy, mistake } = await readPolicyFile(this.#options.policyFile);
    if (mistake !== null) this.#trouble(null, new Error(mistake));
    return kindsOf(policy);
  }

  /** For the greeting: what has begun, and its result is kept by no server. */
  unfinished(): string[] {
    return [...this.#known]
      .filter(([, { state, follower }]) => state !== 'waiting' && follower?.isResultKept === false)
      .map(([run]) => run);
  }

  /**
   * Takes an order, or tells what became of one that is known. A refusal is told as the result of
   * its run, but for three: of an old owner's, since the new one decides; of a run that is known
   * by an order that was signed; and of a text that names no run.
   *
   * @returns why it was not taken; null when it was, or is known.
   */
  take(frame: FrameOf<'run'>): Promise<Refusal | null> {
    return this.#inTurn(async () => {
      const refused = await this.#take(frame).catch((error: Error) => {
        // Nothing is known of it then: the directory of a run comes whole or not at all.
        if (!DISK_FAILURES.has(codeOf(error) ?? '')) throw error;
        return this.#refuse(claimedRun(frame.order), refusal('room', error.message));
      });
      await this.#beginNext();
      return refused;
    });
  }

  /** Ends a run or keeps it from beginning; its result says which. */
  cancel({ run }: FrameOf<'cancel'>): Promise<void> {
    return this.#inTurn(async () => {
      const known = this.#known.get(run);
      if (known === undefined) {
        // Only an order that was signed makes a run known.
        if (!this.#unread.has(run)) this.#tellResult(run, 'cancelled', 'never came to this host');
      } else if (known.state === 'waiting') {
        await this.#settle(known, 'cancelled', 'a server asked for its end before it began');
      } else if (known.state === 'begun') {
        await writeOnce(known.directory, journal.FACTS.cancel, { format: journal.JOURNAL_FORMAT });
      } else {
        await this.#tell(known, true);
      }
    });
  }

  async outputKept({ run, below }: FrameOf<'output_kept'>): Promise<void> {
    await this.#known.get(run)?.follower?.outputKept(below);
  }

  async resultKept({ run }: FrameOf<'result_kept'>): Promise<void> {
    await this.#known.get(run)?.follower?.resultKept();
  }

  async #take(frame: FrameOf<'run'>): Promise<Refusal | null> {
    const claimed = claimedRun(frame.order);
    const order = readOrder(frame, this.#keys);
    if ('rule' in order) return this.#refuse(claimed, order);
    const known = this.#known.get(order.run);
    if (known !== undefined) {
      await this.#tell(known, true);
      return null;
    }
    const refused = await this.#admit(order);
    if (refused?.rule === 'host') return this.#refuse(order.run, refused);
    const noRoom = await this.#room.make(order.outputLimitBytes, this.#known);
    if (noRoom !== null) return this.#refuse(order.run, refusal('room', noRoom));
    const { order: text, key, signature } = frame;
    const keptAt = this.#now().toISOString();
    const kept = { format: journal.JOURNAL_FORMAT, order: text, key, signature, keptAt };
    if (!(await journal.keepOrder(this.#runs, order.run, kept))) {
      return this.#refuse(order.run, refusal('shape', 'this host has a run of that id already'));
    }
    const entry = this.#enter(order, keptAt);
    this.#log({ event: 'kept', run: order.run, message: order.work.kind });
    if (refused !== null) await this.#settle(entry, 'refused', refused.message);
    return refused;
  }

  async #admit(order: Order): Promise<Refusal | null> {
    const policy = await readPolicyFile(this.#options.policyFile);
    return admit(order, { host: this.#options.host, now: this.#now(), policy });
  }

  #enter(order: Order, keptAt: string): Known {
    const directory = journal.runDirectory(this.#runs, order.run);
    const known: Known = {
      ...{ order, directory, keptAt, state: 'waiting', isOpen: true },
      ...{ begunAt: null, completeAt: null, follower: null },
    };
    this.#known.set(order.run, known);
    return known;
  }

  /** Goes on with a run of the journal. */
  async #pickUp(run: string): Promise<void> {
    const facts = await journal.readFacts(journal.runDirectory(this.#runs, run));
    if (facts === null) return this.#leave(run, 'its journal is of no known format');
    const known = this.#enter(JSON.parse(facts.order.order) as Order, facts.order.keptAt);
    known.begunAt = facts.begun?.at ?? null;
    known.completeAt = completeAt(facts.kept);
    if (known.completeAt !== null) {
      known.state = 'ended';
      known.isOpen = false;
    } else if (facts.claim !== null || facts.result !== null) {
      await this.#follow(known, facts.kept);
    } else if (facts.begun !== null) {
      await this.#begin(known, true);
    }
  }

  #leave(run: string, why: string): void {
    this.#unread.add(run);
    this.#trouble(run, new Error(`it is left alone: ${why}`));
  }

  /** Begins what has waited longest, as far as there is room beside what runs. */
  async #beginNext(): Promise<void> {
    if (this.#isStopped) return;
    const all = [...this.#known.values()];
    const waiting = all
      .filter(({ state }) => state === 'waiting')
      .sort((one, other) => one.keptAt.localeCompare(other.keptAt));
    const running = all.filter(({ state }) => state === 'begun').map(({ order }) => order);
    for (const known of waiting) {
      // Commands that run for days do not hold up packages, and the other way about.
      const isPackages = known.order.work.kind === 'packages';
      const alike = running.filter(({ work }) => (work.kind === 'packages') === isPackages);
      if (alike.length >= (isPackages ? 1 : this.#limits.concurrentRuns)) continue;
      try {
        await this.#begin(known, false);
        running.push(known.order);
      } catch (error) {
        this.#trouble(known.order.run, error as Error);
        setTimeout(() => this.#later(() => this.#beginNext()), RETRY_MS).unref();
        return;
      }
    }
  }

  async #begin(known: Known, isAgain: boolean): Promise<void> {
    const { order, directory } = known;
    const refused = await this.#admit(order);
    if (refused !== null && (await this.#settle(known, 'refused', refused.message))) return;
    const at = this.#now().toISOString();
    const { graceMs, lockWaitSeconds } = this.#limits;
    const begun = { format: journal.JOURNAL_FORMAT, at, graceMs, lockWaitSeconds };
    if (await writeOnce(directory, journal.FACTS.begun, begun)) known.begunAt = at;
    this.#log({ event: 'begun', run: order.run, message: order.work.kind });
    try {
      await this.#launch(known, isAgain);
    } catch (error) {
      const why = `its supervisor could not be started: ${(error as Error).message}`;
      if (await this.#settle(known, 'failed', why)) return;
    }
    await this.#follow(known, null);
  }

  async #launch({ order, directory }: Known, isAgain: boolean): Promise<void> {
    const command = this.#options.supervisor ?? DEFAULT_SUPERVISOR;
    await launch(command, { run: order.run, directory, kind: order.work.kind, isAgain });
    this.#log({ event: 'launched', run: order.run, message: command.join(' ') });
  }

  /** Ends a run that nothing has acted for. False when a supervisor has it. */
  async #settle(known: Known, state: 'cancelled' | 'refused' | 'failed', why: string) {
    const result = journal.emptyResult(state, why, this.#now());
    const isSettled = await journal.settle(known.directory, { result, bootId: this.#bootId });
    if (isSettled) await this.#follow(known, null);
    return isSettled;
  }

  async #follow(known: Known, kept: journal.Kept | null): Promise<void> {
    const { emit } = this.#options;
    const { graceMs, startPatienceMs } = this.#limits;
    const follower = new Follower(known.directory, known.order, kept, {
      ...{ emit, graceMs, startPatienceMs, bootId: this.#bootId },
      now: () => this.#now(),
      log: this.#log,
      mend: () => this.#launch(known, true),
      isConnected: () => this.#isConnected,
      onEnded: () => {
        known.state = 'ended';
        known.isOpen = false;
        this.#later(() => this.#beginNext());
      },
      onComplete: () => {
        known.completeAt = this.#now().toISOString();
        known.follower = null;
        void follower.stop();
      },
    });
    known.state = 'begun';
    known.follower = follower;
    this.#tellBegun(known);
    await follower.start();
  }

  /** What became of a run; to those who ask also what a server has kept. */
  async #tell(known: Known, isAsked = false): Promise<void> {
    const { directory, order, follower } = known;
    if (follower !== null) {
      this.#tellBegun(known);
      await follower.tellAgain({ isAsked });
    } else if (isAsked && this.#isConnected && known.state === 'ended') {
      const result = await readValue<Result>(directory, journal.FACTS.result);
      if (result !== null) this.#options.emit({ type: 'ended', run: order.run, result });
    }
  }

  #tellBegun({ order, begunAt, follower }: Known): void {
    if (begunAt === null || !this.#isConnected || follower?.isResultKept) return;
    this.#options.emit({ type: 'begun', run: order.run, at: begunAt });
  }

  #tellResult(run: string, state: Result['state'], why: string): void {
    if (!this.#isConnected) return;
    const result = journal.emptyResult(state, why, this.#now());
    this.#options.emit({ type: 'ended', run, result });
  }

  #refuse(run: string | null, refused: Refusal): Refusal {
    this.#log({ event: 'refused', run, message: refused.message });
    const isTold = run !== null && !this.#known.has(run) && !this.#unread.has(run);
    if (isTold) this.#tellResult(run, 'refused', refused.message);
    return refused;
  }

  async #clean(): Promise<void> {
    for (const run of await this.#room.clean(this.#known, this.#now())) {
      this.#known.delete(run);
      this.#log({ event: 'forgotten', run, message: 'a server has kept all of it' });
    }
  }

  #inTurn<Value>(act: () => Promise<Value>): Promise<Value> {
    const done = this.#turn.then(act);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /** In its turn, with nobody who waits for it. */
  #later(act: () => Promise<void>): void {
    this.#inTurn(act).catch((error: Error) => this.#trouble(null, error));
  }

  #trouble(run: string | null, { message }: Error): void {
    this.#log({ event: 'trouble', run, message });
  }

  #now(): Date {
    return new Date(this.#options.clock.now());
  }
}
