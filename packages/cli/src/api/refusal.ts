// From what a server answers, or from the silence, to the same errors that every command ends with.

import { ERRORS, type ErrorCode, type FieldProblem, HalflapError } from '@halflap/protocol';
import { duration } from '../print.js';
import type { Answer, Lost } from './wire.js';

/** Where an answer is from, for people. */
export interface Place {
  readonly server: string;
  readonly hasToken: boolean;
  /** With a password: its refusal says nothing of a token. */
  readonly isSigningIn?: boolean;
}

/** The error of an answer whose status is none of success. */
export function refusalOf(answer: Answer, place: Place): HalflapError {
  const problem = problemIn(answer);
  if (problem === undefined) return noServer(answer, place);
  const { detail, hint, fields, evidence, instance } = problem;
  const code = codeOf(problem.code, answer.status);
  const request = code === 'INTERNAL_DEFECT' && instance !== undefined ? ` (${instance})` : '';
  const retryAfterSeconds = retryAfterOf(answer);
  const isUnknown = code === 'API_UNAUTHENTICATED' && place.isSigningIn !== true;
  return new HalflapError(code, detail + request, {
    detail: {
      ...(fields === undefined ? {} : { fields }),
      ...(evidence === undefined ? {} : { evidence }),
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    },
    hint: isUnknown ? signInHint(place) : (hint ?? ERRORS[code].about),
  });
}

/** What answers there speaks of something else. */
export function noServer({ status, headers }: Answer, { server }: Place): HalflapError {
  const type = headers['content-type'] ?? 'nothing that it names';
  return new HalflapError(
    'SERVER_UNREACHABLE',
    `what answers at ${server} is no server of Halflap: status ${status}, ${type}`,
    { hint: 'look at the address: --server URL, HALFLAP_SERVER, or that of `halflap login`' },
  );
}

/** No answer came. */
export function silence({ error, wasSent }: Lost, { server }: Place): HalflapError {
  if (error.code !== undefined && UNTRUSTED.has(error.code)) {
    return new HalflapError(
      'SERVER_UNREACHABLE',
      `the certificate of ${server} is not trusted: ${error.message}`,
      { hint: 'name the authority that it is from: --ca FILE', cause: error },
    );
  }
  const reason = error.code ?? error.message;
  const what = wasSent ? 'went away before it had answered' : 'cannot be reached';
  return new HalflapError('SERVER_UNREACHABLE', `${server} ${what} (${reason})`, {
    hint: wasSent
      ? 'whether it took effect is unknown: look, then run the command again'
      : 'is it running, and the address right? --server URL or HALFLAP_SERVER names another',
    cause: error,
  });
}

/** Seconds after which the server asks to come again; undefined when it does not. */
export function retryAfterOf({ headers }: Answer): number | undefined {
  const seconds = Number(headers['retry-after'] ?? Number.NaN);
  return Number.isInteger(seconds) && seconds >= 0 ? seconds : undefined;
}

/** `the server asks to wait 2.0s (STORE_UNAVAILABLE)`. */
export function waitText(answer: Answer, seconds: number): string {
  const code = problemIn(answer)?.code ?? `status ${answer.status}`;
  return `the server asks to wait ${duration(seconds)} (${code})`;
}

/** Of Node and OpenSSL, for certificates. */
const UNTRUSTED: ReadonlySet<string> = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_SIGNATURE_FAILURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

interface Told {
  readonly code: string;
  readonly detail: string;
  readonly hint?: string;
  readonly instance?: string;
  readonly fields?: readonly FieldProblem[];
  readonly evidence?: readonly string[];
}

/** The problem that an answer holds; undefined when it holds none. */
function problemIn({ headers, text }: Answer): Told | undefined {
  if (!/^application\/problem\+json\b/.test(headers['content-type'] ?? '')) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { code, detail, hint, instance, fields, evidence } = value as Readonly<
    Record<string, unknown>
  >;
  if (typeof code !== 'string' || typeof detail !== 'string') return undefined;
  return {
    code,
    detail,
    ...(typeof hint === 'string' ? { hint } : {}),
    ...(typeof instance === 'string' ? { instance } : {}),
    ...(Array.isArray(fields) ? { fields: fields.filter(isField) } : {}),
    ...(Array.isArray(evidence) ? { evidence: evidence.map(String) } : {}),
  };
}

function isField(value: unknown): value is FieldProblem {
  const { field, rule } = (value ?? {}) as Partial<FieldProblem>;
  return typeof field === 'string' && typeof rule === 'string';
}

/** A newer server may know codes that this command line does not. */
function codeOf(code: string, status: number): ErrorCode {
  if (Object.hasOwn(ERRORS, code)) return code as ErrorCode;
  if (status >= 500) return status === 503 ? 'STORE_UNAVAILABLE' : 'INTERNAL_DEFECT';
  const alike = ['API_UNAUTHENTICATED', 'API_FORBIDDEN', 'API_NOT_FOUND', 'API_CONFLICT'] as const;
  return alike.find((one) => ERRORS[one].status === status) ?? 'API_INVALID';
}

function signInHint({ server, hasToken }: Place): string {
  return hasToken
    ? `the token is unknown or has ended: halflap login --server ${server}`
    : `halflap login --server ${server}; or --token-file FILE, or HALFLAP_TOKEN`;
}
