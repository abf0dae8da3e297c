// What one host has: its packages, services and events. All of them are on the host's shard.

import { type Static, Type } from 'typebox';
import type { Api } from '../app.js';
import { Conditions } from '../conditions.js';
import { isoOf } from '../host-shapes.js';
import { partPage } from '../part-page.js';
import { type Route, read } from '../route.js';
import { id, instant, name, nullable, oneOf, pageOf, paging } from '../shapes.js';

export const HostPackage = Type.Object({
  manager: Type.String(),
  name: Type.String(),
  architecture: Type.String(),
  version: Type.String(),
  candidate: nullable(Type.String({ description: 'What an upgrade would install.' })),
  security: Type.Boolean(),
  held: Type.Boolean(),
});

export const HostService = Type.Object({
  name: Type.String(),
  description: Type.String(),
  load: Type.String(),
  active: Type.String(),
  sub: Type.String(),
  enabled: nullable(Type.String()),
  since: nullable(instant()),
});

export const HostEvent = Type.Object({
  id: Type.String({ description: 'Grows; of this host.' }),
  at: instant(),
  kind: Type.String(),
  severity: oneOf(['info', 'warning', 'error']),
  message: Type.String(),
  detail: Type.Unsafe<object>({ type: 'object', additionalProperties: true }),
});

interface PackageRow extends Omit<Static<typeof HostPackage>, 'security' | 'held'> {
  readonly is_security: boolean;
  readonly is_held: boolean;
}

interface ServiceRow extends Omit<Static<typeof HostService>, 'since'> {
  readonly since: Date | null;
}

interface EventRow extends Omit<Static<typeof HostEvent>, 'at'> {
  readonly at: Date;
}

export function hostPartRoutes(api: Api): readonly Route[] {
  return [packagesOf(api), servicesOf(api), eventsOf(api)];
}

function packagesOf(api: Api): Route {
  return read({
    method: 'GET',
    path: '/api/v1/hosts/:id/packages',
    summary: 'Packages of a host, by name.',
    permission: 'hosts:read',
    params: { id: id() },
    query: {
      ...paging,
      search: Type.Optional(name()),
      upgradable: Type.Optional(Type.Boolean()),
      security: Type.Optional(Type.Boolean()),
      held: Type.Optional(Type.Boolean()),
    },
    answer: pageOf(HostPackage),
    async handle({ params, query, scope }) {
      const conditions = new Conditions();
      if (query.search !== undefined) {
        conditions.add(`strpos(t.name, ${conditions.place(query.search)}) > 0`);
      }
      const flags = { upgradable: 't.candidate is not null', security: 't.is_security' };
      for (const [flag, condition] of Object.entries({ ...flags, held: 't.is_held' })) {
        const wanted = query[flag as keyof typeof flags | 'held'];
        if (wanted !== undefined) conditions.add(wanted ? condition : `not (${condition})`);
      }
      return partPage(
        api,
        { hostId: params.id, scope, query, conditions },
        {
          columns: `t.manager, t.name, t.architecture, t.version, t.candidate, t.is_security,
            t.is_held`,
          table: 'host_packages',
          key: ['t.name', 't.architecture', 't.version', 't.manager'],
          direction: 'asc',
          keyType: 'text',
          item: ({ is_security: security, is_held: held, ...row }: PackageRow) => ({
            ...row,
            security,
            held,
          }),
        },
      );
    },
  });
}

function servicesOf(api: Api): Route {
  return read({
    method: 'GET',
    path: '/api/v1/hosts/:id/services',
    summary: 'Services of a host, by name.',
    permission: 'hosts:read',
    params: { id: id() },
    query: { ...paging, search: Type.Optional(name()), active: Type.Optional(name(64)) },
    answer: pageOf(HostService),
    async handle({ params, query, scope }) {
      const conditions = new Conditions();
      if (query.search !== undefined) {
        conditions.add(`strpos(t.name, ${conditions.place(query.search)}) > 0`);
      }
      if (query.active !== undefined) {
        conditions.add(`t.active_state = ${conditions.place(query.active)}`);
      }
      return partPage(
        api,
        { hostId: params.id, scope, query, conditions },
        {
          columns: `t.name, t.description, t.load_state as load, t.active_state as active,
            t.sub_state as sub, t.enabled, t.since`,
          table: 'host_services',
          key: ['t.name'],
          direction: 'asc',
          keyType: 'text',
          item: (row: ServiceRow) => ({ ...row, since: isoOf(row.since) }),
        },
      );
    },
  });
}

function eventsOf(api: Api): Route {
  return read({
    method: 'GET',
    path: '/api/v1/hosts/:id/events',
    summary: 'What happened to a host, the latest first.',
    permission: 'hosts:read',
    params: { id: id() },
    query: paging,
    answer: pageOf(HostEvent),
    handle: ({ params, query, scope }) =>
      partPage(
        api,
        { hostId: params.id, scope, query, conditions: new Conditions() },
        {
          columns: 't.id, t.at, t.kind, t.severity, t.message, t.detail',
          table: 'host_events',
          key: ['t.id'],
          direction: 'desc',
          keyType: 'bigint',
          item: (row: EventRow) => ({ ...row, at: row.at.toISOString() }),
        },
      ),
  });
}
