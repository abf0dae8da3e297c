// The features of a cluster: where each stands, who supports it, what is against enabling it; and
// the operator's act that moves one.

import type { Cluster, ClusterFeature, ClusterFeatures, FeatureMoved } from '@halflap/server';
import { EmptyState, EmptyStateBody, ExpandableSection, Title } from '@patternfly/react-core';
import { ask } from '../../api/client';
import { LIST_MS, useRead } from '../../api/queries';
import { ActButton } from '../../components/act-button';
import { CliLine } from '../../components/cli-line';
import { DataTable } from '../../components/data-table';
import { Facts } from '../../components/facts';
import { ProblemAlert } from '../../components/problem-alert';
import { StateLabel } from '../../components/state-label';
import { When } from '../../components/when';
import { useMay } from '../../state/session';
import { commandLine, numberText } from '../../state/words';
import { SilentShards } from './silent-shards';

type Of = Pick<Cluster, 'id' | 'name'>;

export function FeaturesPart({ cluster }: { readonly cluster: Of }) {
  const path = `/api/v1/clusters/${cluster.id}/features`;
  const { data, error, refetch } = useRead<ClusterFeatures>(path, {}, { every: LIST_MS });
  return (
    <div className="hf-stack" aria-busy={data === undefined && error === null}>
      <ProblemAlert error={error} onRetry={() => void refetch()} />
      {data !== undefined && <SilentShards shards={data.shards} />}
      {data?.features.length === 0 && (
        <EmptyState variant="sm" titleText="Nothing here" headingLevel="h2">
          <EmptyStateBody>No server that lives has a feature.</EmptyStateBody>
        </EmptyState>
      )}
      {data?.features.map((one) => (
        <Feature key={one.feature} cluster={cluster} feature={one} />
      ))}
    </div>
  );
}

interface Props {
  readonly cluster: Of;
  readonly feature: ClusterFeature;
}

function Feature({ cluster, feature: one }: Props) {
  const { feature, state, about, since, reversible, servers, shards } = one;
  const supporting = servers.filter(({ supports }) => supports);
  return (
    <section className="hf-stack" aria-label={`Feature ${feature}`}>
      <div className="hf-section-head">
        <div className="hf-line">
          <Title headingLevel="h2" size="lg">
            {feature}
          </Title>
          <StateLabel state={state} />
          <span>{about}</span>
        </div>
        <Acts cluster={cluster} feature={one} />
      </div>
      <Facts
        of={{
          'Came with': since,
          'Supported by': `${supporting.length} of ${servers.length} servers`,
          Stands: standsText(shards),
          'Way back': reversible ? 'it may be disabled' : 'none',
        }}
      />
      {state !== 'enabled' && <Against feature={one} />}
      <ExpandableSection toggleText={`Shards and servers of ${feature}`}>
        <Members feature={one} />
      </ExpandableSection>
    </section>
  );
}

/** `enabled on 2, off on 1 shard`. */
function standsText(shards: ClusterFeature['shards']): string {
  const states = [...new Set(shards.map(({ state }) => state))];
  const counts = states.map((state) => {
    const count = shards.filter((one) => one.state === state).length;
    return `${state} on ${numberText(count)}`;
  });
  return `${counts.join(', ')} ${shards.length === 1 ? 'shard' : 'shards'}`;
}

function Against({ feature: { feature, against, againstInAll } }: Pick<Props, 'feature'>) {
  if (against.length === 0) return null;
  const more = againstInAll - against.length;
  return (
    <>
      <ul className="hf-plain-list" aria-label={`Against ${feature}`}>
        {against.map((line) => (
          <li key={line} className="hf-line">
            <StateLabel state="refused" text="against it" />
            <span>{line}</span>
          </li>
        ))}
      </ul>
      {more > 0 && <p className="hf-quiet">{`and ${numberText(more)} more`}</p>}
    </>
  );
}

function Members({ feature: { feature, shards, servers } }: Pick<Props, 'feature'>) {
  return (
    <div className="hf-stack">
      <DataTable
        label={`Shards of ${feature}`}
        columns={[
          { head: 'Shard', cell: ({ shard }) => shard },
          { head: 'State', cell: ({ state }) => <StateLabel state={state} /> },
          { head: 'By', cell: ({ changedBy }) => changedBy ?? <span className="hf-quiet">–</span> },
          { head: 'Since', cell: ({ changedAt }) => <When at={changedAt} /> },
        ]}
        items={shards}
        keyOf={({ shard }) => shard}
        empty="It has none."
      />
      <DataTable
        label={`Servers of ${feature}`}
        columns={[
          { head: 'Server', cell: ({ server }) => server },
          { head: 'Release', cell: ({ release }) => release },
          {
            head: 'Feature',
            cell: ({ supports }) =>
              supports ? (
                <StateLabel state="supported" />
              ) : (
                <StateLabel state="refused" text="not supported" />
              ),
          },
        ]}
        items={servers}
        keyOf={({ server, release }) => `${server} ${release}`}
        empty="None lives."
      />
    </div>
  );
}

const VERBS = { enable: 'Enable', disable: 'Disable' } as const;
type Verb = keyof typeof VERBS;

function Acts({ cluster, feature }: Props) {
  if (!useMay('cluster:write')) return null;
  const { state, reversible } = feature;
  return (
    <div className="hf-actions">
      {state !== 'enabled' && <Act verb="enable" cluster={cluster} feature={feature} />}
      {(state === 'underway' || (state === 'enabled' && reversible)) && (
        <Act verb="disable" cluster={cluster} feature={feature} />
      )}
    </div>
  );
}

function Act({ verb, cluster, feature: { feature, reversible } }: Props & { readonly verb: Verb }) {
  const isFinal = verb === 'enable' && !reversible;
  const path = `/api/v1/clusters/${cluster.id}/features/${feature}/${verb}`;
  const words = ['clusters', 'features', verb, cluster.name, feature];
  return (
    <ActButton
      text={VERBS[verb]}
      label={`${VERBS[verb]} ${feature}`}
      variant={isFinal ? 'danger' : 'secondary'}
      size="sm"
      question={`${VERBS[verb]} ${feature}?`}
      act={() => untilDone(path, isFinal ? { acceptNoWayBack: true } : {})}
    >
      <p>{meaningOf(verb, isFinal)}</p>
      <CliLine line={commandLine(...words, isFinal && '--accept-no-way-back')} />
    </ActButton>
  );
}

function meaningOf(verb: Verb, isFinal: boolean): string {
  if (verb === 'disable') return 'When every server has heard of it, others may begin again.';
  const both = 'Servers that do not support it are refused on every shard from then on, and shards';
  const rest = `${both} do not go back to a release without it.`;
  return isFinal ? `Nothing leads back from it: it can never be disabled. ${rest}` : rest;
}

/** As long as the command line waits for servers to hear of it. */
const PATIENCE_MS = 90_000;

/** A server goes on for some seconds with each request. */
async function untilDone(path: string, body: object): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const { state, waitsFor } = await ask<FeatureMoved>('POST', path, { body });
    if (state !== 'underway') return;
    if (performance.now() > end) {
      throw new Error(`It goes on when it is asked again; it waits for ${waitsFor.join(', ')}.`);
    }
  }
}
