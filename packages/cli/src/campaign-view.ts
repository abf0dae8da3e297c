// A campaign as people read it: how it stands, its steps, and what the next one waits for.

import type { Campaign, CampaignStep } from '@halflap/server';
import { type Colors, count, duration, type Printer, utc } from './print.js';
import { table } from './table.js';

export function campaignText(
  campaign: Campaign,
  { colors, width }: Pick<Printer, 'colors' | 'width'>,
): string {
  const { cluster, from, to, goal, state, reason, done, steps, digest } = campaign;
  const way = goal === 'back' ? `${to} → ${from}, back` : `${from} → ${to}`;
  const why = reason === null ? '' : `: ${reason}`;
  const head = [
    `campaign ${campaign.id}`,
    `${cluster.name}, ${way}; ${done} of ${steps} steps done`,
    `${stateText(state, colors)}${why}`,
    approvalText(campaign),
    `digest ${digest}`,
  ];
  const left = campaign.excluded.map(({ kind, name, reason: because, by }) => {
    return `${kind} ${name} is left out by ${by}: ${because}`;
  });
  const rows = campaign.plan.map((step) => [
    String(step.batch + 1),
    step.id,
    stepState(step, colors),
    aboutStep(step),
  ]);
  return [...head, ...left, '', table(['turn', 'step', 'state', ''], rows, width)].join('\n');
}

function approvalText({ plannedBy, approvedBy, approvedAt, startedBy }: Campaign): string {
  const approved =
    approvedBy === null ? 'not approved' : `approved by ${approvedBy} at ${timeText(approvedAt)}`;
  const started = startedBy === null ? '' : `, started by ${startedBy}`;
  return `planned by ${plannedBy}, ${approved}${started}`;
}

function timeText(instant: string | null): string {
  return instant === null ? '' : `${utc(new Date(instant)).slice(0, 16)} UTC`;
}

export function stateText(state: Campaign['state'], colors: Colors): string {
  if (state === 'finished') return colors.green(state);
  if (state === 'stopped') return colors.red(state);
  return state === 'running' ? colors.cyan(state) : colors.yellow(state);
}

function stepState({ state }: CampaignStep, colors: Colors): string {
  if (state === 'succeeded') return colors.green(state);
  if (state === 'failed') return colors.red(state);
  return state === 'running' ? colors.cyan(state) : state;
}

function aboutStep({
  state,
  wait,
  stages,
  progress,
  message,
  evidence,
  ownApproval,
}: CampaignStep) {
  if (state === 'failed') return [message ?? '', ...evidence].join('\n');
  if (state === 'running') return progress === null ? stageText(stages) : progressText(progress);
  if (wait !== null && state === 'waiting') {
    const until = wait.until === null ? '' : ` until ${timeText(wait.until)}`;
    return `${wait.why}${until}${wait.remedy === null ? '' : `: ${wait.remedy}`}`;
  }
  if (state === 'waiting' && ownApproval !== null && ownApproval.approvedBy === null) {
    return 'needs an approval of its own';
  }
  return message ?? '';
}

function stageText(stages: CampaignStep['stages']): string {
  const last = stages.at(-1);
  if (last === undefined) return '';
  const tries = last.tries > 1 ? `, asked ${last.tries} times` : '';
  const name = last.hook === null ? last.stage : `hook ${last.hook} ${last.stage} it`;
  return `${name}${tries}${last.message === null ? '' : `: ${last.message}`}`;
}

function progressText(progress: NonNullable<CampaignStep['progress']>): string {
  const { title, relation, rowsDone, rowsEstimated, rowsPerSecond, secondsLeft } = progress;
  if (progress.waitingFor !== null) return `${title}: ${progress.waitingFor}`;
  if (relation === null) return title;
  const left = secondsLeft === null ? '' : `, ${duration(secondsLeft)} left`;
  return (
    `${title}: ${count(rowsDone)} of ${count(Math.max(rowsDone, rowsEstimated))} rows, ` +
    `${rowsPerSecond < 1 ? 'less than 1' : count(rowsPerSecond)}/s${left}`
  );
}
