// How a message is written down, in numbered formats: one JSON object whose `format` says how the
// rest of it is to be read.
//
// A server writes one format and reads several. A release that brings a new one reads it first and
// writes it only once no server is left that does not: until then its messages wait for a server
// that reads them (ledger.ts), and those of a topic that is followed are told as unreadable.
// Readers pass over fields that they do not know.

import { HalflapError } from '@halflap/protocol';
import { checkOf } from '@halflap/protocol/agent';
import { Type } from 'typebox';
import {
  MAX_ENVELOPE_BYTES,
  MAX_KEY_LENGTH,
  MAX_NAME_LENGTH,
  type Message,
  NAME,
  UUID,
} from './message.js';

export interface EnvelopeFormat {
  /** The fields beside `format`. */
  write(message: Message): object;
  /** @throws BUS_UNREADABLE when it is not of its shape. */
  read(envelope: object): Omit<Message, 'format'>;
}

export interface Formats {
  readonly writes: number;
  readonly reads: Readonly<Record<number, EnvelopeFormat>>;
}

/** As JavaScript writes it. */
const TIME = '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$';

const First = Type.Object({
  id: Type.String({ pattern: UUID.source }),
  topic: Type.String({ pattern: NAME.source, maxLength: MAX_NAME_LENGTH }),
  key: Type.Union([Type.String({ minLength: 1, maxLength: MAX_KEY_LENGTH }), Type.Null()]),
  at: Type.String({ pattern: TIME }),
  body: Type.Unknown(),
});
const checkFirst = checkOf(First);

const FIRST: EnvelopeFormat = {
  write: ({ id, topic, key, at, body }) => ({ id, topic, key, at: at.toISOString(), body }),
  read(envelope) {
    const checked = checkFirst(envelope);
    if (!checked.ok) throw unreadable(checked.problems.join('; '));
    const { id, topic, key, at, body } = checked.value;
    return { id, topic, key, at: new Date(at), body };
  },
};

/** Of this release. */
export const FORMATS: Formats = { writes: 1, reads: { 1: FIRST } };

/** @throws BUS_TOO_LARGE with both sizes; BUS_INVALID when JSON cannot hold the body. */
export function writeEnvelope(message: Message, { writes, reads }: Formats): string {
  const text = textOf({ format: writes, ...reads[writes]?.write(message) }, message);
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_ENVELOPE_BYTES) return text;
  throw new HalflapError(
    'BUS_TOO_LARGE',
    `bus: a message of ${message.topic} takes ${bytes} bytes, the limit is ${MAX_ENVELOPE_BYTES}`,
    { hint: 'keep the large part in a table, and publish its key' },
  );
}

function textOf(envelope: object, { topic }: Message): string {
  try {
    return JSON.stringify(envelope);
  } catch (cause) {
    throw new HalflapError('BUS_INVALID', `bus: the body of a message of ${topic} is no JSON`, {
      hint: 'publish plain objects, without cycles and without bigint',
      cause,
    });
  }
}

/** @throws BUS_UNREADABLE when it is no envelope, or one of a format that is not read. */
export function readEnvelope(text: string, { reads }: Formats): Message {
  if (text.length > MAX_ENVELOPE_BYTES) throw unreadable('it is too long');
  const envelope = parsed(text);
  const format = 'format' in envelope ? envelope.format : undefined;
  if (typeof format !== 'number') throw unreadable('it has no format');
  const reader = reads[format];
  if (reader === undefined) throw unreadable(`it is of format ${format}`);
  return { ...reader.read(envelope), format };
}

function parsed(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Told below, as for any other text that is no object.
  }
  throw unreadable('it is no JSON object');
}

/** What a handler throws too, of a body that is not of its shape: it is parked, not tried again. */
export function unreadable(problem: string): HalflapError {
  return new HalflapError('BUS_UNREADABLE', `bus: an envelope cannot be read: ${problem}`, {
    hint: 'a newer server may have written it; upgrade this one, then give it back',
  });
}

/** The numbers of the formats that are read. */
export function formatsRead({ reads }: Formats): number[] {
  return Object.keys(reads).map(Number);
}
