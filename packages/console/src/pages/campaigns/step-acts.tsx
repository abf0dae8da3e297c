// What can be done with one step: approve it, try it again, leave it out, leave its server or shard
// out.

import type { Campaign, CampaignStep, WhatIf } from '@halflap/server';
import { Link } from 'wouter';
import { ask } from '../../api/client';
import { useRead } from '../../api/queries';
import { useMay } from '../../state/session';
import { hasFailed } from './now';
import { ReasonModal } from './reason-modal';
import { isOver, shortId, stepText } from './words';

interface Props {
  readonly campaign: Campaign;
  readonly step: CampaignStep;
}

export function StepActs({ campaign, step }: Props) {
  const mayWrite = useMay('cluster:write');
  const mayApprove = useMay('campaigns:approve');
  const isEnded = isOver(campaign) || campaign.state === 'cancelled';
  const search = new URLSearchParams({ step: step.id });
  const { ownApproval, state } = step;
  const isOpen = state === 'waiting' || hasFailed(step);
  const needsApproval = ownApproval !== null && ownApproval.approvedBy === null;
  return (
    <div className="hf-row-actions">
      {!isEnded && mayApprove && needsApproval && state === 'waiting' && (
        <ApproveStep campaign={campaign} step={step} />
      )}
      {!isEnded && mayWrite && hasFailed(step) && <Retry campaign={campaign} step={step} />}
      {!isEnded && mayWrite && isOpen && (
        <>
          <Skip campaign={campaign} step={step} />
          <Exclude campaign={campaign} step={step} />
        </>
      )}
      <Link
        href={`/campaigns/${campaign.id}/what-if?${search}`}
        aria-label={`What if: ${stepText(step)}`}
      >
        What if
      </Link>
    </div>
  );
}

function actOn({ campaign, step }: Props, word: string, body: object = {}) {
  const path = `/api/v1/campaigns/${campaign.id}/${word}`;
  return ask('POST', path, { body: { step: step.id, ...body } });
}

function ApproveStep({ campaign, step }: Props) {
  const text = stepText(step);
  return (
    <ReasonModal
      text="Approve"
      label={`Approve: ${text}`}
      size="sm"
      title={`${text}: nothing leads back`}
      submit="Approve this step"
      words={['approve', shortId(campaign.id), '--step', step.id]}
      reason="none"
      act={() => actOn({ campaign, step }, 'approve')}
    >
      <NoReturn cluster={campaign.cluster.id} step={step} />
    </ReasonModal>
  );
}

/** What is lost with it, and what going back would cost: as the cluster is now. */
function NoReturn({ cluster, step }: { readonly cluster: string; readonly step: CampaignStep }) {
  const { data } = useRead<WhatIf>(`/api/v1/clusters/${cluster}/what-if`, { step: step.id });
  return <p>{data?.pointOfNoReturn ?? step.ownApproval?.why}</p>;
}

function Retry({ campaign, step }: Props) {
  const text = stepText(step);
  return (
    <ReasonModal
      text="Retry"
      label={`Retry: ${text}`}
      size="sm"
      title={`${text}, again?`}
      submit="Retry it"
      words={['retry', shortId(campaign.id), step.id]}
      reason="none"
      act={() => actOn({ campaign, step }, 'retry')}
    >
      <p>It is carried out again from its beginning; the campaign goes on by itself.</p>
    </ReasonModal>
  );
}

function Skip({ campaign, step }: Props) {
  const text = stepText(step);
  return (
    <ReasonModal
      text="Skip"
      label={`Skip: ${text}`}
      size="sm"
      variant="secondary"
      title={`Skip: ${text}?`}
      submit="Skip it"
      words={['skip', shortId(campaign.id), step.id]}
      reason="required"
      act={(reason) => actOn({ campaign, step }, 'skip', { reason })}
    >
      <p>It is left out. What rests on it stays refused: no reason makes a contract safe.</p>
    </ReasonModal>
  );
}

function Exclude({ campaign, step: { kind, name } }: Props) {
  const path = `/api/v1/campaigns/${campaign.id}/exclude`;
  return (
    <ReasonModal
      text={`Exclude ${name}`}
      size="sm"
      variant="secondary"
      title={`Exclude ${kind} ${name}?`}
      submit={`Exclude ${name}`}
      words={['exclude', shortId(campaign.id), `${kind}/${name}`]}
      reason="required"
      act={(reason) => ask('POST', path, { body: { kind, name, reason } })}
    >
      <p>
        Nothing is done to it any more in this campaign. What it runs counts, so that nothing is
        done that it could not bear.
      </p>
    </ReasonModal>
  );
}
