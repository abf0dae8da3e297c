// A job of a campaign on one host.

import type { Work } from '@halflap/protocol/agent';
import type { ClientBase } from 'pg';
import { createJob } from '../jobs/create.js';
import { digestOf } from '../jobs/target.js';
import type { Known } from './pass.js';

export interface CampaignJob {
  /** Follows from what it is for. */
  readonly id: string;
  readonly step: string;
  readonly stage: string;
  /** Of the server. */
  readonly name: string;
  readonly host: string;
  readonly work: Work;
}

/** The longest that an agent lets an order run, in seconds. */
const WEEK = 7 * 24 * 3600;

/** Within the transaction that notes it. */
export async function makeJob(
  client: ClientBase,
  { campaign, cluster }: Pick<Known, 'campaign' | 'cluster'>,
  { id, step, stage, name, host, work }: CampaignJob,
): Promise<void> {
  const { healthSeconds, deadlineSeconds } = campaign.policy;
  const most = Math.max(1, stage === 'health' ? healthSeconds : deadlineSeconds);
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
