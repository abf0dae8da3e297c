// The envelope of a message: written for the release that the slowest reader has, and read back, or
// found to be none that this server reads. Pure, and decides by the message alone.

import {
  compareVersions,
  ENVELOPE_BYTES,
  ENVELOPE_FORMAT,
  type Envelope,
  HalflapError,
  type ServersFile,
} from '@halflap/protocol';
import { mapped, type TypedBody } from './mapping.js';
import { fit, problemsText } from './shape.js';

/** A message as it was read, in the form of this server's release. */
export interface ReadMessage {
  readonly ok: true;
  readonly id: string;
  /** The release in whose form it came. */
  readonly level: string;
  /** Several where this release has split what was one. */
  readonly messages: readonly TypedBody[];
}

/** What this server cannot read, and why. */
export interface UnreadMessage {
  readonly ok: false;
  /** Null where the envelope itself cannot be read, as type and level then are. */
  readonly id: string | null;
  readonly type: string | null;
  readonly level: string | null;
  /** Of a release that this server does not know: one of that release reads it. */
  readonly isNewer: boolean;
  readonly reason: string;
}

/**
 * The message as text, in the form of release `level`: this one, or the one before where the
 * message has a form there. @throws MESSAGE_INVALID.
 */
export function written(
  { type, body }: TypedBody,
  file: ServersFile,
  { level, id }: { readonly level: string; readonly id: string },
): string {
  const shape = Object.hasOwn(file.messages, type) ? file.messages[type] : undefined;
  if (shape === undefined) {
    throw invalid(type, `release ${file.release} states no message of that type`);
  }
  const fitted = fit(body, shape);
  if ('problems' in fitted) {
    const { problems } = fitted;
    throw invalid(type, problemsText(problems), { fields: problems });
  }
  const own = { type, body: fitted.body };
  const { messages, down } = { ...file.earlier, messages: file.earlier.messages };
  const lower = level === file.release ? null : mapped(own, down, messages);
  const [only, ...more] = lower !== null && 'messages' in lower ? lower.messages : [];
  // Several for one could be told apart by nobody; such a mapping is not made.
  const isLower = only !== undefined && more.length === 0;
  const envelope: Envelope = {
    halflap: ENVELOPE_FORMAT,
    id,
    level: isLower ? level : file.release,
    ...(isLower ? only : own),
  };
  const text = JSON.stringify(envelope);
  const bytes = Buffer.byteLength(text);
  if (bytes <= ENVELOPE_BYTES) return text;
  throw invalid(type, `it has ${bytes} bytes, at most ${ENVELOPE_BYTES} can be kept`);
}

/** Never throws for what the text is. */
export function readEnvelope(text: string, file: ServersFile): ReadMessage | UnreadMessage {
  const envelope = parsed(text);
  if (typeof envelope === 'string') {
    return { ok: false, id: null, type: null, level: null, isNewer: false, reason: envelope };
  }
  const { id, type, level, body } = envelope;
  const unread = (reason: string, isNewer = false): UnreadMessage => {
    return { ok: false, id, type, level, isNewer, reason };
  };
  if (level !== file.release && level !== file.from) {
    const isNewer = compareVersions(level, file.release) > 0;
    const which = isNewer ? 'is newer than' : 'is too old for';
    return unread(
      `it is of release ${level}, which ${which} this server of ${file.release}`,
      isNewer,
    );
  }
  const isOwn = level === file.release;
  const shapes = isOwn ? file.messages : file.earlier.messages;
  const shape = Object.hasOwn(shapes, type) ? shapes[type] : undefined;
  if (shape === undefined) return unread(`release ${level} states no message ${type}`);
  const fitted = fit(body, shape);
  if ('problems' in fitted) return unread(problemsText(fitted.problems));
  const own = { type, body: fitted.body };
  if (isOwn) return { ok: true, id, level, messages: [own] };
  const up = mapped(own, file.earlier.up, file.messages);
  return 'reason' in up ? unread(up.reason) : { ok: true, id, level, messages: up.messages };
}

/** The envelope, or why the text is none. */
function parsed(text: string): Envelope | string {
  if (Buffer.byteLength(text) > ENVELOPE_BYTES) return `it is longer than ${ENVELOPE_BYTES} bytes`;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'it is not JSON';
  }
  if (typeof value !== 'object' || value === null) return 'it is no envelope';
  const { halflap, id, type, level, body } = value as Partial<Record<keyof Envelope, unknown>>;
  if (halflap !== ENVELOPE_FORMAT) {
    return `its envelope has format ${String(halflap)}, this client reads ${ENVELOPE_FORMAT}`;
  }
  const isNamed = [id, type, level].every(
    (one) => typeof one === 'string' && one.length > 0 && one.length <= 200,
  );
  if (!isNamed || typeof body !== 'object' || body === null) return 'its envelope lacks a part';
  return value as Envelope;
}

function invalid(type: string, problem: string, detail: HalflapError['detail'] = {}) {
  return new HalflapError('MESSAGE_INVALID', `message ${type}: ${problem}`, {
    detail,
    hint: 'compare it with "messages" in servers.yaml of this release',
  });
}
