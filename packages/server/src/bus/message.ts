// What is published and what is handled, and the limits of both.
//
// Invariant: nothing that breaks a limit gets into a shard; so whoever reads there may trust them,
// and only checks what another release may have written otherwise.

import { randomUUID } from 'node:crypto';
import { HalflapError } from '@halflap/protocol';

/** Longest envelope in bytes. A larger thing belongs into a table, and its key into a message. */
export const MAX_ENVELOPE_BYTES = 64 * 1024;
export const MAX_KEY_LENGTH = 255;
export const MAX_NAME_LENGTH = 100;
/** Messages of one call. Each key takes a place in the server's table of locks (publish.ts). */
export const MAX_MESSAGES = 1000;

/** Words with dots between them: `job.changed`. So it is a subject of NATS as it stands. */
export const NAME = /^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$/;
export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** What a caller publishes. */
export interface Draft {
  readonly topic: string;
  /** Messages with one key are handled in the order of their commits. Without one, in any order. */
  readonly key?: string | null;
  /** Anything that JSON holds. */
  readonly body: unknown;
  /** Given by who may publish it again; a second message of an id is none. Default: a new one. */
  readonly id?: string;
}

/** What a handler gets: the envelope, read. */
export interface Message {
  readonly id: string;
  readonly topic: string;
  readonly key: string | null;
  /** When it was published, by that server's clock. */
  readonly at: Date;
  /** Of the envelope that it came in. */
  readonly format: number;
  readonly body: unknown;
}

/** @throws BUS_INVALID naming the field and its rule. */
export function messageOf(draft: Draft, at: Date, format: number): Message {
  const { topic, key = null, body, id = randomUUID() } = draft;
  checkName('topic', topic);
  if (!UUID.test(id)) throw invalid('id', 'a uuid in lower case');
  if (key !== null && (key === '' || key.length > MAX_KEY_LENGTH || key.includes('\0'))) {
    throw invalid('key', `1 to ${MAX_KEY_LENGTH} characters, none of them NUL`);
  }
  if (body === undefined) throw invalid('body', 'a value that JSON holds');
  return { id, topic, key, at, format, body };
}

/** @throws BUS_INVALID. Of a topic, or of a group. */
export function checkName(field: string, value: string): void {
  if (value.length <= MAX_NAME_LENGTH && NAME.test(value)) return;
  throw invalid(field, `words of a-z, 0-9 and _ with dots between, at most ${MAX_NAME_LENGTH}`);
}

export function invalid(field: string, rule: string): HalflapError {
  return new HalflapError('BUS_INVALID', `bus: ${field} must be ${rule}`, {
    hint: `correct ${field} where the message or the subscription is made`,
  });
}
