// Who is told of alerts. Where a webhook is may be as secret as what signs it, since some receivers
// ask for nothing else: both are sealed, and only the host is shown.

import { randomUUID } from 'node:crypto';
import { HalflapError } from '@halflap/protocol';
import { type Static, Type } from 'typebox';
import { newSecret } from '../../access/secrets.js';
import { RULE_KINDS, type RuleKind, SEVERITIES, type Severity } from '../../alerts/rules.js';
import { WEBHOOK_PURPOSE } from '../../alerts/sender.js';
import { originOf } from '../../alerts/webhook.js';
import { TRIED_HOURS } from '../../alerts/write.js';
import { seal } from '../../authority/sealing.js';
import { Conditions } from '../conditions.js';
import { homePage } from '../home-page.js';
import { actAtHome, bodyOf, found, type Route, read } from '../route.js';
import { id, instant, name, nullable, oneOf, pageOf, paging } from '../shapes.js';
import { whenDone } from '../when-done.js';
import type { AlertApi } from './alerts.js';

const TARGET_KINDS = ['webhook', 'mail'] as const;
const MAIL = Type.String({ maxLength: 254, pattern: '^[^@\\s<>,;:"()]+@[^@\\s<>,;:"()]+$' });
const URL_FORM = Type.String({ minLength: 8, maxLength: 2048, pattern: '^https?://' });
const kinds = () =>
  nullable(
    Type.Array(oneOf(RULE_KINDS), {
      ...{ minItems: 1, maxItems: RULE_KINDS.length, uniqueItems: true },
      description: 'Kinds of rules; null: all.',
    }),
  );

export const AlertTarget = Type.Object({
  id: id(),
  name: Type.String(),
  kind: oneOf(TARGET_KINDS),
  place: Type.String({ description: 'The host of a webhook, or the recipients.' }),
  kinds: kinds(),
  minimumSeverity: oneOf(SEVERITIES),
  enabled: Type.Boolean(),
  madeBy: Type.String(),
  madeAt: instant(),
});

interface TargetRow {
  readonly id: string;
  readonly name: string;
  readonly kind: (typeof TARGET_KINDS)[number];
  readonly place: string;
  readonly kinds: RuleKind[] | null;
  readonly minimum_severity: Severity;
  readonly enabled: boolean;
  readonly made_by: string;
  readonly made_at: Date;
}

export function alertTargetRoutes(api: AlertApi): readonly Route[] {
  return [listTargets(api), createTarget(api), changeTarget(), removeTarget(), testTarget(api)];
}

function listTargets({ store }: AlertApi): Route {
  return read({
    method: 'GET',
    path: '/api/v1/alert-targets',
    summary: 'Who is told of alerts.',
    permission: 'cluster:read',
    query: paging,
    answer: pageOf(AlertTarget),
    handle: ({ query }) =>
      homePage<TargetRow, Static<typeof AlertTarget>>({ store }, query, {
        columns: `t.id, t.name, t.kind, t.place, t.kinds, t.minimum_severity, t.enabled,
          t.made_by, t.made_at`,
        from: 'alert_targets t',
        ...{ conditions: new Conditions(), key: 't.id', keyType: 'uuid', direction: 'asc' },
        item: ({ minimum_severity: minimumSeverity, made_by: madeBy, ...row }) => ({
          ...{ id: row.id, name: row.name, kind: row.kind, place: row.place, kinds: row.kinds },
          ...{ minimumSeverity, enabled: row.enabled, madeBy, madeAt: row.made_at.toISOString() },
        }),
      }),
  });
}

function createTarget({ secret: key }: AlertApi): Route {
  return actAtHome({
    method: 'POST',
    path: '/api/v1/alert-targets',
    summary: 'Tells a webhook or people of alerts; the answer alone shows a webhook’s secret.',
    permission: 'cluster:write',
    body: bodyOf({
      name: name(64),
      url: Type.Optional(URL_FORM),
      recipients: Type.Optional(Type.Array(MAIL, { minItems: 1, maxItems: 16 })),
      kinds: Type.Optional(kinds()),
      minimumSeverity: Type.Optional(oneOf(SEVERITIES)),
    }),
    status: 201,
    answer: Type.Object({
      id: id(),
      secret: nullable(Type.String({ description: 'What a webhook’s requests are signed by.' })),
    }),
    audit: {
      act: 'alert-target.create',
      on: ({ body }) => `alert target ${body.name}`,
      detail: ({ body: { url, ...body } }) => ({ ...body, isWebhook: url !== undefined }),
    },
    async handle({ body, caller }, client) {
      const { url, recipients = [], kinds: wanted = null, minimumSeverity = 'info' } = body;
      if ((url === undefined) === (recipients.length === 0)) {
        throw wrong('body.url', 'either url or recipients');
      }
      const place = url === undefined ? recipients.join(', ') : placeOf(url);
      const secret = url === undefined ? null : newSecret('webhook').secret;
      const sealed =
        secret === null ? null : seal(key, WEBHOOK_PURPOSE, JSON.stringify({ url, secret }));
      const made = randomUUID();
      const { rowCount } = await client.query(
        `insert into alert_targets
           (id, name, kind, place, recipients, sealed, kinds, minimum_severity, made_by)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (name) do nothing`,
        [
          ...[made, body.name, url === undefined ? 'mail' : 'webhook', place, recipients, sealed],
          ...[wanted, minimumSeverity, caller.name],
        ],
      );
      if (rowCount === 0) throw taken(body.name);
      return { id: made, secret };
    },
  });
}

function changeTarget(): Route {
  return actAtHome({
    method: 'PATCH',
    path: '/api/v1/alert-targets/:id',
    summary: 'Changes of what a target is told, or that it is told; where it is stays.',
    permission: 'cluster:write',
    params: { id: id() },
    body: bodyOf({
      kinds: Type.Optional(kinds()),
      minimumSeverity: Type.Optional(oneOf(SEVERITIES)),
      enabled: Type.Optional(Type.Boolean()),
    }),
    answer: null,
    audit: {
      act: 'alert-target.change',
      on: ({ params }) => `alert target ${params.id}`,
      detail: ({ body }) => body,
    },
    async handle({ params, body }, client) {
      const { rows } = await client.query(
        `update alert_targets
         set kinds = case when $2 then $3::text[] else kinds end,
           minimum_severity = coalesce($4, minimum_severity), enabled = coalesce($5, enabled)
         where id = $1 returning id`,
        [
          ...[params.id, body.kinds !== undefined, body.kinds ?? null],
          ...[body.minimumSeverity ?? null, body.enabled ?? null],
        ],
      );
      found(rows[0], `alert target ${params.id}`);
      return undefined;
    },
  });
}

function removeTarget(): Route {
  return actAtHome({
    method: 'DELETE',
    path: '/api/v1/alert-targets/:id',
    summary: 'Removes a target, with the log of what it was told.',
    permission: 'cluster:write',
    params: { id: id() },
    answer: null,
    audit: { act: 'alert-target.remove', on: ({ params }) => `alert target ${params.id}` },
    async handle({ params }, client) {
      const { rows } = await client.query('delete from alert_targets where id = $1 returning id', [
        params.id,
      ]);
      found(rows[0], `alert target ${params.id}`);
      return undefined;
    },
  });
}

function testTarget({ alerts }: AlertApi): Route {
  return actAtHome({
    method: 'POST',
    path: '/api/v1/alert-targets/:id/test',
    summary: 'Tells a target something that is no alert; its delivery says what came of it.',
    permission: 'cluster:write',
    params: { id: id() },
    body: bodyOf({}),
    status: 202,
    answer: Type.Object({ id: id('Of the delivery.') }),
    audit: { act: 'alert-target.test', on: ({ params }) => `alert target ${params.id}` },
    async handle({ params, reply }, client) {
      const { rows } = await client.query<{ id: string }>(
        `insert into alert_deliveries (id, target_id, event, payload, give_up_at)
         select gen_random_uuid(), t.id, 'test', '{"event": "test", "alert": null}',
           now() + make_interval(hours => $2)
         from alert_targets as t where t.id = $1
         returning id`,
        [params.id, TRIED_HOURS],
      );
      const made = found(rows[0], `alert target ${params.id}`);
      whenDone(reply, () => alerts.kick());
      return { id: made.id };
    },
  });
}

/** The part of an address that is no secret. @throws API_INVALID */
function placeOf(url: string): string {
  const origin = originOf(url);
  if (origin === null) {
    throw wrong('body.url', 'an address: https://HOST/PATH, without a user and a password');
  }
  return origin;
}

function wrong(field: string, rule: string): HalflapError {
  return new HalflapError('API_INVALID', `${field}: ${rule}`, {
    detail: { fields: [{ field, rule }] },
    hint: 'docs/alerts.md has the form of a target',
  });
}

function taken(what: string): HalflapError {
  return new HalflapError('API_CONFLICT', `there is an alert target ${what} already`, {
    hint: 'take another name, or remove that one first',
  });
}
