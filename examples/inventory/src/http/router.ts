// An HTTP API as a table of routes over JSON: enough of a framework for a small service.
//
// A route answers with a status and a body or throws an HttpError; anything else that is thrown is
// the server's own failure: 500 with the message and PostgreSQL's SQLSTATE.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { Tally } from './tally.js';

export interface Call {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** The JSON object that was sent; empty where there was none. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly tally: Tally;
}

export interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

/** `GET /hosts/:name` → what answers it. */
export type Routes = Readonly<Record<string, (call: Call) => Promise<Answer>>>;

export class HttpError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'HttpError';
    this.status = status;
  }
}

export const ok = (body: unknown): Answer => ({ status: 200, body });

export function found<Value>(value: Value | undefined, what: string): Value {
  if (value === undefined) throw new HttpError(404, `no ${what}`);
  return value;
}

const MAX_BODY_BYTES = 1_000_000;

/** The listener for node:http; `headers` go with every answer. */
export function router(routes: Routes, headers: Readonly<Record<string, string>>) {
  const table = Object.entries(routes).map(([route, handle]) => {
    const [method = '', path = ''] = route.split(' ');
    return { method, parts: path.split('/'), handle };
  });
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const tally = new Tally();
    const answer = await answerTo(request, tally).catch(failure);
    response.writeHead(answer.status, {
      ...headers,
      'x-inventory-tally': tally.header(),
      'content-type': 'application/json',
    });
    response.end(answer.body === undefined ? '' : JSON.stringify(answer.body));
  };

  async function answerTo(request: IncomingMessage, tally: Tally): Promise<Answer> {
    const url = new URL(request.url ?? '/', 'http://inventory');
    const parts = url.pathname.split('/');
    const body = await readBody(request);
    for (const route of table) {
      const params = route.method === request.method ? match(route.parts, parts) : undefined;
      if (params !== undefined) {
        return route.handle({ params, query: url.searchParams, body, tally });
      }
    }
    throw new HttpError(404, `no route ${request.method} ${url.pathname}`);
  }
}

function match(
  pattern: readonly string[],
  parts: readonly string[],
): Record<string, string> | undefined {
  if (pattern.length !== parts.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, expected] of pattern.entries()) {
    const part = decodeURIComponent(parts[index] ?? '');
    if (expected.startsWith(':')) params[expected.slice(1)] = part;
    else if (expected !== part) return undefined;
  }
  return params;
}

async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new HttpError(413, 'the body is too long');
    chunks.push(chunk);
  }
  if (bytes === 0) return {};
  const text = Buffer.concat(chunks).toString();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new HttpError(400, 'the body is not JSON');
  }
  if (!isObject(value)) throw new HttpError(400, 'the body is not a JSON object');
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function failure(error: unknown): Answer {
  if (error instanceof HttpError) return { status: error.status, body: { error: error.message } };
  const message = error instanceof Error ? error.message : String(error);
  return { status: 500, body: { error: message, sqlstate: sqlState(error) } };
}

/** The SQLSTATE that the driver puts on PostgreSQL's errors. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}
