// What `halflap features …` does: where features stand, and the operator's act that moves one.

import { hostname, userInfo } from 'node:os';
import {
  disableFeature,
  enableFeature,
  type FeatureOptions,
  type FeatureOutcome,
  type FeatureReport,
  readFeatures,
} from '@halflap/engine/runner';
import type { Command } from 'commander';
import { harmless } from '../api/harmless.js';
import { contextOf } from '../context.js';
import { interruptible } from '../interrupt.js';
import type { ShardOptions } from '../options.js';
import { redact } from '../secrets.js';
import { selectShards } from '../select-shards.js';
import { table } from '../table.js';

interface ActOptions {
  readonly timeout: number;
  readonly acceptNoWayBack?: boolean;
}

export async function list(options: ShardOptions, command: Command): Promise<void> {
  const { printer, config } = contextOf(command);
  const found = await readFeatures(selectShards(config(), options));
  // A shard that cannot be read says so in the words of its driver.
  const features = found.map((one) => ({ ...one, against: one.against.map(redact) }));
  printer.json({ features });
  if (features.length === 0) {
    printer.line('no server that lives has a feature');
    return;
  }
  printer.line(table(HEAD, features.map(shownCells), printer.width));
  for (const { feature, against, state } of features) {
    if (against.length === 0 || state === 'enabled') continue;
    printer.line(`\nagainst ${feature}:`);
    for (const line of against) printer.line(`  ${harmless(line)}`);
  }
}

export async function enable(feature: string, options: ActOptions, command: Command) {
  await act(enableFeature, { feature, options, command });
}

export async function disable(feature: string, options: ActOptions, command: Command) {
  await act(disableFeature, { feature, options, command });
}

interface Act {
  readonly feature: string;
  readonly options: ActOptions;
  readonly command: Command;
}

async function act(
  verb: (options: FeatureOptions) => Promise<FeatureOutcome>,
  { feature, options, command }: Act,
): Promise<void> {
  const { printer, config: load } = contextOf(command);
  const config = load();
  const shards = selectShards(config, { all: true });
  const outcome = await interruptible(printer.note, (signal) =>
    verb({
      app: config.app,
      shards,
      feature,
      by: `${userInfo().username}@${hostname()}`,
      acceptsNoWayBack: options.acceptNoWayBack === true,
      heardWithinMs: options.timeout,
      signal,
      onStep: printer.note,
    }),
  );
  const what = outcome.changed ? outcome.state : `${outcome.state} already`;
  printer.line(`${feature}: ${what} on ${shards.map(({ name }) => name).join(', ')}`);
  printer.json({ event: 'outcome', ...outcome });
}

const HEAD = ['feature', 'since', 'state', 'shards', 'way back', 'about'];

function cells({ feature, since, state, shards, isReversible, about }: FeatureReport): string[] {
  const differing = shards.map((one) => `${one.shard} ${one.state}`).join(', ');
  const where = state === 'underway' ? differing : String(shards.length);
  return [feature, since, state, where, isReversible ? 'disable' : 'none', about];
}

/** What servers say of themselves and of messages is nobody's word but theirs. */
function shownCells(one: FeatureReport): string[] {
  return cells(one).map(harmless);
}
