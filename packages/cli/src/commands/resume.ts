// Takes the wish to pause back; the verb itself has to be run again.

import type { Command } from 'commander';
import { onDemand } from '../on-demand.js';
import { withShardOptions } from '../options.js';

const HELP = `
Starts nothing by itself: run the verb again, it continues where it stopped. Idempotent.

Examples:
  halflap resume --shard eu1 && halflap expand --shard eu1
`;

export function addResume(program: Command): void {
  withShardOptions(program.command('resume'))
    .description('let verbs run again on a shard that was paused')
    .addHelpText('after', HELP)
    .action(onDemand(async () => (await import('../actions/pause.js')).setPaused(false)));
}
