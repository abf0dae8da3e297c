// The options of `halflap bus …` and their help; actions/bus.ts is what they do.

import type { Command } from 'commander';
import { onDemand } from '../on-demand.js';
import { withListOptions, withPartialOption, withServerOptions } from '../options.js';

const STATUS_HELP = `
A group is what shares some work between the servers. Waiting messages that grow old say that nobody
works; parked ones were given up.

Examples:
  halflap bus status
`;

const PARKED_HELP = `
The latest comes first, each with the reason. --json has the messages as they were published.

Examples:
  halflap bus parked
  halflap bus parked --group campaigns --json | jq -r '.messages[].envelope'
`;

const GIVE_BACK_HELP = `
They are tried again from the beginning, behind what waits of their keys. A message is named by its
id, or by enough of its beginning.

Examples:
  halflap bus give-back 3f0c4a52
  halflap bus give-back --group campaigns
`;

const DISCARD_HELP = `
Nobody of that group handles them any more. They are printed with --json, the last that is seen of
them.

Examples:
  halflap bus discard 3f0c4a52 --yes --json > discarded
`;

const load = () => import('../actions/bus.js');

export function addBus(program: Command): void {
  const bus = withServerOptions(program.command('bus')).description(
    'what servers tell each other, and what they gave up',
  );
  withPartialOption(bus.command('status'))
    .description('show how much waits for each group, and how much was given up')
    .addHelpText('after', STATUS_HELP)
    .action(onDemand(async () => (await load()).status));
  withPartialOption(withListOptions(bus.command('parked')))
    .description('list messages that were given up')
    .option('--group <group>', 'by this group')
    .option('--topic <topic>', 'of this topic')
    .addHelpText('after', PARKED_HELP)
    .action(onDemand(async () => (await load()).parked));
  bus
    .command('give-back')
    .description('have messages tried again that were given up')
    .argument('[messages...]', 'their ids, or enough of their beginnings')
    .option('--group <group>', 'all that this group has given up')
    .addHelpText('after', GIVE_BACK_HELP)
    .action(onDemand(async () => (await load()).giveBack));
  bus
    .command('discard')
    .description('take messages away for good that were given up')
    .argument('<messages...>', 'their ids, or enough of their beginnings')
    .option('--yes', 'do not ask')
    .addHelpText('after', DISCARD_HELP)
    .action(onDemand(async () => (await load()).discard));
}
