// What a host says of itself, made fit for the messages of agents: no longer than their shapes
// allow, and without what cannot be stored as text.

import { MAX_NAME } from '@halflap/protocol/agent';

/** Longest description, as in the shapes of facts. */
const MAX_TEXT = 1024;

/** One line of text. */
export function text(value: string, most = MAX_TEXT): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out.
  const plain = value.replace(/[\u0000-\u001f\u007f]+/g, ' ').trim();
  return cut(plain, most);
}

/** The beginning, without half of a character at its end. */
export function cut(value: string, most: number): string {
  return value.length <= most ? value : Buffer.from(value.slice(0, most)).toString();
}

/** A name, which is never empty. */
export function nameOf(value: string, most = MAX_NAME): string {
  return text(value, most) || 'unknown';
}

/** A time in whole seconds; null of none. */
export function timeOf(seconds: number): string | null {
  const time = new Date(Math.floor(seconds) * 1000);
  return Number.isNaN(time.getTime()) || seconds <= 0
    ? null
    : time.toISOString().replace('.000Z', 'Z');
}
