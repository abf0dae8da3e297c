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

/** `t=SECONDS,v1=HEX`: HMAC-SHA256 (RFC 2104) of `SECONDS.BODY` by the webhook's secret. */
export function signatureOf(secret: string, seconds: number, body: string): string {
  const digest = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
  return `t=${seconds},v1=${digest}`;
}

/**
 * Sends once, and follows no redirect. Its errors do not say where, which may be a secret.
 * @returns the status of the answer.
 */
export function post(
  { url, secret }: Webhook,
  { id, body }: { readonly id: string; readonly body: string },
  seconds: number,
): Promise<number> {
  const send = new URL(url).protocol === 'https:' ? tlsRequest : plainRequest;
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'user-agent': 'halflap',
    'halflap-delivery': id,
    'halflap-signature': signatureOf(secret, seconds, body),
  };
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(LIMIT_MS);
    const request = send(url, { method: 'POST', headers, signal, agent: false }, (response) => {
      let bytes = 0;
      // What comes after the head changes nothing: it is only read to its end.
      response.on('error', () => {});
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > BODY_BYTES) response.destroy();
      });
      resolve(response.statusCode ?? 0);
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      const reason = signal.aborted ? `no answer in ${LIMIT_MS / 1000} s` : error.code;
      reject(new Error(reason ?? 'the connection failed', { cause: error }));
    });
    request.end(body);
  });
}
