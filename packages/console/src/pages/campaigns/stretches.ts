// A plan of hundreds of steps as stretches of like steps, so that it is read, and drawn, piece by
// piece. Order stays: a stretch is a part of the plan.

import type { CampaignStep } from '@halflap/server';

/** A plan that is not longer is shown step by step. */
const SHORT = 40;
/** The most steps of a stretch. */
const LONGEST = 50;
/** A shorter stretch goes on when other steps come: an order of one's own may mix them. */
const SHORTEST = 10;

export interface Stretch {
  /** Of its first step, counted from 0. */
  readonly start: number;
  readonly steps: readonly CampaignStep[];
}

/** @returns one stretch for a short plan */
export function stretchesOf(plan: readonly CampaignStep[]): readonly Stretch[] {
  if (plan.length <= SHORT) return [{ start: 0, steps: plan }];
  const stretches: { start: number; steps: CampaignStep[] }[] = [];
  for (const [index, step] of plan.entries()) {
    const last = stretches.at(-1);
    const before = last?.steps.at(-1);
    const isOther = before !== undefined && workOf(before) !== workOf(step);
    const isFull = last !== undefined && last.steps.length >= (isOther ? SHORTEST : LONGEST);
    if (last === undefined || isFull) stretches.push({ start: index, steps: [step] });
    else last.steps.push(step);
  }
  return stretches;
}

const WORKS: Readonly<Record<CampaignStep['action'], string>> = {
  upgrade: 'upgrade servers',
  downgrade: 'take servers back',
  prepare: 'prepare shards',
  // One after the other, shard by shard.
  expand: 'expand and verify shards',
  verify: 'expand and verify shards',
  contract: 'contract shards',
  abort: 'take shards back',
};

function workOf({ action }: CampaignStep): string {
  return WORKS[action];
}

/** `Steps 51–100: upgrade servers`. */
export function stretchText({ start, steps }: Stretch): string {
  const works = [...new Set(steps.map(workOf))].join(', ');
  return `Steps ${start + 1}–${start + steps.length}: ${works}`;
}

/** `12 succeeded, 38 waiting`. */
export function countsText({ steps }: Stretch): string {
  const states = [...new Set(steps.map(({ state }) => state))];
  const counts = states.map((state) => {
    return `${steps.filter((step) => step.state === state).length} ${state}`;
  });
  return counts.join(', ');
}
