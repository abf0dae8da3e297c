// Waits until shards are in a phase: the verb for configuration management and shell scripts.

import { waitFor } from '@halflap/engine';
import { PHASES, type Phase } from '@halflap/protocol';
import { type Command, Option } from 'commander';
import { contextOf } from '../context.js';
import { parseDuration } from '../duration.js';
import { interruptible } from '../interrupt.js';
import { type ShardOptions, selectShards, withShardOptions } from '../shard-option.js';

interface WaitOptions extends ShardOptions {
  readonly for: Phase;
  readonly release?: string;
  readonly timeout: number;
}

const DEFAULT_TIMEOUT_MS = 3_600_000;

const HELP = `
Returns at once when the shards are already in the phase. A shard that cannot be reached is asked
again until the deadline. Ends with exit code 5 when the deadline passes.

Examples:
  halflap wait --shard eu1 --for dual --timeout 2h
  halflap wait --all --for settled --release 2.0 --timeout 1d
`;

export function addWait(program: Command): void {
  withShardOptions(program.command('wait'))
    .description('wait until shards are in a phase')
    .addOption(new Option('--for <phase>', 'the phase').choices(PHASES).makeOptionMandatory())
    .option('--release <version>', 'with --for settled: on this release')
    .addOption(
      new Option('--timeout <duration>', 'give up after this long: 90s, 30m, 2h, 1h30m, 1d')
        .argParser(parseDuration)
        .default(DEFAULT_TIMEOUT_MS, '1h'),
    )
    .addHelpText('after', HELP)
    .action(run);
}

async function run(options: WaitOptions, command: Command): Promise<void> {
  const { printer, config } = contextOf(command);
  const shards = selectShards(config(), options);
  const { for: phase, release, timeout: timeoutMs } = options;
  const goal = { phase, timeoutMs, ...(release === undefined ? {} : { release }) };
  await interruptible(printer.note, (signal) =>
    Promise.all(
      shards.map(async ({ name, url }) => {
        await waitFor({ url, shard: name, signal, ...goal });
        printer.line(`${name}: ${phase}`);
        printer.json({ event: 'outcome', shard: name, phase });
      }),
    ),
  );
}
