// The options of `halflap upgrade` and its help; actions/upgrade.ts is what it does.

import { type Command, Option } from 'commander';
import { onDemand } from '../on-demand.js';
import { withBundleOption, withScratchOption, withShardOptions } from '../options.js';
import { ENDS } from '../upgrade-route.js';

const HELP = `
Runs prepare, expand and contract for each evolution on the way, and ends at the first one that has
to wait, with its reason and exit code: servers of the old release, quarantine, a pause. Running it
again goes on, also after the process was killed. Where an old release must stay in service,
--until dual ends before the last contract.

Each contract takes the release before it out of service: see --dry-run first.

Examples:
  halflap upgrade --shard eu1 --to 3.0 --dry-run
  halflap upgrade --all --to 3.0 --until dual
  halflap upgrade --shard eu1 --to 3.0
`;

export function addUpgrade(program: Command): void {
  withScratchOption(withBundleOption(withShardOptions(program.command('upgrade'))))
    .description('lead shards to a release, through every release in between')
    .requiredOption('--to <version>', 'the release to go to')
    .addOption(
      new Option('--until <phase>', 'how far the last evolution is led')
        .choices(ENDS)
        .default('settled'),
    )
    .option('--dry-run', 'say what would be done, and do nothing')
    .addHelpText('after', HELP)
    .action(onDemand(async () => (await import('../actions/upgrade.js')).run));
}
