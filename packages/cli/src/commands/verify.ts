// Compares both layouts completely; the phase stays as it is.

import type { Command } from 'commander';
import { onDemand } from '../on-demand.js';
import { withVerbOptions } from '../options.js';

const HELP = `
Ends with exit code 3 and the differing keys when the layouts differ.

Examples:
  halflap verify --shard eu1
`;

export function addVerify(program: Command): void {
  withVerbOptions(program.command('verify'))
    .description('compare both layouts completely')
    .addHelpText('after', HELP)
    .action(onDemand(async () => (await import('../verb-run.js')).runOnShards('verify')));
}
