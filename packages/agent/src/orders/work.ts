// What all kinds of work have in common: what they are given, and what they say in the end.

import { constants } from 'node:os';
import type { OrderKind, Result, Work } from '@halflap/protocol/agent';
import type { Program, ProgramEnd } from './program.js';

/** What an order of one kind asks for. */
export type WorkOf<Kind extends OrderKind> = Extract<Work, { readonly kind: Kind }>;

export interface WorkHost {
  /** Runs a program to its end; its output is the run's output. */
  readonly run: (program: Program) => Promise<ProgramEnd>;
  /** The same, with its output for us alone. */
  readonly read: (program: Program) => Promise<ReadEnd>;
  /** A line of our own in the output. */
  readonly say: (line: string) => void;
  /** Aborted when the work is to end. */
  readonly signal: AbortSignal;
  /** From now on it is not ended any more. False when it is to end already. */
  readonly commit: () => boolean;
  readonly lockWaitSeconds: number;
}

export interface ReadEnd extends ProgramEnd {
  readonly stdout: string;
  readonly stderr: string;
}

/** How work ended, of its own account. */
export interface Outcome extends Pick<Result, 'exitCode' | 'signal' | 'message'> {
  readonly state: 'succeeded' | 'failed' | 'interrupted';
}

/** Where programs are looked for: the usual places, whatever the agent's own environment says. */
export const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The environment of programs whose words are read or shown: in English, UTF-8. */
export const PLAIN_ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH,
  HOME: '/root',
  LANG: 'C.UTF-8',
  LC_ALL: 'C.UTF-8',
};

export function failed(message: string, exitCode: number | null = null): Outcome {
  return { state: 'failed', exitCode, signal: null, message };
}

export function succeeded(message: string, exitCode: number | null = 0): Outcome {
  return { state: 'succeeded', exitCode, signal: null, message };
}

export const INTERRUPTED: Outcome = {
  state: 'interrupted',
  exitCode: null,
  signal: null,
  message: 'ended before anything was changed',
};

/** What a program's end means where nothing more is known of it. */
export function outcomeOf(what: string, end: ProgramEnd): Outcome {
  const { exitCode, signal } = end;
  const how =
    signal === null ? `ended with exit code ${exitCode}` : `was ended by ${nameOf(signal)}`;
  const state = exitCode === 0 ? 'succeeded' : 'failed';
  return {
    state: end.wasInterrupted ? 'interrupted' : state,
    exitCode,
    signal,
    message: `${what} ${how}`,
  };
}

const nameOf = (signal: NodeJS.Signals): string => `${signal} (${constants.signals[signal]})`;
