// Addresses and secrets of the webhooks of clusters, as the home shard keeps them: sealed by the
// servers' key, and opened where one is told something, nowhere else.

import type { FieldProblem } from '@halflap/protocol';
import type { ClientBase } from 'pg';
import { originOf, type Webhook } from '../../alerts/webhook.js';
import { seal, unseal } from '../../authority/sealing.js';
import type { Queryable } from '../../store/leases.js';
import type { Hook } from './hook-declaration.js';

/** So that the address of one hook cannot be put in the place of another's. */
function purposeOf(cluster: string, hook: string): string {
  return `hook ${cluster} ${hook}`;
}

/** By the names of their hooks. */
export async function readWebhooks(
  on: Queryable,
  secret: Buffer,
  cluster: string,
): Promise<ReadonlyMap<string, Webhook>> {
  const { rows } = await on.query<{ name: string; sealed: Buffer }>(
    'select name, sealed from cluster_hooks where cluster_id = $1',
    [cluster],
  );
  return new Map(
    rows.map(({ name, sealed }) => [
      name,
      JSON.parse(unseal(secret, purposeOf(cluster, name), sealed)) as Webhook,
    ]),
  );
}

/** In place of those that are there. */
export async function writeWebhooks(
  client: ClientBase,
  cluster: string,
  { hooks = [], secret: key }: { readonly hooks?: readonly Hook[]; readonly secret: Buffer },
): Promise<void> {
  await client.query('delete from cluster_hooks where cluster_id = $1', [cluster]);
  for (const { name, webhook } of hooks) {
    if (webhook === undefined) continue;
    const { url = '', secret = '' } = webhook;
    const sealed = seal(key, purposeOf(cluster, name), JSON.stringify({ url, secret }));
    await client.query('insert into cluster_hooks (cluster_id, name, sealed) values ($1, $2, $3)', [
      cluster,
      name,
      sealed,
    ]);
  }
}

/** With the addresses that are known, where none are given. */
export function withKnown(hooks: readonly Hook[], known: ReadonlyMap<string, Webhook>): Hook[] {
  return hooks.map((hook) => {
    const had = known.get(hook.name);
    const isLeftOut = hook.webhook?.url === undefined && hook.webhook?.secret === undefined;
    return hook.webhook !== undefined && isLeftOut && had !== undefined
      ? { ...hook, webhook: had }
      : hook;
  });
}

export function missingWebhooks(hooks: readonly Hook[]): FieldProblem[] {
  return hooks.flatMap(({ webhook }, at) =>
    webhook !== undefined && webhook.url === undefined
      ? [{ field: `body.hooks.${at}.webhook.url`, rule: 'must be given' }]
      : [],
  );
}

/** As they are kept and shown. */
export function withoutSecretsOf(hooks: readonly Hook[]): Hook[] {
  return hooks.map(({ webhook, ...hook }) =>
    webhook === undefined
      ? hook
      : { ...hook, webhook: { place: originOf(webhook.url ?? '') ?? '' } },
  );
}
