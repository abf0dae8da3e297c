// The options of `halflap login`, `logout` and `whoami`, and their help; actions/login.ts is what
// they do.

import { type Command, Option } from 'commander';
import { parseDuration } from '../duration.js';
import { onDemand } from '../on-demand.js';
import { withServerOptions } from '../options.js';

const MONTH_MS = 30 * 86_400_000;

const LOGIN_HELP = `
Signs in by name and password, and has the server make an API token with your roles, which is kept
in $XDG_CONFIG_HOME/halflap/credentials.json, for your eyes only, together with the address and the
authority; commands use it from then on. The password is not kept. Who signs in by a provider makes
a token in the console, and gives it with --token-file.

The servers' own authority is known by the digest that each of them prints when it starts:
--ca-pin.

With --setup the first user is made, an administrator: the server prints a token for that when it
starts for the first time.

Examples:
  halflap login --server https://halflap.example
  halflap login --server https://halflap.example:8440 --ca-pin sha256:… --setup
  halflap login --user anna --password-file anna.password --expires 1d
  halflap login --token-file token
`;

const LOGOUT_HELP = `
The token is revoked at the server, where login has made it, and forgotten here.

Examples:
  halflap logout
  halflap logout --server https://halflap.example
`;

const WHO_HELP = `
Examples:
  halflap whoami
`;

export function addLogin(program: Command): void {
  withServerOptions(program.command('login'))
    .description('sign in at a server, for the commands that ask it')
    .addOption(
      new Option('--ca-pin <digest>', 'the same authority by its digest, sha256:…').conflicts('ca'),
    )
    .option('--user <name>', 'who signs in; else it is asked for')
    .option('--password-file <file>', 'the file with the password; else it is asked for')
    .option('--setup [file]', 'make the first user, with the token that the server printed')
    .addOption(
      new Option('--expires <duration>', 'for how long: 8h, 7d')
        .argParser(parseDuration)
        .default(MONTH_MS, '30d'),
    )
    .addHelpText('after', LOGIN_HELP)
    .action(onDemand(async () => (await import('../actions/login.js')).login));
}

export function addLogout(program: Command): void {
  program
    .command('logout')
    .description('forget a server, and revoke the token for it')
    .option('--server <url>', 'which one; else that of the last login')
    .addHelpText('after', LOGOUT_HELP)
    .action(onDemand(async () => (await import('../actions/login.js')).logout));
}

export function addWhoAmI(program: Command): void {
  withServerOptions(program.command('whoami'))
    .description('say which server is asked, as whom, with which roles')
    .addHelpText('after', WHO_HELP)
    .action(onDemand(async () => (await import('../actions/login.js')).whoAmI));
}
