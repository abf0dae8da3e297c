// Clusters on the first page: what needs somebody, then how each server works with each shard.
// Those with something wrong come before those that are well.

import type { ClusterSummary, Matrix } from '@halflap/server';
import { Card, CardBody, CardTitle } from '@patternfly/react-core';
import { Link } from 'wouter';
import { useList, useSeen } from '../../api/queries';
import { CliLine } from '../../components/cli-line';
import { ProblemAlert } from '../../components/problem-alert';
import { StateLabel } from '../../components/state-label';
import { commandLine } from '../../state/words';
import { CampaignLine } from './campaign-line';
import { LiveMatrix, matrixPath } from './live-matrix';
import { findingsOf } from './matrix-data';

/** The first ones; the link leads to all. */
const SHOWN = 10;
/** A browser opens six connections to a server that does not speak HTTP/2; the pages need some. */
const LIVE = 3;

export function HomeClusters() {
  const { data, error } = useList<ClusterSummary>('/api/v1/clusters', { limit: SHOWN });
  const clusters = data?.items ?? [];
  const wrong = useWrong(clusters);
  const ordered = [...wrong, ...clusters.filter((cluster) => !wrong.includes(cluster))];
  const followed = clusters.filter(({ campaign }) => campaign !== null).slice(0, LIVE);
  return (
    <>
      <ProblemAlert error={error} />
      {ordered.map((cluster) => (
        <ClusterCard key={cluster.id} cluster={cluster} isCalm={!followed.includes(cluster)} />
      ))}
      {data !== undefined && data.next !== null && <Link href="/clusters">All clusters</Link>}
    </>
  );
}

/** Those that somebody has to look at, by their campaign or by their matrix. */
function useWrong(clusters: readonly ClusterSummary[]): readonly ClusterSummary[] {
  const seen = useSeen(
    clusters.map(({ id }) => matrixPath(id)),
    hasFindings,
  );
  return clusters.filter(
    ({ campaign }, at) =>
      campaign?.state === 'stopped' || seen[at]?.data === true || seen[at]?.isError === true,
  );
}

function hasFindings(matrix: Matrix): boolean {
  return findingsOf(matrix).length > 0;
}

interface Props {
  readonly cluster: ClusterSummary;
  readonly isCalm: boolean;
}

function ClusterCard({ cluster, isCalm }: Props) {
  const { id, name, app, campaign } = cluster;
  return (
    <Card isCompact>
      <CardTitle component="h2">
        <span className="hf-section-head">
          <Link href={`/clusters/${id}`}>{name}</Link>
          {campaign === null ? (
            <StateLabel state="inactive" text="no campaign" />
          ) : (
            <StateLabel state={campaign.state} />
          )}
        </span>
      </CardTitle>
      <CardBody className="hf-stack">
        <CampaignLine app={app} campaign={campaign} />
        <LiveMatrix cluster={cluster} isCalm={isCalm} />
        <CliLine line={commandLine('clusters', 'matrix', name, '--watch')} />
      </CardBody>
    </Card>
  );
}
