// Prints what an evolution would do, statement by statement, before anything happens.

import { type Bundle, planView } from '@halflap/engine/runner';
import { HalflapError } from '@halflap/protocol';
import type { Command } from 'commander';
import { bundleOf } from '../bundles.js';
import type { Config } from '../config.js';
import { contextOf } from '../context.js';
import { interruptible } from '../interrupt.js';
import type { BundleOptions } from '../options.js';
import { planText } from '../plan-text.js';
import type { Printer } from '../print.js';

interface PlanOptions extends BundleOptions {
  readonly sql?: boolean;
  readonly all?: boolean;
}

export async function run(version: string | undefined, options: PlanOptions, command: Command) {
  const { printer, config: load } = contextOf(command);
  const plan = planView(await bundleFor(version, options, load(), printer));
  const { colors, width } = printer;
  const shown = { isAll: options.all === true, isWhole: options.sql === true };
  printer.line(planText(plan, { colors, width, ...shown }));
  printer.json(plan);
}

async function bundleFor(
  version: string | undefined,
  options: BundleOptions,
  config: Config,
  printer: Printer,
): Promise<Bundle> {
  const file = options.bundle ?? (version === undefined ? config.bundle : undefined);
  if (file !== undefined) return expectVersion(bundleOf(config, file), version, file);
  if (version === undefined) {
    throw new HalflapError('COMMAND_INVALID', 'neither a version nor a bundle is named', {
      hint: 'halflap plan VERSION, or halflap plan --bundle FILE',
    });
  }
  const { withReleases } = await import('../releases.js');
  return interruptible(printer.note, (signal) =>
    withReleases({ config, options, signal }, (releases) => releases.measure(version)),
  );
}

function expectVersion(bundle: Bundle, version: string | undefined, file: string): Bundle {
  if (version === undefined || bundle.to.version === version) return bundle;
  const message = `bundle ${file} leads to ${bundle.to.version}, not to ${version}`;
  throw new HalflapError('BUNDLE_INVALID', message, {
    detail: { file },
    hint: `halflap plan ${bundle.to.version}, or name another bundle with --bundle FILE`,
  });
}
