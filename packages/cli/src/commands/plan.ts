// The options of `halflap plan` and its help; actions/plan.ts is what it does.

import type { Command } from 'commander';
import { onDemand } from '../on-demand.js';
import { withBundleOption, withScratchOption } from '../options.js';

const HELP = `
Touches no shard. Says for every step whom it holds up and for how long, what it rewrites or reads
from end to end, and whether it can be undone; which statements are the reason; and for every
relation how exactly it crosses. Locks are not computed: they were seen, on scratch databases.

Examples:
  halflap plan 2.0
  halflap plan 2.0 --all
  halflap plan --bundle inventory-2.0.bundle.json
  halflap plan 2.0 --json | jq '.steps.prepare[].statements[] | select(.rewrites)'
`;

export function addPlan(program: Command): void {
  withScratchOption(withBundleOption(program.command('plan')))
    .description('print every statement of every step, its lock, and what it blocks')
    .argument('[version]', 'the release to go to; not needed with a bundle')
    .option('--all', 'print every statement')
    .option('--sql', 'print whole statements')
    .addHelpText('after', HELP)
    .action(onDemand(async () => (await import('../actions/plan.js')).run));
}
