// Waits until shards are in a phase: the verb for configuration management and shell scripts.

import { existsSync } from 'node:fs';
import { type ShardStatus, waitFor } from '@halflap/engine/runner';
import type { Phase } from '@halflap/protocol';
import type { Command } from 'commander';
import { bundleOf } from '../bundles.js';
import type { Config } from '../config.js';
import { contextOf } from '../context.js';
import { interruptible } from '../interrupt.js';
import type { ShardOptions } from '../options.js';
import type { Printer } from '../print.js';
import { redact } from '../secrets.js';
import { selectShards } from '../select-shards.js';

interface WaitOptions extends ShardOptions {
  readonly for: Phase;
  readonly release?: string;
  readonly timeout: number;
}

export async function run(options: WaitOptions, command: Command): Promise<void> {
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
