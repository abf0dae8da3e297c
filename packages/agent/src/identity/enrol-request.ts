// The request by which a host enrols: one POST to one server, and what its answer means.

import type { IncomingMessage } from 'node:http';
import * as https from 'node:https';
import { ERRORS, type ErrorCode, HalflapError } from '@halflap/protocol';
import { checkEnrolled, type Enrolled, type EnrolmentAsked } from '@halflap/protocol/agent';
import { type Address, textOf } from '../address.js';
import { retryAfterMs } from '../retry-after.js';
import { tlsOptions } from './server-trust.js';

/** What became of a request; whatever may be different the next time is `later`. */
export type EnrolmentAnswer =
  | { readonly kind: 'enrolled'; readonly enrolled: Enrolled }
  | { readonly kind: 'refused'; readonly error: HalflapError }
  | { readonly kind: 'later'; readonly reason: string; readonly retryAfterMs: number | null };

export interface EnrolmentRequest {
  readonly server: Address;
  /** In PEM; the only ones whose server is believed. */
  readonly authorities: string;
  readonly asked: EnrolmentAsked;
  readonly signal: AbortSignal;
  /** In ms since 1970. */
  readonly now: number;
}

/** An answer is two certificates and a few keys. */
const MAX_ANSWER_BYTES = 256 * 1024;
const ENROL_PATH = '/agent/enrol';
/** Too many requests (RFC 6585, section 4). */
const TOO_MANY = 429;

/** Sends it once. @throws what a connection fails with: no such host, no trust, no answer. */
export async function askEnrolment(request: EnrolmentRequest): Promise<EnrolmentAnswer> {
  const { status, retryAfter, text } = await post(request);
  const body = parsed(text);
  const server = textOf(request.server);
  if (status === 200) {
    const checked = checkEnrolled(body);
    if (checked.ok) return { kind: 'enrolled', enrolled: checked.value };
    const reason = `${server} answers what is no enrolment: ${checked.problems.join('; ')}`;
    return { kind: 'later', reason, retryAfterMs: null };
  }
  const { code, detail, hint } = problemOf(body);
  const said = `${server} answers ${status}${detail === '' ? '' : `: ${detail}`}`;
  if (status >= 500 || status === TOO_MANY || ERRORS[code].retryable) {
    return { kind: 'later', reason: said, retryAfterMs: retryAfterMs(retryAfter, request.now) };
  }
  return { kind: 'refused', error: new HalflapError(code, said, { hint }) };
}

interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly text: string;
}

function post({ server, authorities, asked, signal }: EnrolmentRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = https.request({
      ...tlsOptions(server, authorities),
      host: server.host,
      port: server.port,
      method: 'POST',
      path: ENROL_PATH,
      agent: false,
      headers: { 'content-type': 'application/json' },
      signal,
    });
    request.once('error', reject);
    request.once('response', (response) => {
      textOfAnswer(response).then((text) => {
        const retryAfter = response.headers['retry-after'];
        resolve({ status: response.statusCode ?? 0, retryAfter, text });
      }, reject);
    });
    request.end(JSON.stringify(asked));
  });
}

async function textOfAnswer(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES)
      throw new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const HINT = 'make a new token: halflap tokens create';

/** Of application/problem+json (RFC 9457); a code of another release is a refusal. */
function problemOf(body: unknown): { code: ErrorCode; detail: string; hint: string } {
  const { code, detail, hint } = Object(body) as Record<string, unknown>;
  const isKnown = typeof code === 'string' && Object.hasOwn(ERRORS, code);
  return {
    code: isKnown ? (code as ErrorCode) : 'ENROLMENT_REFUSED',
    detail: typeof detail === 'string' ? detail.slice(0, 1000) : '',
    hint: typeof hint === 'string' ? hint.slice(0, 1000) : HINT,
  };
}
