// What releases have changed and keep for those who depend on it: how often each was met, where and
// by whom it still is, and when it expires.

import type { Cluster, ClusterBehaviour, ClusterBehaviours } from '@halflap/server';
import { LIST_MS, useRead } from '../../api/queries';
import { type Column, DataTable } from '../../components/data-table';
import { ProblemAlert } from '../../components/problem-alert';
import { StateLabel } from '../../components/state-label';
import { When } from '../../components/when';
import { numberText } from '../../state/words';
import { SilentShards } from './silent-shards';

export function BehavioursPart({ cluster }: { readonly cluster: Pick<Cluster, 'id'> }) {
  const path = `/api/v1/clusters/${cluster.id}/behaviours`;
  const { data, error, refetch } = useRead<ClusterBehaviours>(path, {}, { every: LIST_MS });
  return (
    <div className="hf-stack" aria-busy={data === undefined && error === null}>
      <ProblemAlert error={error} onRetry={() => void refetch()} />
      {data !== undefined && (
        <>
          <SilentShards shards={data.shards} />
          <DataTable
            label="Retained behaviours"
            columns={COLUMNS}
            items={data.behaviours}
            keyOf={({ behaviour }) => behaviour}
            empty="No server that lives keeps an older behaviour."
          />
        </>
      )}
    </div>
  );
}

const COLUMNS: readonly Column<ClusterBehaviour>[] = [
  {
    head: 'Behaviour',
    cell: ({ behaviour, about }) => (
      <span className="hf-line">
        <strong>{behaviour}</strong>
        {about !== null && <span>{about}</span>}
      </span>
    ),
  },
  { head: 'Changed in', cell: ({ changedIn }) => changedIn ?? 'not known' },
  { head: 'Met as before', cell: ({ uses }) => numberText(uses.retained) },
  { head: 'Met as changed', cell: ({ uses }) => numberText(uses.changed) },
  { head: 'Who lives by it', cell: ({ retained }) => <Users retained={retained} /> },
  {
    head: 'Expires',
    cell: ({ expires, warning }) => (
      <span className="hf-line">
        <span>{expires ?? 'never'}</span>
        {warning !== null && <StateLabel state="warning" text={warning} />}
      </span>
    ),
  },
];

function Users({ retained }: Pick<ClusterBehaviour, 'retained'>) {
  if (retained.length === 0) return <span className="hf-quiet">nobody</span>;
  return (
    <ul className="hf-plain-list">
      {retained.map(({ shard, uses, lastUsed, server }) => (
        <li key={shard} className="hf-line">
          <span>{`${shard}: ${numberText(uses)}, last by ${server}`}</span>
          <span className="hf-quiet">
            <When at={lastUsed} />
          </span>
        </li>
      ))}
    </ul>
  );
}
