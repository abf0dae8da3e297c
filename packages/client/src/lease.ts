// What this process knows of one shard, and how it keeps that true: a heartbeat that renews the
// lease and reads the shard's row in the same statement.
//
//   (start) ──check──► refused, session, lens, native     by the shard's row (mode.ts)
//      any ──no answer for longer than the lease──► unreachable ──answer──► by the shard's row
//
// Invariant: a lease is held in the shard before the first statement of the application is sent,
// unless the shard takes no writes at all, and is given back when the shard refuses. At most one
// check runs at a time; a check never throws.

import { HalflapError, type Phase } from '@halflap/protocol';
import type { ClientBase } from 'pg';
import { lensBinding, releaseBinding } from './bind.js';
import { within } from './deadline.js';
import { isForbidden, isReadOnly, isStateMissing, messageOf, sqlStateOf } from './failure.js';
import { describeFacts, judge, type Mode, type ShardFacts, type Verdict } from './mode.js';
import { type ServedMode, type Settings, withoutSecrets } from './options.js';
import type { Sessions } from './sessions.js';
import { type Heard, readFacts, releaseLease, renewLease } from './state.js';
import { readLens } from './through-lens.js';

/** How one shard stands towards this server, as last heard. */
export interface ShardStatus {
  readonly shard: string;
  readonly mode: Mode;
  /** Null while unknown, and for a database without Halflap's state. */
  readonly phase: Phase | null;
  readonly floor: string | null;
  readonly ceiling: string | null;
  /**
   * Why the shard refuses or is not reached; also set while a live lease outlasts a failed
   * heartbeat, and where no lease can be taken because nothing can be written.
   */
  readonly reason: string | null;
  /** The next thing to do about the reason. */
  readonly hint: string | null;
  /** When the shard last answered a heartbeat; null for never. */
  readonly heardAt: Date | null;
}

export interface LeaseHost {
  readonly shard: string;
  readonly settings: Settings;
  readonly sessions: Sessions;
  /** One per opened fleet; names this process in the leases of all its shards. */
  readonly instance: string;
  /** Prepares the shard for this release; absent when the server may not. */
  readonly prepare: (() => Promise<void>) | undefined;
  readonly onChange: (before: ShardStatus, after: ShardStatus) => void;
  /** After every check, whatever came of it. */
  readonly onChecked: () => void;
}

/** What a shard said last of features and servers, to a server that holds a lease there. */
export interface LastHeard extends Heard {
  /** On the monotonic clock: until then the server lives to the shard, and nothing is undone. */
  readonly untilMs: number;
}

/** Heartbeats per lease: two may be lost before the third is too late. */
const HEARTBEATS_PER_LEASE = 3;
/** Pause between checks of a shard that does not answer, or whose statements fail unexplained. */
const SHORT_PAUSE_MS = 1000;
/** Every pause is drawn from ± this part of itself, so that servers do not beat together. */
const JITTER = 0.2;
const NOT_ASKED = 'not asked yet';
/** Whoever only reads harms nobody, and meets a tombstone when the shard has been contracted. */
const READ_ONLY = 'no lease can be taken: the database is a standby or read-only';

export class Lease {
  readonly #host: LeaseHost;
  #status: ShardStatus;
  #held: ServedMode | undefined;
  #hasRegister = false;
  #heard: LastHeard | undefined;
  /** On the monotonic clock; nothing is sent after it without a new check. */
  #servedUntilMs = 0;
  #wasEverServed = false;
  #checking: Promise<void> | undefined;
  #checkedAtMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  /** The last check failed in a way that may pass soon. */
  #isPassing = false;
  /** A statement has met what the last check does not explain. */
  #isHurried = false;
  #isStopped = false;

  constructor(host: LeaseHost) {
    this.#host = host;
    this.#status = {
      shard: host.shard,
      mode: 'unreachable',
      phase: null,
      floor: null,
      ceiling: null,
      reason: NOT_ASKED,
      hint: null,
      heardAt: null,
    };
  }

  get status(): ShardStatus {
    return this.#status;
  }

  /** Undefined while the shard has never taken a lease of this server. */
  get heard(): LastHeard | undefined {
    return this.#heard;
  }

  /**
   * Asks the shard now, or joins the check that is under way; then the heartbeat goes on from here.
   */
  check(): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    this.#checking ??= this.#check().finally(() => {
      this.#checking = undefined;
      this.#schedule();
      this.#host.onChecked();
    });
    return this.#checking;
  }

  /**
   * A statement failed in a way that tells of a move: asks soon, and not for every such statement.
   */
  hurry(): void {
    if (this.#isHurried) return;
    this.#isHurried = true;
    if (this.#checking === undefined) this.#schedule();
  }

  /** Passes while the shard serves. @throws CLIENT_NOT_SERVED, SHARD_UNREACHABLE */
  async assertServed(): Promise<void> {
    if (isServed(this.#status.mode) && performance.now() > this.#servedUntilMs) await this.check();
    if (!isServed(this.#status.mode)) throw notServed(this.#status, this.#host.settings);
  }

  /** Ends the heartbeat and gives the lease back, if the shard can still be told. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#checking;
    await this.#giveUpLease();
  }

  async #check(): Promise<void> {
    this.#checkedAtMs = performance.now();
    this.#isPassing = false;
    this.#isHurried = false;
    try {
      let { facts, verdict } = await this.#ask();
      if (this.#mayPrepare(verdict)) {
        const failure = await this.#prepare();
        if (failure === undefined) ({ facts, verdict } = await this.#ask());
        else {
          const reason = [verdict.reason, failure.reason].filter((one) => one !== null).join('; ');
          verdict = { ...verdict, reason, hint: failure.hint };
        }
      }
      verdict = await this.#bind(verdict);
      if (verdict.mode === 'refused') await this.#giveUpLease();
      else if (verdict.mode !== 'session') this.#wasEverServed = true;
      this.#become({ ...verdict, ...positionOf(facts), heardAt: new Date() });
    } catch (error) {
      this.#unanswered(error);
    }
  }

  /**
   * One heartbeat. A shard that begins to serve, or serves otherwise than leased, is leased at
   * once.
   */
  async #ask(): Promise<{ facts: ShardFacts | null; verdict: Verdict }> {
    const { shard, settings, sessions } = this.#host;
    const client = await sessions.takeUnbound();
    try {
      let askedAtMs = performance.now();
      let facts = await (this.#held
        ? this.#renew(client, this.#held)
        : this.#timely(readFacts(client)));
      this.#hasRegister = facts?.has_register === true;
      let verdict = judge(facts, shard, settings);
      if (facts !== null && verdict.mode !== 'refused' && verdict.mode !== this.#held) {
        askedAtMs = performance.now();
        facts = await this.#renew(client, verdict.mode);
        verdict = judge(facts, shard, settings);
        if (this.#held === undefined && verdict.mode !== 'refused') {
          verdict = { ...verdict, reason: READ_ONLY };
        }
      }
      const isThroughViews = facts !== null && seesViews(facts, verdict, settings);
      sessions.lens.use(isThroughViews ? await this.#timely(readLens(client, settings)) : null);
      const servedMs = verdict.mode === 'refused' ? 0 : settings.leaseSeconds * 1000;
      this.#servedUntilMs = askedAtMs + servedMs;
      this.#hear(facts);
      sessions.give(client, 'keep');
      return { facts, verdict };
    } catch (error) {
      sessions.give(client, 'discard');
      throw error;
    }
  }

  /** Binds the sessions as the verdict says; refuses where a lens cannot be installed in them. */
  async #bind(verdict: Verdict): Promise<Verdict> {
    const { shard, settings, sessions } = this.#host;
    const { lens } = settings;
    if (verdict.mode !== 'session' || lens === null) {
      sessions.bindBy(releaseBinding(settings));
      return verdict;
    }
    sessions.bindBy(lensBinding(lens));
    if (this.#status.mode === 'session') return verdict;
    try {
      sessions.give(await sessions.take(), 'keep');
      return verdict;
    } catch (error) {
      const cause = error instanceof HalflapError ? error.cause : undefined;
      if (sqlStateOf(cause) === undefined) throw error;
      this.#servedUntilMs = 0;
      const reason = `its session lens cannot be installed: ${messageOf(cause)}`;
      const hint = `halflap prepare --shard ${shard} (to ${settings.release})`;
      return { ...verdict, mode: 'refused', reason, hint };
    }
  }

  /** Keeps what was said, and that nothing was where the state is older than features. */
  #hear(facts: ShardFacts | null): void {
    if (this.#held === undefined) {
      if (this.#heard !== undefined) this.#heard = { ...this.#heard, untilMs: 0 };
      return;
    }
    const { features = {}, releases = [] } = facts ?? {};
    this.#heard = { features, releases, untilMs: this.#servedUntilMs };
  }

  /** Takes or renews the lease in this mode; where nothing can be written, only looks. */
  async #renew(client: ClientBase, mode: ServedMode): Promise<ShardFacts | null> {
    const { settings, instance } = this.#host;
    try {
      const renewal = { instance, mode, hasRegister: this.#hasRegister };
      const facts = await this.#timely(renewLease(client, renewal, settings));
      this.#held = mode;
      this.#hasRegister = facts?.has_register === true;
      return facts;
    } catch (error) {
      if (!isReadOnly(error)) throw error;
      this.#held = undefined;
      return this.#timely(readFacts(client));
    }
  }

  #timely<Value>(work: Promise<Value>): Promise<Value> {
    return within(this.#host.settings.connectTimeoutMs, work, () => new Error('no answer in time'));
  }

  #mayPrepare(verdict: Verdict): boolean {
    return verdict.isPreparable && !this.#wasEverServed && this.#host.prepare !== undefined;
  }

  /** The failure in words, and what to do; undefined when the callback succeeded. */
  async #prepare(): Promise<{ readonly reason: string; readonly hint: string } | undefined> {
    try {
      this.#say('info', 'preparing the shard for this release');
      await this.#host.prepare?.();
      return undefined;
    } catch (error) {
      const message = withoutSecrets(messageOf(error));
      const failure = message.startsWith('prepare failed') ? message : `prepare failed: ${message}`;
      this.#say('warn', failure);
      // Another server may be preparing the same shard.
      this.#isPassing = error instanceof HalflapError && error.retryable;
      const { shard, settings } = this.#host;
      const byHand = `halflap prepare --shard ${shard} (to ${settings.release})`;
      const hint = error instanceof HalflapError ? error.hint : undefined;
      return { reason: failure, hint: hint ?? byHand };
    }
  }

  async #giveUpLease(): Promise<void> {
    if (this.#held === undefined) return;
    const { sessions, instance } = this.#host;
    try {
      const client = await sessions.takeUnbound();
      const released = this.#timely(releaseLease(client, instance));
      await released.finally(() => sessions.give(client, 'discard'));
      this.#held = undefined;
    } catch (error) {
      // It runs out by itself; until then contract waits for it.
      this.#say('warn', `could not give the lease back: ${withoutSecrets(messageOf(error))}`);
    }
  }

  #unanswered(error: unknown): void {
    this.#isPassing = true;
    // A database without state has no lease to renew; the next check reads it from the start.
    if (isStateMissing(error)) this.#held = undefined;
    const reason = withoutSecrets(messageOf(error));
    const hint = error instanceof HalflapError ? (error.hint ?? null) : null;
    if (performance.now() < this.#servedUntilMs) {
      this.#become({ ...this.#status, reason: `heartbeat failed: ${reason}`, hint });
    } else if (isForbidden(error)) {
      const right = 'let an operator’s halflap verb grant schema halflap to public again';
      this.#become({ ...this.#status, mode: 'refused', reason, hint: right });
    } else {
      this.#become({ ...this.#status, mode: 'unreachable', reason, hint });
    }
  }

  #become(next: Omit<ShardStatus, 'shard'>): void {
    const before = this.#status;
    const { mode, phase, floor, ceiling, reason, hint, heardAt } = next;
    const after = { shard: before.shard, mode, phase, floor, ceiling, reason, hint, heardAt };
    this.#status = after;
    const isSame =
      before.mode === mode &&
      before.phase === phase &&
      before.floor === floor &&
      before.ceiling === ceiling;
    const isFirst = before.reason === NOT_ASKED;
    if (!isSame || isFirst || (before.reason === null) !== (reason === null)) {
      const why = reason === null ? '' : `: ${reason}`;
      this.#say(reason === null ? 'info' : 'warn', `${mode}, ${describeFacts(after)}${why}`);
    }
    if (!isSame) this.#host.onChange(before, after);
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => void this.check(), this.#pauseMs());
    this.#timer.unref();
  }

  #pauseMs(): number {
    const sinceCheckMs = performance.now() - this.#checkedAtMs;
    if (this.#isHurried) return Math.max(0, SHORT_PAUSE_MS - sinceCheckMs);
    const beatMs = (this.#host.settings.leaseSeconds * 1000) / HEARTBEATS_PER_LEASE;
    const pauseMs = this.#isPassing ? Math.min(beatMs, SHORT_PAUSE_MS) : beatMs;
    return pauseMs * (1 - JITTER + Math.random() * 2 * JITTER);
  }

  #say(level: 'info' | 'warn', message: string): void {
    this.#host.settings.log({ level, shard: this.#host.shard, message });
  }
}

/** Whether the shard shows the release some of its tables as views, as overlays are in dual too. */
function seesViews({ phase, ceiling }: ShardFacts, { mode }: Verdict, { release }: Settings) {
  return mode === 'lens' || (mode === 'native' && phase === 'dual' && release === ceiling);
}

/** True for the modes in which statements are sent. */
export function isServed(mode: Mode): mode is ServedMode {
  return mode === 'native' || mode === 'lens' || mode === 'session';
}

/**
 * The refusal that a call on a shard meets which does not serve. Sent nothing, so it may be
 * repeated.
 */
export function notServed(
  status: ShardStatus,
  who: Pick<Settings, 'app' | 'release'>,
  cause?: unknown,
): HalflapError {
  const code = status.mode === 'unreachable' ? 'SHARD_UNREACHABLE' : 'CLIENT_NOT_SERVED';
  const what =
    status.mode === 'unreachable'
      ? `shard ${status.shard} is unreachable: ${status.reason}`
      : `shard ${status.shard} does not serve ${who.app} ${who.release}: ${status.reason}`;
  return new HalflapError(code, what, {
    detail: { shard: status.shard },
    ...(status.hint === null ? {} : { hint: status.hint }),
    cause,
  });
}

function positionOf(facts: ShardFacts | null): Pick<ShardStatus, 'phase' | 'floor' | 'ceiling'> {
  if (facts === null) return { phase: null, floor: null, ceiling: null };
  return { phase: facts.phase, floor: facts.floor, ceiling: facts.ceiling };
}
