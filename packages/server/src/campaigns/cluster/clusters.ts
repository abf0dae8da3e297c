// Declared clusters as the home shard keeps them. Connection strings of shards are sealed by the
// servers' key, and opened where a shard is asked or changed, nowhere else. Those of Halflap itself
// are not kept.

import { randomUUID } from 'node:crypto';
import { HalflapError } from '@halflap/protocol';
import type { ClientBase } from 'pg';
import { parseSelector } from '../../api/labels.js';
import { invalid } from '../../api/problem.js';
import { seal, unseal } from '../../authority/sealing.js';
import type { StoreShard } from '../../store/install.js';
import type { Queryable } from '../../store/leases.js';
import {
  missingWebhooks,
  readWebhooks,
  withKnown,
  withoutSecretsOf,
  writeWebhooks,
} from '../hooks/cluster-hooks.js';
import { type ClusterDeclaration, checkDeclaration } from './declaration.js';
import { type GivenDeclaration, ownAddresses, withOwnShards } from './own-shards.js';

export interface Cluster {
  readonly id: string;
  /** Without connection strings. */
  readonly declared: ClusterDeclaration;
  readonly revision: number;
  readonly changedBy: string;
  readonly changedAt: Date;
}

export type ClusterRow = {
  readonly id: string;
  readonly declared: ClusterDeclaration;
  readonly revision: number;
  readonly changed_by: string;
  readonly changed_at: Date;
};

/** What a ClusterRow is selected by, of `clusters as c`. */
export const CLUSTER_COLUMNS = 'c.id, c.declared, c.revision, c.changed_by, c.changed_at';

export interface ShardAddress {
  readonly name: string;
  readonly isCanary: boolean;
  /** Null: it is one of Halflap itself, and this server does not know it. */
  readonly url: string | null;
}

/** One that this server can ask. */
export type KnownAddress = ShardAddress & { readonly url: string };

export function isKnown(address: ShardAddress): address is KnownAddress {
  return address.url !== null;
}

/** What addresses are known by. */
export interface Addressing {
  readonly secret: Buffer;
  readonly store: { readonly shards: readonly StoreShard[] };
}

export function clusterOf(row: ClusterRow): Cluster {
  const { id, declared, revision, changed_by: changedBy, changed_at: changedAt } = row;
  return { id, declared, revision, changedBy, changedAt };
}

/** @throws API_NOT_FOUND */
export async function readCluster(on: Queryable, id: string): Promise<Cluster> {
  const { rows } = await on.query<ClusterRow>(
    `select ${CLUSTER_COLUMNS} from clusters as c where c.id = $1`,
    [id],
  );
  const [row] = rows;
  if (row !== undefined) return clusterOf(row);
  throw new HalflapError('API_NOT_FOUND', `there is no cluster ${id}`, {
    hint: 'look at the list: halflap clusters list',
  });
}

/** In the order in which they were declared. */
export async function readAddresses(
  on: Queryable,
  { secret, store }: Addressing,
  { id, declared }: Pick<Cluster, 'id' | 'declared'>,
): Promise<readonly ShardAddress[]> {
  if (declared.itself === true) return ownAddresses(declared, store.shards);
  return readSealed(on, secret, id);
}

type ShardRow = { name: string; is_canary: boolean; sealed: Buffer };

async function readSealed(on: Queryable, secret: Buffer, cluster: string) {
  const { rows } = await on.query<ShardRow>(
    'select name, is_canary, sealed from cluster_shards where cluster_id = $1 order by place',
    [cluster],
  );
  return rows.map(({ name, is_canary: isCanary, sealed }) => ({
    ...{ name, isCanary, url: unseal(secret, purposeOf(cluster, name), sealed) },
  }));
}

/** So that the address of one shard cannot be put in the place of another's. */
function purposeOf(cluster: string, shard: string): string {
  return `shard ${cluster} ${shard}`;
}

export interface Declaring extends Addressing {
  readonly given: GivenDeclaration;
  readonly by: string;
}

/**
 * Within a transaction of the home shard. @returns its id
 * @throws API_INVALID; API_CONFLICT when there is one of that name
 */
export async function addCluster(client: ClientBase, declaring: Declaring): Promise<string> {
  const { given, store, secret, by } = declaring;
  const declared = withOwnShards(given, store.shards);
  check(declared);
  const id = randomUUID();
  await assertOnlyItself(client, id, declared);
  const { rowCount } = await client.query(
    `insert into clusters (id, name, app, is_itself, declared, changed_by)
     values ($1, $2, $3, $4, $5, $6)
     on conflict (name) do nothing`,
    [id, declared.name, declared.app, declared.itself === true, withoutSecrets(declared), by],
  );
  if (rowCount === 0) throw taken(declared.name);
  await writeShards(client, id, { declared, secret });
  await writeWebhooks(client, id, { ...declared, secret });
  return id;
}

/**
 * Within a transaction of the home shard. A shard without a url keeps the one that it has.
 * @throws API_NOT_FOUND, API_INVALID; API_CONFLICT for the name of another, and while a campaign
 *   is under way: what was approved is about what was declared
 */
export async function changeCluster(
  client: ClientBase,
  id: string,
  declaring: Declaring,
): Promise<void> {
  const { given, store, secret, by } = declaring;
  await client.query('select from clusters where id = $1 for update', [id]);
  await assertQuiet(client, await readCluster(client, id));
  const known = new Map((await readSealed(client, secret, id)).map(({ name, url }) => [name, url]));
  const declared = withOwnShards(given, store.shards);
  const isOwn = declared.itself === true;
  const shards = declared.shards.map((one) => {
    const url = one.url ?? (isOwn ? undefined : known.get(one.name));
    return url === undefined ? one : { ...one, url };
  });
  const whole = { ...declared, ...(await knownHooks(client, id, { declared, secret })), shards };
  check(whole);
  await assertOnlyItself(client, id, whole);
  const { rows } = await client.query('select from clusters where name = $2 and id <> $1', [
    ...[id, declared.name],
  ]);
  if (rows.length > 0) throw taken(declared.name);
  await client.query(
    `update clusters
     set name = $2, app = $3, is_itself = $4, declared = $5, changed_by = $6, changed_at = now(),
       revision = revision + 1
     where id = $1`,
    [id, declared.name, declared.app, isOwn, withoutSecrets(whole), by],
  );
  await client.query('delete from cluster_shards where cluster_id = $1', [id]);
  await writeShards(client, id, { declared: whole, secret });
  await writeWebhooks(client, id, { ...whole, secret });
}

interface Sealing {
  readonly declared: ClusterDeclaration;
  readonly secret: Buffer;
}

async function knownHooks(client: ClientBase, id: string, { declared, secret }: Sealing) {
  const { hooks } = declared;
  if (hooks === undefined) return {};
  return { hooks: withKnown(hooks, await readWebhooks(client, secret, id)) };
}

/**
 * Within a transaction of the home shard: it and its campaigns are forgotten; servers and shards
 * stay as they are.
 * @throws API_NOT_FOUND; API_CONFLICT while a campaign is under way
 */
export async function removeCluster(client: ClientBase, id: string): Promise<void> {
  await assertQuiet(client, await readCluster(client, id));
  await client.query('delete from clusters where id = $1', [id]);
}

async function assertQuiet(client: ClientBase, { id, declared }: Cluster): Promise<void> {
  const { rows } = await client.query<{ id: string }>(
    `select id from campaigns
     where cluster_id = $1 and started_at is not null and ended_at is null`,
    [id],
  );
  const [open] = rows;
  if (open === undefined) return;
  throw new HalflapError('API_CONFLICT', `a campaign of ${declared.name} is under way`, {
    hint: `let it end, or cancel it and plan what is left: halflap campaign cancel ${open.id}`,
  });
}

async function writeShards(
  client: ClientBase,
  id: string,
  { declared, secret }: { readonly declared: ClusterDeclaration; readonly secret: Buffer },
) {
  if (declared.itself === true) return;
  for (const [place, { name, url = '', canary = false }] of declared.shards.entries()) {
    await client.query(
      `insert into cluster_shards (cluster_id, name, place, is_canary, sealed)
       values ($1, $2, $3, $4, $5)`,
      [id, name, place, canary, seal(secret, purposeOf(id, name), url)],
    );
  }
}

/** Its campaigns would each change the store's shards. */
async function assertOnlyItself(
  client: ClientBase,
  id: string,
  { itself }: ClusterDeclaration,
): Promise<void> {
  if (itself !== true) return;
  const { rows } = await client.query<{ name: string }>(
    'select name from clusters where is_itself and id <> $1',
    [id],
  );
  const [other] = rows;
  if (other === undefined) return;
  throw new HalflapError('API_CONFLICT', `Halflap itself is declared already: ${other.name}`, {
    hint: `change that one: halflap clusters change ${other.name} FILE`,
  });
}

function check(declared: ClusterDeclaration): void {
  checkDeclaration(declared);
  const { servers, shards, itself } = declared;
  if (servers.hosts !== undefined) parseSelector(servers.hosts, 'body.servers.hosts');
  const missing = shards.flatMap(({ url }, at) =>
    url === undefined && itself !== true
      ? [{ field: `body.shards.${at}.url`, rule: 'must be given' }]
      : [],
  );
  missing.push(...missingWebhooks(declared.hooks ?? []));
  if (missing.length > 0) throw invalid(missing);
}

function withoutSecrets(declared: ClusterDeclaration): string {
  const shards = declared.shards.map(({ url: _, ...rest }) => rest);
  const hooks = declared.hooks === undefined ? {} : { hooks: withoutSecretsOf(declared.hooks) };
  return JSON.stringify({ ...declared, ...hooks, shards });
}

function taken(name: string): HalflapError {
  return new HalflapError('API_CONFLICT', `there is a cluster ${name} already`, {
    hint: 'take another name, or change that one',
  });
}
