// Asks running verbs to stop after their batch, and keeps others from starting.

import { setPace } from '@halflap/engine';
import type { Command } from 'commander';
import { contextOf } from '../context.js';
import { onShard } from '../on-shard.js';
import { type ShardOptions, selectShards, withShardOptions } from '../shard-option.js';

const HELP = `
A verb that is running stops after its current batch with code PAUSED; both releases keep
working, for as long as you like. Idempotent.

Examples:
  halflap pause --shard eu1
  halflap pause --all
`;

export function addPause(program: Command): void {
  withShardOptions(program.command('pause'))
    .description('stop what moves a shard, and let nothing start')
    .addHelpText('after', HELP)
    .action((options: ShardOptions, command: Command) => setPaused(true, options, command));
}

/** Sets the wish to pause on each shard, one after another. */
export async function setPaused(paused: boolean, options: ShardOptions, command: Command) {
  const { printer, config: load } = contextOf(command);
  const config = load();
  for (const { name, url } of selectShards(config, options)) {
    await onShard(name, () => setPace({ url, shard: name, app: config.app }, { paused }));
    printer.line(`${name}: ${paused ? 'paused' : 'resumed'}`);
    printer.json({ event: 'outcome', shard: name, paused });
  }
}
