// The authority of the cluster, as whoever enrols hosts hands it on; and how it and the key of
// orders are replaced. The certificate is no secret: every server shows it to whoever connects.

import { Type } from 'typebox';
import type { Authority } from '../../authority/authority.js';
import { pinOf } from '../../authority/certificates.js';
import {
  inUse,
  KEY_COLUMNS,
  type KeyKind,
  type KeyRow,
  rotateKey,
} from '../../authority/cluster-keys.js';
import { countKeys, dependants } from '../../authority/dependants.js';
import { type Reader, readReaders } from '../../authority/readers.js';
import { dropAuthority, retireOrders, wordsFor } from '../../authority/retirement.js';
import { askHome } from '../../store/home.js';
import type { Store } from '../../store/store.js';
import { actAtHome, bodyOf, type Route, read } from '../route.js';
import { id, instant, nullable, oneOf } from '../shapes.js';
import { whenDone } from '../when-done.js';

/** What these routes work with. */
export interface AuthorityApi {
  readonly store: Store;
  readonly authority: Authority;
  /** SECRET_BYTES that only servers have. */
  readonly secret: Buffer;
  readonly clock: () => Date;
}

export const ClusterAuthority = Type.Object({
  certificate: Type.String({ description: 'In PEM.' }),
  pin: Type.String({ description: 'By which a new agent knows it: `sha256:…`.' }),
});

const KEY_STATES = ['only', 'old', 'new'] as const;

const keyShape = {
  id: id(),
  state: oneOf(KEY_STATES),
  madeAt: instant(),
  hosts: Type.Integer({ description: 'That have said that they know it.' }),
};

export const AuthorityStatus = Type.Object({
  hosts: Type.Integer({ description: 'Active, or waiting for approval.' }),
  authorities: Type.Array(
    Type.Object({
      ...keyShape,
      pin: Type.String(),
      certificates: Type.Integer({ description: 'Hosts whose certificate is from it.' }),
    }),
  ),
  ordersKeys: Type.Array(Type.Object(keyShape)),
  servers: Type.Array(
    Type.Object({
      name: Type.String(),
      readAt: instant(),
      isCurrent: Type.Boolean({ description: 'It has read all keys that are in use.' }),
    }),
  ),
  dependants: nullable(
    Type.Object({
      hosts: Type.Integer({ description: 'That would be lost without the old authority.' }),
      names: Type.Array(Type.String(), { description: 'The first of them.' }),
      words: nullable(Type.String({ description: 'By which it is dropped nevertheless.' })),
    }),
  ),
  silentShards: Type.Array(Type.String(), { description: 'Their hosts are not counted.' }),
});

export const KeyChanged = Type.Object({
  id: id(),
  isNew: Type.Boolean({ description: 'False when it was being replaced already.' }),
});
export const KeyRetired = Type.Object({
  retired: nullable(
    Type.String({ description: 'What was given up; null when there was no old one any more.' }),
  ),
});

export function authorityRoutes(api: AuthorityApi): readonly Route[] {
  return [oneAuthority(api), statusOf(api), ...rotations(api), dropOf(api), retireOf(api)];
}

function oneAuthority({ authority }: AuthorityApi): Route {
  return read({
    method: 'GET',
    path: '/api/v1/authority',
    summary: 'What the certificates of servers and agents are from.',
    permission: 'known',
    answer: ClusterAuthority,
    async handle() {
      return { certificate: authority.certificate, pin: await authority.pin() };
    },
  });
}

function statusOf({ store }: AuthorityApi): Route {
  return read({
    method: 'GET',
    path: '/api/v1/authority/status',
    summary: 'The keys of the cluster, and how many hosts and which servers have which.',
    permission: 'cluster:read',
    answer: AuthorityStatus,
    async handle() {
      const rows = await askHome<KeyRow>(store, `select ${KEY_COLUMNS} from cluster_keys`, []);
      const roots = inUse(rows, 'authority');
      const pins = await Promise.all(roots.map((row) => pinOf(row.public_part)));
      const orders = inUse(rows, 'orders');
      const counts = await countKeys(store, [...pins, ...orders.map((row) => row.id)]);
      const next = pins[1];
      const lost = next === undefined ? null : await dependants(store, next);
      const keyOf = (row: KeyRow, at: number, all: readonly KeyRow[]) => ({
        ...{ id: row.id, madeAt: row.created_at.toISOString() },
        state: all.length === 1 ? KEY_STATES[0] : at === 0 ? KEY_STATES[1] : KEY_STATES[2],
      });
      return {
        hosts: counts.hosts,
        authorities: roots.map((row, at) => {
          const pin = pins[at] ?? '';
          const { trusting = 0, certified = 0 } = counts.byKey.get(pin) ?? {};
          return { ...keyOf(row, at, roots), pin, hosts: trusting, certificates: certified };
        }),
        ordersKeys: orders.map((row, at) => {
          return { ...keyOf(row, at, orders), hosts: counts.byKey.get(row.id)?.trusting ?? 0 };
        }),
        servers: serversOf(await readReaders(store.home), [...roots, ...orders]),
        dependants:
          lost === null
            ? null
            : { hosts: lost.count, names: [...lost.names], words: wordsFor(lost) },
        silentShards: [...counts.silent],
      };
    },
  });
}

function serversOf(readers: readonly Reader[], rows: readonly KeyRow[]) {
  return readers.map(({ server: name, keys, read_at }) => ({
    ...{ name, readAt: read_at.toISOString() },
    isCurrent: rows.every(({ id }) => keys.includes(id)),
  }));
}

function rotations(api: AuthorityApi): readonly Route[] {
  const rotation = (kind: KeyKind, what: string, path: string, summary: string) =>
    actAtHome({
      ...{ method: 'POST' as const, path, summary, permission: 'authority:write' as const },
      answer: KeyChanged,
      audit: { act: `${what}.rotate`, on: () => 'cluster' },
      async handle({ reply }, client) {
        const { id, isDone } = await rotateKey(client, kind, api);
        whenDone(reply, () => readSoon(api));
        return { id, isNew: isDone };
      },
    });
  return [
    rotation(
      'authority',
      'authority',
      '/api/v1/authority/rotate',
      'Makes the authority that follows; until the old one is dropped both are trusted.',
    ),
    rotation(
      'orders',
      'orders_key',
      '/api/v1/authority/orders-key/rotate',
      'Makes the key of orders that follows, vouched for by the present one.',
    ),
  ];
}

function dropOf(api: AuthorityApi): Route {
  return actAtHome({
    method: 'POST',
    path: '/api/v1/authority/drop',
    summary: 'Drops the old authority, once no host depends on it.',
    permission: 'authority:write',
    body: bodyOf({
      words: Type.Optional(
        Type.String({ maxLength: 4096, description: 'What is lost, as the refusal says it.' }),
      ),
    }),
    answer: KeyRetired,
    audit: { act: 'authority.drop', on: () => 'cluster', detail: ({ body }) => body },
    async handle({ body, reply }, client) {
      const { store, clock } = api;
      const dropped = await dropAuthority(client, { store, now: clock(), words: body.words });
      whenDone(reply, () => readSoon(api));
      return dropped;
    },
  });
}

function retireOf(api: AuthorityApi): Route {
  return actAtHome({
    method: 'POST',
    path: '/api/v1/authority/orders-key/retire',
    summary: 'Gives the old key of orders up; hosts that were away follow the vouchers.',
    permission: 'authority:write',
    answer: KeyRetired,
    audit: { act: 'orders_key.retire', on: () => 'cluster' },
    async handle({ reply }, client) {
      const retired = await retireOrders(client, api.clock());
      whenDone(reply, () => readSoon(api));
      return retired;
    },
  });
}

/** This server needs not wait for its next look. What fails now is made good by that. */
function readSoon({ authority }: AuthorityApi): void {
  authority.refresh().catch(() => {});
}
