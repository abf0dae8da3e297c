// The options of `halflap clusters features …`, `… messages …` and `… behaviours …`, and their
// help; actions/between-servers.ts is what they do.

import type { Command } from 'commander';
import { parseDuration } from '../duration.js';
import { onDemand } from '../on-demand.js';
import { repeated } from '../repeated.js';

const DEFAULT_TIMEOUT_MS = 90_000;

const FEATURES_HELP = `
What halflap features list says of shards, said by a server of Halflap: exit code 4 when a shard of
the cluster does not answer.

Examples:
  halflap clusters features list shop
`;

const ENABLE_HELP = `
As halflap features enable, by a server of Halflap, on all shards of the cluster, and in its audit
log. Refused, naming each server and shard that stands against it. Run again after any interruption,
it goes on.

Examples:
  halflap clusters features enable shop team_quotas
  halflap clusters features enable shop new_status --accept-no-way-back
`;

const DISABLE_HELP = `
For features that say that they are reversible, and for those that were never enabled anywhere.

Examples:
  halflap clusters features disable shop team_quotas
`;

const MESSAGES_HELP = `
The messages themselves are not shown: halflap messages list --json has them, from the shards.

Examples:
  halflap clusters messages list shop
`;

const GIVE_BACK_HELP = `
The next server that asks for parked messages of their consumers tries to read them again.

Examples:
  halflap clusters messages give-back shop --shard eu1 --id 17
  halflap clusters messages give-back shop --shard eu1
`;

const DISCARD_HELP = `
For good: list them first.

Examples:
  halflap clusters messages discard shop --shard eu1 --id 17 --yes
`;

const load = () => import('../actions/between-servers.js');

export function addBetweenServers(clusters: Command): void {
  addFeatures(clusters.command('features').description('what its servers may do, all or none'));
  addMessages(clusters.command('messages').description('messages between its servers'));
  const behaviours = clusters
    .command('behaviours')
    .description('what a release changed, and keeps for those who depend on it');
  withCluster(behaviours.command('list'))
    .description('list behaviours with their use and their end')
    .addHelpText('after', '\nExamples:\n  halflap clusters behaviours list shop\n')
    .action(onDemand(async () => (await load()).behaviours));
}

function addFeatures(features: Command): void {
  withCluster(features.command('list'))
    .description('list features with where they stand and what is against them')
    .addHelpText('after', FEATURES_HELP)
    .action(onDemand(async () => (await load()).features));
  withTimeout(withFeature(features.command('enable')))
    .description('let its servers use a feature')
    .option('--accept-no-way-back', 'although it can never be disabled')
    .addHelpText('after', ENABLE_HELP)
    .action(onDemand(async () => (await load()).enable));
  withTimeout(withFeature(features.command('disable')))
    .description('let its servers use a feature no more')
    .addHelpText('after', DISABLE_HELP)
    .action(onDemand(async () => (await load()).disable));
}

function addMessages(messages: Command): void {
  withCluster(messages.command('list'))
    .description('list who knows which messages, and those that are parked')
    .addHelpText('after', MESSAGES_HELP)
    .action(onDemand(async () => (await load()).messages));
  withCluster(messages.command('give-back'))
    .description('let parked messages be read again')
    .requiredOption('--shard <name>', 'the shard')
    .option('--id <n>', 'only this one; may be repeated', repeated)
    .addHelpText('after', GIVE_BACK_HELP)
    .action(onDemand(async () => (await load()).giveBack));
  withCluster(messages.command('discard'))
    .description('take parked messages away')
    .requiredOption('--shard <name>', 'the shard')
    .requiredOption('--id <n>', 'the message; may be repeated', repeated)
    .option('--yes', 'do not ask')
    .addHelpText('after', DISCARD_HELP)
    .action(onDemand(async () => (await load()).discard));
}

function withCluster(command: Command): Command {
  return command.argument('<cluster>', 'its name, or its id');
}

function withFeature(command: Command): Command {
  return withCluster(command).argument('<feature>', 'its name');
}

function withTimeout(command: Command): Command {
  return command.option(
    '--timeout <duration>',
    'wait so long for servers to hear of it: 90s, 5m',
    parseDuration,
    DEFAULT_TIMEOUT_MS,
  );
}
