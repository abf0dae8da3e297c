// The only file that imports the driver: sessions with explicit names and limits, errors by
// SQLSTATE.

import { HalflapError } from '@halflap/protocol';
import pg from 'pg';

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

/**
 * Opens one session. `application_name` is `halflap/<purpose>`.
 * @throws SHARD_UNREACHABLE with the driver's error as cause; never the URL, which may hold a
 * secret.
 */
export async function connect(url: string, purpose: string): Promise<Session> {
  const client = new pg.Client({
    connectionString: url,
    application_name: `halflap/${purpose}`,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
  });
  // Without a listener a connection that breaks between two queries would end the process.
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (cause) {
    throw new HalflapError('SHARD_UNREACHABLE', `cannot connect: ${messageOf(cause)}`, { cause });
  }
  return sessionOf(client);
}

/** Opens a session for the time of `body` and always gives it back. */
export async function withSession<Result>(
  url: string,
  purpose: string,
  body: (session: Session) => Promise<Result>,
): Promise<Result> {
  const session = await connect(url, purpose);
  try {
    return await body(session);
  } finally {
    await session.end();
  }
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

/** What PostgreSQL advises. */
export function hintOf(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.hint : undefined;
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
