// Compiles an evolution into the one file that ships inside the vendor's package.

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { writeBundle } from '../bundle-file.js';
import { contextOf } from '../context.js';
import { interruptible } from '../interrupt.js';
import { type ScratchOptions, withReleases, withScratchOption } from '../releases.js';

interface BuildOptions extends ScratchOptions {
  readonly out?: string;
}

const HELP = `
The bundle is pure data: a customer's machine needs nothing else. It is read back and verified
by its hash before it takes its place. The same releases give the same bundle.

Examples:
  halflap build 2.0
  halflap build 2.0 --out packaging/inventory-2.0.bundle.json
`;

export function addBuild(program: Command): void {
  withScratchOption(program.command('build'))
    .description('write the bundle that ships inside a package')
    .argument('<version>', 'the release to go to')
    .option('--out <file>', 'where to write (default: APP-VERSION.bundle.json)')
    .addHelpText('after', HELP)
    .action(run);
}

async function run(version: string, options: BuildOptions, command: Command): Promise<void> {
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
