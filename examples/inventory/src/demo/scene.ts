// Everything that is known at this moment about the demonstration: what the view shows, and what
// the report adds up. Fed by what load generators, shards and servers say from outside the
// engine.

import type { Tick } from '../load/messages.js';
import { GENERATORS } from './generators.js';
import type { Phases } from './phases.js';
import type { ServerState } from './servers.js';

/** One combination that was seen at work: a release that answered on a shard in a phase. */
export interface MixedState {
  readonly release: string;
  readonly phase: string;
  /** For a settled shard: at which release. */
  readonly floor: string;
  readonly mode: string;
  readonly shards: string[];
  statements: number;
  /** True when servers of the other release answered on the same shard within the same moment. */
  besideOther: boolean;
}

interface Rate {
  mode: string;
  perSecond: number;
}

export interface ServerShown {
  readonly name: string;
  readonly release: string;
  readonly state: ServerState;
}

/** A tick covers 100 ms; a phase counts only when it was there all the time, and a margin. */
const STEADY_MS = 300;
/** Weight of the newest tick in the rates shown: about a second of memory. */
const SMOOTHING = 0.05;
/** Each generator ticks ten times a second. */
const TICKS_PER_SECOND = 10 * GENERATORS;

export class Scene {
  readonly mixed = new Map<string, MixedState>();
  readonly rates = new Map<string, Rate>();
  readonly failures: string[] = [];
  readonly contradictions: string[] = [];
  /** The application's servers as they are. */
  servers: () => readonly ServerShown[] = () => [];
  readonly log: string[] = [];
  /** Where a person goes on, line by line; empty while nothing is ready, and with `--yes`. */
  invitation: readonly string[] = [];
  /** Acts in order, with the longest pause in each. */
  readonly acts: { title: string; seconds: number; longestPauseMs: number }[] = [];
  statements = 0;
  requests = 0;
  longestPauseMs = 0;
  #acknowledged = new Map<number, number>();
  readonly #phases: Phases;

  constructor(phases: Phases) {
    this.#phases = phases;
  }

  get acknowledged(): number {
    return [...this.#acknowledged.values()].reduce((sum, one) => sum + one, 0);
  }

  phaseOf(shard: string) {
    return this.#phases.of(shard);
  }

  say(line: string): void {
    this.log.push(line);
  }

  tick(generator: number, tick: Tick): void {
    this.#acknowledged.set(generator, tick.acknowledged);
    this.requests += tick.requests;
    this.failures.push(...tick.failures);
    this.contradictions.push(...tick.contradictions);
    this.longestPauseMs = Math.max(this.longestPauseMs, tick.longestMs);
    const act = this.acts.at(-1);
    if (act !== undefined) act.longestPauseMs = Math.max(act.longestPauseMs, tick.longestMs);
    for (const rate of this.rates.values()) rate.perSecond *= 1 - SMOOTHING;
    for (const cell of tick.cells) {
      this.statements += cell.statements;
      this.#count(`${cell.server}/${cell.shard}`, cell.mode, cell.statements);
    }
    this.#observe(tick);
  }

  #count(key: string, mode: string, statements: number): void {
    const rate = this.rates.get(key) ?? { mode, perSecond: 0 };
    rate.mode = mode;
    rate.perSecond += SMOOTHING * statements * TICKS_PER_SECOND;
    this.rates.set(key, rate);
  }

  #observe(tick: Tick): void {
    for (const { release, shard, mode, statements } of tick.cells) {
      if (this.#phases.steadyFor(shard) < STEADY_MS) continue;
      const { phase, floor } = this.#phases.of(shard);
      const key = [release, phase, phase === 'settled' ? floor : '', mode].join('/');
      const state = this.mixed.get(key) ?? {
        release,
        phase,
        floor,
        mode,
        shards: [],
        statements: 0,
        besideOther: false,
      };
      state.statements += statements;
      if (!state.shards.includes(shard)) state.shards.push(shard);
      state.besideOther ||= tick.cells.some(
        (other) => other.shard === shard && other.release !== release,
      );
      this.mixed.set(key, state);
    }
  }
}
