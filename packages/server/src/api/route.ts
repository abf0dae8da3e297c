// How a route is declared: what it takes and answers, as shapes that validate requests, write the
// answers and make the OpenAPI document; the permission that it needs; whether it is audited.
//
//   read       answers a question, changes nothing
//   actAtHome  changes what the home shard holds: the act, its audit entry and its answer for a
//              repeated request commit together
//   act        changes something elsewhere: the audit log gets what is intended, then the outcome.
//              When a shard was away it may be carried out again for the same request
//   actAlone   does its own transactions and writes the audit log itself: signing in
//   live       sends events until its client goes

import { HalflapError } from '@halflap/protocol';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ClientBase } from 'pg';
import { type Static, type TObject, type TSchema, Type } from 'typebox';
import type { Caller, Scope } from './caller.js';
import type { Permission } from './permissions.js';

type Properties = Record<string, TSchema>;
type ValuesOf<Shapes extends Properties> = Static<TObject<Shapes>>;

/** `known`: whoever is signed in or has a token; `anyone`: nobody has to be known. */
export type Needed = Permission | 'known' | 'anyone';

/** What a route is asked. */
export interface Asked<Params = unknown, Query = unknown, Body = unknown> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly caller: Caller;
  /** The hosts that the caller may ask this about. */
  readonly scope: Scope;
  /** Ends when the answer would come too late, or when the client has gone. */
  readonly signal: AbortSignal;
  /** For cookies and other headers. */
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** What is written of an act into the audit log. */
export interface Audit<Params, Body, Answer = unknown> {
  /** `host.update`; the noun first. */
  readonly act: string;
  /** What it is done to: `host 8f3…`. */
  on(asked: { readonly params: Params; readonly body: Body }): string;
  /** What else is worth to be known, and is no secret. */
  detail?(asked: { readonly params: Params; readonly body: Body }): object;
  /** Of `actAtHome`: false for an answer that says that nothing changed. Then none is written. */
  isChange?(answer: Answer): boolean;
}

interface Declared<Params extends Properties, Query extends Properties> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** The whole of it, with parameters as `:name`. */
  readonly path: string;
  /** One line for the document. */
  readonly summary: string;
  readonly permission: Needed;
  readonly params?: Params;
  readonly query?: Query;
  /** Of an answer that is no error; default 200. */
  readonly status?: 200 | 201 | 202 | 204 | 302;
}

interface Answering<Answer extends TSchema> {
  /** Null: an answer without a body. */
  readonly answer: Answer | null;
  /** Of the body; default JSON. Another one is sent as the text that the route gives. */
  readonly mediaType?: string;
}

interface Acting<
  Params extends Properties,
  Body extends TSchema,
  Answer extends TSchema = TSchema,
> {
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly body?: Body;
  /** Of the body, in bytes; default: the API's. */
  readonly bodyBytes?: number;
  readonly audit: Audit<ValuesOf<Params>, Static<Body>, Static<Answer>>;
}

/** What sends an event of a live view. */
export interface LiveEvent {
  /** What the client names when it comes back: `Last-Event-ID`. */
  readonly id?: string;
  readonly event: string;
  readonly data: unknown;
}

export interface Live {
  /** The last event that the client has seen, when it comes back. */
  readonly lastEventId: string | undefined;
  /** False once the client has gone or was too slow; then nothing more is sent. */
  send(event: LiveEvent): boolean;
  /** Resolves when the client has read nearly all, or has gone: who waits for it is not cut off. */
  room(): Promise<void>;
}

export type Sender = (live: Live) => Promise<void>;

export type RouteKind = 'read' | 'home' | 'elsewhere' | 'alone' | 'live';

/** A declared route, whatever its shapes. */
export interface Route {
  readonly kind: RouteKind;
  readonly method: string;
  readonly path: string;
  readonly summary: string;
  readonly permission: Needed;
  readonly params: TObject | undefined;
  readonly query: TObject;
  readonly body: TSchema | undefined;
  readonly bodyBytes: number | undefined;
  readonly answer: TSchema | null;
  readonly mediaType: string;
  readonly status: number;
  readonly audit: Audit<unknown, unknown> | null;
  /** With a transaction of the home shard for `home`. */
  handle(asked: Asked, client?: ClientBase): Promise<unknown>;
}

const JSON_TYPE = 'application/json';
const NONE = {} as const;
type Empty = Record<never, TSchema>;

export function read<
  Answer extends TSchema,
  Params extends Properties = Empty,
  Query extends Properties = Empty,
>(
  spec: Declared<Params, Query> &
    Answering<Answer> & {
      readonly method: 'GET';
      handle(asked: Asked<ValuesOf<Params>, ValuesOf<Query>>): Promise<Static<Answer> | undefined>;
    },
): Route {
  const { answer, mediaType = JSON_TYPE, handle } = spec;
  return routeOf(spec, 'read', { answer, mediaType, handle });
}

export function actAtHome<
  Answer extends TSchema,
  Params extends Properties = Empty,
  Query extends Properties = Empty,
  Body extends TSchema = TObject<Empty>,
>(
  spec: Declared<Params, Query> &
    Answering<Answer> &
    Acting<Params, Body, Answer> & {
      /** May be run again after a deadlock: it does nothing outside of the transaction. */
      handle(
        asked: Asked<ValuesOf<Params>, ValuesOf<Query>, Static<Body>>,
        client: ClientBase,
      ): Promise<Static<Answer> | undefined>;
    },
): Route {
  return routeOf(spec, 'home', spec);
}

export function act<
  Answer extends TSchema,
  Params extends Properties = Empty,
  Query extends Properties = Empty,
  Body extends TSchema = TObject<Empty>,
>(
  spec: Declared<Params, Query> &
    Answering<Answer> &
    Acting<Params, Body> & {
      handle(
        asked: Asked<ValuesOf<Params>, ValuesOf<Query>, Static<Body>>,
      ): Promise<Static<Answer> | undefined>;
    },
): Route {
  return routeOf(spec, 'elsewhere', spec);
}

export function actAlone<
  Answer extends TSchema,
  Params extends Properties = Empty,
  Query extends Properties = Empty,
  Body extends TSchema = TObject<Empty>,
>(
  spec: Declared<Params, Query> &
    Answering<Answer> & {
      readonly body?: Body;
      handle(
        asked: Asked<ValuesOf<Params>, ValuesOf<Query>, Static<Body>>,
      ): Promise<Static<Answer> | undefined>;
    },
): Route {
  return routeOf(spec, 'alone', spec);
}

export function live<Params extends Properties = Empty, Query extends Properties = Empty>(
  spec: Declared<Params, Query> & {
    readonly method: 'GET';
    /** Refuses, or gives what sends until `asked.signal` ends; the view ends when that returns. */
    handle(asked: Asked<ValuesOf<Params>, ValuesOf<Query>>): Promise<Sender>;
  },
): Route {
  const answer = Type.String({ description: 'Events, until one side ends it.' });
  return routeOf(spec, 'live', { answer, mediaType: 'text/event-stream', handle: spec.handle });
}

function routeOf(
  spec: Declared<Properties, Properties>,
  kind: RouteKind,
  rest: {
    readonly answer: TSchema | null;
    readonly mediaType?: string;
    readonly body?: TSchema;
    readonly bodyBytes?: number;
    readonly audit?: unknown;
    handle(asked: never, client: never): Promise<unknown>;
  },
): Route {
  return {
    kind,
    method: spec.method,
    path: spec.path,
    summary: spec.summary,
    permission: spec.permission,
    params: spec.params === undefined ? undefined : Type.Object(spec.params),
    query: Type.Object(spec.query ?? NONE, { additionalProperties: false }),
    body: rest.body,
    bodyBytes: rest.bodyBytes,
    answer: rest.answer,
    mediaType: rest.mediaType ?? JSON_TYPE,
    status: spec.status ?? (rest.answer === null ? 204 : 200),
    // Its shapes are checked before it is called: see app.ts.
    audit: (rest.audit ?? null) as Route['audit'],
    handle: rest.handle as unknown as Route['handle'],
  };
}

/** A body whose fields are these and no others: a mistyped one is an error and not ignored. */
export const bodyOf = <Shapes extends Properties>(shapes: Shapes) =>
  Type.Object(shapes, { additionalProperties: false });

/** @throws API_NOT_FOUND when there is nothing, or nothing for this caller. */
export function found<Row>(row: Row | undefined, what: string): Row {
  if (row !== undefined) return row;
  throw new HalflapError('API_NOT_FOUND', `there is no ${what}, or not for you`, {
    hint: 'look at the list',
  });
}
