// Asks a server through its API, as people and programs do, and keeps account of the answers: each
// that a living server gave has to be a good one, or a refusal that says what is wrong.

import { ERRORS } from '@halflap/protocol';
import type { Place } from './places.js';

export type Answer =
  | { readonly kind: 'good'; readonly body: unknown }
  | { readonly kind: 'refused'; readonly code: string }
  /** The server died meanwhile, or was dead. */
  | { readonly kind: 'dead' }
  /** What no living server may do; noted. */
  | { readonly kind: 'fault' };

/** Of all requests to living servers. */
export class Account {
  good = 0;
  readonly refused = new Map<string, number>();
  readonly faults: string[] = [];
  mostMs = 0;

  get all(): number {
    const refused = [...this.refused.values()].reduce((sum, count) => sum + count, 0);
    return this.good + refused + this.faults.length;
  }
}

/** Whoever asks waits no longer: several times what a server waits for shards. */
const ANSWER_MS = 30_000;

export interface Question {
  readonly path: string;
  readonly body?: object;
  /** Sent again with the same key, it is carried out once. */
  readonly key?: string;
}

export class Asker {
  readonly #account: Account;
  readonly #token: string;

  constructor(account: Account, token: string) {
    this.#account = account;
    this.#token = token;
  }

  async ask(place: Place, question: Question): Promise<Answer> {
    const { child, life } = place;
    if (child === null) return { kind: 'dead' };
    const beganAt = performance.now();
    const told = await this.#send(child.ready.address, question).catch((error: Error) => error);
    if (place.child === null || place.life !== life) return { kind: 'dead' };
    const ms = performance.now() - beganAt;
    this.#account.mostMs = Math.max(this.#account.mostMs, ms);
    return this.#judge(`${place.name}, ${question.path}, ${ms.toFixed(0)} ms`, told);
  }

  async #send(address: string, { path, body, key }: Question) {
    const response = await fetch(`${address}/api/v1${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(key !== undefined && { 'idempotency-key': key }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    return { status: response.status, text: await response.text() };
  }

  #judge(what: string, told: Error | { readonly status: number; readonly text: string }): Answer {
    const account = this.#account;
    if (told instanceof Error) {
      account.faults.push(`${what}: ${told.message}: ${String(told.cause ?? '')}`);
      return { kind: 'fault' };
    }
    const { status, text } = told;
    const body = parsed(text);
    if (status < 300 && body !== undefined) {
      account.good += 1;
      return { kind: 'good', body };
    }
    const code = codeOf(body);
    if (code === null || NEVER.has(code)) {
      account.faults.push(`${what}: ${status} ${text.slice(0, 300)}`);
      return { kind: 'fault' };
    }
    account.refused.set(code, (account.refused.get(code) ?? 0) + 1);
    return { kind: 'refused', code };
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Nothing that is asked here is wrong, and a defect is no refusal. */
const NEVER: ReadonlySet<string> = new Set(['API_INVALID', 'INTERNAL_DEFECT']);

/** Of a problem that the registry knows and that says what to do; null of everything else. */
function codeOf(body: unknown): string | null {
  const { code, detail, hint } = (body ?? {}) as Record<string, unknown>;
  const isClear = typeof code === 'string' && code in ERRORS && Boolean(detail) && Boolean(hint);
  return isClear ? code : null;
}
