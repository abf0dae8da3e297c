// The options of `halflap adopt` and its help; actions/adopt.ts is what it does.

import type { Command } from 'commander';
import { onDemand } from '../on-demand.js';
import { withBundleOption, withScratchOption, withShardOptions } from '../options.js';

const HELP = `
Compares the catalogue of the database with that of the release, and refuses with the
differences when they are not the same. Touches no table of the application. Idempotent for the
same release. The release comes from the bundle, or from the directory of releases.

Examples:
  halflap adopt 1.0 --shard eu1
  halflap adopt 1.0 --all --bundle inventory-2.0.bundle.json
`;

export function addAdopt(program: Command): void {
  withScratchOption(withBundleOption(withShardOptions(program.command('adopt'))))
    .description('take in a database that already holds a release')
    .argument('<version>', 'the release that it holds')
    .addHelpText('after', HELP)
    .action(onDemand(async () => (await import('../actions/adopt.js')).run));
}
