// API tokens: one's own, and for who may see users everybody's.

import { type Static, Type } from 'typebox';
import { makeApiToken } from '../../access/api-tokens.js';
import { type GrantRow, GrantShapes, grantsColumn, readGrants } from '../../access/grants.js';
import type { Api } from '../app.js';
import { type Caller, may } from '../caller.js';
import { Conditions } from '../conditions.js';
import { homePage } from '../home-page.js';
import { isoOf } from '../host-shapes.js';
import { actAtHome, bodyOf, found, type Route, read } from '../route.js';
import { id, instant, name, nullable, pageOf, paging } from '../shapes.js';

export const ApiToken = Type.Object({
  id: id(),
  name: Type.String(),
  prefix: Type.String({ description: 'Its first letters.' }),
  user: Type.String(),
  grants: GrantShapes,
  madeAt: instant(),
  expiresAt: instant(),
  usedAt: nullable(instant()),
  revokedAt: nullable(instant()),
});

interface TokenRow {
  readonly id: string;
  readonly name: string;
  readonly prefix: string;
  readonly user_name: string;
  readonly grants: GrantRow[];
  readonly made_at: Date;
  readonly expires_at: Date;
  readonly used_at: Date | null;
  readonly revoked_at: Date | null;
}

const DAY_SECONDS = 24 * 3600;

export function apiTokenRoutes(api: Api): readonly Route[] {
  return [listTokens(api), createToken(), revokeToken()];
}

function listTokens(api: Api): Route {
  return read({
    method: 'GET',
    path: '/api/v1/api-tokens',
    summary: 'One’s own API tokens; with users:read those of everybody.',
    permission: 'known',
    query: paging,
    answer: pageOf(ApiToken),
    handle({ query, caller }) {
      const conditions = new Conditions();
      restrictToOwn(conditions, caller, 'users:read');
      return homePage<TokenRow, Static<typeof ApiToken>>(api, query, {
        columns: `t.id, t.name, t.prefix, u.name as user_name, t.made_at, t.expires_at, t.used_at,
          t.revoked_at, ${grantsColumn('g.token_id = t.id')} as grants`,
        from: 'api_tokens t join users u on u.id = t.user_id',
        ...{ conditions, key: 't.id', keyType: 'uuid', direction: 'asc' },
        item: (row) => ({
          ...{ id: row.id, name: row.name, prefix: row.prefix, user: row.user_name },
          ...{ grants: row.grants, madeAt: row.made_at.toISOString() },
          ...{ expiresAt: row.expires_at.toISOString(), usedAt: isoOf(row.used_at) },
          revokedAt: isoOf(row.revoked_at),
        }),
      });
    },
  });
}

function createToken(): Route {
  return actAtHome({
    method: 'POST',
    path: '/api/v1/api-tokens',
    summary: 'Makes an API token of one’s own; the answer is the only place that shows it.',
    permission: 'known',
    body: bodyOf({
      name: name(),
      grants: GrantShapes,
      expiresInSeconds: Type.Integer({ minimum: 60, maximum: 366 * DAY_SECONDS }),
    }),
    status: 201,
    answer: Type.Object({ id: id(), token: Type.String() }),
    audit: {
      act: 'api-token.create',
      on: ({ body }) => `API token ${body.name}`,
      detail: ({ body }) => ({ grants: body.grants, seconds: body.expiresInSeconds }),
    },
    async handle({ body, caller }, client) {
      const asked = { ...body, grants: readGrants(body.grants) };
      const made = await makeApiToken(client, caller, asked);
      return { id: made.id, token: made.secret };
    },
  });
}

function revokeToken(): Route {
  return actAtHome({
    method: 'DELETE',
    path: '/api/v1/api-tokens/:id',
    summary: 'Revokes an API token: one’s own; with users:write anybody’s.',
    permission: 'known',
    params: { id: id() },
    answer: null,
    audit: { act: 'api-token.revoke', on: ({ params }) => `API token ${params.id}` },
    async handle({ params, caller }, client) {
      const conditions = new Conditions();
      conditions.add(`t.id = ${conditions.place(params.id)}`);
      restrictToOwn(conditions, caller, 'users:write');
      const { rows } = await client.query(
        `update api_tokens t set revoked_at = coalesce(revoked_at, now())
         where ${conditions.text} returning t.id`,
        conditions.values,
      );
      found(rows[0], `API token ${params.id}`);
      return undefined;
    },
  });
}

function restrictToOwn(
  conditions: Conditions,
  caller: Caller,
  unless: 'users:read' | 'users:write',
): void {
  if (!may(caller, unless)) conditions.add(`t.user_id = ${conditions.place(caller.userId)}`);
}
