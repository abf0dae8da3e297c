// A job of a campaign on one host.

import type { Work } from '@halflap/protocol/agent';
import type { ClientBase } from 'pg';
import { createJob } from '../jobs/create.js';
import { digestOf } from '../jobs/target.js';
import type { Known } from './pass.js';

export interface CampaignJob {
  /** Follows from what it is for. */
  readonly id: string;
  /** Null: it is for the campaign as a whole. */
  readonly step: string | null;
  readonly stage: string;
  /** Of the server, or the host. */
  readonly name: string;
  readonly host: string;
  readonly work: Work;
  /** How long it may take; default: as the policy says. */
  readonly seconds?: number;
}

/** The longest that an agent lets an order run, in seconds. */
const WEEK = 7 * 24 * 3600;

/** Within the transaction that notes it. */
export async function makeJob(
  client: ClientBase,
  { campaign, cluster }: Pick<Known, 'campaign' | 'cluster'>,
  { id, step, stage, name, host, work, seconds }: CampaignJob,
): Promise<void> {
  const { healthSeconds, deadlineSeconds } = campaign.policy;
  const most = Math.max(1, seconds ?? (stage === 'health' ? healthSeconds : deadlineSeconds));
  await createJob(client, [host], {
    spec: {
      name: `${cluster.declared.name}: ${stage} ${name}`,
      work,
      ...{ timeoutSeconds: Math.min(most, WEEK), waitSeconds: most, totalSeconds: 2 * most },
    },
    ...{ about: { campaign: campaign.id, step }, digest: digestOf([host]) },
    ...{ by: `campaign ${campaign.id}`, id },
  });
}
