// What the demonstration and its load generators say to each other over the processes' channel.

import type { ReleaseName } from './dialect.js';
import type { Facts } from './facts.js';

export interface Target {
  readonly server: string;
  readonly port: number;
  readonly release: ReleaseName;
}

export interface GeneratorConfig {
  readonly seed: number;
  /** This generator's number, and how many there are: it owns every host whose index fits. */
  readonly generator: number;
  readonly generators: number;
  /** How many hosts the loader wrote. */
  readonly hosts: number;
  readonly clients: number;
  /** Least time between two requests of one client. */
  readonly paceMs: number;
}

export type Command =
  | {
      readonly kind: 'start';
      readonly config: GeneratorConfig;
      readonly targets: readonly Target[];
    }
  | { readonly kind: 'targets'; readonly targets: readonly Target[] }
  /** Send nothing more to a server; answered by `drained` when its last answer came. */
  | { readonly kind: 'drain'; readonly server: string }
  /** Stop asking; answered by `paused` when nothing is in flight. */
  | { readonly kind: 'pause' }
  | { readonly kind: 'resume' }
  /** Answered by `ledger`. */
  | { readonly kind: 'report' };

export interface Cell {
  readonly server: string;
  readonly release: string;
  readonly shard: string;
  readonly mode: string;
  readonly statements: number;
}

/** What was seen since the last tick. */
export interface Tick {
  readonly kind: 'tick';
  readonly cells: readonly Cell[];
  readonly requests: number;
  readonly acknowledged: number;
  readonly failures: readonly string[];
  /** Answers that contradict what was acknowledged before. */
  readonly contradictions: readonly string[];
  readonly longestMs: number;
}

/** What one generator knows to be true of a host that it owns. */
export interface OwnedHost {
  readonly name: string;
  readonly exists: boolean;
  readonly facts: Facts;
  /** Events that the acknowledged writes must have left. */
  readonly events: number;
  /** A write failed half-way: nobody can say what is true. */
  readonly isUncertain: boolean;
}

export interface LedgerReport {
  readonly kind: 'ledger';
  readonly owned: readonly OwnedHost[];
  /** Acknowledged heartbeats by host, of all hosts that exist for this generator. */
  readonly heartbeats: Readonly<Record<string, number>>;
  readonly acknowledged: number;
}

export type Event =
  | Tick
  | LedgerReport
  | { readonly kind: 'ready' }
  | { readonly kind: 'drained'; readonly server: string }
  | { readonly kind: 'paused' };
