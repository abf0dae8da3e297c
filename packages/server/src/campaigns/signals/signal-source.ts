// Asks an application for a number: a GET for JSON, in bounded time and size, without following a
// redirect. An endpoint of its own answers so, and Prometheus' instant query does.
//
// Invariant: what goes wrong is said in words of ours; nothing of an answer is quoted.

import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import type { DeclaredSignal } from './signal-declaration.js';

/** From the connection to the end of the answer. */
const LIMIT_MS = 2000;
const BODY_BYTES = 64 * 1024;

/**
 * Asks once.
 * @param ending ends it early
 * @throws Error whose message says why there is no number
 */
export async function readSignal(
  { url, pointer = '' }: Pick<DeclaredSignal, 'url' | 'pointer'>,
  ending: AbortSignal,
): Promise<number> {
  const late = AbortSignal.timeout(LIMIT_MS);
  const text = await get(url, AbortSignal.any([late, ending])).catch((error: Error) => {
    throw late.aborted ? new Error(`no answer in ${LIMIT_MS / 1000} s`) : error;
  });
  return numberAt(parsed(text), pointer);
}

function get(url: string, signal: AbortSignal): Promise<string> {
  const send = new URL(url).protocol === 'https:' ? tlsRequest : plainRequest;
  const headers = { accept: 'application/json', 'user-agent': 'halflap' };
  return new Promise((resolve, reject) => {
    const request = send(url, { headers, signal, agent: false }, (response) => {
      bodyOf(response).then(resolve, reject);
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      reject(new Error(error.code ?? 'the connection failed', { cause: error }));
    });
    request.end();
  });
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  if (response.statusCode !== 200) {
    response.destroy();
    throw new Error(`it answers with status ${response.statusCode}`);
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES) throw new Error('the answer is longer than 64 KB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error('the answer is no JSON', { cause });
  }
}

/** The number, or the text that is one, at a JSON pointer. @throws Error */
export function numberAt(answer: unknown, pointer: string): number {
  const place = pointer === '' ? 'the answer' : pointer;
  let value = answer;
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    const isThere = typeof value === 'object' && value !== null && Object.hasOwn(value, key);
    if (!isThere) throw new Error(`nothing is at ${place}`);
    value = (value as Record<string, unknown>)[key];
  }
  const isText = typeof value === 'string' && value.trim() !== '';
  const number = isText ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number)) {
    throw new Error(`no number is at ${place}`);
  }
  return number;
}
