// The list of clusters.

import type { ClusterSummary } from '@halflap/server';
import { Button } from '@patternfly/react-core';
import { Link, useLocation } from 'wouter';
import { useList } from '../../api/queries';
import type { Column } from '../../components/data-table';
import { askedOf } from '../../components/filter-bar';
import { ListView } from '../../components/list-view';
import { PageBody, PageHead } from '../../components/page-head';
import { StateLabel } from '../../components/state-label';
import { When } from '../../components/when';
import { useAddress } from '../../state/address';
import { useMay } from '../../state/session';
import { commandLine } from '../../state/words';
import { campaignText } from '../campaigns/words';

const COLUMNS: readonly Column<ClusterSummary>[] = [
  { head: 'Cluster', cell: ({ id, name }) => <Link href={`/clusters/${id}`}>{name}</Link> },
  { head: 'Application', cell: ({ app }) => app },
  { head: 'Shards', cell: ({ shards }) => shards.length },
  {
    head: 'Under way',
    cell: ({ campaign }) =>
      campaign === null ? (
        <span className="hf-quiet">nothing</span>
      ) : (
        <span className="hf-line">
          <StateLabel state={campaign.state} />
          <Link href={`/campaigns/${campaign.id}`}>{campaignText(campaign)}</Link>
        </span>
      ),
  },
  { head: 'Declared by', cell: ({ changedBy }) => changedBy },
  { head: 'Declared', cell: ({ changedAt }) => <When at={changedAt} /> },
];

export function ClustersPage() {
  const address = useAddress();
  const [, navigate] = useLocation();
  const mayWrite = useMay('cluster:write');
  const query = useList<ClusterSummary>('/api/v1/clusters', askedOf(address, []));
  return (
    <>
      <PageHead
        title="Clusters"
        about="Applications that campaigns upgrade: their servers and shards."
        cli={commandLine('clusters', 'list')}
        actions={
          <>
            {mayWrite && (
              <Button onClick={() => navigate('/clusters/new')}>Declare a cluster</Button>
            )}
            <Button
              variant="secondary"
              component={(props) => <Link {...props} href="/clusters/bundles" />}
            >
              Bundles
            </Button>
          </>
        }
      />
      <PageBody>
        <ListView
          label="Clusters"
          query={query}
          columns={COLUMNS}
          keyOf={({ id }) => id}
          empty="No cluster is declared yet."
        />
      </PageBody>
    </>
  );
}
