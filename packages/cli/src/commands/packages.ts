// The options of `halflap packages …` and their help; actions/packages.ts is what they do.

import type { Command } from 'commander';
import { onDemand } from '../on-demand.js';
import { withListOptions, withPartialOption, withServerOptions } from '../options.js';

const HELP = `
Without --host: names of packages over all hosts, the versions that are installed, and on how many
hosts each is. With --host: what this host has; the filters are for such a list.

Examples:
  halflap packages list --search openssl
  halflap packages list --host web-01.example --security
  halflap hosts list --package openssl=3.0.1
`;

export function addPackages(program: Command): void {
  const packages = withServerOptions(program.command('packages')).description(
    'installed packages, of all hosts or of one',
  );
  withPartialOption(withListOptions(packages.command('list')))
    .description('list packages: versions and their hosts, or those of one host')
    .option('--host <host>', 'only of this host: its id, or its hostname')
    .option('--search <text>', 'a part of the name')
    .option('--upgradable', 'that can be upgraded; with --host')
    .option('--security', 'with a security fix to install; with --host')
    .option('--held', 'that are held at their version; with --host')
    .addHelpText('after', HELP)
    .action(onDemand(async () => (await import('../actions/packages.js')).list));
}
