// What the five verbs that move a shard have in common: which shards, which bundle, progress while
// they run, one result for each shard.
//
// Shards are moved one after another, and the first failure ends the run: a fault in the evolution
// should meet one shard and not all.

import { type Bundle, type Outcome, runVerb } from '@halflap/engine/runner';
import type { Verb } from '@halflap/protocol';
import type { Command } from 'commander';
import { withBundles } from './bundles.js';
import type { Shard } from './config.js';
import { contextOf } from './context.js';
import { interruptible } from './interrupt.js';
import { onShard } from './on-shard.js';
import type { VerbOptions } from './options.js';
import { duration } from './print.js';
import { createProgressView, type ProgressView } from './progress-view.js';
import { selectShards } from './select-shards.js';

/** What the command of a verb does. */
export function runOnShards(verb: Verb) {
  return (options: VerbOptions, command: Command) => run(verb, options, command);
}

async function run(verb: Verb, options: VerbOptions, command: Command): Promise<void> {
  const { printer, config: load } = contextOf(command);
  const config = load();
  const shards = selectShards(config, options);
  const force = options.forceInUse === undefined ? {} : { force: { reason: options.forceInUse } };
  const view = createProgressView(printer);
  await interruptible(view.log, (signal) =>
    withBundles({ config, options, signal }, async (bundleFor) => {
      for (const shard of shards) {
        const outcome = await onShard(shard.name, async () => {
          const bundle = await bundleFor(shard, verb);
          return runShown({ shard, bundle, verb, signal, view, ...force });
        });
        printer.line(outcomeText(outcome));
        printer.json({ event: 'outcome', ...outcome });
      }
    }),
  ).finally(view.stop);
}

export interface ShownRun {
  readonly shard: Shard;
  readonly bundle: Bundle;
  readonly verb: Verb;
  readonly signal: AbortSignal;
  readonly view: ProgressView;
  readonly force?: { readonly reason: string };
}

/** Runs one verb with its progress in view. */
export async function runShown({ shard, view, ...run }: ShownRun): Promise<Outcome> {
  const { name, url } = shard;
  const { update: onProgress } = view;
  const log = (line: string) => view.log(line, name);
  const outcome = await runVerb({ url, shard: name, onProgress, log, ...run });
  view.stop();
  return outcome;
}

/** `eu1: expand done in 3m20s, the shard is dual`. */
export function outcomeText({ shard, verb, phase, steps, seconds, floor }: Outcome): string {
  const isAlready = steps.every((step) => step.outcome === 'earlier');
  const what = isAlready ? `nothing to ${verb}` : `${verb} done in ${duration(seconds)}`;
  const where = phase === 'settled' ? `settled at ${floor}` : phase;
  return `${shard}: ${what}, the shard is ${where}`;
}
