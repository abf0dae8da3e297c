// The options of `halflap api-tokens …` and their help; actions/api-tokens.ts is what they do.

import { type Command, Option } from 'commander';
import { parseDuration } from '../duration.js';
import { onDemand } from '../on-demand.js';
import { withListOptions, withServerOptions } from '../options.js';
import { repeated } from '../repeated.js';

const MONTH_MS = 30 * 86_400_000;

const LIST_HELP = `
Your own; who may see users sees those of everybody.

Examples:
  halflap api-tokens list
`;

const CREATE_HELP = `
Prints the token, which nothing shows again. It may do what its roles allow, and never more than you
may by then. A role is for all hosts, or for those that a selector of labels behind it matches.

Examples:
  halflap api-tokens create backup --role viewer > token
  halflap api-tokens create deploy --role operator:env=prod --expires 90d
`;

const REVOKE_HELP = `
Examples:
  halflap api-tokens revoke backup
`;

export function addApiTokens(program: Command): void {
  const tokens = withServerOptions(program.command('api-tokens')).description(
    'tokens with which programs ask as somebody',
  );
  withListOptions(tokens.command('list'))
    .description('list API tokens')
    .addHelpText('after', LIST_HELP)
    .action(onDemand(async () => (await import('../actions/api-tokens.js')).list));
  tokens
    .command('create')
    .description('make an API token of your own, and print it')
    .argument('<name>', 'what people know it by')
    .addOption(
      new Option('--role <role[:selector]>', 'what it may do; may be repeated')
        .argParser(repeated)
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('--expires <duration>', 'for how long: 2h, 7d, 90d')
        .argParser(parseDuration)
        .default(MONTH_MS, '30d'),
    )
    .addHelpText('after', CREATE_HELP)
    .action(onDemand(async () => (await import('../actions/api-tokens.js')).create));
  tokens
    .command('revoke')
    .description('make a token worth nothing')
    .argument('<token>', 'its id, or its name')
    .addHelpText('after', REVOKE_HELP)
    .action(onDemand(async () => (await import('../actions/api-tokens.js')).revoke));
}
