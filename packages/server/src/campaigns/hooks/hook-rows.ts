// Calls of hooks as the home shard keeps them: made in the transaction of what they tell, so that
// none is missing and none is made twice.

import { randomUUID } from 'node:crypto';
import type { ClientBase } from 'pg';
import type { Queryable } from '../../store/leases.js';
import { type CampaignRow, noteEvent, type StepRow } from '../campaign.js';
import type { Cluster } from '../cluster/clusters.js';
import type { Moment } from './hook-declaration.js';
import { type CalledStep, hooksAt, payloadOf } from './hooks.js';

export type HookRow = {
  readonly id: string;
  readonly step: string | null;
  readonly attempt: number;
  readonly hook: string;
  readonly moment: Moment;
  readonly is_required: boolean;
  readonly payload: object;
  readonly state: 'waiting' | 'running' | 'succeeded' | 'failed' | 'dropped';
  readonly job: string | null;
  readonly tries: number;
  readonly next_try_at: Date | null;
  readonly give_up_at: Date | null;
  readonly message: string | null;
  readonly evidence: readonly string[] | null;
  readonly started_at: Date | null;
  readonly ended_at: Date | null;
};

const COLUMNS = `h.id, h.step, h.attempt, h.hook, h.moment, h.is_required, h.payload, h.state,
  h.job, h.tries, h.next_try_at, h.give_up_at, h.message, h.evidence, h.started_at, h.ended_at`;

/** Those that are open, and all of the attempts that run, in the order in which they were made. */
export async function readCalls(on: Queryable, campaign: string): Promise<readonly HookRow[]> {
  const { rows } = await on.query<HookRow>(
    `select ${COLUMNS} from campaign_hooks as h
     where h.campaign_id = $1 and (
       h.state in ('waiting', 'running') or exists (
         select from campaign_steps as s
         where s.campaign_id = h.campaign_id and s.id = h.step and s.attempt = h.attempt
           and s.state = 'running'
       )
     )
     order by h.number`,
    [campaign],
  );
  return rows;
}

/** Those of the last attempt of each step that were called, in their order. */
export async function readShownCalls(on: Queryable, campaign: string): Promise<readonly HookRow[]> {
  const { rows } = await on.query<HookRow>(
    `select ${COLUMNS} from campaign_hooks as h
     join campaign_steps as s
       on s.campaign_id = h.campaign_id and s.id = h.step and s.attempt = h.attempt
     where h.campaign_id = $1 and h.started_at is not null
     order by h.number`,
    [campaign],
  );
  return rows;
}

/** Of which campaign. */
export interface Calling {
  readonly campaign: CampaignRow;
  readonly cluster: Pick<Cluster, 'declared'>;
}

/** Makes the calls of a moment, within the transaction of what they tell. */
export async function callHooks(
  client: ClientBase,
  { campaign, cluster: { declared } }: Calling,
  moment: Moment,
  step: CalledStep | null = null,
): Promise<void> {
  for (const hook of hooksAt(declared.hooks ?? [], moment, step)) {
    const called = { hook, moment, campaign, cluster: declared.name, step };
    await client.query(
      `insert into campaign_hooks (id, campaign_id, step, attempt, hook, moment, is_required,
         payload)
       values ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [
        ...[randomUUID(), campaign.id, step?.id ?? null, step?.attempt ?? 0, hook.name, moment],
        ...[hook.required === true, JSON.stringify(payloadOf(called))],
      ],
    );
  }
}

/** A step as its hooks are told of it. */
export function calledStep(
  { id, kind, name, action, attempt }: StepRow,
  message: string | null,
): CalledStep {
  return { id, kind, name, action, attempt, message };
}

/** Within a transaction. @param reason what went wrong */
export async function stopCampaign(
  client: ClientBase,
  { campaign, cluster }: Calling,
  reason: string,
): Promise<void> {
  const { rowCount } = await client.query(
    `update campaigns set state = 'stopped', reason = $2
     where id = $1 and state in ('running', 'paused')`,
    [campaign.id, reason],
  );
  if (rowCount === 0) return;
  await noteEvent(client, campaign.id, { kind: 'stopped', message: `stopped: ${reason}` });
  const stopped: CampaignRow = { ...campaign, state: 'stopped', reason };
  await callHooks(client, { campaign: stopped, cluster }, 'stopped');
}
