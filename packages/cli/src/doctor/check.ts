// What a look at the whole is made of: checks, each of which finds something or fails, side by
// side, each for a limited time.
//
// Invariant: no check keeps another one, nor the whole, from ending; and whatever a check ends
// with, silence too, is a finding.

import { EXIT, type ExitCode, HalflapError } from '@halflap/protocol';
import { redact } from '../secrets.js';

export const STATES = ['failed', 'warning', 'ok'] as const;
export type State = (typeof STATES)[number];

/** One line of `doctor --json`; additions only. */
export interface Finding {
  /** `connection`, `clock`, `bus` … */
  readonly check: string;
  /** A shard, an address, a file; null for the whole. */
  readonly of: string | null;
  readonly state: State;
  readonly found: string;
  /** What to do about it; null where nothing needs doing. */
  readonly next: string | null;
  /** Of a failure: what the command ends with because of it. */
  readonly exitCode: ExitCode;
}

export interface Check {
  readonly name: string;
  readonly of: string | null;
  run(): Promise<readonly Finding[]>;
}

type Place = Pick<Check, 'name' | 'of'>;

export function ok({ name, of }: Place, found: string): Finding {
  return { check: name, of, state: 'ok', found, next: null, exitCode: EXIT.done };
}

export function warning({ name, of }: Place, found: string, next: string): Finding {
  return { check: name, of, state: 'warning', found, next, exitCode: EXIT.done };
}

export function failed(
  { name, of }: Place,
  found: string,
  next: string,
  exitCode: ExitCode = EXIT.refused,
): Finding {
  return { check: name, of, state: 'failed', found, next, exitCode };
}

/** The finding of an error, without the secrets that a driver may quote. */
export function failure(place: Place, error: unknown, next: string): Finding {
  const message = redact(error instanceof Error ? error.message : String(error));
  if (isTooSlow(error)) {
    const slow = 'no answer in time: a lock of another session may be in the way';
    return failed(place, slow, 'look at the check of transactions there', EXIT.timedOut);
  }
  if (!(error instanceof HalflapError)) return failed(place, message, next, EXIT.unreachable);
  return failed(place, message, redact(error.hint ?? next), error.exitCode);
}

/** PostgreSQL ended a statement because of its time: query_canceled (manual, appendix A). */
function isTooSlow(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '57014';
}

/** Runs all of them at once. Never throws; findings are in the order of the checks. */
export async function runChecks(checks: readonly Check[], limitMs: number): Promise<Finding[]> {
  return (await Promise.all(checks.map((check) => runOne(check, limitMs)))).flat();
}

async function runOne(check: Check, limitMs: number): Promise<readonly Finding[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Finding[]>((resolve) => {
    const found = `no answer within ${limitMs / 1000} s`;
    const next = 'it hangs: look at what it asks; --timeout gives it longer';
    const finding = failed(check, found, next, EXIT.timedOut);
    timer = setTimeout(() => resolve([finding]), limitMs);
  });
  try {
    return await Promise.race([check.run(), late]);
  } catch (error) {
    return [failure(check, error, 'read the message; halflap status says more of a shard')];
  } finally {
    clearTimeout(timer);
  }
}

/** What comes first for a script: input that is wrong, then what is not there, then the rest. */
const GRAVITY = [EXIT.internal, EXIT.usage, EXIT.unreachable, EXIT.timedOut, EXIT.refused];

/** Of all failures the gravest; done where there is none, whatever the warnings. */
export function exitCodeOf(findings: readonly Finding[]): ExitCode {
  const found = new Set(findings.map(({ exitCode }) => exitCode));
  return GRAVITY.find((code) => found.has(code)) ?? EXIT.done;
}
