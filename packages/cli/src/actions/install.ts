// Puts a release on an empty database: the beginning of a new shard.

import { installRelease } from '@halflap/engine/runner';
import type { Command } from 'commander';
import { contextOf } from '../context.js';
import { interruptible } from '../interrupt.js';
import { onShard } from '../on-shard.js';
import type { ScratchOptions, ShardOptions } from '../options.js';
import { alreadyText } from '../print.js';
import { withReleases } from '../releases.js';
import { selectShards } from '../select-shards.js';

type InstallOptions = ShardOptions & ScratchOptions;

export async function run(
  version: string,
  options: InstallOptions,
  command: Command,
): Promise<void> {
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
