// Asks running verbs to stop after their batch, and keeps others from starting.

import { setPace } from '@halflap/engine/runner';
import type { Command } from 'commander';
import { contextOf } from '../context.js';
import { onShard } from '../on-shard.js';
import type { ShardOptions } from '../options.js';
import { selectShards } from '../select-shards.js';

/** What pause does, and with false resume: sets the wish on each shard, one after another. */
export function setPaused(paused: boolean) {
  return (options: ShardOptions, command: Command) => run(paused, options, command);
}

async function run(paused: boolean, options: ShardOptions, command: Command): Promise<void> {
  const { printer, config: load } = contextOf(command);
  const config = load();
  for (const { name, url } of selectShards(config, options)) {
    await onShard(name, () => setPace({ url, shard: name, app: config.app }, { paused }));
    printer.line(`${name}: ${paused ? 'paused' : 'resumed'}`);
    printer.json({ event: 'outcome', shard: name, paused });
  }
}
