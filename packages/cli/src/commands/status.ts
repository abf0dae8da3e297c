// The options of `halflap status` and its help; actions/status.ts is what it does.

import type { Command } from 'commander';
import { wholeNumber } from '../duration.js';
import { onDemand } from '../on-demand.js';
import { repeated } from '../repeated.js';

/** Without a number behind --watch. */
export const WATCH_SECONDS = 2;
const DAY_SECONDS = 86_400;

const HELP = `
Floor and ceiling are the oldest and the newest release that the shard serves. Servers are those
that hold a lease; servers of a release that knows nothing of Halflap are not seen here, but
contract finds their use of the old layout all the same.

Examples:
  halflap status
  halflap status --watch
  halflap status --json | jq -r '.shards[] | select(.phase == "dual") | .shard'
`;

export function addStatus(program: Command): void {
  program
    .command('status')
    .description('show every shard: releases, phase, progress, servers, why blocked')
    .option('--shard <name>', 'only this shard; may be given several times', repeated)
    .option(
      '--watch [seconds]',
      `show again and again (default: ${WATCH_SECONDS})`,
      wholeNumber(1, DAY_SECONDS),
    )
    .addHelpText('after', HELP)
    .action(onDemand(async () => (await import('../actions/status.js')).run));
}
