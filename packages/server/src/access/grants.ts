// Roles that users and API tokens have: as requests state them, as rows, and what one extends to.

import { randomUUID } from 'node:crypto';
import { HalflapError } from '@halflap/protocol';
import type { ClientBase } from 'pg';
import { type Static, Type } from 'typebox';
import type { Grant } from '../api/caller.js';
import { parseSelector, type Selector, selectorText } from '../api/labels.js';
import {
  PERMISSIONS,
  type Permission,
  ROLE_NAMES,
  type Role,
  roleHas,
} from '../api/permissions.js';
import { nullable, oneOf } from '../api/shapes.js';

export const GrantShape = Type.Object(
  {
    role: oneOf(ROLE_NAMES),
    selector: nullable(
      Type.String({
        maxLength: 1024,
        description: 'The hosts that it is for: `env=prod,!edge`; null: all hosts, and the fleet.',
      }),
    ),
  },
  { additionalProperties: false },
);
export type GrantShape = Static<typeof GrantShape>;

export const GrantShapes = Type.Array(GrantShape, { maxItems: 64 });

/** As `GRANTS_OF` selects them. */
export interface GrantRow {
  readonly role: Role;
  readonly selector: string | null;
}

/** A column of all roles that `owner` has: `user_id = u.id`. */
export const grantsColumn = (owner: string) =>
  `(select coalesce(json_agg(json_build_object('role', g.role, 'selector', g.selector)
      order by g.role, g.selector), '[]')
    from role_grants g where ${owner})`;

export function grantsOf(rows: readonly GrantRow[]): Grant[] {
  return rows.map(({ role, selector }) => ({
    role,
    selector: selector === null ? null : parseSelector(selector, 'selector'),
  }));
}

/** @throws API_INVALID for a wrong or empty selector, which would look like one for all. */
export function readGrants(shapes: readonly GrantShape[]): Grant[] {
  return shapes.map(({ role, selector }, at) => {
    if (selector === null) return { role, selector };
    const field = `body.grants.${at}.selector`;
    const parsed = parseSelector(selector, field);
    if (parsed.length > 0) return { role, selector: parsed };
    throw new HalflapError('API_INVALID', `${field}: found an empty selector`, {
      detail: { fields: [{ field, rule: 'a selector of labels, or null for all hosts' }] },
      hint: 'write null for all hosts',
    });
  });
}

type Owner = { readonly user: string } | { readonly token: string };

/** Puts these in the place of what the owner has; of a user's those that no group gave. */
export async function writeGrants(
  client: ClientBase,
  owner: Owner,
  grants: readonly Grant[],
  fromGroups = false,
): Promise<void> {
  const [column, id] = 'user' in owner ? ['user_id', owner.user] : ['token_id', owner.token];
  await client.query(`delete from role_grants where ${column} = $1 and from_groups = $2`, [
    id,
    fromGroups,
  ]);
  for (const { role, selector } of grants) {
    await client.query(
      `insert into role_grants (id, ${column}, role, selector, from_groups)
       values ($1, $2, $3, $4, $5)`,
      [randomUUID(), id, role, selector === null ? null : selectorText(selector), fromGroups],
    );
  }
}

/** Those of `wanted` that somebody with `held` may use: each within one that is held. */
export function coveredGrants(held: readonly Grant[], wanted: readonly Grant[]): Grant[] {
  return wanted.filter((one) => held.some((other) => covers(other, one)));
}

/** Whether all that `inner` allows is allowed by `outer`. */
function covers(outer: Grant, inner: Grant): boolean {
  const permissions = Object.keys(PERMISSIONS) as Permission[];
  const isRoleWithin = permissions.every(
    (permission) => !roleHas(inner.role, permission) || roleHas(outer.role, permission),
  );
  return isRoleWithin && isSelectorWithin(outer.selector, inner.selector);
}

/** More terms match fewer hosts; so those of the outer must be among those of the inner. */
function isSelectorWithin(outer: Selector | null, inner: Selector | null): boolean {
  if (outer === null) return true;
  if (inner === null) return false;
  const texts = new Set(inner.map((term) => selectorText([term])));
  return outer.every((term) => texts.has(selectorText([term])));
}
