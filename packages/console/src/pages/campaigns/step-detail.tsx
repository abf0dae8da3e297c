// One step of a campaign: why it waits and what unblocks it, how far it is, its stages with their
// jobs, what failed, and what can be done.

import type { Campaign, CampaignStep } from '@halflap/server';
import { Link } from 'wouter';
import { StateLabel } from '../../components/state-label';
import { When } from '../../components/when';
import { aboutSeconds, absolute, numberText } from '../../state/words';
import { Refusals } from '../clusters/what-if';
import { StepActs } from './step-acts';
import { FilledBar } from './step-bar';
import { VerbSteps } from './verb-steps';
import { stageText } from './words';

interface Props {
  readonly campaign: Campaign;
  readonly step: CampaignStep;
}

export function StepDetail({ campaign, step }: Props) {
  const { wait, progress, stages, message, evidence, ownApproval, healthy, state } = step;
  return (
    <div className="hf-step-detail">
      {ownApproval !== null && <p>{ownApproval.why}</p>}
      {wait !== null && <Wait wait={wait} />}
      {progress !== null && state === 'running' && <Progress progress={progress} />}
      {stages.length > 0 && <Stages stages={stages} />}
      {message !== null && <p>{message}</p>}
      {state === 'succeeded' && healthy === false && <p>Its server is not healthy any more.</p>}
      {evidence.length > 0 && <pre className="hf-output">{evidence.join('\n')}</pre>}
      {step.kind === 'shard' && <VerbSteps bundle={campaign.bundle} step={step} />}
      <StepActs campaign={campaign} step={step} />
    </div>
  );
}

function Wait({ wait: { why, remedy, until, refusals } }: Pick<FullStep, 'wait'>) {
  return (
    <div>
      <p>
        {`It waits: ${why}`}
        {until !== null && `, until ${absolute(until)}`}
        {remedy !== null && <span className="hf-quiet"> → {remedy}</span>}
      </p>
      <Refusals refusals={refusals} />
    </div>
  );
}

/** What is not there is not shown. */
type FullStep = { readonly [Key in keyof CampaignStep]: NonNullable<CampaignStep[Key]> };

function Progress({ progress }: Pick<FullStep, 'progress'>) {
  const { title, relation, rowsDone, rowsEstimated, rowsPerSecond } = progress;
  const { secondsLeft, waitingFor } = progress;
  const rows = `${numberText(rowsDone)} of about ${numberText(rowsEstimated)} rows`;
  const left = secondsLeft === null ? null : aboutSeconds(secondsLeft);
  return (
    <div className="hf-stack-tight">
      <p>
        {title}
        {relation !== null && <span className="hf-quiet"> {relation}</span>}
      </p>
      {rowsEstimated > 0 && (
        <>
          <FilledBar text={rows} part={rowsDone / rowsEstimated} fill="work" />
          <p className="hf-quiet">
            {`${rows}, ${rateText(rowsPerSecond)} a second`}
            {left !== null && `, ${left} left`}
          </p>
        </>
      )}
      {waitingFor !== null && <p>{`It holds back: ${waitingFor}`}</p>}
    </div>
  );
}

function rateText(rowsPerSecond: number): string {
  return rowsPerSecond < 1 ? 'less than 1' : numberText(Math.round(rowsPerSecond));
}

function Stages({ stages }: Pick<CampaignStep, 'stages'>) {
  return (
    <ol className="hf-stages" aria-label="Stages">
      {stages.map(({ stage, hook, state, job, tries, message, startedAt, endedAt, againAt }) => (
        <li key={`${stage} ${hook}`} className="hf-line">
          <StateLabel state={state} text={`${stageText({ stage, hook })} ${state}`} />
          {tries > 1 && <span className="hf-quiet">{`tried ${tries} times`}</span>}
          {message !== null && <span>{message}</span>}
          {againAt !== null && (
            <span className="hf-quiet">
              again <When at={againAt} />
            </span>
          )}
          <span className="hf-quiet">
            <When at={endedAt ?? startedAt} />
          </span>
          {job !== null && (
            <Link href={`/jobs/${job}`} aria-label={`Job of ${stageText({ stage, hook })}`}>
              Job
            </Link>
          )}
        </li>
      ))}
    </ol>
  );
}
