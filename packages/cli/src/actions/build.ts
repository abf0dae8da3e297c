// Compiles an evolution into the one file that ships inside the vendor's package.

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { writeBundle } from '../bundle-file.js';
import { contextOf } from '../context.js';
import { interruptible } from '../interrupt.js';
import type { ScratchOptions } from '../options.js';
import { withReleases } from '../releases.js';

interface BuildOptions extends ScratchOptions {
  readonly out?: string;
}

export async function run(version: string, options: BuildOptions, command: Command): Promise<void> {
  const { printer, config: load } = contextOf(command);
  const config = load();
  const bundle = await interruptible(printer.note, (signal) =>
    withReleases({ config, options, signal }, (releases) => releases.measure(version)),
  );
  const file = resolve(options.out ?? `${config.app}-${version}.bundle.json`);
  writeBundle(file, bundle);
  const { hash, from, to } = bundle;
  printer.line(`${file}: ${config.app} ${from.version} → ${to.version}, hash ${hash.slice(0, 12)}`);
  printer.json({ file, app: config.app, from: from.version, to: to.version, hash });
}
