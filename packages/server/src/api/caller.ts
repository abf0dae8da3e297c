// Who asks, and which hosts he may ask about.
//
// Invariant: a statement about hosts on behalf of a caller carries the condition that `scopeOf`
// gives for the permission of its route; what is outside of it is treated as if it did not exist,
// also in counts.

import { HalflapError } from '@halflap/protocol';
import type { Conditions } from './conditions.js';
import { type Selector, selectorCondition, selects } from './labels.js';
import { PERMISSIONS, type Permission, type Role, roleHas } from './permissions.js';

/** A role that somebody has. */
export interface Grant {
  readonly role: Role;
  /** The hosts that it is for; null: all, and what belongs to no host. */
  readonly selector: Selector | null;
}

export interface Caller {
  readonly kind: 'user' | 'token' | 'nobody';
  /** Of the user, or of the API token. */
  readonly id: string;
  /** The user, also of a token; null for nobody. */
  readonly userId: string | null;
  /** For people and for the audit log: `anna`, `anna/backup`. */
  readonly name: string;
  readonly grants: readonly Grant[];
  /** With the cookie of a session: what every act has to send back. */
  readonly csrfToken: string | null;
  /** Known from memory, because the home shard is away: may read hosts and nothing else. */
  readonly isRemembered: boolean;
}

export const NOBODY: Caller = {
  ...{ kind: 'nobody', id: '', userId: null, name: 'nobody', grants: [] },
  ...{ csrfToken: null, isRemembered: false },
};

/** The hosts that a permission extends to: all, or those that any of the selectors matches. */
export type Scope = 'all' | readonly Selector[];

/** Whether the caller has the permission at all; for how many hosts is another question. */
export function may(caller: Caller, permission: Permission): boolean {
  const grants = grantsFor(caller, permission);
  return PERMISSIONS[permission].of === 'hosts'
    ? grants.length > 0
    : grants.some(({ selector }) => selector === null);
}

/** Of what a route needs besides its own permission. @throws API_FORBIDDEN */
export function assertMay(caller: Caller, permission: Permission): void {
  if (!may(caller, permission)) throw forbidden(caller, permission);
}

export function forbidden({ name }: Caller, permission: Permission): HalflapError {
  return new HalflapError('API_FORBIDDEN', `${name} has no role with ${permission}`, {
    hint: 'ask somebody whose role has it, or for such a role',
  });
}

export function scopeOf(caller: Caller, permission: Permission): Scope {
  const selectors = grantsFor(caller, permission).map(({ selector }) => selector);
  const bounded = selectors.filter((selector) => selector !== null);
  return bounded.length < selectors.length ? 'all' : bounded;
}

/** Whether a host with these labels is within the scope. */
export function isWithin(scope: Scope, labels: Readonly<Record<string, string>>): boolean {
  return scope === 'all' || scope.some((selector) => selects(selector, labels));
}

/** Restricts a statement to the scope; `column` holds the labels of its hosts. */
export function restrict(conditions: Conditions, scope: Scope, column: string): void {
  if (scope === 'all') return;
  const parts = scope.map((selector) => `(${selectorCondition(selector, column, conditions)})`);
  conditions.add(parts.length === 0 ? 'false' : parts.join(' or '));
}

function grantsFor(caller: Caller, permission: Permission): readonly Grant[] {
  return caller.grants.filter(({ role }) => roleHas(role, permission));
}
