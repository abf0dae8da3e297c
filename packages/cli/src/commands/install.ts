// The options of `halflap install` and its help; actions/install.ts is what it does.

import type { Command } from 'commander';
import { onDemand } from '../on-demand.js';
import { withScratchOption, withShardOptions } from '../options.js';

const HELP = `
The database must exist and be empty. One transaction; idempotent for the same release. Needs the
directory of releases. A database that already holds a release is taken in by adopt.

Examples:
  halflap install 1.0 --shard eu1
`;

export function addInstall(program: Command): void {
  withScratchOption(withShardOptions(program.command('install')))
    .description('put a release on an empty database')
    .argument('<version>', 'the release')
    .addHelpText('after', HELP)
    .action(onDemand(async () => (await import('../actions/install.js')).run));
}
