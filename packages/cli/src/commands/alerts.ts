// The options of `halflap alerts …` and their help, but for rules and targets; actions/alerts.ts is
// what they do.

import { type Command, Option } from 'commander';
import { onDemand } from '../on-demand.js';
import { withListOptions, withServerOptions } from '../options.js';
import { addAlertRules } from './alert-rules.js';
import { addAlertTargets } from './alert-targets.js';

/** Those of the API; a test compares. */
export const ALERT_STATES = ['open', 'resolved'] as const;
export const SEVERITIES = ['info', 'warning', 'error'] as const;
export const RULE_KINDS = [
  ...(['host_offline', 'service_failed', 'security_updates', 'reboot_needed'] as const),
  ...(['disk_full', 'shard_unreachable', 'job_failed', 'campaign_waits'] as const),
] as const;
export const DELIVERY_STATES = ['pending', 'delivered', 'given_up'] as const;

const LIST_HELP = `
The latest comes first, those that are resolved too.

Examples:
  halflap alerts list --state open --severity error
  halflap alerts list --host web-01.example --all
  halflap alerts list --state open --unacknowledged --json | jq -r '.alerts[].id'
`;

const ACKNOWLEDGE_HELP = `
Says that somebody has taken notice; nothing else depends on it. An alert is named by its id, or by
enough of the beginning of an open one's.

Examples:
  halflap alerts acknowledge 3f0c4a52
`;

const DELIVERIES_HELP = `
The latest comes first.

Examples:
  halflap alerts deliveries list --state given_up
  halflap alerts deliveries list --target duty --limit 20
`;

const RETRY_HELP = `
Tries without delay, and for another day.

Examples:
  halflap alerts deliveries retry 3f0c4a52
  halflap alerts deliveries retry $(halflap alerts deliveries list --state given_up --json |
    jq -r '.deliveries[].id')
`;

const load = () => import('../actions/alerts.js');

export function addAlerts(program: Command): void {
  const alerts = withServerOptions(program.command('alerts')).description(
    'what is wrong, when something is, and who is told',
  );
  withListOptions(alerts.command('list'))
    .description('list alerts')
    .addOption(new Option('--state <state>', 'how it stands').choices(ALERT_STATES))
    .addOption(new Option('--severity <severity>', 'of its rule').choices(SEVERITIES))
    .addOption(new Option('--kind <kind>', 'of its rule').choices(RULE_KINDS))
    .option('--host <host>', 'about this host: its id, or its hostname')
    .addOption(new Option('--acknowledged', 'that somebody has taken notice of'))
    .addOption(
      new Option('--unacknowledged', 'that nobody has taken notice of').conflicts('acknowledged'),
    )
    .addHelpText('after', LIST_HELP)
    .action(onDemand(async () => (await load()).list));
  alerts
    .command('acknowledge')
    .description('say that somebody has taken notice of alerts')
    .argument('<alerts...>', 'their ids, or enough of their beginnings')
    .addHelpText('after', ACKNOWLEDGE_HELP)
    .action(onDemand(async () => (await load()).acknowledge));
  addAlertRules(alerts);
  addAlertTargets(alerts);
  addDeliveries(alerts);
}

function addDeliveries(alerts: Command): void {
  const deliveries = alerts.command('deliveries').description('what was told to whom');
  withListOptions(deliveries.command('list'))
    .description('list what was told to targets, and what came of it')
    .addOption(new Option('--state <state>', 'how it stands').choices(DELIVERY_STATES))
    .option('--target <target>', 'to this target: its name, or its id')
    .option('--alert <alert>', 'of this alert: its id, or enough of its beginning')
    .addHelpText('after', DELIVERIES_HELP)
    .action(onDemand(async () => (await load()).deliveries));
  deliveries
    .command('retry')
    .description('try deliveries without delay')
    .argument('<deliveries...>', 'their ids, or enough of their beginnings')
    .addHelpText('after', RETRY_HELP)
    .action(onDemand(async () => (await load()).retry));
}
