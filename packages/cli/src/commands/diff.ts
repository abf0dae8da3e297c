// The options of `halflap diff` and its help; actions/diff.ts is what it does.

import type { Command } from 'commander';
import { onDemand } from '../on-demand.js';
import { withScratchOption } from '../options.js';
import { repeated } from '../repeated.js';

const HELP = `
Nothing is guessed: above each change stands the reason for it. What the schemas do not tell is
asked on a terminal; elsewhere it stands in the file as commented-out changes, and the exit code
is 3. Without a version, the newest release.

Examples:
  halflap diff
  halflap diff 2.0 --write
  halflap diff 2.0 --answer hosts.owner=team --answer hosts.rack=none
`;

export function addDiff(program: Command): void {
  withScratchOption(program.command('diff'))
    .description('propose the evolution file of a release')
    .argument('[version]', 'the release to go to; the newest when not given')
    .option('--write', 'write it beside schema.sql, instead of to stdout')
    .option('--answer <answer>', 'QUESTION=ANSWER; may be given several times', repeated)
    .addHelpText('after', HELP)
    .action(onDemand(async () => (await import('../actions/diff.js')).run));
}
