// What agent and server say to each other on their WebSocket: one JSON object in each text message.
//
// The life of a session: the agent says `hello`; the server answers `welcome`, or `goodbye` and
// closes. Then both speak when they have something to say. Whatever must not be lost (reports,
// output, results) is repeated after a reconnect until the other side has acknowledged it; whoever
// gets it twice knows it by its number.

import { type Static, Type } from 'typebox';
import { Abilities, InstalledPackage, Service, SystemFacts } from './facts.js';
import { ORDER_KINDS, Result } from './orders.js';
import { checkByType, count, name, nullable, oneOf, time, uuid } from './shape.js';
import { Kept, MOST_KEYS, OfferedKey, Trust, Trusts } from './trust.js';

/** Revisions of this protocol that this code speaks, both included. */
export const PROTOCOL = { oldest: 1, newest: 1 } as const;

/** The longest message of either side, in bytes of UTF-8. A longer one ends the connection. */
export const MAX_FRAME_BYTES = 256 * 1024;

export const Range = Type.Object({ oldest: count(1000), newest: count(1000) });
export type Range = Static<typeof Range>;

/** Far above what sessions can come to, and so far below what numbers can hold. */
const MOST_FENCE = 2 ** 50;

/** Numbers the sessions of a host, upwards, whichever server has them. */
const fence = () => count();

export const Hello = Type.Object({
  type: Type.Literal('hello'),
  protocol: Range,
  agentVersion: name(64),
  abilities: Abilities,
  /** What the host's policy file lets it run. */
  allowed: Type.Array(oneOf(ORDER_KINDS)),
  /** The last revision of its facts that a server has acknowledged; 0 for none. */
  revision: count(),
  /**
   * The highest number that a session of this host has had: the next is above it, also where the
   * store was restored from a backup and knows of lower ones only.
   */
  fence: Type.Optional(count(MOST_FENCE)),
  /** Orders that it has begun and whose result no server has acknowledged yet. */
  unfinished: Type.Array(uuid(), { maxItems: 1000 }),
  /** Whom it trusts; an agent that says so understands `trust`. */
  kept: Type.Optional(Kept),
});
export type Hello = Static<typeof Hello>;

export const Welcome = Type.Object({
  type: Type.Literal('welcome'),
  /** The revision that both speak from now on. */
  protocol: count(1000),
  server: name(),
  serverVersion: name(64),
  fence: fence(),
  now: time(),
  heartbeatSeconds: Type.Integer({ minimum: 1, maximum: 3600 }),
  /** How often facts are looked at again. */
  reportSeconds: Type.Integer({ minimum: 1, maximum: 86_400 }),
  /** The revision of facts that the cluster has; where it differs the agent tells all anew. */
  revision: count(),
});
export type Welcome = Static<typeof Welcome>;

export const GOODBYE_REASONS = [
  /** The server ends. */
  'stopping',
  /** It has as many as it takes. */
  'busy',
  /** No common revision of the protocol. */
  'protocol',
  /** Another session of the host has begun. */
  'replaced',
  /** The host waits for somebody's approval. */
  'pending',
  /** The host or its certificate was revoked: the agent must enrol again. */
  'revoked',
  /** The cluster cannot serve this host now: its shard is away, or its data is being moved. */
  'unavailable',
  /** A message broke the rules; `detail` says which. */
  'malformed',
] as const;

export const Goodbye = Type.Object({
  type: Type.Literal('goodbye'),
  reason: oneOf(GOODBYE_REASONS),
  detail: Type.String({ maxLength: 1000 }),
  /** The agent waits for a random time around this. */
  reconnectAfterMs: count(24 * 3600 * 1000),
});
export type Goodbye = Static<typeof Goodbye>;

/** Says that the agent lives; the server answers with a WebSocket pong. */
export const Heartbeat = Type.Object({ type: Type.Literal('heartbeat') });
export type Heartbeat = Static<typeof Heartbeat>;

/**
 * Facts: all of them (`base` null) or what has changed since `base`. What does not fit into one
 * message comes in several of one revision; it counts once the one with `isLast` has come.
 */
export const Report = Type.Object({
  type: Type.Literal('report'),
  revision: count(),
  base: nullable(count()),
  isLast: Type.Boolean(),
  system: Type.Optional(SystemFacts),
  packages: Type.Optional(
    Type.Object({
      changed: Type.Array(InstalledPackage),
      /** By `packageKey`. */
      removed: Type.Array(name(1024)),
    }),
  ),
  services: Type.Optional(
    Type.Object({ changed: Type.Array(Service), removed: Type.Array(name()) }),
  ),
});
export type Report = Static<typeof Report>;

/** The server has stored this revision; `isNeeded` asks for all facts anew. */
export const Reported = Type.Object({
  type: Type.Literal('reported'),
  revision: count(),
  isNeeded: Type.Boolean(),
});
export type Reported = Static<typeof Reported>;

/** Runs an order once; an agent that knows `run` already tells what became of it instead. */
export const Run = Type.Object({
  type: Type.Literal('run'),
  fence: fence(),
  /** The text of an `Order`, and its signature (Ed25519, base64) by the key of that id. */
  order: Type.String({ maxLength: 192 * 1024 }),
  key: name(64),
  signature: name(256),
});
export type Run = Static<typeof Run>;

/** Ends an order, or keeps it from beginning. Its result says which. */
export const Cancel = Type.Object({ type: Type.Literal('cancel'), fence: fence(), run: uuid() });
export type Cancel = Static<typeof Cancel>;

/** The agent has written the order to its disk and begins it. */
export const Begun = Type.Object({ type: Type.Literal('begun'), run: uuid(), at: time() });
export type Begun = Static<typeof Begun>;

export const OUTPUT_STREAMS = ['stdout', 'stderr'] as const;

/** A piece of output, from 0 upwards for each run. */
export const Output = Type.Object({
  type: Type.Literal('output'),
  run: uuid(),
  number: count(),
  stream: oneOf(OUTPUT_STREAMS),
  text: Type.String({ maxLength: 64 * 1024 }),
});
export type Output = Static<typeof Output>;

export const Ended = Type.Object({ type: Type.Literal('ended'), run: uuid(), result: Result });
export type Ended = Static<typeof Ended>;

/** The server has kept pieces of output below this number. */
export const OutputKept = Type.Object({
  type: Type.Literal('output_kept'),
  run: uuid(),
  below: count(),
});
export type OutputKept = Static<typeof OutputKept>;

/** The server has kept the result: the agent may forget the run after a day. */
export const ResultKept = Type.Object({ type: Type.Literal('result_kept'), run: uuid() });
export type ResultKept = Static<typeof ResultKept>;

/** Asks for the last lines of a service's journal; answered once, by `journal`. */
export const JournalAsked = Type.Object({
  type: Type.Literal('journal_asked'),
  id: uuid(),
  service: name(),
  lines: Type.Integer({ minimum: 1, maximum: 1000 }),
});
export const Journal = Type.Object({
  type: Type.Literal('journal'),
  id: uuid(),
  lines: Type.Array(Type.String({ maxLength: 8192 }), { maxItems: 1000 }),
  error: nullable(Type.String({ maxLength: 1000 })),
});
export type JournalAsked = Static<typeof JournalAsked>;
export type Journal = Static<typeof Journal>;

/** A request (PKCS #10, PEM) for the certificate that follows the present one. */
export const CertificateAsked = Type.Object({
  type: Type.Literal('certificate_asked'),
  request: Type.String({ maxLength: 16_384 }),
});
export type CertificateAsked = Static<typeof CertificateAsked>;
/** Certificates in PEM, the host's first; and the keys that orders are signed with from now on. */
export const Certificate = Type.Object({
  type: Type.Literal('certificate'),
  chain: Type.String({ maxLength: 65_536 }),
  keys: Type.Array(OfferedKey, { maxItems: MOST_KEYS }),
});
export type Certificate = Static<typeof Certificate>;

const AGENT_FRAMES = [
  Hello,
  Heartbeat,
  Report,
  Begun,
  Output,
  Ended,
  Journal,
  CertificateAsked,
  Trusts,
] as const;
export type AgentFrame = Static<(typeof AGENT_FRAMES)[number]>;

const SERVER_FRAMES = [
  Welcome,
  Goodbye,
  Reported,
  Run,
  Cancel,
  OutputKept,
  ResultKept,
  JournalAsked,
  Certificate,
  Trust,
] as const;
export type ServerFrame = Static<(typeof SERVER_FRAMES)[number]>;

/** @see checkByType. Of a parsed message of an agent. */
export const checkAgentFrame = checkByType(AGENT_FRAMES);
/** @see checkByType. Of a parsed message of a server. */
export const checkServerFrame = checkByType(SERVER_FRAMES);

/**
 * The newest revision that both speak, or null.
 * Symmetric, so either side may ask.
 */
export function commonRevision(one: Range, other: Range): number | null {
  const newest = Math.min(one.newest, other.newest);
  return newest >= Math.max(one.oldest, other.oldest) ? newest : null;
}
