// What a campaign does or waits for now, and what is to be done with it, in one place above all.

import type { Campaign, CampaignStep } from '@halflap/server';
import { Alert } from '@patternfly/react-core';
import { Link } from 'wouter';
import { stageText, stepText } from './words';

/** Of steps that go on or wait the first. */
const SHOWN = 5;

export function NowPart({ campaign }: { readonly campaign: Campaign }) {
  const { state, reason, plan } = campaign;
  const failed = plan.filter(hasFailed);
  const shown = shownNow(plan);
  const { title, variant, text } = saidOf(campaign, failed.length);
  const isUnderWay = state === 'running' || state === 'paused' || state === 'stopped';
  return (
    <div aria-live="polite">
      <Alert component="p" isInline variant={variant} title={title}>
        {reason !== null && reason !== '' && <p>{reason}</p>}
        {text !== null && <p>{text}</p>}
        {isUnderWay && shown.length > 0 && (
          <ul className="hf-plain-list">
            {shown.map((step) => (
              <li key={step.id} className="hf-line">
                <Link href={`/campaigns/${campaign.id}`} onClick={() => showStep(step)}>
                  {stepText(step)}
                </Link>
                <span>{nowText(step)}</span>
              </li>
            ))}
          </ul>
        )}
      </Alert>
    </div>
  );
}

/** What has failed, then what goes on or waits: the first of them. */
export function shownNow(plan: Campaign['plan']): readonly CampaignStep[] {
  const failed = plan.filter(hasFailed);
  const current = plan.filter((step) => step.state === 'running' || step.wait !== null);
  return [...failed, ...current.filter((step) => !failed.includes(step))].slice(0, SHOWN);
}

/** Once the plan is there. */
function showStep({ id }: CampaignStep): void {
  requestAnimationFrame(() => document.getElementById(anchorOf(id))?.scrollIntoView());
}

export function anchorOf(step: string): string {
  return `step-${encodeURIComponent(step)}`;
}

/** It succeeded, and did not hold, or it failed. */
export function hasFailed({ state, healthy }: CampaignStep): boolean {
  return state === 'failed' || (state === 'succeeded' && healthy === false);
}

export function nowText(step: CampaignStep): string {
  if (hasFailed(step)) return step.message ?? 'failed';
  if (step.state !== 'running') return step.wait?.why ?? step.state;
  const stage = step.stages.find(({ state }) => state === 'running');
  const { progress } = step;
  if (progress?.waitingFor) return `waits: ${progress.waitingFor}`;
  if (progress !== null && progress !== undefined) return progress.title;
  return stage === undefined ? 'begins' : stageText(stage);
}

function waitsForApproval({ wait, ownApproval }: CampaignStep): boolean {
  return wait !== null && ownApproval !== null && ownApproval.approvedBy === null;
}

interface Said {
  readonly title: string;
  readonly variant: 'info' | 'success' | 'warning' | 'danger' | 'custom';
  readonly text: string | null;
}

function saidOf({ state, approvedBy, plan }: Campaign, failed: number): Said {
  switch (state) {
    case 'planned': {
      const own = plan.filter(({ ownApproval }) => ownApproval !== null).length;
      const points = own === 1 ? '1 step' : `${own} steps`;
      const after =
        own === 0 ? null : `Nothing leads back from ${points}: each is approved by itself.`;
      return approvedBy === null
        ? { title: 'Read the plan, then approve it', variant: 'info', text: after }
        : { title: `Approved by ${approvedBy}: it can be started`, variant: 'info', text: after };
    }
    case 'running':
      if (plan.some((step) => step.state === 'running')) {
        return { title: 'It goes on', variant: 'info', text: null };
      }
      return plan.some(waitsForApproval)
        ? { title: 'It waits for an approval', variant: 'warning', text: null }
        : { title: 'It waits', variant: 'info', text: null };
    case 'paused':
      return {
        ...{ title: 'It is paused', variant: 'custom' },
        text: 'Nothing further begins. The cluster works on as it stands, for as long as you like.',
      };
    case 'stopped':
      return {
        ...{ title: 'It has stopped', variant: 'danger' },
        text:
          failed > 0
            ? 'Choose what becomes of the step that failed: retry it, skip it, exclude, or go back.'
            : 'Look at the reason; then resume, or go back.',
      };
    case 'finished':
      return { title: 'It has finished', variant: 'success', text: null };
    case 'cancelled':
      return { title: 'It was ended where it was', variant: 'warning', text: null };
    default:
      return state satisfies never;
  }
}
