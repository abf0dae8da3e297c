// A list of campaigns: of all clusters, or of one.

import type { CampaignSummary } from '@halflap/server';
import { Link } from 'wouter';
import { useList } from '../../api/queries';
import type { Column } from '../../components/data-table';
import { askedOf, type Filter, FilterBar } from '../../components/filter-bar';
import { ListView } from '../../components/list-view';
import { StateLabel } from '../../components/state-label';
import { When } from '../../components/when';
import { useAddress } from '../../state/address';
import { StepBar } from './step-bar';
import { CAMPAIGN_STATES, campaignText } from './words';

export const FILTERS: readonly Filter[] = [
  { kind: 'choice', name: 'state', label: 'State', options: CAMPAIGN_STATES },
];

const COLUMNS: readonly Column<CampaignSummary>[] = [
  {
    head: 'Campaign',
    cell: (campaign) => <Link href={`/campaigns/${campaign.id}`}>{campaignText(campaign)}</Link>,
  },
  {
    head: 'Cluster',
    cell: ({ cluster: { id, name } }) => <Link href={`/clusters/${id}`}>{name}</Link>,
  },
  { head: 'State', isNarrow: true, cell: ({ state }) => <StateLabel state={state} /> },
  { head: 'Steps', cell: ({ done, steps }) => <StepBar done={done} steps={steps} /> },
  { head: 'Planned by', cell: ({ plannedBy }) => plannedBy },
  { head: 'Planned', cell: ({ plannedAt }) => <When at={plannedAt} /> },
  { head: 'Ended', cell: ({ endedAt }) => <When at={endedAt} never="not yet" /> },
];

export function CampaignList({ query }: { readonly query: Readonly<Record<string, string>> }) {
  const address = useAddress();
  const asked = { ...askedOf(address, FILTERS), ...query };
  const list = useList<CampaignSummary>('/api/v1/campaigns', asked, { every: 5000 });
  return (
    <div>
      <FilterBar filters={FILTERS} />
      <ListView
        label="Campaigns"
        query={list}
        columns={COLUMNS}
        keyOf={({ id }) => id}
        empty="No campaign is like that."
      />
    </div>
  );
}
