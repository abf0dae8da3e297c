// Plans a campaign: where it leads, what holds it back, in which order. Nothing is done yet: the
// plan is then read, approved and started on its own page.

import type { ClusterSummary, Matrix } from '@halflap/server';
import { EmptyState, EmptyStateBody, FormSelect, FormSelectOption } from '@patternfly/react-core';
import { useState } from 'react';
import { Link } from 'wouter';
import { useList, useRead } from '../../api/queries';
import { PageBody, PageHead } from '../../components/page-head';
import { ProblemAlert } from '../../components/problem-alert';
import { useAddress } from '../../state/address';
import { commandLine } from '../../state/words';
import { matrixPath } from '../clusters/live-matrix';
import { PlanForm } from './plan-form';

/** The most that a list gives. */
const MOST = 200;

export function PlanPage() {
  const address = useAddress();
  const { data, error } = useList<ClusterSummary>('/api/v1/clusters', { limit: MOST });
  const clusters = data?.items ?? [];
  const asked = address.get('cluster');
  const cluster = clusters.find(({ id }) => id === asked) ?? clusters[0];
  const [line, setLine] = useState<string | null>(null);
  const matrix = useRead<Matrix>(
    matrixPath(cluster?.id ?? ''),
    {},
    { every: false, enabled: cluster !== undefined },
  );
  return (
    <>
      <PageHead
        title="Plan a campaign"
        about="Nothing is done yet: you read the plan, approve it, and start it."
        up={{ path: '/campaigns', text: 'Campaigns' }}
        cli={line ?? commandLine('campaign', 'plan', cluster?.name ?? 'CLUSTER')}
      />
      <PageBody isBusy={data === undefined && error === null}>
        <ProblemAlert error={error ?? matrix.error} />
        {data !== undefined && cluster === undefined && (
          <EmptyState variant="sm" titleText="There is no cluster yet" headingLevel="h2">
            <EmptyStateBody>
              <Link href="/clusters/new">Declare one</Link> first.
            </EmptyStateBody>
          </EmptyState>
        )}
        {cluster !== undefined && (
          <>
            <FormSelect
              className="hf-filter"
              aria-label="Cluster"
              value={cluster.id}
              onChange={(_, value) => address.change({ cluster: value })}
            >
              {clusters.map(({ id, name }) => (
                <FormSelectOption key={id} value={id} label={`Cluster ${name}`} />
              ))}
            </FormSelect>
            <PlanForm key={cluster.id} cluster={cluster} matrix={matrix.data} onLine={setLine} />
          </>
        )}
      </PageBody>
    </>
  );
}
