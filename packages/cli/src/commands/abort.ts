// prepared, expanding or dual → settled on the old release.

import type { Command } from 'commander';
import { onDemand } from '../on-demand.js';
import { withVerbOptions } from '../options.js';

const HELP = `
Possible until contract. Loses nothing that the old release can represent.

Examples:
  halflap abort --shard eu1
`;

export function addAbort(program: Command): void {
  withVerbOptions(program.command('abort'))
    .description('lead a shard back to the old release')
    .addHelpText('after', HELP)
    .action(onDemand(async () => (await import('../verb-run.js')).runOnShards('abort')));
}
