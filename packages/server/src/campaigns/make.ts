// Plans a campaign: looks at the cluster, proposes the shortest safe order or takes the operator's
// own, tries it on paper, and keeps it with a digest of all that it rests on. Nothing is done yet.

import { randomUUID } from 'node:crypto';
import type { ShardReader } from '@halflap/engine/runner';
import { HalflapError, hashedText } from '@halflap/protocol';
import type { ClientBase } from 'pg';
import { invalid } from '../api/problem.js';
import type { Store } from '../store/store.js';
import { findAlike } from './alike.js';
import { type BoundServer, type CampaignRow, noteEvent } from './campaign.js';
import { askStates, findBetween, findLast, type Told } from './cluster/between.js';
import { type Cluster, readAddresses, readCluster, type ShardAddress } from './cluster/clusters.js';
import type { Bundles } from './cluster/evolutions.js';
import { type Matrix, matrixOf } from './cluster/matrix.js';
import { type Excluded, type Observed, observe } from './cluster/observe.js';
import type { ServerFound } from './cluster/resolve.js';
import {
  digestOf,
  type Goal,
  inOrder,
  type Order,
  type Plan,
  propose,
  tryOut,
} from './decide/plan.js';
import { DEFAULT_POLICY, type Policy } from './decide/policy.js';
import { linesOf } from './decide/proof.js';
import { allSteps, idOf, type Step } from './decide/steps.js';
import { checkTimeZone } from './decide/windows.js';
import type { World } from './decide/world.js';
import { owedSteps } from './owed.js';

export interface CampaignParts {
  readonly store: Store;
  /** What addresses of shards are sealed by. */
  readonly secret: Buffer;
  readonly bundles: Bundles;
  /** Asks the shards of clusters. */
  readonly reader: ShardReader;
}

export interface Planning {
  readonly cluster: string;
  readonly goal: Goal;
  /** The newer release; default: see findBetween. */
  readonly to?: string;
  readonly policy: Partial<Policy>;
  /** The operator's own order: ids of steps. */
  readonly order?: readonly string[];
  readonly excluded: readonly Excluded[];
  readonly by: string;
  /** The campaign that it takes back, between the same releases by the same bundle. */
  readonly backOf?: Pick<CampaignRow, 'id' | 'from_release' | 'to_release' | 'bundle_hash'>;
}

export interface Planned {
  /** Of the campaign; null: nothing is left to do, and there is none. */
  readonly id: string | null;
  /** False: none was made. */
  readonly changed: boolean;
  readonly from: string;
  readonly to: string;
}

/**
 * Within a transaction of the home shard. Idempotent: one that was asked for in the same words, and
 * is under way or would be made the same, is not made again.
 * @throws API_NOT_FOUND, API_INVALID; CAMPAIGN_REFUSED with what stands against the plan
 */
export async function planCampaign(
  on: CampaignParts,
  client: ClientBase,
  planning: Planning,
): Promise<Planned> {
  const cluster = await readCluster(client, planning.cluster);
  const addresses = await readAddresses(client, on, cluster);
  const policy = policyOf(planning.policy, addresses);
  const ask = () => askStates(on.reader, addresses);
  const { hash, ...between } = await betweenOf(client, cluster, ask, planning);
  const bundle = await on.bundles.read(client, hash);
  const { excluded, goal } = planning;
  const words = { cluster: cluster.id, goal, ...between, bundle: hash, policy, excluded };
  const alike = await findAlike(client, words);
  const open = alike.find((one) => one.is_started && !one.is_own_order);
  if (open !== undefined && planning.order === undefined) {
    return { id: open.id, changed: false, ...between };
  }
  const observed = await observe(on, {
    ...{ declared: cluster.declared, addresses, bundle, between, excluded, expected: [] },
    health: new Map(),
  });
  checkResolved(observed);
  checkNames(observed.world, policy, excluded);
  const owed = await owedSteps(client, cluster, between, goal);
  const plan = planOf(observed.world, planning, { ...orderOf(policy), owed });
  if (plan.steps.length === 0) return { id: null, changed: false, ...between };
  checkSafe(plan, observed.world);
  const servers = boundOf(observed.servers);
  const bound = { policy, bundle: hash, servers, excluded };
  const digestWith = (left: readonly Excluded[]) =>
    digestFor(plan, cluster, addresses, { ...bound, excluded: left });
  const same = alike.find((one) => !one.is_started && one.digest === digestWith(one.excluded));
  if (same !== undefined) return { id: same.id, changed: false, ...between };
  const row = {
    ...{ id: randomUUID(), cluster, planning, policy, servers, bundleHash: hash },
    digest: digestWith(excluded),
    matrix: matrixOf(observed, addresses, excluded),
  };
  await keep(client, { ...row, owed }, plan, between);
  return { id: row.id, changed: true, ...between };
}

async function betweenOf(
  client: ClientBase,
  cluster: Cluster,
  ask: () => Promise<readonly Told[]>,
  { backOf, to, goal }: Planning,
) {
  if (backOf !== undefined) {
    const { from_release: from, to_release, bundle_hash: hash } = backOf;
    return { from, to: to_release, hash };
  }
  const { evolution, ...between } = await findBetween(client, cluster, await ask(), to);
  if (evolution !== null) return { ...between, hash: evolution.hash };
  const isThere = between.from === between.to && goal !== 'back';
  const last = isThere ? await findLast(client, cluster, between.to) : null;
  if (last === null) throw noBundle(cluster, between.from, to);
  return { from: last.from_release, to: between.to, hash: last.hash };
}

/** What an approval is bound to; the same text whatever the order of keys. */
export function digestFor(
  plan: Pick<Plan, 'goal' | 'steps'>,
  { id, revision }: Cluster,
  addresses: readonly ShardAddress[],
  bound: object,
): string {
  const shards = addresses.map(({ name }) => name);
  return digestOf(plan, { text: hashedText({ cluster: id, revision, shards, ...bound }) });
}

export function boundOf(servers: readonly ServerFound[]): BoundServer[] {
  return servers.map(({ name, host }) => ({ name, host: host?.id ?? null }));
}

/** @throws CAMPAIGN_REFUSED while it is not known which servers there are */
export function checkResolved({ silent, ambiguous }: Pick<Observed, 'silent' | 'ambiguous'>): void {
  const evidence = [
    ...silent.map((shard) => `shard ${shard} of the store does not answer: its hosts are missing`),
    ...ambiguous.map((name) => `several hosts are ${name}`),
  ];
  if (evidence.length === 0) return;
  throw new HalflapError('CAMPAIGN_REFUSED', 'which servers the cluster has is not known', {
    detail: { evidence },
    hint: 'bring the shards back; give each server a name of its own',
  });
}

function policyOf(given: Partial<Policy>, addresses: readonly ShardAddress[]): Policy {
  const canary = addresses.find(({ isCanary }) => isCanary)?.name;
  const own = canary === undefined ? {} : { canaryShard: canary };
  const policy = { ...DEFAULT_POLICY, ...own, ...given };
  policy.windows.forEach(({ timeZone }, at) => {
    try {
      checkTimeZone(timeZone);
    } catch {
      const field = `body.policy.windows.${at}.timeZone`;
      throw invalid([{ field, rule: 'a time zone, as in Europe/Vienna' }]);
    }
  });
  return policy;
}

function checkNames(world: World, policy: Policy, excluded: readonly Excluded[]): void {
  const servers = new Set(world.servers.map(({ name }) => name));
  const shards = new Set(world.shards.map(({ name }) => name));
  const problems = excluded
    .filter(({ kind, name }) => !(kind === 'server' ? servers : shards).has(name))
    .map(({ kind, name }) => ({
      field: 'body.exclude',
      rule: `the cluster has no ${kind} ${name}`,
    }));
  const { canaryServer, canaryShard } = policy;
  if (canaryServer !== undefined && !servers.has(canaryServer)) {
    problems.push({ field: 'body.policy.canaryServer', rule: 'a server of the cluster' });
  }
  if (canaryShard !== undefined && !shards.has(canaryShard)) {
    problems.push({ field: 'body.policy.canaryShard', rule: 'a shard of the cluster' });
  }
  if (problems.length > 0) throw invalid(problems);
}

function planOf(world: World, { goal, order }: Planning, usual: Order): Plan {
  if (order === undefined) return propose(world, goal, usual);
  return inOrder(
    goal,
    order.map((id, at) => stepOfId(id, world, `body.order.${at}`)),
  );
}

function orderOf({ canaryServer, canaryShard, maxUnavailable }: Policy) {
  return {
    maxUnavailable,
    ...(canaryServer === undefined ? {} : { canaryServer }),
    ...(canaryShard === undefined ? {} : { canaryShard }),
  };
}

/** @throws API_INVALID */
export function stepOfId(id: string, world: World, field: string): Step {
  const step = allSteps(world).find((one) => idOf(one) === id);
  if (step !== undefined) return step;
  const rule = 'a step of the cluster: server/NAME/upgrade, shard/NAME/prepare, …';
  throw invalid([{ field, rule }]);
}

function checkSafe(plan: Plan, world: World): void {
  const { unsafe } = tryOut(plan, world);
  if (unsafe === null) return;
  throw new HalflapError('CAMPAIGN_REFUSED', `${unsafe.id} would not be safe when its turn comes`, {
    detail: { evidence: linesOf(unsafe.refusals) },
    hint: unsafe.refusals[0]?.remedy ?? 'choose another order',
  });
}

interface Kept {
  readonly id: string;
  readonly cluster: Cluster;
  readonly planning: Planning;
  readonly policy: Policy;
  readonly servers: readonly BoundServer[];
  readonly bundleHash: string;
  readonly digest: string;
  readonly matrix: Matrix;
  readonly owed: ReadonlySet<string>;
}

async function keep(
  client: ClientBase,
  kept: Kept,
  plan: Plan,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<void> {
  const { id, cluster, planning, policy, servers, bundleHash, digest, matrix, owed } = kept;
  await client.query(
    `insert into campaigns (id, cluster_id, goal, from_release, to_release, bundle_hash, policy,
       servers, excluded, digest, back_of, planned_by, matrix, seen_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, now())`,
    [
      ...[id, cluster.id, plan.goal, from, to, bundleHash, JSON.stringify(policy)],
      ...[JSON.stringify(servers), JSON.stringify(planning.excluded), digest],
      ...[planning.backOf?.id ?? null, planning.by, JSON.stringify(matrix)],
    ],
  );
  const steps = plan.steps.map(({ id: step, step: what, batch, ownApproval }, place) => ({
    ...{ id: step, place, batch, kind: what.kind, name: what.name, action: what.action },
    ...{ own_approval: ownApproval, is_owed: owed.has(step) },
  }));
  await client.query(
    `insert into campaign_steps (campaign_id, id, place, batch, kind, name, action, own_approval,
       is_owed)
     select $1, s.id, s.place, s.batch, s.kind, s.name, s.action, s.own_approval, s.is_owed
     from jsonb_to_recordset($2::jsonb) as s (
       id text, place int, batch int, kind text, name text, action text, own_approval text,
       is_owed boolean
     )`,
    [id, JSON.stringify(steps)],
  );
  const message = `planned ${plan.steps.length} steps, ${from} → ${to}`;
  const detail = { goal: plan.goal, digest, isOwnOrder: planning.order !== undefined };
  await noteEvent(client, id, { kind: 'planned', by: planning.by, message, detail, matrix });
}

function noBundle({ declared }: Cluster, from: string, to: string | undefined): HalflapError {
  const where = to === undefined ? '' : ` to ${to}`;
  return new HalflapError('API_NOT_FOUND', `no bundle leads ${declared.app} from ${from}${where}`, {
    hint: 'add it: halflap clusters bundles add FILE',
  });
}
