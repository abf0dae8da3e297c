// What the acts of the demonstration can do: command servers, load and operator, and hold still.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Campaign } from '@halflap/server';
import { type Campaigns, stepOf } from './campaigns.js';
import type { Verdicts } from './checkpoint.js';
import type { Control } from './control.js';
import type { Generators } from './generators.js';
import { CLUSTER, type Halflap } from './halflap.js';
import type { CommandResult, Operator } from './operator.js';
import type { DemoOptions } from './options.js';
import type { Scene } from './scene.js';
import type { Servers } from './servers.js';

export interface Stage {
  /** Of everything that the demonstration keeps. */
  readonly directory: string;
  readonly options: DemoOptions;
  readonly scene: Scene;
  readonly servers: Servers;
  readonly control: Control;
  readonly generators: Generators;
  readonly operator: Operator;
  readonly halflap: Halflap;
  readonly campaigns: Campaigns;
  readonly verdicts: Verdicts;
  readonly signal: AbortSignal;
}

/** Lets the load work on what is now there. */
export async function hold(stage: Stage, times = 1): Promise<void> {
  await sleep(stage.options.holdSeconds * 1000 * times, undefined, { signal: stage.signal });
}

/** Runs a command of the operator to its end. @returns its last line. @throws Error on failure */
export async function halflap(stage: Pick<Stage, 'operator' | 'scene'>, ...args: string[]) {
  stage.scene.say(`halflap ${args.join(' ')}`);
  return stage.operator.run(...args);
}

/** What halflap ends with when a shard's or a cluster's state forbids what was asked. */
const REFUSED = 3;

/** Runs a command that must be refused. @throws Error when it is not */
export async function refused(stage: Stage, ...args: string[]): Promise<CommandResult> {
  stage.scene.say(`halflap ${args.join(' ')}`);
  const result = await stage.operator.ask(...args);
  if (result.exitCode === REFUSED) return result;
  const said = result.error?.message ?? 'it was done';
  throw new Error(`halflap ${args.join(' ')} should be refused: ${result.exitCode}, ${said}`);
}

/** Plans a campaign. @returns its id */
export async function planCampaign(
  stage: Pick<Stage, 'operator' | 'scene'>,
  ...args: string[]
): Promise<string> {
  const { campaign } = await halflap(stage, 'campaign', 'plan', CLUSTER, ...args);
  return (campaign as Campaign).id;
}

/** Approves its plan, and starts it. */
export async function startCampaign(stage: Stage, id: string): Promise<void> {
  await halflap(stage, 'campaign', 'approve', id, '--yes');
  await halflap(stage, 'campaign', 'start', id);
}

/** Resolves when the step has succeeded. */
export async function stepDone(stage: Stage, id: string, step: string): Promise<void> {
  await stage.campaigns.until(id, (seen) => stepOf(seen, step)?.state === 'succeeded');
}

/** Resolves when a part of the rows of the step that is under way has been filled. */
export async function partDone(
  stage: Stage,
  id: string,
  { step, part }: { readonly step: string; readonly part: number },
): Promise<void> {
  await stage.campaigns.until(id, (seen) => {
    const { state, progress = null } = stepOf(seen, step) ?? {};
    if (state === 'succeeded') throw new Error(`${step} ended before anything came in its way`);
    if (progress === null || progress.relation === null) return false;
    return progress.rowsDone > 0 && progress.rowsDone >= part * progress.rowsEstimated;
  });
}

/** As many rows per batch, and as much rest between batches, as make a backfill last so long. */
export async function setPace(
  stage: Pick<Stage, 'operator' | 'scene' | 'options'>,
  which: string,
  seconds: number,
): Promise<void> {
  const batches = 12;
  const rows = String(Math.max(10, Math.ceil(stage.options.rows / batches)));
  const restMs = String(Math.round((seconds * 1000) / batches));
  await halflap(stage, 'pace', which, '--batch-rows', rows, '--pace-ms', restMs);
}
