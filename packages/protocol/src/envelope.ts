// A message between servers of two releases: how it is wrapped, and in which form its mapping from
// one release to the other stands in the file that servers are given.
//
// Invariant: a message says by itself of which release its body is (`level`). Who receives it asks
// nothing else, least of all what it is allowed to send.

/** The newest envelope that this code writes, and the one that it reads. */
export const ENVELOPE_FORMAT = 1;

/** Longest envelope, in bytes of UTF-8: what is parked must fit a row that people look at. */
export const ENVELOPE_BYTES = 1_048_576;

/** What travels, as JSON. Members that a reader does not know are passed over. */
export interface Envelope {
  readonly halflap: typeof ENVELOPE_FORMAT;
  /** Names this message for good, so that it is parked once however often it is delivered. */
  readonly id: string;
  /** Type of the message, as release `level` calls it. */
  readonly type: string;
  /** The release in whose form the body is. */
  readonly level: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Types of plain values. `integer` is one that JavaScript holds exactly: below 2^53. */
export const PLAIN_TYPES = ['text', 'integer', 'number', 'boolean', 'json'] as const;
export type PlainType = (typeof PLAIN_TYPES)[number];

export type FieldType = PlainType | { readonly list: FieldType } | { readonly record: RecordShape };

export interface FieldShape {
  readonly type: FieldType;
  /** May be left out, or null, which is the same. */
  readonly isOptional: boolean;
}

/** Fields by name. Order means nothing. */
export type RecordShape = Readonly<Record<string, FieldShape>>;

/**
 * An expression over the fields of one message, ready to be computed: SQL without PostgreSQL. What
 * the operators mean is PostgreSQL's meaning for text, bigint, float8 and boolean, null included.
 */
export type Formula =
  | { readonly field: readonly string[] }
  | { readonly value: string | number | boolean | null }
  | { readonly call: string; readonly of: readonly Formula[] }
  | { readonly record: Readonly<Record<string, Formula>> };

/** A message of the other release that stands for the one at hand. */
export interface MappedMessage {
  readonly type: string;
  /** Whether there is one; null for always. */
  readonly when: Formula | null;
  readonly fields: Readonly<Record<string, Formula>>;
}

/**
 * What becomes of one type of message in the other release: one or several messages, or the reason
 * why it has no form there.
 */
export type MessageMapping =
  | { readonly to: readonly MappedMessage[] }
  | { readonly impossible: string };
