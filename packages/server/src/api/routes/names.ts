// Packages and services over the whole fleet: which names there are, and how many hosts have which
// version or state of each.

import { type TSchema, Type } from 'typebox';
import type { Api } from '../app.js';
import { type NameList, type NamesAsked, namePage } from '../name-page.js';
import { type Route, read } from '../route.js';
import { count, name, nullable, paging, ShardAnswer } from '../shapes.js';

/** Each name costs every shard as many entries of an index as it has hosts. */
const MOST_NAMES = 50;
const NAMES = 25;

const query = {
  ...paging,
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MOST_NAMES, default: NAMES })),
  search: Type.Optional(name()),
};

/** Of a list that may have fewer items than asked for, and still go on. */
const pageOfNames = <Item extends TSchema>(item: Item) =>
  Type.Object({
    items: Type.Array(item),
    next: nullable(Type.String()),
    shards: Type.Array(ShardAnswer),
  });

export const PackageName = Type.Object({
  name: Type.String(),
  versions: Type.Array(Type.Object({ version: Type.String(), hosts: count() })),
});

export const ServiceName = Type.Object({
  name: Type.String(),
  states: Type.Array(
    Type.Object({ state: Type.String({ description: '`active`, `failed` …' }), hosts: count() }),
  ),
});

const PACKAGES: NameList = { table: 'host_packages', variant: 'version' };
const SERVICES: NameList = { table: 'host_services', variant: 'active_state' };

export function nameRoutes(api: Api): readonly Route[] {
  return [
    read({
      method: 'GET',
      path: '/api/v1/packages',
      summary: 'Names of packages, their versions, and how many hosts have each.',
      permission: 'hosts:read',
      query,
      answer: pageOfNames(PackageName),
      async handle(asked) {
        const { items, ...page } = await namePage(api, PACKAGES, namesAsked(asked));
        const versions = items.map((item) => ({
          name: item.name,
          versions: item.variants.map(({ variant, hosts }) => ({ version: variant, hosts })),
        }));
        return { items: versions, ...page };
      },
    }),
    read({
      method: 'GET',
      path: '/api/v1/services',
      summary: 'Names of services, their states, and how many hosts have each.',
      permission: 'hosts:read',
      query,
      answer: pageOfNames(ServiceName),
      async handle(asked) {
        const { items, ...page } = await namePage(api, SERVICES, namesAsked(asked));
        const states = items.map((item) => ({
          name: item.name,
          states: item.variants.map(({ variant, hosts }) => ({ state: variant, hosts })),
        }));
        return { items: states, ...page };
      },
    }),
  ];
}

function namesAsked({
  query: { limit, cursor, search },
  scope,
}: {
  readonly query: { readonly limit?: number; readonly cursor?: string; readonly search?: string };
  readonly scope: NamesAsked['scope'];
}): NamesAsked {
  return { limit: limit ?? NAMES, cursor, search, scope };
}
