// A signal of an application as somebody declares it: where a number of it is, and above what it
// stops a campaign.
//
// Invariant: what is declared is shown to whoever may see the cluster, so an address has no secret.

import type { FieldProblem } from '@halflap/protocol';
import { Type } from 'typebox';

export const MOST_SIGNALS = 8;
const STOP_AFTER_SECONDS = 30;
const HOUR = 3600;

/** RFC 6901. */
const POINTER = '^(/([^~/]|~[01])*)*$';

export const Signal = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$' }),
    unit: Type.Optional(
      Type.String({ maxLength: 16, description: 'For people, as in ms; default: none.' }),
    ),
    url: Type.String({
      pattern: '^https?://',
      maxLength: 2048,
      description: 'Asked by GET for JSON. It is shown: no user, no password.',
    }),
    pointer: Type.Optional(
      Type.String({
        pattern: POINTER,
        maxLength: 1024,
        description: 'Where the number is in the answer (RFC 6901); default: the whole of it.',
      }),
    ),
    stopAbove: Type.Optional(
      Type.Number({ description: 'More than that stops a campaign; default: it is only shown.' }),
    ),
    stopAfterSeconds: Type.Optional(
      Type.Integer({
        ...{ minimum: 0, maximum: HOUR, default: STOP_AFTER_SECONDS },
        description: 'How long it has to be more than that, while steps go on.',
      }),
    ),
  },
  { additionalProperties: false },
);

export interface DeclaredSignal {
  readonly name: string;
  readonly unit?: string;
  readonly url: string;
  readonly pointer?: string;
  readonly stopAbove?: number;
  readonly stopAfterSeconds?: number;
}

/** What a campaign keeps of it: when it stops. */
export interface SignalLimit {
  readonly name: string;
  readonly unit: string;
  readonly stopAbove: number | null;
  readonly stopAfterSeconds: number;
}

export function limitOf(declared: DeclaredSignal): SignalLimit {
  const { name, unit = '', stopAbove = null, stopAfterSeconds = STOP_AFTER_SECONDS } = declared;
  return { name, unit, stopAbove, stopAfterSeconds };
}

/** What a shape cannot say of it. */
export function ofSignal(signal: DeclaredSignal, field: string): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const { url, stopAbove, stopAfterSeconds } = signal;
  if (!URL.canParse(url)) {
    problems.push({ field: `${field}.url`, rule: 'an address: https://HOST/PATH' });
  } else if (new URL(url).username !== '' || new URL(url).password !== '') {
    problems.push({ field: `${field}.url`, rule: 'no user and no password' });
  }
  if (stopAfterSeconds !== undefined && stopAbove === undefined) {
    problems.push({ field: `${field}.stopAfterSeconds`, rule: 'only with stopAbove' });
  }
  return problems;
}
