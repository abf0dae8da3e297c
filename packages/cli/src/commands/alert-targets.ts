// The options of `halflap alerts targets …` and their help; actions/alert-targets.ts is what they
// do.

import { type Command, Option } from 'commander';
import { onDemand } from '../on-demand.js';
import { withListOptions } from '../options.js';
import { repeated, repeatedOf } from '../repeated.js';
import { RULE_KINDS, SEVERITIES } from './alerts.js';

const CREATE_HELP = `
A webhook's address may be a secret: it is asked for, or read from a file. What its requests are
signed by is printed, and nothing shows it again. With --mail it is people who are told.

Examples:
  halflap alerts targets create duty --url-file duty.url --minimum-severity warning > duty.secret
  halflap alerts targets create team --mail anna@example.com --mail ben@example.com
`;

const EDIT_HELP = `
Where a target is stays: make another one, and remove this one.

Examples:
  halflap alerts targets edit duty --kind disk_full --kind host_offline
  halflap alerts targets edit team --disable
`;

const TEST_HELP = `
Sends something that is no alert.

Examples:
  halflap alerts targets test duty
  halflap alerts deliveries list --target duty --limit 1
`;

const load = () => import('../actions/alert-targets.js');

export function addAlertTargets(alerts: Command): void {
  const targets = alerts.command('targets').description('who is told of alerts');
  withListOptions(targets.command('list'))
    .description('list targets')
    .addHelpText('after', '\nExamples:\n  halflap alerts targets list\n')
    .action(onDemand(async () => (await load()).list));
  withFilter(targets.command('create'))
    .description('tell a webhook or people of alerts')
    .argument('<name>', 'what people know it by')
    .option('--url-file <file>', 'the file with the address of a webhook; else it is asked for')
    .addOption(
      new Option('--mail <address>', 'in place of a webhook; may be repeated')
        .argParser(repeated)
        .conflicts('urlFile'),
    )
    .addHelpText('after', CREATE_HELP)
    .action(onDemand(async () => (await load()).create));
  withFilter(targets.command('edit'))
    .description('change what a target is told, or that it is told')
    .argument('<target>', 'its name, or its id')
    .addOption(new Option('--every-kind', 'of every kind of rule').conflicts('kind'))
    .addOption(new Option('--enable', 'tell it again').conflicts('disable'))
    .option('--disable', 'tell it nothing')
    .addHelpText('after', EDIT_HELP)
    .action(onDemand(async () => (await load()).edit));
  targets
    .command('remove')
    .description('remove a target, with the log of what it was told')
    .argument('<target>', 'its name, or its id')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExamples:\n  halflap alerts targets remove team --yes\n')
    .action(onDemand(async () => (await load()).remove));
  targets
    .command('test')
    .description('send something to a target that is no alert')
    .argument('<target>', 'its name, or its id')
    .addHelpText('after', TEST_HELP)
    .action(onDemand(async () => (await load()).test));
}

function withFilter(command: Command): Command {
  return command
    .addOption(
      new Option('--kind <kind>', 'of this kind of rule only; may be repeated').argParser(
        repeatedOf(RULE_KINDS),
      ),
    )
    .addOption(
      new Option('--minimum-severity <severity>', 'and of nothing milder').choices(SEVERITIES),
    );
}
