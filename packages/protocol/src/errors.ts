// One registry of everything Halflap refuses or fails at: code, exit code, SQLSTATE where
// PostgreSQL carries it. docs/errors.md lists the same codes; a test compares the two in both
// directions.

/** What a shell script sees. Documented in docs/cli.md. */
export const EXIT = {
  done: 0,
  /** A defect of Halflap itself. */
  internal: 1,
  /** The command line or an input file is wrong. */
  usage: 2,
  /** The shard's state forbids it; the message holds the evidence. */
  refused: 3,
  /** A database could not be reached or went away. */
  unreachable: 4,
  /** A deadline passed before the awaited state came. */
  timedOut: 5,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

interface ErrorEntry {
  readonly exit: ExitCode;
  readonly retryable: boolean;
  readonly about: string;
  /** Of an answer over HTTP whose problem it is. */
  readonly status: number;
}

/** The status over HTTP where a code has none of its own (RFC 9110, section 15). */
const STATUS: Readonly<Record<keyof typeof EXIT, number>> = {
  done: 200,
  internal: 500,
  usage: 400,
  refused: 409,
  unreachable: 503,
  timedOut: 504,
};

export const ERRORS = {
  RELEASE_UNREADABLE: entry(
    'usage',
    'A release directory or its schema.sql is missing or refused by PostgreSQL.',
  ),
  RELEASE_UNSUPPORTED: entry(
    'usage',
    'schema.sql holds an object that the engine cannot carry yet.',
  ),
  EVOLUTION_INVALID: entry(
    'usage',
    'evolution.yaml has an unknown key, a wrong type or an expression that PostgreSQL refuses.',
  ),
  EVOLUTION_UNKNOWN_NAME: entry(
    'usage',
    'evolution.yaml names a table or column that the release does not have.',
  ),
  EVOLUTION_INCOMPLETE: entry(
    'usage',
    'The two schemas differ in a way that needs a declaration: an inverse, a key, a value.',
  ),
  EVOLUTION_UNSUPPORTED: entry(
    'usage',
    'The declared change is one that the compiler refuses, with its reason.',
  ),
  CHECK_FAILED: entry(
    'refused',
    'The evolution was tried on a scratch PostgreSQL and did not hold.',
  ),
  COMMAND_INVALID: entry('usage', 'The command line has an unknown command, option or value.'),
  CONFIG_INVALID: entry(
    'usage',
    'halflap.yaml has an unknown key, a wrong type or a missing secret.',
  ),
  CONFIG_UNKNOWN_SHARD: entry('usage', 'A shard was named that halflap.yaml does not list.'),
  BUNDLE_INVALID: entry(
    'usage',
    'A bundle file is damaged or of a format this version does not read.',
  ),
  FILE_EXISTS: entry('usage', 'A file that would be written is there already, with other content.'),
  DUMP_FAILED: entry('refused', 'pg_dump is missing, is older than the server, or failed.'),
  ANSWERS_NEEDED: entry(
    'refused',
    'The proposed evolution has questions that only its author answers.',
  ),
  SHARD_UNREACHABLE: entry(
    'unreachable',
    'No connection to the shard, or it broke during the step.',
    true,
  ),
  SHARD_BUSY: entry('refused', 'Another runner holds the shard.', true),
  SHARD_FORMAT: entry('refused', 'The shard state was written by a newer Halflap.'),
  SHARD_DRIFTED: entry('refused', 'The catalogue of the shard is not that of its release.'),
  SHARD_UNKNOWN: entry('refused', 'The database holds no release that the engine knows.'),
  PHASE_REFUSED: entry('refused', 'The verb is not allowed in the phase of the shard.'),
  EVOLUTION_MISMATCH: entry(
    'refused',
    'The shard is in another evolution, or in the same one built differently.',
  ),
  LOCK_TIMEOUT: entry(
    'refused',
    'A lock was not granted within the capped number of short attempts.',
    true,
  ),
  CONTRACT_REFUSED: entry(
    'refused',
    'The old release is still in use, or something is unresolved; the evidence is listed.',
  ),
  VERIFY_FAILED: entry('refused', 'The two layouts differ; the differing keys are listed.'),
  DIRTY_ROWS: entry(
    'refused',
    'Rows of the old release break a rule that evolution.yaml wants kept; they are listed.',
  ),
  PAUSED: entry('refused', 'The shard was paused by an operator.'),
  STEP_FAILED: entry(
    'refused',
    'A statement of a step failed; the cause is PostgreSQL’s own error.',
  ),
  INTERRUPTED: entry(
    'refused',
    'The run was stopped on request; running the verb again continues it.',
    true,
  ),
  WAIT_TIMED_OUT: entry('timedOut', 'What was waited for did not come before the deadline.', true),
  SCRATCH_UNAVAILABLE: entry(
    'unreachable',
    'No scratch PostgreSQL could be started for a check, a test or a demonstration.',
  ),
  SERVERS_INVALID: entry(
    'usage',
    'servers.yaml states features, messages or behaviours in a way that does not hold.',
  ),
  FEATURE_REFUSED: entry(
    'refused',
    'A feature cannot be enabled, disabled or left: the servers and shards against it are listed.',
  ),
  MESSAGE_INVALID: entry(
    'usage',
    'A message to be sent is not of the shape that its release states; the fields are listed.',
  ),
  CLIENT_NOT_SERVED: entry('refused', 'The shard does not serve the release of this server.', true),
  CLIENT_OPTIONS: entry('usage', 'The options of open(), or of a call on the fleet, are wrong.'),
  CLIENT_CLOSED: entry('refused', 'A call came after the fleet was closed.'),
  CLIENT_TIMED_OUT: entry(
    'timedOut',
    'A call did not end within its timeoutMs; whether its statement took effect is unknown.',
  ),
  CLIENT_ROLLED_BACK: entry(
    'refused',
    'PostgreSQL answered commit with a rollback: a statement in the transaction had failed.',
  ),
  CLIENT_UPSERT_REFUSED: entry(
    'usage',
    'INSERT … ON CONFLICT cannot be carried out through a lens exactly as on a table.',
  ),
  GATHER_FAILED: entry('unreachable', 'A shard failed and the caller required all of them.', true),
  STORE_UNAVAILABLE: entry(
    'unreachable',
    'The shard that has the host, or the home shard, does not answer, or moves that data just now.',
    true,
  ),
  HOST_AWAY: entry(
    'unreachable',
    'A host is not connected, or does not tell what it was asked for.',
    false,
  ),
  SHARD_AWAY: entry(
    'unreachable',
    'A shard of a declared cluster does not answer, and something was to be done there.',
    false,
  ),
  LEASE_LOST: entry('refused', 'Another server owns now what this one was working on.', true),
  ENROLMENT_REFUSED: entry(
    'refused',
    'An enrolment token is unknown, has expired or is used up.',
    false,
    403,
  ),
  SERVER_UNTRUSTED: entry(
    'refused',
    'A server’s certificate is not of an authority that the agent trusts, or names another server.',
  ),
  AGENT_NOT_ENROLLED: entry('usage', 'An agent was started on a host that has never enrolled.'),
  AGENT_REVOKED: entry('refused', 'The host was revoked: its servers do not know it any more.'),
  AGENT_STATE_INVALID: entry(
    'usage',
    'The state directory of an agent is damaged, or others than its user may use it.',
  ),
  API_INVALID: entry('usage', 'A request has a field that breaks a rule; both are named.'),
  API_TOO_LARGE: entry('usage', 'A request is longer than the server reads.', false, 413),
  API_UNAUTHENTICATED: entry('refused', 'A request comes from nobody who is known.', false, 401),
  API_FORBIDDEN: entry('refused', 'The role of the one who asks does not allow it.', false, 403),
  API_NOT_FOUND: entry('usage', 'There is nothing of that name, or not for this user.', false, 404),
  API_CONFLICT: entry('refused', 'What exists already contradicts the request.'),
  API_TOO_MANY: entry('refused', 'Too many requests came from one place.', true, 429),
  API_PROVIDER_AWAY: entry(
    'unreachable',
    'The provider of OpenID Connect, where people sign in, does not answer.',
    true,
  ),
  CAMPAIGN_REFUSED: entry(
    'refused',
    'A plan is not safe, or the cluster is not what it was planned on; the proof is listed.',
  ),
  BUS_INVALID: entry(
    'usage',
    'A message, a subscription or an option of the bus breaks a rule; both are named.',
  ),
  BUS_TOO_LARGE: entry('usage', 'A message is longer than the bus carries.', false, 413),
  BUS_UNREADABLE: entry(
    'refused',
    'A message of the bus is of a format that this server does not read, or not of its shape.',
  ),
  SERVER_UNREACHABLE: entry(
    'unreachable',
    'No server answers there, or none whose certificate is trusted.',
    true,
  ),
  INTERNAL_DEFECT: entry(
    'internal',
    'A defect of Halflap itself: something it relies on was false.',
  ),
} as const satisfies Record<string, ErrorEntry>;
export type ErrorCode = keyof typeof ERRORS;

/**
 * SQLSTATEs that statements of applications can meet. Class `HL` is free for applications
 * (PostgreSQL manual, appendix A: classes beginning with I–Z or 5–9 are not reserved by the
 * standard).
 */
export const SQLSTATES = {
  HL001: 'not representable: the other layout cannot hold this row, and nothing carries it',
  HL002: 'fenced: this release is no longer served on this shard',
  HL003: 'not served: this statement cannot work through a lens',
} as const;
export type HalflapSqlState = keyof typeof SQLSTATES;

/** One field of a request, by its path (`query.limit`, `body.labels.env`), and its rule. */
export interface FieldProblem {
  readonly field: string;
  readonly rule: string;
}

export interface ErrorDetail {
  /** What was being attempted, on what; a shard name, a file position, a step id. */
  readonly shard?: string;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  readonly step?: string;
  /** One line per finding, for errors that carry evidence. */
  readonly evidence?: readonly string[];
  /** Of a request: which of its fields break which rules. */
  readonly fields?: readonly FieldProblem[];
  /** How long to wait before it is repeated, where that is known. */
  readonly retryAfterSeconds?: number;
  /** The rows that show it, of CHECK_FAILED; engine/src/gate/counter-example.ts has its shape. */
  readonly counterExample?: object;
}

/**
 * The error of every layer: a registered code, a message of what failed on what, a hint to type
 * next.
 */
export class HalflapError extends Error {
  readonly code: ErrorCode;
  readonly detail: ErrorDetail;
  readonly hint: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { detail?: ErrorDetail; hint?: string; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'HalflapError';
    this.code = code;
    this.detail = options.detail ?? {};
    this.hint = options.hint;
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get exitCode(): ExitCode {
    return ERRORS[this.code].exit;
  }
}

function entry(
  exit: keyof typeof EXIT,
  about: string,
  retryable = false,
  status = STATUS[exit],
): ErrorEntry {
  return { exit: EXIT[exit], about, retryable, status };
}
