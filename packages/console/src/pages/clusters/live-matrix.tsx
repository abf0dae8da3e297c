// The matrix of a cluster as it is now: told by the campaign that is under way, else asked again
// from time to time.

import type { Campaign, ClusterSummary, Matrix as Seen } from '@halflap/server';
import { useQueryClient } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useLive } from '../../api/live';
import { LIST_MS, useRead } from '../../api/queries';
import { Matrix } from '../../components/matrix/matrix';
import { ProblemAlert } from '../../components/problem-alert';
import { StateLabel } from '../../components/state-label';
import { When } from '../../components/when';
import { type Finding, findingsOf, matrixDataOf } from './matrix-data';

/** Of a cluster that has many the first. */
const SHOWN = 8;

type Of = Pick<ClusterSummary, 'id' | 'name' | 'campaign'>;

export function matrixPath(cluster: string): string {
  return `/api/v1/clusters/${cluster}/matrix`;
}

interface Props {
  readonly cluster: Of;
  /** Asks only from time to time: a browser keeps few views of one server open. */
  readonly isCalm?: boolean;
  /** What needs somebody stands above it. */
  readonly hasFindings?: boolean;
}

export function LiveMatrix({ cluster, isCalm = false, hasFindings = true }: Props) {
  const { data, error, refetch } = useMatrix(cluster, isCalm);
  const shown = useMemo(
    () => (data === undefined ? undefined : matrixDataOf(data, cluster.id)),
    [data, cluster.id],
  );
  return (
    <div className="hf-stack" aria-busy={data === undefined && error === null}>
      <ProblemAlert error={error} onRetry={() => void refetch()} />
      {data !== undefined && hasFindings && <Findings matrix={data} />}
      {shown !== undefined && <Matrix label={`Cluster ${cluster.name}`} data={shown} />}
      {data !== undefined && (
        <p className="hf-quiet">
          Looked at <When at={data.seenAt} />
        </p>
      )}
    </div>
  );
}

export function useMatrix({ id, campaign }: Of, isCalm = false) {
  const client = useQueryClient();
  const path = matrixPath(id);
  const followed = isCalm ? null : (campaign?.id ?? null);
  const campaignPath = `/api/v1/campaigns/${followed}`;
  const query = useRead<Seen>(path, {}, { every: followed === null ? LIST_MS : false });
  useLive({
    address: followed === null ? null : `${campaignPath}/live`,
    events: ['matrix', 'campaign'],
    onEvent: (event, data) => {
      client.setQueryData([event === 'matrix' ? path : campaignPath, {}], data);
      if (event === 'matrix' || (data as Campaign).endedAt === null) return true;
      void client.invalidateQueries({ queryKey: ['/api/v1/clusters'] });
      return false;
    },
  });
  return query;
}

export function Findings({ matrix }: { readonly matrix: Seen }) {
  const findings = useMemo(() => findingsOf(matrix), [matrix]);
  if (findings.length === 0) {
    return (
      <p className="hf-line">
        <StateLabel state="done" text="all well" />
        <span>Every server works with every shard.</span>
      </p>
    );
  }
  const more = findings.length - SHOWN;
  return (
    <>
      <ul className="hf-plain-list" aria-label="What needs somebody">
        {findings.slice(0, SHOWN).map((finding) => (
          <FindingLine key={`${finding.name} ${finding.why}`} finding={finding} />
        ))}
      </ul>
      {more > 0 && <p className="hf-quiet">{`and ${more} more, in the matrix`}</p>}
    </>
  );
}

function FindingLine({ finding: { name, state, why, remedy } }: { readonly finding: Finding }) {
  return (
    <li className="hf-line">
      <StateLabel state={state === 'unreachable' ? 'lost' : state} text={state} />
      <strong>{name}</strong>
      <span>{why}</span>
      {remedy !== null && <span className="hf-quiet">→ {remedy}</span>}
    </li>
  );
}
