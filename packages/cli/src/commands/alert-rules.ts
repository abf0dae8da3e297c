// The options of `halflap alerts rules …` and their help; actions/alert-rules.ts is what they do.

import { type Command, Option } from 'commander';
import { wholeNumber } from '../duration.js';
import { onDemand } from '../on-demand.js';
import { withListOptions } from '../options.js';
import { repeated } from '../repeated.js';
import { RULE_KINDS, SEVERITIES } from './alerts.js';

/** Of all kinds; the server has the limit of each. */
const MOST_THRESHOLD = 1_000_000;

const CREATE_HELP = `
The threshold is in the unit of the kind, which the list of rules shows: minutes, services,
packages, days, percent, hours.

Examples:
  halflap alerts rules create disk-full-db --kind disk_full --threshold 80 --severity error \\
    --label role=db
`;

const EDIT_HELP = `
What is not stated stays. Alerts that a rule no longer gives are resolved by the next look.

Examples:
  halflap alerts rules edit host-offline --threshold 30 --label env=prod,!edge
  halflap alerts rules edit security-updates --disable
`;

const REMOVE_HELP = `
Its open alerts are resolved, and stay in the list. A rule that may be wanted again is better
switched off: halflap alerts rules edit RULE --disable.

Examples:
  halflap alerts rules remove disk-full-db --yes
`;

const load = () => import('../actions/alert-rules.js');

export function addAlertRules(alerts: Command): void {
  const rules = alerts.command('rules').description('when something is an alert');
  withListOptions(rules.command('list'))
    .description('list rules')
    .addHelpText('after', '\nExamples:\n  halflap alerts rules list\n')
    .action(onDemand(async () => (await load()).list));
  rules
    .command('create')
    .description('make a rule')
    .argument('<rule>', 'what people call it: lower-case letters, digits and -')
    .addOption(
      new Option('--kind <kind>', 'what it looks at').choices(RULE_KINDS).makeOptionMandatory(),
    )
    .addOption(threshold().makeOptionMandatory())
    .addOption(severity().makeOptionMandatory())
    .addOption(labels())
    .option('--disable', 'make it switched off')
    .addHelpText('after', CREATE_HELP)
    .action(onDemand(async () => (await load()).create));
  rules
    .command('edit')
    .description('change a rule, or switch it off')
    .argument('<rule>', 'its id')
    .addOption(threshold())
    .addOption(severity())
    .addOption(labels().conflicts('everyHost'))
    .option('--every-host', 'it is for all hosts')
    .addOption(new Option('--enable', 'switch it on').conflicts('disable'))
    .option('--disable', 'switch it off')
    .addHelpText('after', EDIT_HELP)
    .action(onDemand(async () => (await load()).edit));
  rules
    .command('remove')
    .description('remove a rule, and resolve its alerts')
    .argument('<rule>', 'its id')
    .option('--yes', 'do not ask')
    .addHelpText('after', REMOVE_HELP)
    .action(onDemand(async () => (await load()).remove));
}

function threshold(): Option {
  const most = wholeNumber(0, MOST_THRESHOLD);
  return new Option('--threshold <n>', 'from what on it is an alert').argParser(most);
}

function severity(): Option {
  return new Option('--severity <severity>', 'of its alerts').choices(SEVERITIES);
}

function labels(): Option {
  const about = 'only hosts with env=prod, !edge; may be repeated';
  return new Option('--label <selector>', about).argParser(repeated);
}
