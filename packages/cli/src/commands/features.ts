// The options of `halflap features …` and their help; actions/features.ts is what they do.

import { type Command, Option } from 'commander';
import { parseDuration } from '../duration.js';
import { onDemand } from '../on-demand.js';
import { withShardOptions } from '../options.js';

const DEFAULT_TIMEOUT_MS = 90_000;

const LIST_HELP = `
Reads only. A feature is supported when every server that lives and every shard supports it; what
stands against one is listed below it. A shard that cannot be read stands against all.

Examples:
  halflap features list --all
  halflap features list --all --json | jq '.features[] | select(.state == "supported")'
`;

const ENABLE_HELP = `
Refused, naming each server and each shard, while one of them does not support the feature. First it
is allowed on every shard: from there on no server begins that does not support it. When every
server that lives has heard of that, it is enabled on every shard. Run again after any interruption,
it goes on.

Enabling ends the easy way back: abort of a shard to a release without the feature is refused, and
so is a server of such a release. A feature that does not say that it is reversible can never be
disabled; --accept-no-way-back says that you know.

Examples:
  halflap features enable team_quotas --all
  halflap features enable new_status --all --accept-no-way-back
`;

const DISABLE_HELP = `
For features that say that they are reversible, and for those that were never enabled anywhere. When
every server that lives has heard of it, servers that do not support the feature may begin again.

Examples:
  halflap features disable team_quotas --all
`;

export function addFeatures(program: Command): void {
  const features = program
    .command('features')
    .description('what servers may do when all of them and all shards support it');
  withShardOptions(features.command('list'))
    .description('list the features with where they stand and what is against them')
    .addHelpText('after', LIST_HELP)
    .action(onDemand(async () => (await import('../actions/features.js')).list));
  withActOptions(features.command('enable'))
    .description('let servers use a feature')
    .option('--accept-no-way-back', 'although it can never be disabled')
    .addHelpText('after', ENABLE_HELP)
    .action(onDemand(async () => (await import('../actions/features.js')).enable));
  withActOptions(features.command('disable'))
    .description('let servers use a feature no more')
    .addHelpText('after', DISABLE_HELP)
    .action(onDemand(async () => (await import('../actions/features.js')).disable));
}

/** Some of the shards would not do: servers use all of them. */
function withActOptions(command: Command): Command {
  return command
    .argument('<feature>', 'its name')
    .addOption(new Option('--all', 'every shard of halflap.yaml').makeOptionMandatory())
    .addOption(
      new Option('--timeout <duration>', 'wait so long for servers to hear of it: 90s, 5m')
        .argParser(parseDuration)
        .default(DEFAULT_TIMEOUT_MS, '90s'),
    );
}
