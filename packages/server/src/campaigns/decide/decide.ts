// What a campaign does next: from its plan, what is kept of its steps, and the cluster as it is
// seen now. Pure: no clock, no I/O. Asked again after each change, by whichever server has the
// campaign; what an operator does by hand is found, not fought.
//
//   waiting ──begin──► running ──► succeeded        a step that is seen to be done has succeeded,
//      ▲                  │                         whoever did it; one that is seen to be undone
//      │                  └──► failed               again waits again
//      └── retry ── failed ── skip, with a reason ──► skipped

import type { PlannedStep } from './plan.js';
import type { Policy } from './policy.js';
import { type Refusal, refusalsOf } from './safety.js';
import { type SignalSeen, stopBySignal } from './signal-limits.js';
import { isDone, type Step, serverOf, shardOf } from './steps.js';
import { isOpen, opensAt } from './windows.js';
import { isAt, type ServerSeen, type World } from './world.js';

export const STEP_STATES = ['waiting', 'running', 'succeeded', 'failed', 'skipped'] as const;
export type StepState = (typeof STEP_STATES)[number];

export const CAMPAIGN_STATES = [
  'planned',
  'running',
  'paused',
  'stopped',
  'finished',
  'cancelled',
] as const;
/** `paused` by an operator, `stopped` by what went wrong; either goes on by an operator's act. */
export type CampaignState = (typeof CAMPAIGN_STATES)[number];

export interface StepRecord extends PlannedStep {
  readonly state: StepState;
  /** When it was begun last. */
  readonly startedAt: Date | null;
  /** When it succeeded, or was skipped. */
  readonly endedAt: Date | null;
  /** Who approved it, where it needs that. */
  readonly approvedBy: string | null;
  /** An operator wants it carried out, though it may look as if it was. */
  readonly isRetried: boolean;
  /** It may look done, and is not, until it has been carried out. */
  readonly isOwed: boolean;
}

export interface Known {
  readonly state: CampaignState;
  readonly policy: Policy;
  readonly steps: readonly StepRecord[];
  readonly world: World;
  /** The hook of what was done before that has not ended. */
  readonly call: OpenCall | null;
  readonly signals: readonly SignalSeen[];
  /** When it was started, or resumed last. */
  readonly wentOnAt: Date | null;
  readonly now: Date;
}

export interface OpenCall {
  /** In words. */
  readonly text: string;
  /** When its time is over. */
  readonly until: Date | null;
}

/** Why a step does not begin, and what or who changes that. */
export interface Wait {
  readonly id: string;
  readonly why: string;
  readonly remedy: string | null;
  /** When it changes by itself; null: when somebody acts, or something is seen. */
  readonly until: Date | null;
  readonly refusals: readonly Refusal[];
}

export interface Decision {
  /** Steps that are done without the campaign, or by it and not noted yet. */
  readonly found: readonly string[];
  /** Steps that were done and are not any more. */
  readonly undone: readonly string[];
  /** To be begun now. */
  readonly begin: readonly string[];
  /** Of the steps whose turn it is. */
  readonly waits: readonly Wait[];
  /** Why the campaign stops; null: it does not. */
  readonly stop: string | null;
  readonly isOver: boolean;
}

export function decide(known: Known): Decision {
  const { steps, world, state } = known;
  const found = steps.filter((one) => isFound(one, world)).map(({ id }) => id);
  const undone = steps
    .filter((one) => one.state === 'succeeded' && isUndone(one, steps, world))
    .map(({ id }) => id);
  const isEveryEnded = steps.every((one) => isEnded(one));
  const isOver = isEveryEnded && undone.length === 0 && known.call === null;
  const nothing = { found, undone, begin: [], waits: [], stop: null, isOver };
  // What is found is noted first, and then all is decided anew.
  if (state !== 'running' || isOver || found.length > 0 || undone.length > 0) return nothing;
  const stop = stopOf(known);
  if (stop !== null) return { ...nothing, stop };
  return { ...nothing, ...turnOf(known) };
}

export function isEnded({ state }: StepRecord): boolean {
  return state === 'succeeded' || state === 'skipped';
}

/**
 * Somebody did it. A server whose step failed may be drained still, or not have come up, although
 * it has the release: that is tried again or left out, by people.
 */
function isFound({ state, step, isRetried, isOwed }: StepRecord, world: World): boolean {
  if (isOwed || !isDone(step, world)) return false;
  return (state === 'waiting' && !isRetried) || (state === 'failed' && step.kind === 'shard');
}

/** Of what is seen for certain. A later step of the same shard leads on from an earlier one. */
function isUndone(one: StepRecord, steps: readonly StepRecord[], world: World): boolean {
  if (isDone(one.step, world)) return false;
  if (one.step.kind === 'server') {
    const server = serverOf(world, one.step.name);
    return server?.isConnected === true && server.installed !== null && !isUnsettled(server);
  }
  const shard = shardOf(world, one.step.name);
  const isOnItsWay = steps.some(
    ({ step, state }) =>
      step.name === one.step.name && step.kind === 'shard' && state === 'running',
  );
  return shard !== undefined && shard.unreachable === null && !isOnItsWay;
}

/** Its processes are being replaced: what it runs is not what it has installed. */
function isUnsettled({ installed, running }: ServerSeen): boolean {
  return running.some((one) => one !== installed);
}

function stopOf(known: Known): string | null {
  const { steps, world, policy } = known;
  const failed = steps.find(({ state }) => state === 'failed');
  if (failed !== undefined) return `${failed.id} failed`;
  const rows = world.shards.reduce((sum, { quarantined }) => sum + quarantined, 0);
  if (rows > policy.stopAtQuarantine) {
    const most = policy.stopAtQuarantine;
    return `${rows} rows are in quarantine; the campaign stops at more than ${most}`;
  }
  const ill = steps.find(({ state, step }) => state === 'succeeded' && isIll(step, world));
  if (ill !== undefined) return `${ill.step.name} is not healthy after ${ill.id}`;
  return stopBySignal(known);
}

function isIll(step: Step, world: World): boolean {
  return step.kind === 'server' && serverOf(world, step.name)?.isHealthy === false;
}

function turnOf(known: Known): Pick<Decision, 'begin' | 'waits'> {
  const { steps } = known;
  const open = steps.filter((one) => !isEnded(one));
  const turn = Math.min(...open.map(({ batch }) => batch));
  const next = open.filter(({ batch, state }) => batch === turn && state === 'waiting');
  const begin: string[] = [];
  const waits: Wait[] = [];
  for (const one of next) {
    const wait = waitOf(one, known, begin);
    if (wait === null) begin.push(one.id);
    else waits.push({ id: one.id, ...wait });
  }
  return { begin, waits };
}

function waitOf(one: StepRecord, known: Known, begun: readonly string[]): Omit<Wait, 'id'> | null {
  const { policy, world, now } = known;
  const refusals = refusalsOf(one.step, world);
  const [first] = refusals;
  if (first !== undefined) {
    const more = refusals.length === 1 ? '' : `, and ${refusals.length - 1} more`;
    return { why: `${first.why}${more}`, remedy: first.remedy, until: null, refusals };
  }
  const wait = (why: string, remedy: string | null, until: Date | null = null) => ({
    ...{ why, remedy, until, refusals: [] },
  });
  const { call } = known;
  if (call !== null) return wait(`${call.text} has not ended`, null, call.until);
  if (one.ownApproval !== null && one.approvedBy === null) {
    return wait(`it needs an approval of its own: ${one.ownApproval}`, `approve ${one.id}`);
  }
  const soaked = soakedAt(one, known);
  if (soaked > now) return wait('the step before has to hold for a while', null, soaked);
  if (!isOpen(policy.windows, now)) {
    return wait('no maintenance window is open', null, opensAt(policy.windows, now));
  }
  return one.step.kind === 'server' ? waitOfServer(one.step.name, known, begun, world) : null;
}

/** When what was done before the batch has held for as long as it has to. */
function soakedAt({ batch }: StepRecord, { steps, policy }: Known): Date {
  const ended = steps
    .filter((one) => one.batch < batch && one.state === 'succeeded')
    .map(({ endedAt }) => endedAt?.getTime() ?? 0);
  return new Date(Math.max(0, ...ended) + policy.soakSeconds * 1000);
}

function waitOfServer(
  name: string,
  { steps, policy }: Known,
  begun: readonly string[],
  world: World,
): Omit<Wait, 'id'> | null {
  const taken = new Set(
    steps
      .filter(
        ({ step, state, id }) =>
          step.kind === 'server' && (state === 'running' || begun.includes(id)),
      )
      .map(({ step }) => step.name),
  );
  const away = world.servers
    .filter((one) => one.name !== name && isAway(one, world))
    .map((one) => one.name);
  const all = new Set([...taken, ...away]);
  if (all.size < policy.maxUnavailable) return null;
  const who = [...all].sort().join(', ');
  return {
    why: `${all.size} servers are away (${who}), and at most ${policy.maxUnavailable} may be`,
    remedy: away.length === 0 ? null : `bring ${away.join(', ')} back`,
    until: null,
    refusals: [],
  };
}

/** It serves nobody now, as far as is seen. */
function isAway(server: ServerSeen, { from, to, servers }: World): boolean {
  if (server.isExcluded) return false;
  const isWhole = isAt(server, from) || isAt(server, to);
  // Where no server registers on any shard, it says nothing of one that it does not.
  const isMissing = server.running.length === 0 && servers.some((one) => one.running.length > 0);
  return server.isHealthy === false || isMissing || !isWhole;
}
