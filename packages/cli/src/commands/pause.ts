// The options of `halflap pause` and its help; actions/pause.ts is what it does.

import type { Command } from 'commander';
import { onDemand } from '../on-demand.js';
import { withShardOptions } from '../options.js';

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
    .action(onDemand(async () => (await import('../actions/pause.js')).setPaused(true)));
}
