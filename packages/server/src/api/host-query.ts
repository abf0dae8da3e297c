// Which hosts a request is about: the filters that lists and jobs share, and what they become in
// SQL. The statements call the table of hosts `h`.

import { type Static, Type } from 'typebox';
import { restrict, type Scope } from './caller.js';
import { Conditions } from './conditions.js';
import { parseSelector, selectorCondition } from './labels.js';
import { name, oneOf } from './shapes.js';

export const HOST_STATES = ['pending', 'active', 'revoked'] as const;

export const hostFilters = {
  state: Type.Optional(oneOf(HOST_STATES)),
  label: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 1024 }), {
      maxItems: 16,
      description: 'Selectors: `env=prod`, `env!=prod`, `env`, `!env`; all of them must hold.',
    }),
  ),
  hostname: Type.Optional(name()),
  search: Type.Optional(
    Type.String({ minLength: 1, maxLength: 255, description: 'A part of the host’s name.' }),
  ),
  os: Type.Optional(
    Type.String({ maxLength: 255, description: '`debian`, or with its version `debian-13`.' }),
  ),
  online: Type.Optional(Type.Boolean({ description: 'Whether its agent is connected.' })),
  upgradable: Type.Optional(Type.Boolean({ description: 'Has packages to upgrade.' })),
  security: Type.Optional(Type.Boolean({ description: 'Has security fixes to install.' })),
  reboot: Type.Optional(Type.Boolean({ description: 'Wants to be booted again.' })),
  failed: Type.Optional(Type.Boolean({ description: 'Has a service that failed.' })),
  service: Type.Optional(name()),
  serviceState: Type.Optional(name(64)),
  package: Type.Optional(name()),
  packageVersion: Type.Optional(name()),
};

const HostFilters = Type.Object(hostFilters);
export type HostFilters = Static<typeof HostFilters>;

/** Conditions on `h` for filters, within the scope. @throws API_INVALID for a wrong selector. */
export function hostConditions(filters: HostFilters, scope: Scope): Conditions {
  const conditions = new Conditions();
  restrict(conditions, scope, 'h.labels');
  for (const text of filters.label ?? []) {
    const selector = parseSelector(text, 'query.label');
    conditions.add(selectorCondition(selector, 'h.labels', conditions));
  }
  if (filters.state !== undefined) conditions.add(`h.state = ${conditions.place(filters.state)}`);
  if (filters.hostname !== undefined) {
    conditions.add(`h.hostname = ${conditions.place(filters.hostname)}`);
  }
  if (filters.search !== undefined) {
    const part = conditions.place(filters.search);
    conditions.add(`strpos(lower(h.hostname), lower(${part})) > 0`);
  }
  if (filters.os !== undefined) {
    const os = conditions.place(filters.os);
    conditions.add(`h.os_id = ${os} or h.os_id || '-' || h.os_version = ${os}`);
  }
  for (const [filter, condition] of Object.entries(FLAGS)) {
    const wanted = filters[filter as keyof typeof FLAGS];
    if (wanted !== undefined) conditions.add(wanted ? condition : `not ${condition}`);
  }
  addParts(conditions, filters);
  return conditions;
}

const FLAGS = {
  // A host that was never connected has no session, and `null > now()` is not false.
  online: `coalesce(h.session_expires_at > now(), false)`,
  upgradable: '(h.packages_upgradable > 0)',
  security: '(h.packages_security > 0)',
  reboot: `(h.reboot_reasons <> '{}')`,
  failed: '(h.services_failed > 0)',
} as const;

/**
 * Filters by what a host has. `is true` keeps PostgreSQL from making a join of it: so it reads the
 * hosts of the name once, from the index, and never asks for each host whether it has the name,
 * which took a hundred times as long where none has.
 */
function addParts(conditions: Conditions, filters: HostFilters): void {
  if (filters.package !== undefined) {
    const version =
      filters.packageVersion === undefined
        ? ''
        : ` and p.version = ${conditions.place(filters.packageVersion)}`;
    conditions.add(`(h.id in (select p.host_id from host_packages p
      where p.name = ${conditions.place(filters.package)}${version})) is true`);
  }
  if (filters.service !== undefined) {
    const state =
      filters.serviceState === undefined
        ? ''
        : ` and s.active_state = ${conditions.place(filters.serviceState)}`;
    conditions.add(`(h.id in (select s.host_id from host_services s
      where s.name = ${conditions.place(filters.service)}${state})) is true`);
  }
}
