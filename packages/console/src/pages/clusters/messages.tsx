// The messages of a cluster's servers: in the form of which release they are written, who knows
// which, and those that a server could not read.

import type { Cluster, ClusterMessages } from '@halflap/server';
import { Title } from '@patternfly/react-core';
import { ask } from '../../api/client';
import { LIST_MS, useRead } from '../../api/queries';
import { ActButton } from '../../components/act-button';
import { CliLine } from '../../components/cli-line';
import { type Column, DataTable } from '../../components/data-table';
import { ProblemAlert } from '../../components/problem-alert';
import { StateLabel } from '../../components/state-label';
import { When } from '../../components/when';
import { useMay } from '../../state/session';
import { commandLine, numberText } from '../../state/words';
import { SilentShards } from './silent-shards';

type Of = Pick<Cluster, 'id' | 'name'>;
type Speakers = ClusterMessages['speakers'][number];
type Parked = ClusterMessages['parked'][number];

/** Of servers of one release; the rest is counted. */
const NAMED = 8;

export function MessagesPart({ cluster }: { readonly cluster: Of }) {
  const path = `/api/v1/clusters/${cluster.id}/messages`;
  const { data, error, refetch } = useRead<ClusterMessages>(path, {}, { every: LIST_MS });
  const mayAct = useMay('cluster:write');
  return (
    <div className="hf-stack" aria-busy={data === undefined && error === null}>
      <ProblemAlert error={error} onRetry={() => void refetch()} />
      {data !== undefined && (
        <>
          <SilentShards shards={data.shards} />
          <p>{levelText(data)}</p>
          <DataTable
            label="Who knows which messages"
            columns={SPEAKERS}
            items={data.speakers}
            keyOf={({ release, types }) => `${release} ${types}`}
            empty="No server lives on a shard that answers."
          />
          <Title headingLevel="h2" size="lg">
            Parked messages
          </Title>
          <DataTable
            label="Parked messages"
            columns={mayAct ? [...PARKED, actsOf(cluster)] : PARKED}
            items={data.parked}
            keyOf={({ shard, id }) => `${shard} ${id}`}
            empty="Every message that came was read."
          />
          {data.more && (
            <p className="hf-quiet">
              There are more of them; the oldest hundred of each shard are shown.
            </p>
          )}
        </>
      )}
    </div>
  );
}

function levelText({ level, speakers }: ClusterMessages): string {
  if (level === null) return 'No server lives that would write any.';
  const releases = new Set(speakers.map(({ release }) => release));
  const why = releases.size > 1 ? ', the lowest that lives, so that all of them can read' : '';
  return `Servers write messages as release ${level} does${why}.`;
}

const SPEAKERS: readonly Column<Speakers>[] = [
  { head: 'Release', cell: ({ release }) => release },
  { head: 'Servers', cell: ({ servers }) => namesText(servers) },
  {
    head: 'Messages that they know',
    cell: ({ types }) =>
      types.length === 0 ? <span className="hf-quiet">they do not say</span> : types.join(', '),
  },
];

function namesText(names: readonly string[]): string {
  const more = names.length - NAMED;
  const named = names.slice(0, NAMED).join(', ');
  return more > 0 ? `${named} and ${numberText(more)} more` : named;
}

const PARKED: readonly Column<Parked>[] = [
  { head: 'Shard', cell: ({ shard }) => shard },
  { head: 'Message', cell: ({ type }) => type ?? 'not known' },
  { head: 'Consumer', cell: ({ consumer }) => consumer },
  { head: 'Of release', cell: ({ level }) => level ?? 'not known' },
  {
    head: 'Why',
    cell: ({ reason, newer }) => (
      <span className="hf-line">
        {newer && <StateLabel state="info" text="newer" />}
        <span>{reason}</span>
      </span>
    ),
  },
  { head: 'Parked by', cell: ({ server, release }) => `${server}, ${release}` },
  {
    head: 'Parked',
    cell: ({ parkedAt, returnedAt, times }) => (
      <span className="hf-line">
        <When at={parkedAt} />
        {times > 1 && <span className="hf-quiet">{`${numberText(times)} times`}</span>}
        {returnedAt !== null && <StateLabel state="pending" text="given back" />}
      </span>
    ),
  },
];

function actsOf(cluster: Of): Column<Parked> {
  return {
    head: '',
    cell: ({ shard, id, returnedAt }) => (
      <span className="hf-line">
        {returnedAt === null && (
          <ActButton
            text="Give back"
            label={`Give back ${id} of ${shard}`}
            variant="secondary"
            size="sm"
            question={`Give message ${id} of ${shard} back?`}
            act={() => settle(cluster, 'give-back', { shard, ids: [id] })}
          >
            <p>The next server that asks for parked messages of its consumer tries to read it.</p>
            <CliLine line={lineOf(cluster, ['give-back', shard, id])} />
          </ActButton>
        )}
        <ActButton
          text="Discard"
          label={`Discard ${id} of ${shard}`}
          variant="danger"
          size="sm"
          question={`Discard message ${id} of ${shard}?`}
          act={() => settle(cluster, 'discard', { shard, ids: [id] })}
        >
          <p>It is taken away for good, and nobody reads it.</p>
          <CliLine line={lineOf(cluster, ['discard', shard, id])} />
        </ActButton>
      </span>
    ),
  };
}

function settle({ id }: Of, word: string, body: object): Promise<unknown> {
  return ask('POST', `/api/v1/clusters/${id}/messages/${word}`, { body });
}

function lineOf({ name }: Of, [word, shard, id]: readonly [string, string, string]): string {
  return commandLine('clusters', 'messages', word, name, '--shard', shard, '--id', id);
}
