// What an error is over HTTP: an object of application/problem+json (RFC 9457), from the registry.
//
// Invariant: what is told was written for clients. Errors of drivers, of the client's layer and of
// our own defects are told by their kind and the request's id; the log has the rest.

import { ERRORS, type ErrorCode, type FieldProblem, HalflapError } from '@halflap/protocol';
import type { Problem } from './shapes.js';

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

/** Seconds after which what may pass soon is worth another try. */
const RETRY_AFTER_SECONDS = 2;
const FIELDS_TOLD = 20;

export interface Answered {
  readonly problem: Problem;
  readonly retryAfterSeconds: number | undefined;
}

export function problemOf(thrown: unknown, requestId: string): Answered {
  const error = asHalflapError(thrown);
  const { about, status, retryable } = ERRORS[error.code];
  const { fields, evidence, retryAfterSeconds = RETRY_AFTER_SECONDS } = error.detail;
  const problem: Problem = {
    type: `urn:halflap:problem:${error.code.toLowerCase().replaceAll('_', '-')}`,
    title: about,
    status,
    detail: error.message,
    instance: `urn:uuid:${requestId}`,
    code: error.code,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    retryable,
    ...(fields === undefined ? {} : { fields: [...fields] }),
    // Of other codes it may speak of the store.
    ...(PROVEN.has(error.code) ? { evidence: [...(evidence ?? [])] } : {}),
  };
  return { problem, retryAfterSeconds: retryable ? retryAfterSeconds : undefined };
}

/** Of a cluster of the application's: written for who asks. */
const PROVEN: ReadonlySet<ErrorCode> = new Set(['CAMPAIGN_REFUSED', 'FEATURE_REFUSED']);

/** Any error as one that clients may see. */
export function asHalflapError(thrown: unknown): HalflapError {
  if (thrown instanceof HalflapError) return isOfStore(thrown.code) ? unavailable(thrown) : thrown;
  if (isLostConnection(thrown)) return unavailable(thrown);
  return fromFastify(thrown) ?? defect(thrown);
}

/** Codes of the layer below, whose messages name statements and addresses of the store. */
function isOfStore(code: ErrorCode): boolean {
  return OF_STORE.has(code);
}

const OF_STORE: ReadonlySet<ErrorCode> = new Set([
  'SHARD_UNREACHABLE',
  'CLIENT_NOT_SERVED',
  'CLIENT_TIMED_OUT',
  'CLIENT_CLOSED',
  'GATHER_FAILED',
]);

/**
 * Connections that break or cannot be had: of Node, and classes 08, 53 and 57P of PostgreSQL
 * (manual, appendix A).
 */
export function isLostConnection(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  const code = 'code' in thrown ? String(thrown.code) : '';
  return (
    /^(?:08|53|57P)|^E(?:CONN|PIPE|TIMEDOUT|HOSTUNREACH)/.test(code) ||
    /^Connection terminated|^Client has encountered a connection error/.test(thrown.message)
  );
}

export function unavailable(cause?: unknown): HalflapError {
  return new HalflapError('STORE_UNAVAILABLE', 'a shard that this needs does not answer', {
    hint: 'repeat it; /readyz says how the shards stand',
    cause,
  });
}

function defect(cause: unknown): HalflapError {
  return new HalflapError('INTERNAL_DEFECT', 'the server failed at this', {
    hint: 'report it with the id of the request; the log of the server says more',
    cause,
  });
}

/** What fastify refuses before a route is asked. */
function fromFastify(thrown: unknown): HalflapError | undefined {
  if (!(thrown instanceof Error) || !('statusCode' in thrown)) return undefined;
  const status = Number(thrown.statusCode);
  if (status < 400 || status > 499) return undefined;
  if (status === 413) {
    return new HalflapError('API_TOO_LARGE', 'the body is longer than the server reads', {
      hint: 'send less at once',
    });
  }
  return invalid([{ field: 'body', rule: 'JSON, sent as application/json' }]);
}

/** @param fields not empty. */
export function invalid(fields: readonly FieldProblem[]): HalflapError {
  const told = fields.slice(0, FIELDS_TOLD);
  const text = told.map(({ field, rule }) => `${field}: ${rule}`).join('; ');
  return new HalflapError('API_INVALID', text, {
    detail: { fields: told },
    hint: 'correct these fields; /api/v1/openapi.json has their rules',
  });
}
