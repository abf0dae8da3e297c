// The options of `halflap messages …` and their help; actions/messages.ts is what they do.

import type { Command } from 'commander';
import { onDemand } from '../on-demand.js';
import { withShardOptions } from '../options.js';
import { repeated } from '../repeated.js';

const LIST_HELP = `
A message is parked when the server that received it could not read it: mostly one of the newer
release, met by a server of the older. Servers of the newer release take those by themselves.

Examples:
  halflap messages list --all
  halflap messages list --shard eu1 --json | jq -r '.messages[].envelope'
`;

const GIVE_BACK_HELP = `
The next server that asks for parked messages of that consumer tries to read it again; when it
cannot, it is parked again, with the reason.

Examples:
  halflap messages give-back --shard eu1 --id 17
  halflap messages give-back --all
`;

const DISCARD_HELP = `
For good: list them first.

Examples:
  halflap messages discard --shard eu1 --id 17 --id 18
`;

export function addMessages(program: Command): void {
  const messages = program
    .command('messages')
    .description('messages between servers that could not be read');
  withShardOptions(messages.command('list'))
    .description('list the messages that are parked, with the reason')
    .addHelpText('after', LIST_HELP)
    .action(onDemand(async () => (await import('../actions/messages.js')).list));
  withShardOptions(messages.command('give-back'))
    .description('let parked messages be read again')
    .option('--id <n>', 'only this one, of one shard; may be repeated', repeated)
    .addHelpText('after', GIVE_BACK_HELP)
    .action(onDemand(async () => (await import('../actions/messages.js')).giveBack));
  messages
    .command('discard')
    .description('take parked messages away')
    .requiredOption('--shard <name>', 'the shard')
    .requiredOption('--id <n>', 'the message; may be repeated', repeated)
    .addHelpText('after', DISCARD_HELP)
    .action(onDemand(async () => (await import('../actions/messages.js')).discard));
}
