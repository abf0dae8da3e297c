// The options of `halflap quarantine` and its help; actions/quarantine.ts is what it does.

import type { Command } from 'commander';
import { onDemand } from '../on-demand.js';
import { withShardOptions } from '../options.js';

const HELP = `
Contract is refused until the list is empty. Correct the row through either release: when it can be
carried over, it leaves the list by itself.

Examples:
  halflap quarantine --shard eu1
  halflap quarantine --all --json | jq '.rows | length'
`;

export function addQuarantine(program: Command): void {
  withShardOptions(program.command('quarantine'))
    .description('list the rows that could not be carried to the new release')
    .addHelpText('after', HELP)
    .action(onDemand(async () => (await import('../actions/quarantine.js')).run));
}
