// Enrolment tokens: with one of them a host becomes known.

import { type Static, Type } from 'typebox';
import { makeEnrolmentToken } from '../../access/enrolment.js';
import type { Api } from '../app.js';
import { Conditions } from '../conditions.js';
import { homePage } from '../home-page.js';
import { isoOf } from '../host-shapes.js';
import { Labels } from '../labels.js';
import { actAtHome, bodyOf, found, type Route, read } from '../route.js';
import { count, id, instant, name, nullable, oneOf, pageOf, paging } from '../shapes.js';

export const EnrolmentToken = Type.Object({
  id: id(),
  name: Type.String(),
  prefix: Type.String({ description: 'Its first letters.' }),
  labels: Labels,
  needsApproval: Type.Boolean(),
  uses: count(),
  maxUses: count(),
  state: oneOf(['usable', 'used up', 'expired', 'revoked']),
  madeBy: Type.String(),
  madeAt: instant(),
  expiresAt: instant(),
  revokedAt: nullable(instant()),
});

interface TokenRow {
  readonly id: string;
  readonly name: string;
  readonly prefix: string;
  readonly labels: Record<string, string>;
  readonly needs_approval: boolean;
  readonly uses: number;
  readonly max_uses: number;
  readonly state: Static<typeof EnrolmentToken>['state'];
  readonly made_by: string;
  readonly made_at: Date;
  readonly expires_at: Date;
  readonly revoked_at: Date | null;
}

const DAY_SECONDS = 24 * 3600;

export function enrolmentTokenRoutes(api: Api): readonly Route[] {
  return [listTokens(api), createToken(), revokeToken()];
}

function listTokens(api: Api): Route {
  return read({
    method: 'GET',
    path: '/api/v1/enrolment-tokens',
    summary: 'Enrolment tokens.',
    permission: 'tokens:read',
    query: paging,
    answer: pageOf(EnrolmentToken),
    handle: ({ query }) =>
      homePage<TokenRow, Static<typeof EnrolmentToken>>(api, query, {
        columns: `t.id, t.name, t.prefix, t.labels, t.needs_approval, t.uses, t.max_uses, t.made_by,
          t.made_at, t.expires_at, t.revoked_at,
          case when t.revoked_at is not null then 'revoked'
            when t.uses >= t.max_uses then 'used up'
            when t.expires_at <= now() then 'expired' else 'usable' end as state`,
        from: 'enrolment_tokens t',
        ...{ conditions: new Conditions(), key: 't.id', keyType: 'uuid', direction: 'asc' },
        item: (row) => ({
          ...{ id: row.id, name: row.name, prefix: row.prefix, labels: row.labels },
          ...{ needsApproval: row.needs_approval, uses: row.uses, maxUses: row.max_uses },
          ...{ state: row.state, madeBy: row.made_by, madeAt: row.made_at.toISOString() },
          ...{ expiresAt: row.expires_at.toISOString(), revokedAt: isoOf(row.revoked_at) },
        }),
      }),
  });
}

function createToken(): Route {
  return actAtHome({
    method: 'POST',
    path: '/api/v1/enrolment-tokens',
    summary: 'Makes an enrolment token; the answer is the only place that shows it.',
    permission: 'tokens:write',
    body: bodyOf({
      name: name(),
      labels: Type.Optional(Labels),
      needsApproval: Type.Optional(Type.Boolean({ default: false })),
      maxUses: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000, default: 1 })),
      expiresInSeconds: Type.Optional(
        Type.Integer({ minimum: 60, maximum: 366 * DAY_SECONDS, default: DAY_SECONDS }),
      ),
    }),
    status: 201,
    answer: Type.Object({ id: id(), token: Type.String() }),
    audit: {
      act: 'enrolment-token.create',
      on: ({ body }) => `enrolment token ${body.name}`,
      detail: ({ body }) => body,
    },
    async handle({ body, caller }, client) {
      const { labels = {}, needsApproval = false, maxUses = 1 } = body;
      const { expiresInSeconds = DAY_SECONDS } = body;
      const asked = { labels, needsApproval, maxUses, expiresInSeconds };
      const all = { name: body.name, ...asked, madeBy: caller.name };
      const made = await makeEnrolmentToken(client, all);
      return { id: made.id, token: made.secret };
    },
  });
}

function revokeToken(): Route {
  return actAtHome({
    method: 'DELETE',
    path: '/api/v1/enrolment-tokens/:id',
    summary: 'Revokes an enrolment token; hosts that have used it stay.',
    permission: 'tokens:write',
    params: { id: id() },
    answer: null,
    audit: { act: 'enrolment-token.revoke', on: ({ params }) => `enrolment token ${params.id}` },
    async handle({ params }, client) {
      const { rows } = await client.query(
        `update enrolment_tokens set revoked_at = coalesce(revoked_at, now())
         where id = $1 returning id`,
        [params.id],
      );
      found(rows[0], `enrolment token ${params.id}`);
      return undefined;
    },
  });
}
