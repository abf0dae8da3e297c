// Hosts: the list over all shards, and one host.

import { Type } from 'typebox';
import type { Api } from '../app.js';
import { fleetPage } from '../fleet-page.js';
import { hostConditions, hostFilters } from '../host-query.js';
import { hostRow } from '../host-row.js';
import {
  HOST_COLUMNS,
  Host,
  type HostRow,
  HostSummary,
  hostOf,
  SUMMARY_COLUMNS,
  type SummaryRow,
  summaryOf,
} from '../host-shapes.js';
import { type Route, read } from '../route.js';
import { fleetPageOf, id, limitOf, oneOf, paging } from '../shapes.js';
import { hostPartRoutes } from './host-parts.js';

const NAME = { expression: 'h.hostname', type: 'text' };

/**
 * By what hosts are sorted. But for the name none has an index: a shard has some thousands of
 * hosts, which it sorts within milliseconds, and an index on what every heartbeat changes would
 * make each of them a write to the index, too. The driver's text of an endless time does not sort,
 * so a host that was never seen was last seen in 1970.
 */
const SORTS = {
  hostname: NAME,
  lastSeen: { expression: `coalesce(h.last_seen_at, 'epoch')`, type: 'timestamptz' },
  enrolled: { expression: 'h.enrolled_at', type: 'timestamptz' },
  os: {
    expression: `(coalesce(h.os_id, '') || ' ' || coalesce(h.os_version, '')) collate "C"`,
    type: 'text',
  },
  upgradable: { expression: 'h.packages_upgradable', type: 'int' },
  security: { expression: 'h.packages_security', type: 'int' },
  failed: { expression: 'h.services_failed', type: 'int' },
} as const;
const SORT_NAMES = Object.keys(SORTS) as (keyof typeof SORTS)[];

export function hostRoutes(api: Api): readonly Route[] {
  return [listOf(api), oneHost(api), ...hostPartRoutes(api)];
}

function listOf(api: Api): Route {
  return read({
    method: 'GET',
    path: '/api/v1/hosts',
    summary: 'Hosts of all shards, filtered and sorted.',
    permission: 'hosts:read',
    query: {
      ...paging,
      ...hostFilters,
      sort: Type.Optional(oneOf(SORT_NAMES)),
      order: Type.Optional(oneOf(['asc', 'desc'])),
      total: Type.Optional(Type.Boolean({ description: 'Count them, too.' })),
    },
    answer: fleetPageOf(HostSummary),
    async handle({ query, scope }) {
      const { limit: _, cursor, total = false, sort, order: direction = 'asc', ...filters } = query;
      const page = await fleetPage<SummaryRow>(
        api,
        {
          columns: SUMMARY_COLUMNS,
          from: 'hosts h',
          conditions: hostConditions(filters, scope),
          sort: sort === undefined ? NAME : SORTS[sort],
          direction,
          id: 'h.id',
          mark: { hosts: filters, sort, direction },
        },
        { limit: limitOf(query), cursor, total },
      );
      const { rows, next, shards } = page;
      return { items: rows.map(summaryOf), next, total: page.total, shards };
    },
  });
}

function oneHost(api: Api): Route {
  return read({
    method: 'GET',
    path: '/api/v1/hosts/:id',
    summary: 'One host with all that it tells of itself.',
    permission: 'hosts:read',
    params: { id: id() },
    answer: Host,
    async handle({ params, scope }) {
      const which = { hostId: params.id, scope };
      return hostOf(await hostRow<HostRow>(api.store, which, HOST_COLUMNS));
    },
  });
}
