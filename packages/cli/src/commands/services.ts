// The options of `halflap services …` and their help; actions/services.ts is what they do.

import type { Command } from 'commander';
import { wholeNumber } from '../duration.js';
import { onDemand } from '../on-demand.js';
import { withListOptions, withPartialOption, withServerOptions } from '../options.js';

const HELP = `
Without --host: names of services over all hosts, their states, and how many hosts have each. With
--host: the services of this host. A job starts, stops and restarts them.

Examples:
  halflap services list --search nginx
  halflap services list --host web-01.example --active failed
  halflap hosts list --service nginx.service=failed
`;

const JOURNAL_HELP = `
The host is asked for it now, so it has to be connected.

Examples:
  halflap services journal web-01.example nginx.service
  halflap services journal web-01.example nginx.service --lines 500
`;

/** As much as the API gives. */
const MOST_LINES = 1000;

export function addServices(program: Command): void {
  const services = withServerOptions(program.command('services')).description(
    'services, of all hosts or of one',
  );
  withPartialOption(withListOptions(services.command('list')))
    .description('list services: states and their hosts, or those of one host')
    .option('--host <host>', 'only of this host: its id, or its hostname')
    .option('--search <text>', 'a part of the name')
    .option('--active <state>', 'in this state: active, inactive, failed; with --host')
    .addHelpText('after', HELP)
    .action(onDemand(async () => (await import('../actions/services.js')).list));
  services
    .command('journal <host> <service>')
    .description('print the last lines that a service has logged')
    .option('--lines <n>', 'so many (default: 100)', wholeNumber(1, MOST_LINES))
    .addHelpText('after', JOURNAL_HELP)
    .action(onDemand(async () => (await import('../actions/services.js')).journal));
}
