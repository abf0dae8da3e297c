// One cluster: how its servers work with its shards, and its parts, each with an address of its
// own.

import type { Cluster } from '@halflap/server';
import { Button } from '@patternfly/react-core';
import { useLocation } from 'wouter';
import { ask } from '../../api/client';
import { useRead } from '../../api/queries';
import { ActButton } from '../../components/act-button';
import { CliLine } from '../../components/cli-line';
import { PageBody, PageHead } from '../../components/page-head';
import { ProblemAlert } from '../../components/problem-alert';
import { StateLabel } from '../../components/state-label';
import { TabBar } from '../../components/tab-bar';
import { useMay } from '../../state/session';
import { commandLine } from '../../state/words';
import { CampaignList } from '../campaigns/campaign-list';
import { BehavioursPart } from './behaviours';
import { CampaignLine } from './campaign-line';
import { declarationText } from './declaration';
import { DeclareForm } from './declare-form';
import { FeaturesPart } from './features';
import { LiveMatrix } from './live-matrix';
import { ServersPart, ShardsPart } from './members';
import { MessagesPart } from './messages';
import { WhatIfPart } from './what-if';

const PARTS = {
  matrix: { text: 'Matrix', words: ['clusters', 'matrix'] },
  servers: { text: 'Servers', words: ['clusters', 'matrix'] },
  shards: { text: 'Shards', words: ['clusters', 'matrix'] },
  'what-if': { text: 'What if', words: ['clusters', 'matrix'] },
  features: { text: 'Features', words: ['clusters', 'features', 'list'] },
  messages: { text: 'Messages', words: ['clusters', 'messages', 'list'] },
  behaviours: { text: 'Behaviours', words: ['clusters', 'behaviours', 'list'] },
  campaigns: { text: 'Campaigns', words: ['campaign', 'list', '--cluster'] },
  declaration: { text: 'Declaration', words: ['clusters', 'show'] },
} as const;
type Part = keyof typeof PARTS;

interface Props {
  readonly id: string;
  readonly part?: string | undefined;
}

export function ClusterPage({ id, part: asked = 'matrix' }: Props) {
  const { data: cluster, error } = useRead<Cluster>(`/api/v1/clusters/${id}`);
  const part: Part = asked in PARTS ? (asked as Part) : 'matrix';
  const name = cluster?.name ?? id;
  const base = `/clusters/${id}`;
  const pathOf = (one: Part) => (one === 'matrix' ? base : `${base}/${one}`);
  const tabs = (Object.keys(PARTS) as Part[]).map((one) => ({
    ...{ path: pathOf(one), text: PARTS[one].text },
  }));
  return (
    <>
      <PageHead
        title={name}
        up={{ path: '/clusters', text: 'Clusters' }}
        cli={commandLine(...PARTS[part].words, name)}
        beside={
          cluster !== undefined &&
          cluster.campaign !== null && <StateLabel state={cluster.campaign.state} />
        }
        actions={cluster !== undefined && <ClusterActions cluster={cluster} />}
      />
      <PageBody isBusy={cluster === undefined && error === null}>
        <ProblemAlert error={error} />
        {cluster !== undefined && (
          <>
            <CampaignLine app={cluster.app} campaign={cluster.campaign} />
            <TabBar label="Parts of the cluster" tabs={tabs} current={pathOf(part)} />
            <ClusterPart part={part} cluster={cluster} />
          </>
        )}
      </PageBody>
    </>
  );
}

function ClusterPart({ part, cluster }: { readonly part: Part; readonly cluster: Cluster }) {
  switch (part) {
    case 'matrix':
      return <LiveMatrix cluster={cluster} />;
    case 'servers':
      return <ServersPart cluster={cluster} />;
    case 'shards':
      return <ShardsPart cluster={cluster} />;
    case 'what-if':
      return <WhatIfPart cluster={cluster} />;
    case 'features':
      return <FeaturesPart cluster={cluster} />;
    case 'messages':
      return <MessagesPart cluster={cluster} />;
    case 'behaviours':
      return <BehavioursPart cluster={cluster} />;
    case 'campaigns':
      return <CampaignList query={{ cluster: cluster.id }} />;
    case 'declaration':
      return <DeclarationPart cluster={cluster} />;
    default:
      return part satisfies never;
  }
}

function DeclarationPart({ cluster: { id, name, revision, declaration } }: { cluster: Cluster }) {
  const text = declarationText(declaration);
  if (!useMay('cluster:write')) return <pre className="hf-output">{text}</pre>;
  return (
    <>
      <p className="hf-quiet">
        {`Revision ${revision}. A shard without an address keeps the one that it has. `}
        Campaigns that are planned have to be planned again.
      </p>
      <DeclareForm
        key={revision}
        start={text}
        submit="Declare it anew"
        act={(body) => ask('PUT', `/api/v1/clusters/${id}`, { body })}
      />
      <CliLine line={commandLine('clusters', 'change', name, `${name}.yaml`)} />
    </>
  );
}

function ClusterActions({ cluster: { id, name } }: { readonly cluster: Cluster }) {
  const [, navigate] = useLocation();
  if (!useMay('cluster:write')) return null;
  return (
    <>
      <Button onClick={() => navigate(`/campaigns/new?cluster=${id}`)}>Plan a campaign</Button>
      <ActButton
        text="Remove"
        variant="danger"
        question={`Remove ${name}?`}
        act={async () => {
          await ask('DELETE', `/api/v1/clusters/${id}`);
          navigate('/clusters');
        }}
      >
        <p>Its campaigns and their history are forgotten; its servers and shards stay.</p>
        <CliLine line={commandLine('clusters', 'remove', name)} />
      </ActButton>
    </>
  );
}
