// Waits until shards are in a phase: the verb for configuration management and shell scripts.

import { existsSync } from 'node:fs';
import { type ShardStatus, waitFor } from '@halflap/engine';
import { PHASES, type Phase } from '@halflap/protocol';
import { type Command, Option } from 'commander';
import { bundleOf } from '../bundles.js';
import type { Config } from '../config.js';
import { contextOf } from '../context.js';
import { parseDuration } from '../duration.js';
import { interruptible } from '../interrupt.js';
import type { Printer } from '../print.js';
import { redact } from '../secrets.js';
import { type ShardOptions, selectShards, withShardOptions } from '../shard-option.js';

interface WaitOptions extends ShardOptions {
  readonly for: Phase;
  readonly release?: string;
  readonly timeout: number;
}

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
    .action(run);
}

async function run(options: WaitOptions, command: Command): Promise<void> {
  const { printer, config: load } = contextOf(command);
  const config = load();
  const shards = selectShards(config, options);
  const { for: phase, timeout: timeoutMs } = options;
  const release = options.release ?? newerRelease(phase, config);
  const goal = { phase, timeoutMs, ...(release === undefined ? {} : { release }) };
  await interruptible(printer.note, (signal) =>
    Promise.all(
      shards.map(async ({ name, url }) => {
        const onWait = teller(name, phase, printer);
        const status = await waitFor({ url, shard: name, signal, onWait, ...goal });
        const found = status.state?.phase;
        const passed = found !== phase;
        printer.line(passed ? `${name}: past ${phase}: ${seen(status)}` : `${name}: ${phase}`);
        printer.json({ event: 'outcome', shard: name, phase, passed, found });
      }),
    ),
  );
}

/** The one of the bundle that moves the shards, where halflap.yaml names one. */
function newerRelease(phase: Phase, config: Config): string | undefined {
  const file = config.bundle;
  if (phase === 'settled' || file === undefined || !existsSync(file)) return undefined;
  return bundleOf(config, file).to.version;
}

/** Says what is waited on, once for each thing that the shard is found in. */
function teller(name: string, phase: Phase, printer: Printer) {
  let told = '';
  return (status: ShardStatus) => {
    const now = seen(status);
    if (now === told) return;
    told = now;
    printer.note(`${name}: ${now}, waiting for ${phase}`);
    printer.json({ event: 'log', shard: name, message: `${now}, waiting for ${phase}` });
  };
}

function seen({ state, error }: ShardStatus): string {
  if (error !== null) return redact(error);
  if (state === null) return 'not known to Halflap';
  return state.phase === 'settled' ? `settled at ${state.floor}` : state.phase;
}
