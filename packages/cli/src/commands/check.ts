// The options of `halflap check` and its help; actions/check.ts is what it does.

import type { Command } from 'commander';
import { onDemand } from '../on-demand.js';
import { withScratchOption } from '../options.js';

const HELP = `
A column or a table for which no sample row can be made was not tried; the verdict says so.

Labels: exact (both releases see the same), carried (kept aside until contract), lossy (with the
policy that evolution.yaml states), refused. Without a version, every release of the directory
is checked.

Examples:
  halflap check
  halflap check 2.0
  halflap check 2.0 --queries sql/
  halflap check 2.0 --queries-from postgres://tests@localhost:5432/shop
`;

export function addCheck(program: Command): void {
  withScratchOption(program.command('check'))
    .description('compile an evolution, try it, and say how each relation crosses')
    .argument('[version]', 'the release to go to; all of them when not given')
    .option('--queries <directory>', 'ask about the statements of that release in *.sql files')
    .option('--queries-from <url>', 'ask about what pg_stat_statements knows of a database')
    .addHelpText('after', HELP)
    .action(onDemand(async () => (await import('../actions/check.js')).run));
}
