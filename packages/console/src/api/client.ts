// Asks the server that this page came from: what every request has, which ones are sent again, and
// errors as the server tells them.
//
// Invariant: what could happen twice is sent once, or with a key by which the server knows it
// again.

import type { Problem } from '@halflap/server';
import { noteRelease } from './release';

export type Query = Readonly<
  Record<string, string | number | boolean | readonly string[] | null | undefined>
>;

export interface Asking {
  readonly query?: Query;
  readonly body?: object;
  readonly signal?: AbortSignal;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** How often a request is sent whose answer was lost. */
const MOST_TRIES = 3;

export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
    this.name = 'ApiError';
  }
}

let csrfToken = '';

/** What acts send back; it comes with a sign-in, and with who is signed in. */
export function keepCsrfToken(token: string | null): void {
  csrfToken = token ?? '';
}

/** @throws ApiError */
export async function ask<Answer>(
  method: Method,
  path: string,
  { query = {}, body, signal }: Asking = {},
): Promise<Answer> {
  const isKeyed = method === 'POST' && !/\/(?:session|setup)$/.test(path);
  const init: RequestInit = {
    method,
    credentials: 'same-origin',
    headers: {
      accept: 'application/json, application/problem+json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(method === 'GET' || csrfToken === '' ? {} : { 'x-csrf-token': csrfToken }),
      ...(isKeyed ? { 'idempotency-key': newKey() } : {}),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  };
  const response = await send(addressOf(path, query), init, method === 'GET' || isKeyed);
  noteRelease(response.headers.get('halflap-release'));
  const text = await response.text();
  // Of /readyz that no shard serves is an answer, with all of them.
  const isAnswer = response.ok || (path === '/readyz' && response.status === 503);
  if (!isAnswer) throw new ApiError(problemOf(response, text));
  return (text === '' ? undefined : JSON.parse(text)) as Answer;
}

export function addressOf(path: string, query: Query): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === null || value === '') continue;
    for (const one of [value].flat()) params.append(name, String(one));
  }
  return params.size === 0 ? path : `${path}?${params}`;
}

async function send(address: string, init: RequestInit, mayRepeat: boolean): Promise<Response> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await fetch(address, init);
    } catch (error) {
      if (init.signal?.aborted) throw error;
      if (!mayRepeat || tried === MOST_TRIES) throw new ApiError(NO_ANSWER);
    }
  }
}

/** `crypto.randomUUID` is there for secure pages alone. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

function problemOf(response: Response, text: string): Problem {
  if (/problem\+json/.test(response.headers.get('content-type') ?? '')) {
    return JSON.parse(text) as Problem;
  }
  const detail = `the answer was ${response.status} ${response.statusText}`;
  return { ...NO_ANSWER, status: response.status, title: 'This is no answer of Halflap.', detail };
}

const NO_ANSWER: Problem = {
  type: 'urn:halflap:problem:server-unreachable',
  title: 'The server does not answer.',
  status: 0,
  detail: 'the server does not answer',
  instance: '',
  code: 'SERVER_UNREACHABLE',
  hint: 'try again; another server of the cluster has the same pages',
  retryable: true,
};
