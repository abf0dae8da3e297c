// The options of `halflap pace` and its help; actions/pace.ts is what it does.

import type { Command } from 'commander';
import { wholeNumber } from '../duration.js';
import { onDemand } from '../on-demand.js';
import { withShardOptions } from '../options.js';

/** The limits that halflap.shard holds by check constraints. */
const MOST_ROWS = 1_000_000;
const MOST_MS = 3_600_000;

const HELP = `
Kept in the shard. What is not given stays as it is. Batches become smaller by themselves where rows
are expensive; --batch-rows is the most that one may have.

Examples:
  halflap pace --shard eu1 --batch-rows 500 --pace-ms 100
`;

export function addPace(program: Command): void {
  withShardOptions(program.command('pace'))
    .description('set how fast a shard may be filled')
    .option('--batch-rows <n>', 'the most rows of one batch', wholeNumber(1, MOST_ROWS))
    .option('--pace-ms <n>', 'pause after each batch, in milliseconds', wholeNumber(0, MOST_MS))
    .addHelpText('after', HELP)
    .action(onDemand(async () => (await import('../actions/pace.js')).run));
}
