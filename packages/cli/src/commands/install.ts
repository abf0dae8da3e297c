// Puts a release on an empty database: the beginning of a new shard.

import { installRelease } from '@halflap/engine';
import type { Command } from 'commander';
import { contextOf } from '../context.js';
import { interruptible } from '../interrupt.js';
import { onShard } from '../on-shard.js';
import { alreadyText } from '../print.js';
import { type ScratchOptions, withReleases, withScratchOption } from '../releases.js';
import { type ShardOptions, selectShards, withShardOptions } from '../shard-option.js';

type InstallOptions = ShardOptions & ScratchOptions;

const HELP = `
The database must exist and be empty. One transaction; idempotent for the same release. Needs the
directory of releases. A database that already holds a release is taken in by adopt.

Examples:
  halflap install 1.0 --shard eu1
`;

export function addInstall(program: Command): void {
  withScratchOption(withShardOptions(program.command('install')))
    .description('put a release on an empty database')
    .argument('<version>', 'the release')
    .addHelpText('after', HELP)
    .action(run);
}

async function run(version: string, options: InstallOptions, command: Command): Promise<void> {
  const { printer, config: load } = contextOf(command);
  const config = load();
  const shards = selectShards(config, options);
  const release = await interruptible(printer.note, (signal) =>
    withReleases({ config, options, signal }, (releases) => releases.load(version)),
  );
  for (const { name, url } of shards) {
    const { changed, since } = await onShard(name, () =>
      installRelease({ url, app: config.app, shard: name, release }),
    );
    const what = `${config.app} ${version}`;
    printer.line(`${name}: ${changed ? `installed ${what}` : alreadyText(what, since)}`);
    printer.json({ event: 'outcome', shard: name, release: version, changed, since });
  }
}
