// The steps of a campaign in their order. What goes on, waits or has failed is open; the rest opens
// when somebody asks. A long plan comes in stretches, of which those are open that tell of now.

import type { Campaign, CampaignStep } from '@halflap/server';
import { Button, Label } from '@patternfly/react-core';
import { FlagIcon } from '@patternfly/react-icons';
import { useState } from 'react';
import { StateLabel } from '../../components/state-label';
import { When } from '../../components/when';
import { anchorOf, hasFailed, nowText, shownNow } from './now';
import { StepDetail } from './step-detail';
import { countsText, type Stretch, stretchesOf, stretchText } from './stretches';
import { stepText } from './words';

export function Timeline({ campaign }: { readonly campaign: Campaign }) {
  const stretches = stretchesOf(campaign.plan);
  const [only] = stretches;
  if (only !== undefined && stretches.length === 1) {
    return <Steps campaign={campaign} stretch={only} label="Steps of the plan" />;
  }
  const now = shownNow(campaign.plan);
  return (
    <ol className="hf-plain-list" aria-label="Stretches of the plan">
      {stretches.map((stretch) => (
        <li key={stretch.start}>
          <StretchPart
            campaign={campaign}
            stretch={stretch}
            isCurrent={stretch.steps.some((step) => now.includes(step))}
          />
        </li>
      ))}
    </ol>
  );
}

interface StretchProps {
  readonly campaign: Campaign;
  readonly stretch: Stretch;
}

function StretchPart({ isCurrent, ...props }: StretchProps & { readonly isCurrent: boolean }) {
  const [chosen, setChosen] = useState<boolean | null>(null);
  const { stretch } = props;
  const isShown = chosen ?? isCurrent;
  const text = stretchText(stretch);
  const id = `steps-${stretch.start}`;
  return (
    <>
      <div className="hf-line">
        <Button
          variant="link"
          isInline
          aria-expanded={isShown}
          aria-controls={id}
          onClick={() => setChosen(!isShown)}
        >
          {text}
        </Button>
        <span className="hf-quiet">{countsText(stretch)}</span>
        {stretch.steps.some(hasFailed) && <StateLabel state="failed" />}
      </div>
      <div id={id}>{isShown && <Steps {...props} label={text} />}</div>
    </>
  );
}

function Steps({ campaign, stretch, label }: StretchProps & { readonly label: string }) {
  const { plan } = campaign;
  return (
    <ol className="hf-timeline" aria-label={label} start={stretch.start + 1}>
      {stretch.steps.map((step, index) => (
        <Step
          key={step.id}
          campaign={campaign}
          step={step}
          isWithBefore={plan[stretch.start + index - 1]?.batch === step.batch}
        />
      ))}
    </ol>
  );
}

interface Props {
  readonly campaign: Campaign;
  readonly step: CampaignStep;
  /** It may go on together with the one before. */
  readonly isWithBefore: boolean;
}

function Step({ campaign, step, isWithBefore }: Props) {
  const [chosen, setChosen] = useState<boolean | null>(null);
  const isIll = hasFailed(step);
  const isCurrent = step.state === 'running' || step.wait !== null || isIll;
  const isShown = chosen ?? isCurrent;
  const mark = isIll ? 'failed' : step.state;
  const detailId = `${anchorOf(step.id)}-detail`;
  return (
    <li
      id={anchorOf(step.id)}
      className={`hf-step hf-step-${mark}`}
      {...(isCurrent ? { 'aria-current': 'step' as const } : {})}
    >
      <div className="hf-line">
        <Button
          variant="link"
          isInline
          aria-expanded={isShown}
          aria-controls={detailId}
          onClick={() => setChosen(!isShown)}
        >
          {stepText(step)}
        </Button>
        <StateLabel state={mark} />
        {step.ownApproval !== null && <NoReturn step={step} />}
        {isWithBefore && <span className="hf-quiet">with the one before</span>}
        {step.attempt > 1 && <span className="hf-quiet">{`attempt ${step.attempt}`}</span>}
        {!isShown && step.state !== 'waiting' && step.endedAt === null && (
          <span>{nowText(step)}</span>
        )}
        {step.endedAt !== null && (
          <span className="hf-quiet">
            <When at={step.endedAt} />
          </span>
        )}
      </div>
      <div id={detailId}>{isShown && <StepDetail campaign={campaign} step={step} />}</div>
    </li>
  );
}

function NoReturn({ step: { ownApproval } }: { readonly step: CampaignStep }) {
  const by = ownApproval?.approvedBy ?? null;
  return (
    <Label isCompact variant="outline" status="warning" icon={<FlagIcon />}>
      {by === null ? 'point of no return' : `point of no return, approved by ${by}`}
    </Label>
  );
}
