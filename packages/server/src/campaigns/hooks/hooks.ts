// Which hooks a moment of a campaign calls, whose turn it is, and what their answers mean for a
// step. Pure.
//
//   waiting ──► running ──► succeeded   it said yes
//      │           └──────► failed      it said no, or nothing in its time
//      └──► dropped                     the step does not begin in this attempt, or no hook of that
//                                       name is declared any more
//
// Invariant: hooks of one moment are called one after the other, in the order of their declaration.

import type { CampaignRow } from '../campaign.js';
import type { OpenCall } from '../decide/decide.js';
import type { Step } from '../decide/steps.js';
import { type Hook, type Moment, STEP_MOMENTS } from './hook-declaration.js';
import type { HookRow } from './hook-rows.js';

/** @param step null for a moment of the campaign itself */
export function hooksAt(
  hooks: readonly Hook[],
  moment: Moment,
  step: Pick<Step, 'kind' | 'action'> | null,
): readonly Hook[] {
  return hooks.filter(({ when, on }) => {
    if (when !== moment) return false;
    return step === null || on === undefined || on.includes(step.kind) || on.includes(step.action);
  });
}

/** A call, as its turn is found from it. */
export type Call = Pick<
  HookRow,
  'id' | 'step' | 'attempt' | 'moment' | 'hook' | 'is_required' | 'state' | 'message'
>;

export interface Turns {
  /** To be begun, or gone on with. */
  readonly due: readonly string[];
  /** Not to be called any more. */
  readonly drop: readonly string[];
}

/**
 * @param calls in the order in which they were made
 * @param running steps that run, each with its attempt: `STEP ATTEMPT`
 */
export function turnsOf(calls: readonly Call[], running: ReadonlySet<string>): Turns {
  const due: string[] = [];
  const drop: string[] = [];
  const groups = new Map<string, Call[]>();
  for (const call of calls) {
    const key = `${call.moment} ${call.step} ${call.attempt}`;
    groups.set(key, [...(groups.get(key) ?? []), call]);
  }
  for (const group of groups.values()) {
    const open = group.filter(isCallOpen);
    const [first] = open;
    if (first === undefined) continue;
    const isFutile = group.some(refuses) || !isWanted(first, running);
    if (first.moment === 'before' && isFutile) {
      drop.push(...open.filter(({ state }) => state === 'waiting').map(({ id }) => id));
      if (first.state === 'running') due.push(first.id);
    } else {
      due.push(first.id);
    }
  }
  return { due, drop };
}

export function isCallOpen({ state }: Pick<Call, 'state'>): boolean {
  return state === 'waiting' || state === 'running';
}

function isWanted({ step, attempt }: Call, running: ReadonlySet<string>): boolean {
  return running.has(`${step} ${attempt}`);
}

function refuses({ moment, state, is_required: isRequired }: Call): boolean {
  return moment === 'before' && isRequired && state === 'failed';
}

export interface Leave {
  /** Some have not answered yet. */
  readonly isOpen: boolean;
  /** The one that says no. */
  readonly no: Call | null;
}

/** Whether an attempt of a step may begin with its work. */
export function leaveOf<Some extends Call>(
  calls: readonly Some[],
  { id, attempt }: { readonly id: string; readonly attempt: number },
): Leave & { readonly no: Some | null } {
  const before = calls.filter(
    (one) => one.moment === 'before' && one.step === id && one.attempt === attempt,
  );
  return { isOpen: before.some(isCallOpen), no: before.find(refuses) ?? null };
}

/** The call that holds the next step back: it begins when those of the one before have ended. */
export function holding(calls: readonly (Call & Pick<HookRow, 'give_up_at'>)[]): OpenCall | null {
  const open = calls.filter((one) => one.moment !== 'before' && isCallOpen(one));
  const first = open.find(({ state }) => state === 'running') ?? open[0];
  if (first === undefined) return null;
  return { text: `the hook ${callText(first)}`, until: first.give_up_at };
}

export function callText({ hook, moment, step }: Pick<Call, 'hook' | 'moment' | 'step'>): string {
  if (STEP_MOMENTS.has(moment)) return `${hook} ${moment} ${step}`;
  return `${hook} when the campaign has ${moment}`;
}

/** The step that a call is about. */
export interface CalledStep {
  readonly id: string;
  readonly kind: Step['kind'];
  readonly name: string;
  readonly action: Step['action'];
  readonly attempt: number;
  /** What became of it. */
  readonly message: string | null;
}

export interface Called {
  readonly hook: Pick<Hook, 'name' | 'required'>;
  readonly moment: Moment;
  readonly campaign: Pick<CampaignRow, 'id' | 'goal' | 'from_release' | 'to_release' | 'state'> & {
    readonly reason: string | null;
  };
  readonly cluster: string;
  readonly step: CalledStep | null;
}

/** What a webhook is told, but for the id of the delivery. */
export function payloadOf({ hook, moment, campaign, cluster, step }: Called): object {
  const { id, goal, from_release: from, to_release: to, state, reason } = campaign;
  return {
    ...{ event: moment, hook: hook.name, required: hook.required === true },
    ...{ campaign: { id, cluster, goal, from, to, state, reason }, step },
  };
}

/** What stands in braces in a command. */
export function valuesOf(
  { from_release, to_release, goal, id }: Called['campaign'],
  call: Pick<HookRow, 'id' | 'moment' | 'step'>,
): Readonly<Record<string, string>> {
  const [, name = '', action = ''] = call.step?.split('/') ?? [];
  const isBack =
    call.step === null ? goal === 'back' : action === 'downgrade' || action === 'abort';
  const [release, from] = isBack ? [from_release, to_release] : [to_release, from_release];
  return {
    ...{ id: call.id, event: call.moment, campaign: id, step: call.step ?? '' },
    ...{ name, action, release, from },
  };
}
