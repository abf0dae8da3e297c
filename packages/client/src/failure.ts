// What a failed statement's error says about what may be done next.
//
// Errors are told apart by SQLSTATE and by fields that PostgreSQL does not translate, never by the
// text of a message. Source: PostgreSQL manual, appendix A, and section 55.8 (error fields).

import type { HalflapSqlState } from '@halflap/protocol';

const SQLSTATE = {
  serializationFailure: '40001',
  deadlockDetected: '40P01',
  lockNotAvailable: '55P03',
  featureNotSupported: '0A000',
  invalidStatementName: '26000',
  undefinedTable: '42P01',
  undefinedColumn: '42703',
  undefinedFunction: '42883',
  invalidSchemaName: '3F000',
  insufficientPrivilege: '42501',
  protocolViolation: '08P01',
  readOnlyTransaction: '25006',
} as const;

const FENCED: HalflapSqlState = 'HL002';

/** The SQLSTATE of an error that PostgreSQL sent; undefined for any other. */
export function sqlStateOf(error: unknown): string | undefined {
  // Not by class: the application's copy of the driver may be another than ours.
  if (!(error instanceof Error) || !('code' in error) || !('severity' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/**
 * A deadlock, a serialization failure, or a lock that was not to be had in time: the whole
 * transaction was rolled back, and may be run again. NOWAIT has the SQLSTATE of the last as well,
 * and wants its answer; the routine tells them apart.
 */
export function isContention(error: unknown): boolean {
  const state = sqlStateOf(error);
  if (state === SQLSTATE.serializationFailure || state === SQLSTATE.deadlockDetected) return true;
  return state === SQLSTATE.lockNotAvailable && isOfRoutine(error, 'ProcessInterrupts');
}

function isOfRoutine(error: unknown, routine: string): boolean {
  return error instanceof Error && 'routine' in error && error.routine === routine;
}

const ofMovedLens = new WeakSet<Error>();

/**
 * Marks the error of a statement that was written for a lens which is gone, once the error is found
 * to say no more than that: it did nothing, and is as stale as a plan.
 */
export function markStale(error: Error): void {
  ofMovedLens.add(error);
}

/** No relation of that name. */
export function isUndefinedTable(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === SQLSTATE.undefinedTable || state === SQLSTATE.invalidSchemaName;
}

/**
 * A prepared statement did nothing because its plan is of no use any more: `cached plan must not
 * change result type`, when it met a relation that changed under it, or the statement is gone,
 * after `discard all`, of which the driver does not learn. The first has its SQLSTATE in common
 * with much else; the routine tells it.
 */
export function isStalePlan(error: unknown): boolean {
  if (error instanceof Error && ofMovedLens.has(error)) return true;
  const state = sqlStateOf(error);
  if (state === SQLSTATE.invalidStatementName) return true;
  if (state !== SQLSTATE.featureNotSupported) return false;
  return isOfRoutine(error, 'RevalidateCachedQuery');
}

/** A tombstone answered: this release is no longer served by the shard. */
export function isFence(error: unknown): boolean {
  return sqlStateOf(error) === FENCED;
}

/**
 * Errors that a shard gives when it moved to another phase and the heartbeat does not know it yet.
 */
export function isSignOfMove(error: unknown): boolean {
  const state = sqlStateOf(error);
  return (
    state === FENCED ||
    state === SQLSTATE.undefinedTable ||
    state === SQLSTATE.undefinedColumn ||
    state === SQLSTATE.invalidSchemaName
  );
}

/** Errors of a database that has no schema `halflap`, or one without the tables and functions. */
export function isStateMissing(error: unknown): boolean {
  const state = sqlStateOf(error);
  return (
    state === SQLSTATE.undefinedTable ||
    state === SQLSTATE.invalidSchemaName ||
    state === SQLSTATE.undefinedFunction
  );
}

/** The role may not do it. */
export function isForbidden(error: unknown): boolean {
  return sqlStateOf(error) === SQLSTATE.insufficientPrivilege;
}

/** Nothing can be written: a hot standby, or a database or role that is set so. */
export function isReadOnly(error: unknown): boolean {
  return sqlStateOf(error) === SQLSTATE.readOnlyTransaction;
}

/** A pooler refused something in the startup message, such as an option that it does not know. */
export function isProtocolRefusal(error: unknown): boolean {
  return sqlStateOf(error) === SQLSTATE.protocolViolation;
}

/** True when the connection is still good after this error: PostgreSQL answered and stays. */
export function leavesConnectionUsable(error: unknown): boolean {
  const state = sqlStateOf(error);
  // Class 57P ends the session, 08 is the connection itself, 25P are the idle time-outs.
  return state !== undefined && !/^(57P|08|25P0[345])/.test(state) && !isStalePlan(error);
}

/** An error's message in one line; of an AggregateError without text, the messages of its parts. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map(messageOf).join('; ');
  }
  return error instanceof Error ? error.message : String(error);
}
