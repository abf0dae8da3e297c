// The audit log: to read, and to be verified.

import { type Static, Type } from 'typebox';
import { AUDIT_COLUMNS, type AuditRow, OUTCOMES } from '../../audit/chain.js';
import { verifyAudit } from '../../audit/verify.js';
import type { Api } from '../app.js';
import { Conditions } from '../conditions.js';
import { homePage } from '../home-page.js';
import { type Route, read } from '../route.js';
import { count, instant, name, nullable, oneOf, pageOf, paging } from '../shapes.js';

export const Entry = Type.Object({
  number: Type.String(),
  at: instant(),
  actor: Type.String(),
  actorId: Type.String({ description: 'Of the user; empty for nobody who is known.' }),
  address: Type.String(),
  request: Type.String({ description: 'The id of the request.' }),
  act: Type.String(),
  target: Type.String(),
  outcome: oneOf(OUTCOMES),
  detail: Type.Unsafe<object>({ type: 'object', additionalProperties: true }),
  hash: Type.String(),
});

export const Verified = Type.Object({
  ok: Type.Boolean(),
  entries: count(),
  broken: nullable(Type.Object({ number: Type.String(), reason: Type.String() })),
  head: Type.Object({ number: Type.String(), hash: Type.String() }),
});

export function auditRoutes(api: Api): readonly Route[] {
  return [listEntries(api), verify(api)];
}

function listEntries(api: Api): Route {
  return read({
    method: 'GET',
    path: '/api/v1/audit',
    summary: 'The audit log, the latest first.',
    permission: 'audit:read',
    query: {
      ...paging,
      actor: Type.Optional(name()),
      act: Type.Optional(name()),
      target: Type.Optional(name()),
      outcome: Type.Optional(oneOf(OUTCOMES)),
    },
    answer: pageOf(Entry),
    handle({ query }) {
      const conditions = new Conditions();
      for (const column of ['actor', 'act', 'target', 'outcome'] as const) {
        const wanted = query[column];
        if (wanted !== undefined) conditions.add(`e.${column} = ${conditions.place(wanted)}`);
      }
      return homePage<AuditRow, Static<typeof Entry>>(api, query, {
        columns: AUDIT_COLUMNS,
        from: 'audit_entries e',
        ...{ conditions, key: 'e.number', keyType: 'bigint', direction: 'desc' },
        item: ({ actor_id: actorId, detail, hash, at, ...row }) => ({
          ...row,
          ...{ actorId, at: at.toISOString(), hash: hash.toString('hex') },
          detail: objectOf(detail),
        }),
      });
    },
  });
}

function verify(api: Api): Route {
  return read({
    method: 'GET',
    path: '/api/v1/audit/verify',
    summary: 'Computes the hashes of the audit log anew, and says the first entry that is wrong.',
    permission: 'audit:read',
    answer: Verified,
    handle: ({ signal }) =>
      api.store.home.transaction((client) => verifyAudit(client, signal), {
        isolation: 'repeatable read',
      }),
  });
}

/** Also of an entry that somebody has changed: it is shown, and found by verifying. */
function objectOf(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Shown as it is.
  }
  return { text };
}
