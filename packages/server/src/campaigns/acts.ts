// What people do to a campaign. Each is a function within a transaction of the home shard, which
// holds the campaign alone; a server that drives it finds what has changed.
//
//   planned ──start──► running ⇄ paused            stopped ──resume──► running
//      │                  └─► stopped, finished    (by what went wrong: see decide.ts)
//      └──────── cancel, from wherever it is ────► cancelled
//
// Each gives whether it changed anything: what is so already is no mistake, and left as it is.

import { HalflapError } from '@halflap/protocol';
import type { ClientBase } from 'pg';
import {
  type CampaignRow,
  type EventKind,
  lockCampaign,
  noteEvent,
  readSteps,
  type StepRow,
} from './campaign.js';
import { readCluster } from './cluster/clusters.js';
import type { Excluded } from './cluster/observe.js';
import type { CampaignState } from './decide/decide.js';
import { callHooks } from './hooks/hook-rows.js';
import { type CampaignParts, planCampaign } from './make.js';
import { assertSame, notSame } from './same-cluster.js';

/** Who does it, and why. */
export interface Said {
  readonly by: string;
  readonly reason?: string;
}

/**
 * @param digest of the plan that was read
 * @returns false: it was approved before
 * @throws API_CONFLICT when the plan, or the cluster, is another one by now
 */
export async function approvePlan(
  on: CampaignParts,
  client: ClientBase,
  { id, digest, by }: { readonly id: string; readonly digest: string; readonly by: string },
): Promise<boolean> {
  const campaign = await lockCampaign(client, id);
  const isApproved = campaign.approved_by !== null && campaign.digest === digest;
  if (isApproved && campaign.started_at !== null && campaign.state !== 'cancelled') return false;
  assertState(campaign, ['planned'], 'its plan was approved before it was started');
  if (campaign.digest !== digest) throw notSame(['the plan is another one than that digest is of']);
  await assertSame(on, client, campaign);
  if (isApproved) return false;
  await client.query('update campaigns set approved_by = $2, approved_at = now() where id = $1', [
    ...[id, by],
  ]);
  const isPlanner = by === campaign.planned_by;
  const message = isPlanner ? 'approved by who planned it' : 'approved';
  await noteEvent(client, id, { kind: 'approved', by, message, detail: { digest, isPlanner } });
  return true;
}

/** Of a step that needs one of its own. @returns false: it was approved before */
export async function approveStep(
  client: ClientBase,
  { id, step, by }: { readonly id: string; readonly step: string; readonly by: string },
): Promise<boolean> {
  const campaign = await lockCampaign(client, id);
  const row = await stepRow(client, id, step);
  if (row.approved_by !== null && campaign.state !== 'cancelled') return false;
  assertOpen(campaign);
  if (campaign.approved_by === null) throw notApproved(id);
  if (row.own_approval === null) throw conflict(`${step} needs no approval of its own`);
  await client.query(
    // Whoever follows it must not take it for one that still waits for somebody.
    `update campaign_steps set approved_by = $3, approved_at = now(), wait = null
     where campaign_id = $1 and id = $2`,
    [id, step, by],
  );
  const detail = { isPlanner: by === campaign.planned_by };
  const message = `approved although ${row.own_approval}`;
  await noteEvent(client, id, { kind: 'approved', step, by, message, detail });
  return true;
}

/**
 * @returns false: it runs, or has finished
 * @throws API_CONFLICT when it is not approved, is another by now, or another one is under way
 */
export async function startCampaign(
  on: CampaignParts,
  client: ClientBase,
  { id, by }: { readonly id: string; readonly by: string },
): Promise<boolean> {
  const campaign = await lockCampaign(client, id);
  if (campaign.state === 'running' || campaign.state === 'finished') return false;
  assertState(campaign, ['planned'], 'only what is planned can be started');
  if (campaign.approved_by === null) throw notApproved(id);
  await client.query('select from clusters where id = $1 for update', [campaign.cluster_id]);
  const { rows } = await client.query<{ id: string }>(
    `select id from campaigns
     where cluster_id = $1 and started_at is not null and ended_at is null`,
    [campaign.cluster_id],
  );
  const [other] = rows;
  if (other !== undefined) {
    throw conflict(`campaign ${other.id} of the cluster is under way`, 'wait for its end');
  }
  await assertSame(on, client, campaign);
  await client.query(
    `update campaigns
     set state = 'running', started_by = $2, started_at = now(), went_on_at = now()
     where id = $1`,
    [id, by],
  );
  await noteEvent(client, id, { kind: 'started', by, message: 'started' });
  return true;
}

/** @returns false: it was paused before, whatever the reason */
export async function pauseCampaign(client: ClientBase, id: string, said: Said): Promise<boolean> {
  const campaign = await lockCampaign(client, id);
  if (campaign.state === 'paused') return false;
  assertState(campaign, ['running', 'stopped'], 'only what runs can be paused');
  await moveTo(client, campaign, 'paused', said);
  return true;
}

/**
 * @returns false: it runs
 * @throws API_CONFLICT also while a step has failed, which would stop it again
 */
export async function resumeCampaign(client: ClientBase, id: string, said: Said): Promise<boolean> {
  const campaign = await lockCampaign(client, id);
  if (campaign.state === 'running') return false;
  assertState(campaign, ['paused', 'stopped'], 'only what is paused or stopped can be resumed');
  const failed = (await readSteps(client, id)).filter(hasFailed);
  if (failed.length > 0) {
    const names = failed.map((step) => step.id).join(', ');
    throw conflict(
      `${names} failed, or did not hold`,
      'retry it, skip it with a reason, exclude it, or go back',
    );
  }
  await moveTo(client, campaign, 'running', said);
  return true;
}

/**
 * What runs on a server goes to its end; a shard's verb is interrupted and can be continued.
 * @returns false: it was cancelled before
 */
export async function cancelCampaign(client: ClientBase, id: string, said: Said): Promise<boolean> {
  const campaign = await lockCampaign(client, id);
  if (campaign.state === 'cancelled') return false;
  await cancel(client, campaign, said);
  return true;
}

async function cancel(client: ClientBase, campaign: CampaignRow, said: Said): Promise<void> {
  assertOpen(campaign);
  await moveTo(client, campaign, 'cancelled', said);
  const { rowCount } = await client.query(
    `update campaigns as c set ended_at = now()
     where id = $1 and not exists (
       select from campaign_steps as s where s.campaign_id = c.id and s.state = 'running'
     )`,
    [campaign.id],
  );
  if (rowCount === 0 || campaign.started_at === null) return;
  const cluster = await readCluster(client, campaign.cluster_id);
  const ended: CampaignRow = { ...campaign, state: 'cancelled', reason: said.reason ?? null };
  await callHooks(client, { campaign: ended, cluster }, 'ended');
}

/**
 * Has a step that failed carried out again. A campaign that it stopped goes on.
 * @returns false: it is tried again already
 */
export async function retryStep(
  client: ClientBase,
  { id, step, by }: { readonly id: string; readonly step: string; readonly by: string },
): Promise<boolean> {
  const campaign = await openCampaign(client, id);
  const row = await stepRow(client, id, step);
  if (row.is_retried && (row.state === 'waiting' || row.state === 'running')) return false;
  if (!isIll(row)) assertStep(row, ['failed'], 'only what failed can be tried again');
  await client.query(
    `update campaign_steps
     set state = 'waiting', is_retried = true, is_healthy = null, ended_at = null
     where campaign_id = $1 and id = $2`,
    [id, step],
  );
  await noteEvent(client, id, { kind: 'retried', step, by, message: 'is tried again' });
  await goOn(client, campaign, { by });
  return true;
}

/**
 * Leaves a step out. What rests on it is refused as long as it has to be.
 * @returns false: it was left out before
 */
export async function skipStep(
  client: ClientBase,
  { id, step, ...said }: Required<Said> & { readonly id: string; readonly step: string },
): Promise<boolean> {
  const campaign = await openCampaign(client, id);
  const row = await stepRow(client, id, step);
  if (row.state === 'skipped') return false;
  const rule = 'only what waits or failed can be skipped';
  if (!isIll(row)) assertStep(row, ['waiting', 'failed'], rule);
  await skip(client, id, step, said);
  await goOn(client, campaign, said);
  return true;
}

/**
 * Leaves a server or a shard out: nothing is done to it any more, but what it runs counts.
 * @returns false: it was left out before
 */
export async function exclude(
  client: ClientBase,
  id: string,
  { kind, name, by, reason }: Omit<Excluded, 'at'>,
): Promise<boolean> {
  const campaign = await openCampaign(client, id);
  if (campaign.excluded.some((had) => had.kind === kind && had.name === name)) return false;
  const steps = (await readSteps(client, id)).filter(
    (one) => one.kind === kind && one.name === name,
  );
  const known = campaign.matrix?.[kind === 'server' ? 'servers' : 'shards'] ?? [];
  if (!known.some((one) => one.name === name)) {
    throw new HalflapError('API_NOT_FOUND', `the cluster has no ${kind} ${name}`, {
      hint: 'look at the matrix',
    });
  }
  if (steps.some(({ state }) => state === 'running')) {
    throw conflict(`a step of ${name} is under way`, 'pause the campaign, and wait for its end');
  }
  const one: Excluded = { kind, name, reason, by, at: new Date().toISOString() };
  await client.query('update campaigns set excluded = $2 where id = $1', [
    ...[id, JSON.stringify([...campaign.excluded, one])],
  ]);
  await noteEvent(client, id, { kind: 'excluded', by, message: `${name} is left out: ${reason}` });
  for (const { id: step, state } of steps) {
    const said = { by, reason: `${name} is left out: ${reason}` };
    if (state === 'waiting' || state === 'failed') await skip(client, id, step, said);
  }
  await goOn(client, campaign, { by });
  return true;
}

/**
 * Plans the way back, and ends the campaign that led on. Idempotent.
 * @returns the id of the plan, and whether anything changed
 * @throws CAMPAIGN_REFUSED with the proof, where nothing leads back; API_CONFLICT
 */
export async function planBack(
  on: CampaignParts,
  client: ClientBase,
  id: string,
  said: Said,
): Promise<{ readonly id: string; readonly changed: boolean }> {
  const campaign = await lockCampaign(client, id);
  assertState(
    campaign,
    ['running', 'paused', 'stopped', 'finished', 'cancelled'],
    'nothing of it was begun',
  );
  const steps = await readSteps(client, id);
  const under = steps.find(({ kind, state }) => kind === 'server' && state === 'running');
  if (under !== undefined) {
    throw conflict(`${under.id} is under way`, 'pause the campaign, and wait for its end');
  }
  const { excluded, cluster_id: cluster } = campaign;
  // Whoever goes back wants it done: nothing has to hold on the way, and no window is waited for.
  const policy = { ...campaign.policy, soakSeconds: 0, windows: [] };
  const { id: back, changed } = await planCampaign(on, client, {
    ...{ cluster, goal: 'back', policy, excluded, by: said.by, backOf: campaign },
  });
  if (back === null) throw conflict(`nothing is left to take back to ${campaign.from_release}`);
  if (campaign.ended_at !== null || campaign.state === 'cancelled') return { id: back, changed };
  await cancel(client, campaign, { ...said, reason: `campaign ${back} leads back` });
  return { id: back, changed: true };
}

async function moveTo(
  client: ClientBase,
  { id, state: before }: CampaignRow,
  state: CampaignState,
  { by, reason }: Said,
): Promise<void> {
  await client.query(
    `update campaigns
     set state = $2, reason = $3, went_on_at = case when $4 then now() else went_on_at end
     where id = $1`,
    [id, state, reason ?? null, state === 'running'],
  );
  const kind = KINDS[state];
  const message = reason === undefined || reason === '' ? kind : `${kind}: ${reason}`;
  await noteEvent(client, id, { kind, by, message, detail: { before } });
}

const KINDS: Readonly<Record<CampaignState, EventKind>> = {
  planned: 'planned',
  running: 'resumed',
  paused: 'paused',
  stopped: 'stopped',
  finished: 'finished',
  cancelled: 'cancelled',
};

/** What was stopped goes on once nothing has failed any more; what somebody paused stays so. */
async function goOn(client: ClientBase, campaign: CampaignRow, said: Said): Promise<void> {
  if (campaign.state !== 'stopped') return;
  const failed = (await readSteps(client, campaign.id)).some(hasFailed);
  if (!failed) await moveTo(client, campaign, 'running', { by: said.by });
}

/** It succeeded, and its server is not healthy any more. */
function isIll({ state, is_healthy: isHealthy }: StepRow): boolean {
  return state === 'succeeded' && isHealthy === false;
}

function hasFailed(row: StepRow): boolean {
  return row.state === 'failed' || isIll(row);
}

async function skip(client: ClientBase, id: string, step: string, { by, reason }: Said) {
  await client.query(
    `update campaign_steps
     set state = 'skipped', ended_at = now(), message = $3, is_retried = false, wait = null
     where campaign_id = $1 and id = $2`,
    [id, step, reason],
  );
  const message = `skipped: ${reason}`;
  await noteEvent(client, id, { kind: 'skipped', step, message, ...(by ? { by } : {}) });
}

async function openCampaign(client: ClientBase, id: string): Promise<CampaignRow> {
  const campaign = await lockCampaign(client, id);
  assertOpen(campaign);
  return campaign;
}

function assertOpen({ state, ended_at: endedAt }: CampaignRow): void {
  if (endedAt !== null || state === 'cancelled') throw conflict(`the campaign is ${state}`);
}

async function stepRow(client: ClientBase, id: string, step: string): Promise<StepRow> {
  const row = (await readSteps(client, id)).find((one) => one.id === step);
  if (row !== undefined) return row;
  throw new HalflapError('API_NOT_FOUND', `the campaign has no step ${step}`, {
    hint: `look at it: halflap campaign status ${id}`,
  });
}

function assertStep(row: StepRow, states: readonly StepRow['state'][], rule: string): void {
  if (!states.includes(row.state)) throw conflict(`${row.id} is ${row.state}: ${rule}`);
}

function assertState({ state }: CampaignRow, states: readonly CampaignState[], rule: string): void {
  if (!states.includes(state)) throw conflict(`the campaign is ${state}: ${rule}`);
}

function notApproved(id: string): HalflapError {
  return conflict('its plan is not approved', `approve it: halflap campaign approve ${id}`);
}

function conflict(message: string, hint = 'look at the campaign'): HalflapError {
  return new HalflapError('API_CONFLICT', message, { hint });
}
