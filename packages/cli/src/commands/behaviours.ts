// The options of `halflap behaviours …` and their help; actions/behaviours.ts is what they do.

import type { Command } from 'commander';
import { onDemand } from '../on-demand.js';
import { withShardOptions } from '../options.js';

const HELP = `
A behaviour that a release changed is retained for those who declare an older one. Uses are counted
by the servers and sent with their heartbeats; the list adds up what the shards were told.

Examples:
  halflap behaviours list --all
  halflap behaviours list --all --json | jq '.behaviours[] | select(.warning)'
`;

export function addBehaviours(program: Command): void {
  const behaviours = program
    .command('behaviours')
    .description('what releases changed, and keep for those who depend on it');
  withShardOptions(behaviours.command('list'))
    .description('list the retained behaviours with their use, and warn of those that expire')
    .addHelpText('after', HELP)
    .action(onDemand(async () => (await import('../actions/behaviours.js')).list));
}
