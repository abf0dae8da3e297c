// The options of `halflap build` and its help; actions/build.ts is what it does.

import type { Command } from 'commander';
import { onDemand } from '../on-demand.js';
import { withScratchOption } from '../options.js';

const HELP = `
The bundle is pure data: a customer's machine needs nothing else. It is read back and verified
by its hash before it takes its place. The same releases give the same bundle. Where a release has a
servers.yaml, what it states for servers is written as well, and for a first release that alone.

Examples:
  halflap build 2.0
  halflap build 2.0 --out packaging/inventory-2.0.bundle.json
`;

export function addBuild(program: Command): void {
  withScratchOption(program.command('build'))
    .description('write the bundle that ships inside a package')
    .argument('<version>', 'the release to go to')
    .option('--out <file>', 'where to write (default: APP-VERSION.bundle.json)')
    .option('--servers <file>', 'where to write that (default: APP-VERSION.servers.json)')
    .addHelpText('after', HELP)
    .action(onDemand(async () => (await import('../actions/build.js')).run));
}
