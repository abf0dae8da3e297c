// The servers of a cluster, and its shards with their phase and what blocks them.

import type { Campaign, Cluster, Matrix } from '@halflap/server';
import { Label } from '@patternfly/react-core';
import { Link } from 'wouter';
import { useRead } from '../../api/queries';
import { type Column, DataTable } from '../../components/data-table';
import { ProblemAlert } from '../../components/problem-alert';
import { StateLabel } from '../../components/state-label';
import { numberText } from '../../state/words';
import { stepText } from '../campaigns/words';
import { useMatrix } from './live-matrix';
import { doingOf, releaseOf, servedBy, shardPath, standsOf } from './matrix-data';

type Server = Matrix['servers'][number];
type Shard = Matrix['shards'][number];

interface Props {
  readonly cluster: Cluster;
}

const SERVING = { serving: 'serving', 'left out': 'skipped', 'not healthy': 'failed' } as const;

export function ServersPart({ cluster }: Props) {
  const { data, error } = useMatrix(cluster);
  const columns: readonly Column<Server>[] = [
    { head: 'Server', cell: ({ name }) => name },
    {
      head: 'Now',
      cell: (server) => {
        const doing = doingOf(server);
        return <StateLabel state={SERVING[doing as keyof typeof SERVING] ?? 'away'} text={doing} />;
      },
    },
    { head: 'Release', cell: (server) => releaseOf(server) ?? 'not known' },
    { head: 'Package', cell: ({ installed }) => installed ?? 'not known' },
    {
      head: 'Host',
      cell: ({ host, hostname }) =>
        host === null ? (hostname ?? 'not known') : <Link href={`/hosts/${host}`}>{hostname}</Link>,
    },
    {
      head: 'Health',
      cell: ({ healthy }) => (healthy === null ? 'not asked yet' : healthy ? 'good' : 'bad'),
    },
    { head: '', cell: ({ name }) => <WhatIf cluster={cluster} step={`server/${name}/upgrade`} /> },
  ];
  return (
    <div aria-busy={data === undefined && error === null}>
      <ProblemAlert error={error} />
      {data !== undefined && (
        <DataTable
          label="Servers"
          columns={columns}
          items={data.servers}
          keyOf={({ name }) => name}
          empty="No host has the labels that the declaration names."
        />
      )}
    </div>
  );
}

export function ShardsPart({ cluster }: Props) {
  const { data, error } = useMatrix(cluster);
  const { data: campaign } = useRead<Campaign>(
    `/api/v1/campaigns/${cluster.campaign?.id}`,
    {},
    { enabled: cluster.campaign !== null, every: false },
  );
  return (
    <div aria-busy={data === undefined && error === null}>
      <ProblemAlert error={error} />
      {data !== undefined && (
        <DataTable
          label="Shards"
          columns={shardColumns(cluster, campaign?.plan ?? [])}
          items={data.shards}
          keyOf={({ name }) => name}
          empty="It has none."
        />
      )}
    </div>
  );
}

function shardColumns(cluster: Cluster, plan: Campaign['plan']): readonly Column<Shard>[] {
  return [
    {
      head: 'Shard',
      cell: ({ name, canary }) => (
        <span className="hf-line">
          <Link href={shardPath(cluster.id, name)}>{name}</Link>
          {canary && <Label isCompact>goes first</Label>}
        </span>
      ),
    },
    {
      head: 'Phase',
      cell: ({ phase, unreachable }) =>
        unreachable === null ? (phase ?? 'not known') : <StateLabel state="lost" text="away" />,
    },
    { head: 'Serves', cell: (shard) => servedBy(shard) ?? 'not known' },
    { head: 'Under way', cell: ({ running }) => <Running running={running} /> },
    {
      head: 'Compared',
      cell: ({ verified }) => (verified ? <StateLabel state="done" text="equal" /> : 'not lately'),
    },
    { head: 'Quarantine', cell: ({ quarantined }) => numberText(quarantined) },
    { head: 'What blocks it', cell: (shard) => <Blocks shard={shard} plan={plan} /> },
    {
      head: '',
      cell: ({ name }) => <WhatIf cluster={cluster} step={`shard/${name}/contract`} />,
    },
  ];
}

function Running({ running }: Pick<Shard, 'running'>) {
  if (running === null) return <span className="hf-quiet">nothing</span>;
  const { verb, relation, rowsDone, rowsEstimated } = running;
  const rows = `${numberText(rowsDone)} of about ${numberText(rowsEstimated)} rows`;
  return (
    <>
      {verb}
      {relation !== null && `, ${relation}: ${rows}`}
    </>
  );
}

/** What is wrong with it; else what its step of the campaign waits for. */
function Blocks({ shard, plan }: { readonly shard: Shard; readonly plan: Campaign['plan'] }) {
  const own = standsOf(shard);
  const step = plan.find(
    ({ kind, name, wait }) => kind === 'shard' && name === shard.name && wait !== null,
  );
  const why = own.why ?? (step && `${stepText(step)} waits: ${step.wait?.why}`);
  const remedy = own.why === null ? step?.wait?.remedy : own.remedy;
  if (why === undefined) return <span className="hf-quiet">nothing</span>;
  return (
    <span className="hf-line">
      <span>{why}</span>
      {remedy && <span className="hf-quiet">→ {remedy}</span>}
    </span>
  );
}

function WhatIf({ cluster, step }: { readonly cluster: Cluster; readonly step: string }) {
  const search = new URLSearchParams({ step });
  return (
    <Link href={`/clusters/${cluster.id}/what-if?${search}`} aria-label={`What if ${step}`}>
      What if
    </Link>
  );
}
