// Leads shards to a release, through every release in between: the verbs of each evolution, one
// after the other, as far as the state of the shard and the evidence allow.
//
// Invariant: nothing is remembered but by the shard. What comes next is decided from where the
// shard stands, after each verb anew, so that running the command again goes on where it ended, for
// whatever reason, and whoever has moved the shard meanwhile.

import type { Outcome } from '@halflap/engine/runner';
import { HalflapError } from '@halflap/protocol';
import type { Command } from 'commander';
import { type BundleSet, positionOf, refuse, withBundleSet } from '../bundles.js';
import type { Shard } from '../config.js';
import { contextOf } from '../context.js';
import { interruptible } from '../interrupt.js';
import { onShard } from '../on-shard.js';
import type { BundleOptions, ShardOptions } from '../options.js';
import type { Printer } from '../print.js';
import { createProgressView, type ProgressView } from '../progress-view.js';
import { selectShards } from '../select-shards.js';
import { type End, type Goal, routeOf, type Stage, type Standing } from '../upgrade-route.js';
import { outcomeText, runShown } from '../verb-run.js';

interface Options extends ShardOptions, BundleOptions {
  readonly to: string;
  readonly until: End;
  readonly dryRun?: boolean;
}

interface Upgrading {
  readonly goal: Goal;
  readonly set: BundleSet;
  readonly signal: AbortSignal;
  readonly view: ProgressView;
  readonly printer: Printer;
}

export async function run({ to, until, ...options }: Options, command: Command): Promise<void> {
  const { printer, config: load } = contextOf(command);
  const config = load();
  const shards = selectShards(config, options);
  const view = createProgressView(printer);
  await interruptible(view.log, (signal) =>
    withBundleSet({ config, options, signal }, async (set) => {
      const upgrading = { goal: { to, until }, set, signal, view, printer };
      for (const shard of shards) {
        await onShard(shard.name, () =>
          options.dryRun === true ? foresee(shard, upgrading) : lead(shard, upgrading),
        ).catch((error: unknown) => {
          throw goesOn(error, shard, upgrading.goal);
        });
      }
    }),
  ).finally(view.stop);
}

async function foresee(shard: Shard, { goal, set, printer }: Upgrading): Promise<void> {
  const { standing, left } = await routeFrom(shard, goal, set);
  printer.line(`${shard.name}: ${standingText(standing)}`);
  const legs = [...new Set(left.map((one) => `${one.from} → ${one.to}`))];
  for (const leg of legs) {
    const verbs = left.filter((one) => `${one.from} → ${one.to}` === leg).map((one) => one.verb);
    printer.line(`  ${leg}: ${verbs.join(', ')}`);
  }
  if (legs.length === 0) printer.line('  nothing to do');
  printer.json({ event: 'outcome', shard: shard.name, ...standing, done: [], left });
}

async function lead(shard: Shard, upgrading: Upgrading): Promise<void> {
  const { goal, set, signal, view, printer } = upgrading;
  const done: (Stage & Pick<Outcome, 'seconds'>)[] = [];
  for (;;) {
    const { standing, left } = await routeFrom(shard, goal, set);
    const [next] = left;
    if (next === undefined) {
      const what = done.length === 0 ? 'nothing to do, the shard is' : 'done, the shard is';
      printer.line(`${shard.name}: ${what} ${standingText(standing)}`);
      printer.json({ event: 'outcome', shard: shard.name, ...standing, done, left });
      return;
    }
    const bundle = await set.bundle(next.to);
    const outcome = await runShown({ shard, bundle, verb: next.verb, signal, view });
    done.push({ ...next, seconds: outcome.seconds });
    printer.line(outcomeText(outcome));
    printer.json({ event: 'verb', ...outcome });
  }
}

async function routeFrom(shard: Shard, goal: Goal, set: BundleSet) {
  const state = await positionOf(shard);
  const left = state === null ? null : routeOf(state, goal, set.evolutions);
  if (state === null) return refuse(set.place, shard, null);
  if (left === null) throw noWay(shard, state, { goal, set });
  const { floor, ceiling, phase } = state;
  return { standing: { floor, ceiling, phase }, left };
}

function noWay(
  shard: Shard,
  { floor }: Standing,
  { goal, set }: Pick<Upgrading, 'goal' | 'set'>,
): HalflapError {
  const known = set.evolutions.map(({ from, to }) => `${from} → ${to}`);
  return new HalflapError(
    'BUNDLE_INVALID',
    `shard ${shard.name} is at ${floor}, and ${set.place} has no way from there to ${goal.to}`,
    {
      detail: { shard: shard.name, evidence: known },
      hint: 'put the bundle of every evolution on the way into one directory: "bundles: DIRECTORY"',
    },
  );
}

/** What stopped it is told by the verb; how to go on is this command again. */
function goesOn(error: unknown, shard: Shard, { to, until }: Goal): unknown {
  if (!(error instanceof HalflapError) || error.exitCode === 2) return error;
  const end = until === 'settled' ? '' : ` --until ${until}`;
  const again = `halflap upgrade --shard ${shard.name} --to ${to}${end} goes on`;
  return new HalflapError(error.code, error.message, {
    detail: error.detail,
    hint: error.hint === undefined ? again : `${error.hint}; ${again}`,
    cause: error.cause,
  });
}

function standingText({ floor, ceiling, phase }: Standing): string {
  return phase === 'settled' ? `settled at ${floor}` : `${phase}, ${floor} → ${ceiling}`;
}
