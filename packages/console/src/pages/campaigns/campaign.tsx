// One campaign: what it does now, its plan, what can be done with it; its parts each with an
// address of its own.

import type { Campaign, CampaignEvent } from '@halflap/server';
import { Link } from 'wouter';
import { PageBody, PageHead } from '../../components/page-head';
import { ProblemAlert } from '../../components/problem-alert';
import { StateLabel } from '../../components/state-label';
import { TabBar } from '../../components/tab-bar';
import { commandLine } from '../../state/words';
import { WhatIfPart } from '../clusters/what-if';
import { CampaignActions } from './campaign-acts';
import { HistoryPart } from './history';
import { NowPart } from './now';
import { PolicyPart } from './policy-part';
import { SignalsPart } from './signals/signals-part';
import { StepBar } from './step-bar';
import { Timeline } from './timeline';
import { useCampaign } from './use-campaign';
import { campaignText, isOver, shortId } from './words';

const PARTS = {
  plan: 'Plan',
  history: 'Matrix and history',
  'what-if': 'What if',
  policy: 'Policy',
} as const;
type Part = keyof typeof PARTS;

interface Props {
  readonly id: string;
  readonly part?: string | undefined;
}

export function CampaignPage({ id, part: asked = 'plan' }: Props) {
  const { campaign, error, events } = useCampaign(id);
  const part: Part = asked in PARTS ? (asked as Part) : 'plan';
  const pathOf = (one: Part) => (one === 'plan' ? `/campaigns/${id}` : `/campaigns/${id}/${one}`);
  const tabs = (Object.keys(PARTS) as Part[]).map((one) => ({
    ...{ path: pathOf(one), text: PARTS[one] },
  }));
  const follows = campaign !== undefined && !isOver(campaign) && campaign.state !== 'planned';
  const cli =
    part === 'history'
      ? commandLine('campaign', 'history', shortId(id))
      : commandLine('campaign', 'status', shortId(id), follows && '--follow');
  return (
    <>
      <PageHead
        title={campaign === undefined ? 'Campaign' : titleOf(campaign)}
        up={{ path: '/campaigns', text: 'Campaigns' }}
        cli={cli}
        beside={campaign !== undefined && <StateLabel state={campaign.state} />}
        actions={campaign !== undefined && <CampaignActions campaign={campaign} />}
      />
      <PageBody isBusy={campaign === undefined && error === null}>
        <ProblemAlert error={error} />
        {campaign !== undefined && (
          <>
            <Below campaign={campaign} />
            <NowPart campaign={campaign} />
            <TabBar label="Parts of the campaign" tabs={tabs} current={pathOf(part)} />
            <CampaignPart part={part} campaign={campaign} events={events} />
          </>
        )}
      </PageBody>
    </>
  );
}

function titleOf(campaign: Campaign): string {
  return `${campaignText(campaign)} of ${campaign.cluster.name}`;
}

/** What belongs to the title. */
function Below({ campaign: { cluster, done, steps, backOf } }: { readonly campaign: Campaign }) {
  return (
    <div className="hf-line">
      <Link href={`/clusters/${cluster.id}`}>{`Cluster ${cluster.name}`}</Link>
      {backOf !== null && <Link href={`/campaigns/${backOf}`}>takes that campaign back</Link>}
      <StepBar done={done} steps={steps} />
    </div>
  );
}

interface PartProps {
  readonly part: Part;
  readonly campaign: Campaign;
  readonly events: readonly CampaignEvent[];
}

function CampaignPart({ part, campaign, events }: PartProps) {
  switch (part) {
    case 'plan':
      return (
        <div className="hf-beside">
          <SignalsPart campaign={campaign} />
          <Timeline campaign={campaign} />
        </div>
      );
    case 'history':
      return <HistoryPart campaign={campaign} events={events} />;
    case 'what-if':
      return <WhatIfPart cluster={{ ...campaign.cluster, campaign: null }} />;
    case 'policy':
      return <PolicyPart campaign={campaign} />;
    default:
      return part satisfies never;
  }
}
