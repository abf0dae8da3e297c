// Asks a server: what every request has, which ones are sent again, and the errors.
//
// Invariant: a request that could do something twice is sent once. What creates something has a key
// by which the server knows a repeated request; so that one may follow a lost answer.

import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { HalflapError } from '@halflap/protocol';
import { harmless } from './harmless.js';
import type { Asking, Operation } from './operation.js';
import { noServer, refusalOf, retryAfterOf, silence, waitText } from './refusal.js';
import { type Answer, createWire, type Lost, textOf, type Wire, type WireRequest } from './wire.js';

export interface ClientOptions {
  /** Its base address, without a slash at the end. */
  readonly server: string;
  readonly token: string | undefined;
  /** PEM. */
  readonly ca: string | undefined;
  readonly signal: AbortSignal;
  /** For people: what takes longer, and why. */
  note(text: string): void;
  /** Whether texts of the answers go to a terminal. */
  readonly isForPeople: boolean;
  /** In place of a token. */
  readonly session?: Session;
}

/** Of somebody who has signed in by password. */
export interface Session {
  readonly cookie: string;
  readonly csrfToken: string;
}

export interface ApiClient {
  readonly server: string;
  readonly signal: AbortSignal;
  /** @throws SERVER_UNREACHABLE, INTERRUPTED, and what the server refuses with */
  ask<Result, Param extends string, Query extends string, Field extends string>(
    operation: Operation<Result, Param, Query, Field>,
    asking: Asking<Param, Query, Field>,
  ): Promise<Result>;
  /** The same, with the cookies that the answer sets. */
  askForCookies<Result, Param extends string, Query extends string, Field extends string>(
    operation: Operation<Result, Param, Query, Field>,
    asking: Asking<Param, Query, Field>,
  ): Promise<{ readonly value: Result; readonly cookies: readonly string[] }>;
  /** Asks with another token. */
  as(token: string): ApiClient;
  /** Is ended by this signal, too. */
  until(signal: AbortSignal): ApiClient;
  /** Asks as who has signed in. */
  inSession(session: Session): ApiClient;
  /** The body of a live view, from its beginning. @throws as `ask` does */
  watch<Param extends string, Query extends string>(
    operation: Operation<unknown, Param, Query>,
    asking: Asking<Param, Query, never>,
    lastEventId: string | undefined,
  ): Promise<IncomingMessage>;
  close(): void;
}

/** How often a request is sent again. */
const MOST_REPEATS = 3;
/** A server that wants more patience than this is told of instead, in seconds. */
const MOST_PATIENCE = 30;
/** Before a request whose answer was lost is sent again; doubled each time. */
const LOST_PAUSE_SECONDS = 0.5;

type AnyOperation = Operation<unknown>;
type AnyAsking = Asking<string, string, string>;

export function createClient(options: ClientOptions): ApiClient {
  return clientOn(createWire(options.ca), options);
}

function clientOn(wire: Wire, options: ClientOptions): ApiClient {
  const { server, signal } = options;
  const place = { server, hasToken: options.token !== undefined };
  const client: ApiClient = {
    server,
    signal,
    ask: async (operation, asking) => (await client.askForCookies(operation, asking)).value,
    async askForCookies(operation, asking) {
      const request = requestOf(options, operation, asking as AnyAsking);
      const answer = await insist(wire, request, options);
      if (answer.status < 200 || answer.status > 299) {
        const isSigningIn = operation.body.includes('password' as never);
        throw refusalOf(answer, { ...place, isSigningIn });
      }
      const cookies = answer.headers['set-cookie'] ?? [];
      return { value: parsed(answer, options) as never, cookies };
    },
    as: (token) => clientOn(wire, { ...options, token }),
    until: (other) => clientOn(wire, { ...options, signal: AbortSignal.any([signal, other]) }),
    inSession: (session) => clientOn(wire, { ...options, token: undefined, session }),
    async watch(operation, asking, lastEventId) {
      const request = requestOf(options, operation, asking as AnyAsking);
      const again = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
      const headers = { ...request.headers, ...again, accept: 'text/event-stream' };
      const response = await wire.open({ ...request, headers });
      if ('error' in response) throw ended(response, options);
      if (response.statusCode === 200) return response;
      const text = await textOf(response).catch(() => '');
      throw refusalOf({ status: response.statusCode ?? 0, headers: response.headers, text }, place);
    },
    close: () => wire.close(),
  };
  return client;
}

function requestOf(
  { server, token, session, signal }: ClientOptions,
  { method, path, isKeyed }: AnyOperation,
  { params = {}, query = {}, body }: AnyAsking,
): WireRequest {
  const filled = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(params[name] ?? ''));
  const url = new URL(server + filled);
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const one of [value].flat()) url.searchParams.append(name, String(one));
  }
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    accept: 'application/json, application/problem+json',
    'user-agent': 'halflap',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(session === undefined ? {} : { cookie: session.cookie, 'x-csrf-token': session.csrfToken }),
    ...(isKeyed ? { 'idempotency-key': randomUUID() } : {}),
    ...(text === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }),
  };
  return { method, url, headers, signal, ...(text === undefined ? {} : { body: text }) };
}

/** Sends it again as long as that is safe and promises something. */
async function insist(wire: Wire, request: WireRequest, options: ClientOptions): Promise<Answer> {
  const { signal, note } = options;
  for (let repeats = 0; ; repeats += 1) {
    const sent = await wire.exchange(request);
    const pause = repeats < MOST_REPEATS ? pauseAfter(sent, request, repeats) : undefined;
    if (pause === undefined) {
      if ('error' in sent) throw ended(sent, options);
      return sent;
    }
    const why = 'error' in sent ? 'the answer was lost' : waitText(sent, pause);
    note(`${why}; asking again`);
    await delay(pause * 1000, undefined, { signal }).catch((error: unknown) => {
      throw ended({ error: error as Error, wasSent: true }, options);
    });
  }
}

/** Seconds to wait before it is sent again; undefined when it is not to be. */
function pauseAfter(
  sent: Answer | Lost,
  { method, headers, signal }: WireRequest,
  repeats: number,
): number | undefined {
  if (signal.aborted) return undefined;
  if ('error' in sent) {
    const isSafe = method === 'GET' || headers['idempotency-key'] !== undefined;
    // A server that was never there is not waited for; one that went away may be coming back.
    const isWorth = isSafe && (sent.wasSent || repeats > 0);
    return isWorth ? LOST_PAUSE_SECONDS * 2 ** repeats : undefined;
  }
  if (sent.status !== 429 && sent.status !== 503) return undefined;
  const seconds = retryAfterOf(sent);
  return seconds !== undefined && seconds <= MOST_PATIENCE ? seconds : undefined;
}

function ended(lost: Lost, { server, token, signal }: ClientOptions): HalflapError {
  if (!signal.aborted) return silence(lost, { server, hasToken: token !== undefined });
  return new HalflapError('INTERRUPTED', 'the command was stopped', {
    hint: 'run it again; what a server has begun goes on there',
    cause: lost.error,
  });
}

function parsed(answer: Answer, { server, token, isForPeople }: ClientOptions): unknown {
  if (answer.status === 204 || answer.text === '') return undefined;
  try {
    return JSON.parse(answer.text, isForPeople ? shown : undefined);
  } catch {
    throw noServer(answer, { server, hasToken: token !== undefined });
  }
}

function shown(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? harmless(value) : value;
}
