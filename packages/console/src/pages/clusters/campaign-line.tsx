// What is under way in a cluster, in one line.

import type { ClusterSummary } from '@halflap/server';
import { Link } from 'wouter';
import { campaignText } from '../campaigns/words';

export function CampaignLine({ app, campaign }: Pick<ClusterSummary, 'app' | 'campaign'>) {
  return (
    <p className="hf-line">
      <span className="hf-quiet">Application {app}</span>
      {campaign !== null && (
        <Link href={`/campaigns/${campaign.id}`}>{campaignText(campaign)}</Link>
      )}
    </p>
  );
}
