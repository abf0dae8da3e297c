// What the acts of the demonstration can do: command servers, load and operator, and hold still.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Progress } from '@halflap/engine';
import type { ReleaseName } from '../load/dialect.js';
import type { Verdicts } from './checkpoint.js';
import type { Generators } from './generators.js';
import type { CommandResult, CommandRun, Operator } from './operator.js';
import type { DemoOptions } from './options.js';
import type { Scene } from './scene.js';
import type { Servers } from './servers.js';

export interface Stage {
  readonly options: DemoOptions;
  readonly scene: Scene;
  readonly servers: Servers;
  readonly generators: Generators;
  readonly operator: Operator;
  readonly verdicts: Verdicts;
  readonly signal: AbortSignal;
}

/** Lets the load work on what is now there. */
export async function hold(stage: Stage, times = 1): Promise<void> {
  await sleep(stage.options.holdSeconds * 1000 * times, undefined, { signal: stage.signal });
}

export async function startServer(
  stage: Stage,
  server: string,
  release: ReleaseName,
): Promise<void> {
  await stage.servers.start(server, release);
  stage.scene.servers.set(server, { release, state: 'up' });
  stage.generators.setTargets(stage.servers.targets());
}

/** One server: drained, stopped, started again with another release, taken into service. */
export async function replaceServer(
  stage: Stage,
  server: string,
  release: ReleaseName,
): Promise<void> {
  const shown = stage.scene.servers.get(server);
  if (shown !== undefined) shown.state = 'draining';
  await stage.generators.drain(server);
  if (shown !== undefined) shown.state = 'down';
  await stage.servers.stop(server);
  await startServer(stage, server, release);
  stage.scene.say(`${server} now runs ${release}`);
}

/** Runs a command of the operator to its end. @throws Error when it fails. */
export async function halflap(stage: Stage, ...args: readonly string[]): Promise<void> {
  stage.scene.say(`halflap ${args.join(' ')}`);
  await stage.operator.run(...args);
}

/** Starts a command that something will happen to. */
export function begin(stage: Stage, ...args: readonly string[]): CommandRun {
  stage.scene.say(`halflap ${args.join(' ')}`);
  return stage.operator.start(...args);
}

/** Resolves when a part of the rows of the step that is under way has been filled. */
export async function partDone(stage: Stage, run: CommandRun, part: number): Promise<void> {
  let ended: CommandResult | undefined;
  void run.done.then((result) => {
    ended = result;
  });
  for (;;) {
    const { progress } = stage.scene;
    if (progress !== null && isFilled(progress, part)) return;
    if (ended !== undefined) {
      throw new Error(`the run ended before it could be stopped: ${JSON.stringify(ended)}`);
    }
    await sleep(10, undefined, { signal: stage.signal });
  }
}

function isFilled(progress: Progress, part: number): boolean {
  const { step, rowsDone, rowsEstimated } = progress;
  return step.includes('backfill') && rowsDone > 0 && rowsDone >= part * rowsEstimated;
}

/** As many rows per batch, and as much rest between batches, as make a backfill last so long. */
export async function setPace(stage: Stage, which: string, seconds: number): Promise<void> {
  const batches = 12;
  const rows = String(Math.max(10, Math.ceil(stage.options.rows / batches)));
  const restMs = String(Math.round((seconds * 1000) / batches));
  await halflap(stage, 'pace', which, '--batch-rows', rows, '--pace-ms', restMs);
}
