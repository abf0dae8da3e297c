// Campaigns and their steps in words.

import type { CampaignStep, CampaignSummary } from '@halflap/server';

export const CAMPAIGN_STATES = [
  'planned',
  'running',
  'paused',
  'stopped',
  'finished',
  'cancelled',
] as const satisfies readonly CampaignSummary['state'][];

/** What each goal is for those who choose. */
export const GOALS = {
  upgraded: 'all of it: servers and shards at the newer release, the old layout gone',
  expanded: 'as far as everything can go back',
} as const;

/** `upgrade 1.0 → 2.0`. */
export function campaignText({
  goal,
  from,
  to,
}: Pick<CampaignSummary, 'goal' | 'from' | 'to'>): string {
  switch (goal) {
    case 'upgraded':
      return `Upgrade ${from} → ${to}`;
    case 'expanded':
      return `Expand ${from} → ${to}`;
    case 'back':
      return `Back ${to} → ${from}`;
    default:
      return goal satisfies never;
  }
}

export function isOver({ endedAt }: Pick<CampaignSummary, 'endedAt'>): boolean {
  return endedAt !== null;
}

/** A campaign's id as short as the command line takes it, and still one of many. */
export function shortId(id: string): string {
  return id.slice(0, 8);
}

const DOES: Readonly<Record<CampaignStep['action'], (name: string) => string>> = {
  upgrade: (name) => `Upgrade server ${name}`,
  downgrade: (name) => `Take server ${name} back`,
  prepare: (name) => `Prepare shard ${name}`,
  expand: (name) => `Expand shard ${name}`,
  verify: (name) => `Verify shard ${name}`,
  contract: (name) => `Contract shard ${name}`,
  abort: (name) => `Take shard ${name} back`,
};

/** `Upgrade server app1`. */
export function stepText({ action, name }: Pick<CampaignStep, 'action' | 'name'>): string {
  return DOES[action](name);
}

export const SERVER_ACTIONS = ['upgrade', 'downgrade'] as const;
export const SHARD_ACTIONS = ['prepare', 'expand', 'verify', 'contract', 'abort'] as const;

/** `server/app1/upgrade` in words; a name may hold slashes. */
export function stepIdText(id: string): string {
  const [, name = id, action = ''] = /^(?:server|shard)\/(.+)\/([a-z]+)$/.exec(id) ?? [];
  return action in DOES ? stepText({ action: action as CampaignStep['action'], name }) : id;
}

/** `upgrade`, or `hook balancer before it`. */
export function stageText({
  stage,
  hook,
}: Pick<CampaignStep['stages'][number], 'stage' | 'hook'>): string {
  return hook === null ? stage : `hook ${hook} ${stage} it`;
}
