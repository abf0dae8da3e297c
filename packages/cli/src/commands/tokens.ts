// The options of `halflap tokens …` and their help; actions/tokens.ts is what they do.

import { type Command, Option } from 'commander';
import { parseDuration, wholeNumber } from '../duration.js';
import { onDemand } from '../on-demand.js';
import { withListOptions, withServerOptions } from '../options.js';
import { repeated } from '../repeated.js';

const MOST_USES = 100_000;
const DAY_MS = 86_400_000;

const CREATE_HELP = `
Prints the token, which nothing shows again, and on stderr the digest by which a new agent knows the
cluster. Whoever has the token can make hosts known until it has expired or is used up; they get its
labels.

Examples:
  halflap tokens create web --label env=prod --label role=web --uses 20 --expires 2h
  halflap tokens create lab --approval > token
`;

const LIST_HELP = `
Examples:
  halflap tokens list
  halflap tokens list --json | jq -r '.tokens[] | select(.state == "usable") | .id'
`;

const REVOKE_HELP = `
Hosts that have used it stay.

Examples:
  halflap tokens revoke web
`;

export function addTokens(program: Command): void {
  const tokens = withServerOptions(program.command('tokens')).description(
    'enrolment tokens, with which hosts become known',
  );
  withListOptions(tokens.command('list'))
    .description('list enrolment tokens')
    .addHelpText('after', LIST_HELP)
    .action(onDemand(async () => (await import('../actions/tokens.js')).list));
  tokens
    .command('create')
    .description('make an enrolment token, and print it')
    .argument('<name>', 'what people know it by')
    .option('--label <key=value>', 'a label for the hosts; may be repeated', repeated)
    .option('--uses <n>', 'for how many hosts (default: 1)', wholeNumber(1, MOST_USES))
    .addOption(
      new Option('--expires <duration>', 'for how long: 90s, 30m, 2h, 7d')
        .argParser(parseDuration)
        .default(DAY_MS, '1d'),
    )
    .option('--approval', 'hosts wait until somebody approves them')
    .addHelpText('after', CREATE_HELP)
    .action(onDemand(async () => (await import('../actions/tokens.js')).create));
  tokens
    .command('revoke')
    .description('make a token worth nothing')
    .argument('<token>', 'its id, or its name')
    .addHelpText('after', REVOKE_HELP)
    .action(onDemand(async () => (await import('../actions/tokens.js')).revoke));
}
