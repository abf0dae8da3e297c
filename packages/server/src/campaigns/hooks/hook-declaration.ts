// A hook as somebody declares it: what is told or run around the steps of campaigns.
//
// Invariant: the address and the secret of a webhook are in what comes in and in nothing that goes
// out; `place` is shown instead.

import { type FieldProblem, VERBS } from '@halflap/protocol';
import { Type } from 'typebox';
import { originOf } from '../../alerts/webhook.js';
import { oneOf } from '../../api/shapes.js';
import { HOST_COMMAND_FIELDS, type HostCommand } from '../cluster/host-command.js';

/** Around a step: the first three. Of a campaign: that it has stopped, and that it has ended. */
export const MOMENTS = ['before', 'after', 'failed', 'stopped', 'ended'] as const;
export type Moment = (typeof MOMENTS)[number];
export const STEP_MOMENTS: ReadonlySet<Moment> = new Set(['before', 'after', 'failed']);

/** What a hook may be narrowed to. */
const CHOICES = ['server', 'shard', 'upgrade', 'downgrade', ...VERBS] as const;

export const MOST_HOOKS = 32;
/** How long a hook may take where nothing else is declared. */
export const HOOK_SECONDS = 30;

const Webhook = Type.Object(
  {
    url: Type.Optional(
      Type.String({
        ...{ pattern: '^https?://', minLength: 8, maxLength: 2048 },
        description: 'Never shown; may be left out, with the secret, once known.',
      }),
    ),
    secret: Type.Optional(
      Type.String({ minLength: 16, maxLength: 256, description: 'Signs what is told.' }),
    ),
    place: Type.Optional(
      Type.String({ maxLength: 2048, description: 'The host, as it is shown; not read.' }),
    ),
  },
  { additionalProperties: false },
);

const HookCommand = Type.Object(
  {
    host: Type.String({ minLength: 1, maxLength: 255, description: 'Its hostname.' }),
    ...HOST_COMMAND_FIELDS,
  },
  { additionalProperties: false },
);

export const Hook = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$' }),
    when: oneOf(MOMENTS),
    on: Type.Optional(
      Type.Array(oneOf(CHOICES), {
        ...{ minItems: 1, maxItems: CHOICES.length, uniqueItems: true },
        description: 'Kinds of steps or their actions; default: all.',
      }),
    ),
    webhook: Type.Optional(Webhook),
    command: Type.Optional(HookCommand),
    timeoutSeconds: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 3600, description: `Default: ${HOOK_SECONDS}.` }),
    ),
    required: Type.Optional(
      Type.Boolean({
        description: 'Its no keeps the step from beginning; after a step, it stops the campaign.',
      }),
    ),
  },
  { additionalProperties: false },
);

export interface Hook {
  readonly name: string;
  readonly when: Moment;
  readonly on?: readonly (typeof CHOICES)[number][];
  readonly webhook?: { readonly url?: string; readonly secret?: string; readonly place?: string };
  readonly command?: HostCommand & { readonly host: string };
  readonly timeoutSeconds?: number;
  readonly required?: boolean;
}

/** What a shape cannot say. The rules quote nothing of an address. */
export function hookProblems(hook: Hook, at: number): FieldProblem[] {
  const field = `body.hooks.${at}`;
  const problems: FieldProblem[] = [];
  if ((hook.webhook === undefined) === (hook.command === undefined)) {
    problems.push({ field, rule: 'either a webhook or a command' });
  }
  if (hook.on !== undefined && !STEP_MOMENTS.has(hook.when)) {
    problems.push({ field: `${field}.on`, rule: 'only around steps' });
  }
  if (hook.required === true && hook.when !== 'before' && hook.when !== 'after') {
    problems.push({ field: `${field}.required`, rule: 'only before or after a step' });
  }
  const { url, secret } = hook.webhook ?? {};
  if ((url === undefined) !== (secret === undefined)) {
    problems.push({ field: `${field}.webhook`, rule: 'an address comes with what signs it' });
  }
  if (url !== undefined && originOf(url) === null) {
    const rule = 'an address: https://HOST/PATH, without a user and a password';
    problems.push({ field: `${field}.webhook.url`, rule });
  }
  return problems;
}
