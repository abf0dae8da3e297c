// What can be done with a campaign as a whole, each asked before with what it means.

import type { Campaign, CampaignReport, Made } from '@halflap/server';
import { useLocation } from 'wouter';
import { ask } from '../../api/client';
import { ActButton } from '../../components/act-button';
import { saveFile } from '../../state/save-file';
import { useMay } from '../../state/session';
import { hasFailed } from './now';
import { ReasonModal } from './reason-modal';
import { campaignText, isOver, shortId, stepText } from './words';

interface Props {
  readonly campaign: Campaign;
}

export function CampaignActions({ campaign }: Props) {
  const mayWrite = useMay('cluster:write');
  const mayApprove = useMay('campaigns:approve');
  const { state, approvedBy, plan } = campaign;
  const isEnded = isOver(campaign) || state === 'cancelled';
  const canResume = state === 'paused' || (state === 'stopped' && !plan.some(hasFailed));
  return (
    <>
      {mayApprove && state === 'planned' && approvedBy === null && <Approve campaign={campaign} />}
      {mayWrite && state === 'planned' && approvedBy !== null && <Start campaign={campaign} />}
      {mayWrite && canResume && <Resume campaign={campaign} />}
      {mayWrite && (state === 'running' || state === 'stopped') && <Pause campaign={campaign} />}
      {mayWrite && state !== 'planned' && campaign.goal !== 'back' && <Back campaign={campaign} />}
      {mayWrite && !isEnded && <Cancel campaign={campaign} />}
      <Export campaign={campaign} />
    </>
  );
}

function actOn({ id }: Campaign, word: string, body: object = {}): Promise<Made> {
  return ask<Made>('POST', `/api/v1/campaigns/${id}/${word}`, { body });
}

function said(reason: string): object {
  return reason === '' ? {} : { reason };
}

function Approve({ campaign }: Props) {
  const { id, digest, plan } = campaign;
  const own = plan.filter(({ ownApproval }) => ownApproval !== null);
  return (
    <ReasonModal
      text="Approve the plan"
      title={`Approve ${campaignText(campaign)}?`}
      submit="Approve"
      words={['approve', shortId(id), '--digest', digest]}
      reason="none"
      act={() => actOn(campaign, 'approve', { digest })}
    >
      <p>
        {`Of its ${plan.length} steps, its policy, the servers and shards that were found, and `}
        the bundle. When one of them is another by the time it is started, the start is refused.
      </p>
      {own.length > 0 && (
        <p>{`Not of ${own.map(stepText).join(', ')}: nothing leads back from there.`}</p>
      )}
    </ReasonModal>
  );
}

function Start({ campaign }: Props) {
  return (
    <ReasonModal
      text="Start"
      title={`Start ${campaignText(campaign)}?`}
      submit="Start it"
      words={['start', shortId(campaign.id)]}
      reason="none"
      act={() => actOn(campaign, 'start')}
    >
      <p>
        Steps begin, one after the other, by the plan and within its policy. It can be paused at any
        time, and taken back before the first contract.
      </p>
    </ReasonModal>
  );
}

function Pause({ campaign }: Props) {
  return (
    <ReasonModal
      text="Pause"
      variant="secondary"
      title="Pause the campaign?"
      submit="Pause it"
      words={['pause', shortId(campaign.id)]}
      reason="asked"
      act={(reason) => actOn(campaign, 'pause', said(reason))}
    >
      <p>
        Nothing further begins. What runs on a server goes to its end; the verb of a shard is
        interrupted and continued later. The cluster works on as it stands, for weeks if need be.
      </p>
    </ReasonModal>
  );
}

function Resume({ campaign }: Props) {
  return (
    <ReasonModal
      text="Resume"
      title="Resume the campaign?"
      submit="Resume it"
      words={['resume', shortId(campaign.id)]}
      reason="asked"
      act={(reason) => actOn(campaign, 'resume', said(reason))}
    >
      <p>It looks at the cluster as it is now, and goes on with what is next.</p>
    </ReasonModal>
  );
}

function Export({ campaign: { id, cluster, from, to } }: Props) {
  return (
    <ActButton
      text="Export report"
      variant="secondary"
      act={async () => {
        const { html } = await ask<CampaignReport>('GET', `/api/v1/campaigns/${id}/report`);
        saveFile(`${cluster.name}-${from}-${to}-${shortId(id)}.html`, html, 'text/html');
      }}
    />
  );
}

function Back({ campaign }: Props) {
  const [, navigate] = useLocation();
  return (
    <ReasonModal
      text="Go back"
      variant="secondary"
      title={`Go back to ${campaign.from}?`}
      submit="Plan the way back"
      words={['back', shortId(campaign.id)]}
      reason="asked"
      act={async (reason) => {
        const { id } = await actOn(campaign, 'back', said(reason));
        navigate(`/campaigns/${id}`);
      }}
    >
      <p>
        {`Ends this campaign, and plans the way back: servers to ${campaign.from} first, then `}
        each shard. That plan is approved and started like any other. Nothing is lost before
        contract; after it this is refused, with the shards that are past it.
      </p>
    </ReasonModal>
  );
}

function Cancel({ campaign }: Props) {
  return (
    <ReasonModal
      text="End it here"
      variant="danger"
      title="End the campaign where it is?"
      submit="End it"
      words={['cancel', shortId(campaign.id)]}
      reason="asked"
      act={(reason) => actOn(campaign, 'cancel', said(reason))}
    >
      <p>
        The cluster stays as it is, mixed where it is mixed. What runs on a server goes to its end.
        Another campaign may go on from there, or back.
      </p>
    </ReasonModal>
  );
}
