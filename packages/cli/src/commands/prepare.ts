// settled → prepared: the new release can be served, through a lens. Metadata only.

import type { Command } from 'commander';
import { onDemand } from '../on-demand.js';
import { withVerbOptions } from '../options.js';

const HELP = `
Takes well under a second and changes nothing for servers of the old release. Undo with abort.

Examples:
  halflap prepare --shard eu1
  halflap prepare --shard eu1 --bundle inventory-2.0.bundle.json
`;

export function addPrepare(program: Command): void {
  withVerbOptions(program.command('prepare'))
    .description('serve the new release on a settled shard, through a lens')
    .addHelpText('after', HELP)
    .action(onDemand(async () => (await import('../verb-run.js')).runOnShards('prepare')));
}
