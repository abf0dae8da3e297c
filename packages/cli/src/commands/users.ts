// The options of `halflap users …` and their help; actions/users.ts is what they do.

import { type Command, Option } from 'commander';
import { onDemand } from '../on-demand.js';
import { withListOptions, withServerOptions } from '../options.js';
import { repeated } from '../repeated.js';

const CREATE_HELP = `
A role is viewer, operator, auditor or admin: for all hosts, or for those that a selector of labels
behind it matches. The password is asked for, or read from a file; without one (--no-password) the
user signs in by a provider, or not at all.

Examples:
  halflap users create anna --role admin
  halflap users create ben --role viewer --role operator:env=test --password-file ben.password
`;

const ROLES_HELP = `
These take the place of all that the user has, but for those that a provider's groups give.

Examples:
  halflap users roles ben --role operator:env=prod,team=web
`;

const EDIT_HELP = `
Disabling a user ends his sessions and tokens at once.

Examples:
  halflap users edit ben --state disabled
  halflap users edit anna --display-name "Anna K." --email anna@example.com
`;

const RESCUE_HELP = `
For administrators who are locked out, on a machine of a server: it needs halflap.yaml with the
password of the home shard, and no session. The user is active afterwards, an administrator for all
hosts, and has the new password; who does not exist is made. It is in the audit log.

Examples:
  halflap --config /etc/halflap/halflap.yaml users rescue anna
  halflap users rescue anna --password-file new.password --data /var/lib/halflap
`;

/** Those of the API; a test compares. */
export const USER_STATES = ['active', 'disabled'] as const;

const load = () => import('../actions/users.js');

export function addUsers(program: Command): void {
  const users = withServerOptions(program.command('users')).description(
    'users and their roles, passwords',
  );
  withListOptions(users.command('list'))
    .description('list users, by name')
    .addHelpText('after', '\nExamples:\n  halflap users list\n')
    .action(onDemand(async () => (await load()).list));
  users
    .command('show')
    .description('show a user')
    .argument('<user>', 'the name, or the id')
    .addHelpText('after', '\nExamples:\n  halflap users show anna\n')
    .action(onDemand(async () => (await load()).show));
  withPerson(withRoles(users.command('create')))
    .description('make a user')
    .argument('<name>', 'what the user signs in with')
    .option('--password-file <file>', 'the file with the password; else it is asked for')
    .option('--no-password', 'the user has none')
    .addHelpText('after', CREATE_HELP)
    .action(onDemand(async () => (await load()).create));
  withPerson(users.command('edit'))
    .description('change what is known of a user, or disable him')
    .argument('<user>', 'the name, or the id')
    .addOption(new Option('--state <state>', 'whether he may sign in').choices(USER_STATES))
    .addHelpText('after', EDIT_HELP)
    .action(onDemand(async () => (await load()).edit));
  withRoles(users.command('roles'))
    .description('put roles in the place of those that a user has')
    .argument('<user>', 'the name, or the id')
    .addHelpText('after', ROLES_HELP)
    .action(onDemand(async () => (await load()).roles));
  addPassword(users);
  users
    .command('rescue')
    .description('make somebody an administrator, by the database itself')
    .argument('<name>', 'what the user signs in with')
    .option('--password-file <file>', 'the file with the new password; else it is asked for')
    .option('--data <directory>', 'of a server without halflap.yaml: what it has')
    .addHelpText('after', RESCUE_HELP)
    .action(onDemand(async () => (await import('../actions/users-rescue.js')).rescue));
  users
    .command('remove')
    .description('remove a user with his sessions and tokens')
    .argument('<user>', 'the name, or the id')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExamples:\n  halflap users remove ben --yes\n')
    .action(onDemand(async () => (await load()).remove));
}

function addPassword(users: Command): void {
  users
    .command('password')
    .description('set a new password for a user; without a name, your own')
    .argument('[user]', 'the name, or the id')
    .option('--password-file <file>', 'the file with the new password; else it is asked for')
    .option(
      '--old-password-file <file>',
      'of your own: the file with the one that counts until now',
    )
    .addHelpText(
      'after',
      '\nAll sessions of the user end.\n\nExamples:\n  halflap users password ben\n' +
        '  halflap users password\n',
    )
    .action(onDemand(async () => (await load()).password));
}

function withPerson(command: Command): Command {
  return command
    .option('--display-name <text>', 'the name for people; empty for none')
    .option('--email <address>', 'empty for none');
}

function withRoles(command: Command): Command {
  return command.addOption(
    new Option('--role <role[:selector]>', 'what he may do; may be repeated')
      .argParser(repeated)
      .makeOptionMandatory(),
  );
}
