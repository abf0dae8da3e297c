// The options of `halflap wait` and its help; actions/wait.ts is what it does.

import { PHASES } from '@halflap/protocol';
import { type Command, Option } from 'commander';
import { parseDuration } from '../duration.js';
import { onDemand } from '../on-demand.js';
import { withShardOptions } from '../options.js';

const DEFAULT_TIMEOUT_MS = 3_600_000;

const HELP = `
Returns at once when the shards are in the phase already, or have passed it in this evolution. A
shard that is settled does not say whether it is before or after: that follows from the newer
release, which --release names, or else the bundle of halflap.yaml. A shard that cannot be reached
is asked again until the deadline. What the shard is found in meanwhile goes to stderr. Ends with
exit code 5 when the deadline passes, and with 3 when the phase cannot come any more.

Examples:
  halflap wait --shard eu1 --for dual --release 2.0 --timeout 2h
  halflap wait --all --for settled --release 2.0 --timeout 1d
`;

export function addWait(program: Command): void {
  withShardOptions(program.command('wait'))
    .description('wait until shards are in a phase, or past it')
    .addOption(new Option('--for <phase>', 'the phase').choices(PHASES).makeOptionMandatory())
    .option('--release <version>', 'the newer release of the evolution; with settled: the release')
    .addOption(
      new Option('--timeout <duration>', 'give up after this long: 90s, 30m, 2h, 1h30m, 1d')
        .argParser(parseDuration)
        .default(DEFAULT_TIMEOUT_MS, '1h'),
    )
    .addHelpText('after', HELP)
    .action(onDemand(async () => (await import('../actions/wait.js')).run));
}
