// prepared → expanding → dual: builds, fills and verifies the new layout while both releases work.

import type { Command } from 'commander';
import { onDemand } from '../on-demand.js';
import { withVerbOptions } from '../options.js';

const HELP = `
Works beside the application, batch by batch. Ctrl-C stops it within a moment; running the verb
again continues, also after the process was killed. Slow it down with pace, stop it with pause.

Examples:
  halflap expand --shard eu1
  halflap expand --shard eu1 --json | jq -c 'select(.event == "progress")'
`;

export function addExpand(program: Command): void {
  withVerbOptions(program.command('expand'))
    .description('build, fill and verify the new layout, until both releases are native')
    .addHelpText('after', HELP)
    .action(onDemand(async () => (await import('../verb-run.js')).runOnShards('expand')));
}
