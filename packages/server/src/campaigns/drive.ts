// One pass of a campaign: looks at the cluster, decides, and begins or goes on with what is to be
// done. It keeps nothing that the tables and the shards do not say, but for the verbs that this
// server runs: so any server may do the next pass.

import { isDeepStrictEqual } from 'node:util';
import type { ClientBase } from 'pg';
import type { Lease } from '../store/leases.js';
import {
  type CampaignRow,
  noteEvent,
  readCampaign,
  readSteps,
  recordOf,
  type StepRow,
} from './campaign.js';
import { readAddresses, readCluster } from './cluster/clusters.js';
import { looksAlike, matrixOf } from './cluster/matrix.js';
import { observe } from './cluster/observe.js';
import { type Decision, decide, type Wait } from './decide/decide.js';
import type { SignalSeen } from './decide/signal-limits.js';
import { serverOf } from './decide/steps.js';
import { thinLooks } from './history.js';
import { calledStep, callHooks, type HookRow, readCalls, stopCampaign } from './hooks/hook-rows.js';
import { advanceCalls, type HookCalls } from './hooks/hook-work.js';
import { holding, leaveOf } from './hooks/hooks.js';
import { atHome, type DrivingParts, type Known, type Pass } from './pass.js';
import { advanceServer, fail } from './server-step.js';
import { checkHealth } from './soak-check.js';
import { type Verbs, waitAgain } from './verbs.js';

export interface Driving {
  readonly on: DrivingParts;
  readonly lease: Lease;
  readonly campaignId: string;
  readonly verbs: Verbs;
  readonly hooks: HookCalls;
  /** What the application says, as it is known now. */
  readonly signals: readonly SignalSeen[];
}

/** `over`: the campaign has ended. `moved`: there may be more to do at once. */
export type Passed = 'over' | 'moved' | 'quiet';

export interface Drove {
  readonly passed: Passed;
  /** Shards that were asked: what a pass costs. */
  readonly asked: number;
}

/** How often a campaign that waits for people is looked at, in ms. */
export const IDLE_MS = 10_000;

/**
 * @param isDue a look at the cluster is due, though nothing goes on
 * @throws LEASE_LOST; STORE_UNAVAILABLE and the like when the home shard is away
 */
export async function drive(driving: Driving, isDue: boolean): Promise<Drove> {
  const { home } = driving.on.store;
  const campaign = await readCampaign(home, driving.campaignId);
  if (campaign.state !== 'running') await driving.verbs.stop();
  const steps = await readSteps(home, campaign.id);
  const calls = await readCalls(home, campaign.id);
  if (calls.length > 0 && (await callOn(driving, { campaign, steps, calls }))) {
    return { passed: 'moved', asked: 0 };
  }
  if (campaign.ended_at !== null) {
    return { passed: calls.length > 0 ? 'quiet' : 'over', asked: 0 };
  }
  const isBusy = steps.some(({ state }) => state === 'running') || calls.length > 0;
  if (campaign.state !== 'running' && !isBusy && !isDue && campaign.state !== 'cancelled') {
    return { passed: 'quiet', asked: Number.POSITIVE_INFINITY };
  }
  const known = await look(driving, { campaign, steps, calls });
  const pass: Pass = { on: driving.on, lease: driving.lease, known };
  await noteSeen(pass);
  return { passed: await act(pass, driving), asked: known.addresses.length };
}

interface Kept {
  readonly campaign: CampaignRow;
  readonly steps: readonly StepRow[];
  readonly calls: readonly HookRow[];
}

/** @returns whether any hook moved */
async function callOn({ on, lease, hooks }: Driving, kept: Kept): Promise<boolean> {
  const cluster = await readCluster(on.store.home, kept.campaign.cluster_id);
  return advanceCalls({ on, lease, cluster, ...kept }, hooks);
}

async function look({ on }: Driving, { campaign, steps, calls }: Kept): Promise<Known> {
  const { store, bundles, clock } = on;
  const cluster = await readCluster(store.home, campaign.cluster_id);
  const addresses = await readAddresses(store.home, on, cluster);
  const bundle = await bundles.read(store.home, campaign.bundle_hash);
  const observed = await observe(on, {
    ...{ declared: cluster.declared, addresses, bundle, excluded: campaign.excluded },
    between: { from: campaign.from_release, to: campaign.to_release },
    expected: campaign.servers.map(({ name }) => name),
    health: healthOf(steps),
  });
  return { campaign, steps, calls, cluster, addresses, bundle, observed, now: clock() };
}

/** As the health check of each server said last in this campaign. */
export function healthOf(steps: readonly StepRow[]): ReadonlyMap<string, boolean | null> {
  const servers = steps.filter(({ kind }) => kind === 'server');
  return new Map(servers.map(({ name, is_healthy: isHealthy }) => [name, isHealthy]));
}

/** How old what is shown may be, in ms, where nothing changes. */
const SEEN_MS = 30_000;

async function noteSeen({ on, lease, known }: Pass): Promise<void> {
  const { campaign, observed, addresses, now } = known;
  const matrix = matrixOf(observed, addresses, campaign.excluded);
  const before = campaign.matrix;
  const isOther = before === null || !looksAlike(before, matrix);
  const isOld = now.getTime() - (campaign.seen_at?.getTime() ?? 0) > SEEN_MS;
  if (!isOther && !isOld && isDeepStrictEqual(before, matrix)) return;
  await atHome({ on, lease }, async (client) => {
    await client.query('update campaigns set matrix = $2, seen_at = now() where id = $1', [
      ...[campaign.id, JSON.stringify(matrix)],
    ]);
    if (!isOther) return;
    const message = 'the cluster looks otherwise than before';
    await noteEvent(client, campaign.id, { kind: 'seen', message, matrix });
    await thinLooks(client, campaign.id);
  });
}

async function act(pass: Pass, { verbs, signals }: Driving): Promise<Passed> {
  const { campaign, steps, calls, observed, now } = pass.known;
  const { state, policy, went_on_at: wentOnAt } = campaign;
  const decision = decide({
    ...{ state, policy, steps: steps.map(recordOf), world: observed.world, now },
    ...{ signals, wentOnAt, call: holding(calls) },
  });
  if (decision.found.length > 0 || decision.undone.length > 0) {
    await atHome(pass, (client) => noteFound(client, pass, decision));
    return 'moved';
  }
  if (decision.stop !== null) {
    const reason = decision.stop;
    await atHome(pass, (client) => stopCampaign(client, pass.known, reason));
    await verbs.stop();
    return 'moved';
  }
  const running = steps.filter((row) => row.state === 'running');
  if (running.length === 0 && (state === 'cancelled' || (state === 'running' && decision.isOver))) {
    await finish(pass);
    return 'moved';
  }
  const moved = [
    await begin(pass, decision.begin),
    await noteWaits(pass, decision.waits),
    await advance(pass, running, verbs),
    await checkHealth(pass),
  ];
  return moved.some((one) => one) ? 'moved' : 'quiet';
}

async function noteFound(client: ClientBase, { known }: Pass, { found, undone }: Decision) {
  const { id } = known.campaign;
  for (const step of found) {
    await client.query(
      `update campaign_steps
       set state = 'succeeded', ended_at = now(), wait = null, message = 'it was done already'
       where campaign_id = $1 and id = $2 and state in ('waiting', 'failed')`,
      [id, step],
    );
    await noteEvent(client, id, { kind: 'found', step, message: 'is seen to be done' });
  }
  for (const step of undone) {
    await client.query(
      `update campaign_steps set state = 'waiting', ended_at = null, message = null
       where campaign_id = $1 and id = $2 and state = 'succeeded'`,
      [id, step],
    );
    await noteEvent(client, id, { kind: 'undone', step, message: 'is not done any more' });
  }
}

async function finish(pass: Pass): Promise<void> {
  const { campaign } = pass.known;
  const { id, state } = campaign;
  const isFinished = state === 'running';
  await atHome(pass, async (client) => {
    const { rowCount } = await client.query(
      `update campaigns set state = $2, reason = case when $3 then null else reason end,
         ended_at = now()
       where id = $1 and state = $4`,
      [id, isFinished ? 'finished' : state, isFinished, state],
    );
    if (rowCount === 0) return;
    const ended: CampaignRow = isFinished
      ? { ...campaign, state: 'finished', reason: null }
      : campaign;
    await callHooks(client, { ...pass.known, campaign: ended }, 'ended');
    if (!isFinished) return;
    await noteEvent(client, id, { kind: 'finished', message: 'every step has ended' });
  });
}

async function begin(pass: Pass, ids: readonly string[]): Promise<boolean> {
  const { campaign, steps, observed } = pass.known;
  const rows = steps.filter(({ id }) => ids.includes(id));
  if (rows.length === 0) return false;
  await atHome(pass, async (client) => {
    // Somebody may have paused it since it was read.
    const { rows: still } = await client.query(
      `select from campaigns where id = $1 and state = 'running' for share`,
      [campaign.id],
    );
    if (still.length === 0) return;
    for (const row of rows) {
      const { id, kind, name, action } = row;
      const server = kind === 'server' ? serverOf(observed.world, name) : undefined;
      const { rows: begun } = await client.query<{ attempt: number }>(
        `update campaign_steps
         set state = 'running', started_at = now(), attempt = attempt + 1, stages = '[]',
           wait = null, message = null, evidence = null, progress = null, is_healthy = null,
           health_check = null,
           was_running = was_running or $3
         where campaign_id = $1 and id = $2 and state = 'waiting'
         returning attempt`,
        [campaign.id, id, (server?.running.length ?? 0) > 0],
      );
      const [now] = begun;
      if (now === undefined) continue;
      const message = `${action} of ${name} begins`;
      await noteEvent(client, campaign.id, { kind: 'begun', step: id, message });
      await callHooks(client, pass.known, 'before', calledStep({ ...row, ...now }, null));
    }
  });
  return true;
}

/** Why nothing begins, where that is news. */
async function noteWaits(pass: Pass, waits: readonly Wait[]): Promise<boolean> {
  const { campaign, steps } = pass.known;
  const byId = new Map(waits.map(({ id, ...wait }) => [id, wait]));
  const news = steps.filter((row) => {
    const wait = row.state === 'waiting' ? (byId.get(row.id) ?? null) : null;
    if (wait === null || row.wait === null) return (wait === null) !== (row.wait === null);
    return !isDeepStrictEqual(row.wait, JSON.parse(JSON.stringify(wait)));
  });
  if (news.length === 0) return false;
  await atHome(pass, async (client) => {
    for (const { id: step, wait: before } of news) {
      const wait = byId.get(step) ?? null;
      await client.query('update campaign_steps set wait = $3 where campaign_id = $1 and id = $2', [
        ...[campaign.id, step, wait === null ? null : JSON.stringify(wait)],
      ]);
      if (wait === null || wait.why === before?.why) continue;
      const { why: message, remedy, refusals } = wait;
      const detail = { remedy, refusals };
      await noteEvent(client, campaign.id, { kind: 'waits', step, message, detail });
    }
  });
  return false;
}

async function advance(pass: Pass, running: readonly StepRow[], verbs: Verbs): Promise<boolean> {
  let moved = false;
  const { calls, campaign } = pass.known;
  for (const row of running) {
    const { isOpen, no } = leaveOf(calls, row);
    if (no !== null) {
      const message = `the hook ${no.hook} says no: ${no.message}`;
      moved = await fail(pass, row, { message, evidence: no.evidence ?? [] });
    } else if (isOpen) {
      if (campaign.state !== 'running') await waitAgain(pass, row);
    } else if (row.kind === 'server') moved = (await advanceServer(pass, row)) || moved;
    else if (pass.known.campaign.state === 'running') verbs.ensure(pass, row);
    else if (!verbs.has(row.id)) await waitAgain(pass, row);
  }
  return moved;
}
