// How an error is told over HTTP: RFC 9457, `application/problem+json`, from the one registry.

import { ERRORS, HalflapError } from '@halflap/protocol';

export interface Problem {
  /** Where the code is explained. */
  readonly type: string;
  readonly code: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly hint?: string;
}

export interface ToldProblem {
  readonly body: Problem;
  /** When it makes sense to ask again; null when it does not. */
  readonly retryAfterSeconds: number | null;
}

/** When what is away may be back. */
const RETRY_AFTER_SECONDS = 5;

/** Of an error that is no HalflapError nothing is told: its text may hold anything. */
export function problemOf(error: unknown): ToldProblem {
  const known =
    error instanceof HalflapError
      ? error
      : new HalflapError('INTERNAL_DEFECT', 'the server failed', { hint: 'its log says why' });
  const { about, status, retryable } = ERRORS[known.code];
  return {
    body: {
      type: `urn:halflap:error:${known.code}`,
      code: known.code,
      title: about,
      status,
      detail: known.message,
      ...(known.hint === undefined ? {} : { hint: known.hint }),
    },
    retryAfterSeconds: retryable ? RETRY_AFTER_SECONDS : null,
  };
}
