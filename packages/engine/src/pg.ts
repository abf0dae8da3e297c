// The only file that imports the driver: sessions with explicit names and limits, errors by
// SQLSTATE.

import { HalflapError } from '@halflap/protocol';
import pg from 'pg';
import { adviceOn } from './advice.js';

/** SQLSTATEs that the engine acts on (PostgreSQL manual, appendix A). */
export const SQLSTATE = {
  lockNotAvailable: '55P03',
  deadlockDetected: '40P01',
  serializationFailure: '40001',
  uniqueViolation: '23505',
  undefinedTable: '42P01',
  undefinedObject: '42704',
  invalidSchemaName: '3F000',
  insufficientPrivilege: '42501',
} as const;

export interface Session {
  /**
   * Runs one statement, or several without parameters. Values arrive as text → JS by pg's own
   * types.
   */
  query<Row extends object = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<Row[]>;
  /** Runs `body` in a transaction; any error rolls back and passes on. */
  transaction<Result>(body: () => Promise<Result>): Promise<Result>;
  /** Messages of RAISE NOTICE and WARNING. */
  onNotice(listener: (message: string) => void): void;
  end(): Promise<void>;
}

/** The longest wait for a connection before a shard counts as unreachable. */
const CONNECT_TIMEOUT_MS = 10_000;

export interface SessionOptions {
  /** For the connection, and for each answer; default: 10 s, and none. */
  readonly timeoutMs?: number;
}

/**
 * Opens one session. `application_name` is `halflap/<purpose>`.
 * @throws SHARD_UNREACHABLE with what was tried and the driver's error as cause; never the URL,
 * which may hold a secret. CONFIG_INVALID when it cannot be understood.
 */
export async function connect(
  url: string,
  purpose: string,
  options: SessionOptions = {},
): Promise<Session> {
  const client = clientFor(url, purpose, options);
  // Without a listener a connection that breaks between two queries would end the process.
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (cause) {
    throw unreachable(client, cause);
  }
  return sessionOf(client);
}

function clientFor(url: string, purpose: string, { timeoutMs }: SessionOptions): pg.Client {
  try {
    return new pg.Client({
      connectionString: url,
      application_name: `halflap/${purpose}`,
      connectionTimeoutMillis: timeoutMs ?? CONNECT_TIMEOUT_MS,
      // PostgreSQL's own limit comes first; this is for a server that says nothing at all.
      ...(timeoutMs === undefined ? {} : { query_timeout: 1.5 * timeoutMs }),
      keepAlive: true,
    });
  } catch (cause) {
    throw new HalflapError('CONFIG_INVALID', 'the url of a database cannot be understood', {
      hint: 'postgres://USER@HOST:5432/DATABASE, with special characters as %XX',
      cause,
    });
  }
}

function unreachable(client: pg.Client, cause: unknown): HalflapError {
  const { host, port, database, user } = client;
  const message = messageOf(cause);
  const advice = adviceOn(causeCodeOf(cause), message);
  const tried = `psql -h ${host} -p ${port} -d ${database} -U ${user}`;
  return new HalflapError(
    'SHARD_UNREACHABLE',
    `cannot connect to ${host}:${port}, database ${database}, as ${user}: ${message}`,
    { hint: advice === undefined ? tried : `${advice}; ${tried} tries the same`, cause },
  );
}

/** Opens a session for the time of `body` and always gives it back. */
export async function withSession<Result>(
  url: string,
  purpose: string,
  body: (session: Session) => Promise<Result>,
  options: SessionOptions = {},
): Promise<Result> {
  const session = await connect(url, purpose, options);
  try {
    return await body(session);
  } finally {
    await session.end();
  }
}

/**
 * Runs `body` in a transaction that can only read, on a session of its own; each statement has
 * `timeoutMs`, by PostgreSQL's own count, so that nothing goes on waiting there for a lock when
 * nobody is here any more. Nothing is set for the session: behind a pooler others have it next.
 */
export function withReading<Result>(
  url: string,
  purpose: string,
  body: (session: Session) => Promise<Result>,
  { timeoutMs }: Required<SessionOptions>,
): Promise<Result> {
  const read = (session: Session) =>
    session.transaction(async () => {
      await session.query(
        `set transaction read only; set local statement_timeout = ${Math.ceil(timeoutMs)}`,
      );
      return body(session);
    });
  return withSession(url, purpose, read, { timeoutMs });
}

/** The SQLSTATE of an error that came from PostgreSQL; undefined for anything else. */
export function sqlStateOf(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

/** Where in the statement PostgreSQL sees the fault: in characters, from 1. */
export function positionOf(error: unknown): number | undefined {
  const position = error instanceof pg.DatabaseError ? error.position : undefined;
  return position === undefined ? undefined : Number(position);
}

/** The constraint or unique index that refused a row. */
export function constraintOf(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.constraint : undefined;
}

/** What PostgreSQL says besides the message. */
export function detailOf(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.detail : undefined;
}

/** The domain whose rule refused a value. */
export function domainOf(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.dataType : undefined;
}

/** What was running when it happened: the lines of CONTEXT. */
export function contextOf(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.where : undefined;
}

/** What PostgreSQL advises. */
export function hintOf(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.hint : undefined;
}

/** An SQLSTATE, or the code of an error of Node: `ECONNREFUSED`. */
function causeCodeOf(error: unknown): string | undefined {
  const first = error instanceof AggregateError ? error.errors[0] : error;
  return first instanceof Error && 'code' in first ? String(first.code) : undefined;
}

export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map(messageOf).join('; ');
  }
  return error instanceof Error ? error.message : String(error);
}

function sessionOf(client: pg.Client): Session {
  const session: Session = {
    async query<Row extends object>(text: string, values?: readonly unknown[]) {
      const result = await client.query<Row>(text, values === undefined ? undefined : [...values]);
      // Several statements in one text give one result each; the last one counts.
      return Array.isArray(result) ? ((result.at(-1)?.rows ?? []) as Row[]) : result.rows;
    },
    async transaction(body) {
      await client.query('begin');
      try {
        const result = await body();
        await client.query('commit');
        return result;
      } catch (error) {
        // A broken connection cannot roll back; the server has done it, and the first error counts.
        await client.query('rollback').catch(() => {});
        throw error;
      }
    },
    onNotice(listener) {
      client.on('notice', (notice) => listener(notice.message ?? ''));
    },
    end: () => client.end(),
  };
  return session;
}
