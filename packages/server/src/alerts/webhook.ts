// Tells a webhook, and signs what it is told.

import { createHmac } from 'node:crypto';
import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';

export interface Webhook {
  readonly url: string;
  readonly secret: string;
}

/** From the connection to the head of the answer. */
const LIMIT_MS = 10_000;
/** Of an answer's body: so that small ones end politely. What it says is not read. */
const BODY_BYTES = 1024;

/** Of an answer's header. */
const REASON_LENGTH = 300;

/** The part of an address that is no secret; null where it is none, or has a user or a password. */
export function originOf(url: string): string | null {
  if (!URL.canParse(url)) return null;
  const { origin, username, password } = new URL(url);
  return username === '' && password === '' ? origin : null;
}

/** `t=SECONDS,v1=HEX`: HMAC-SHA256 (RFC 2104) of `SECONDS.BODY` by the webhook's secret. */
export function signatureOf(secret: string, seconds: number, body: string): string {
  const digest = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
  return `t=${seconds},v1=${digest}`;
}

export interface Telling {
  /** By which the receiver knows one that comes again. */
  readonly id: string;
  readonly body: string;
  /** When, in seconds since 1970. */
  readonly seconds: number;
  /** Default: 10 seconds. */
  readonly limitMs?: number;
  /** Ends it early. */
  readonly signal?: AbortSignal;
}

export interface Answer {
  readonly status: number;
  /** What the receiver says in the header `halflap-reason`, for people. */
  readonly reason: string | null;
}

/**
 * Sends once, and follows no redirect. Its errors do not say where, which may be a secret; and of
 * the answer no more is taken than what only a receiver of Halflap's says.
 */
export function post(
  { url, secret }: Webhook,
  { id, body, seconds, limitMs = LIMIT_MS, signal: ended }: Telling,
): Promise<Answer> {
  const send = new URL(url).protocol === 'https:' ? tlsRequest : plainRequest;
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'user-agent': 'halflap',
    'halflap-delivery': id,
    'halflap-signature': signatureOf(secret, seconds, body),
  };
  return new Promise((resolve, reject) => {
    const limit = AbortSignal.timeout(limitMs);
    const signal = ended === undefined ? limit : AbortSignal.any([limit, ended]);
    const request = send(url, { method: 'POST', headers, signal, agent: false }, (response) => {
      let bytes = 0;
      // What comes after the head changes nothing: it is only read to its end.
      response.on('error', () => {});
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > BODY_BYTES) response.destroy();
      });
      const reason = response.headers['halflap-reason'];
      resolve({
        status: response.statusCode ?? 0,
        reason: typeof reason === 'string' ? plain(reason) : null,
      });
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      const reason = limit.aborted ? `no answer in ${Math.ceil(limitMs / 1000)} s` : error.code;
      reject(new Error(reason ?? 'the connection failed', { cause: error }));
    });
    request.end(body);
  });
}

/** Without what a terminal or a page could take for more than text. */
function plain(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, REASON_LENGTH);
}
