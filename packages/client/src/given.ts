// What a caller gives with a call or when it opens its fleet, checked: TypeScript tells callers of
// JavaScript nothing, and a value that comes from a request or an environment variable nobody.

import { HalflapError } from '@halflap/protocol';

/** Longest time that a timer of Node can wait; a longer one would fire at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** @throws CLIENT_OPTIONS unless it is a number of milliseconds that a timer can wait. */
export function checkTimeout(value: number): number {
  const isFit = typeof value === 'number' && value >= 1 && value <= LONGEST_MS;
  if (isFit) return value;
  throw wrong('timeoutMs', shown(value), `a number of milliseconds from 1 to ${LONGEST_MS}`);
}

/** @throws CLIENT_OPTIONS unless it is a number of repetitions. */
export function checkRetries(option: string, value: number): number {
  return checkInteger(option, value, [0, 20]);
}

/** @throws CLIENT_OPTIONS unless it is a whole number in the range, both ends included. */
export function checkInteger(
  option: string,
  value: number,
  [least, most]: readonly [number, number],
): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw wrong(option, shown(value), `a whole number from ${least} to ${most}`);
}

/** The value of one of the keys. @throws CLIENT_OPTIONS for any other. */
export function checkChoice<Value>(
  option: string,
  choices: Readonly<Record<string, Value>>,
  given: string,
): Value {
  const found = Object.hasOwn(choices, given) ? choices[given] : undefined;
  if (found !== undefined) return found;
  throw wrong(option, shown(given), `one of ${Object.keys(choices).join(', ')}`);
}

/** The error for what is none of the expected; `found` is never a secret. */
export function wrong(option: string, found: string, expected: string): HalflapError {
  return new HalflapError('CLIENT_OPTIONS', `${option} is ${found}, expected ${expected}`, {
    hint: 'see docs/client.md',
  });
}

/** A value as it stands in code, so that the text `5` is not taken for the number. */
export function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
