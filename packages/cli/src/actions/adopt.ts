// Takes in a database that already holds a release, so that it can be upgraded from there.

import { adopt, type ReleaseSummary } from '@halflap/engine/runner';
import type { Command } from 'commander';
import { summaryIn } from '../bundles.js';
import type { Config } from '../config.js';
import { contextOf } from '../context.js';
import { interruptible } from '../interrupt.js';
import { onShard } from '../on-shard.js';
import type { BundleOptions, ShardOptions } from '../options.js';
import { alreadyText } from '../print.js';
import { selectShards } from '../select-shards.js';

type AdoptOptions = ShardOptions & BundleOptions;

export async function run(version: string, options: AdoptOptions, command: Command): Promise<void> {
  const { printer, config: load } = contextOf(command);
  const config = load();
  const shards = selectShards(config, options);
  const release =
    summaryIn(config, options, version) ??
    (await interruptible(printer.note, (signal) => summaryOf(version, config, options, signal)));
  for (const { name, url } of shards) {
    const { changed, since } = await onShard(name, () =>
      adopt({ url, app: config.app, shard: name, release }),
    );
    const what = `${config.app} ${version}`;
    printer.line(`${name}: ${changed ? `adopted as ${what}` : alreadyText(what, since)}`);
    printer.json({ event: 'outcome', shard: name, release: version, changed, since });
  }
}

async function summaryOf(
  version: string,
  config: Config,
  options: AdoptOptions,
  signal: AbortSignal,
): Promise<ReleaseSummary> {
  const { withReleases } = await import('../releases.js');
  return withReleases({ config, options, signal }, async (releases) => {
    const { fingerprint, catalog } = await releases.load(version);
    return { version, fingerprint, catalog };
  });
}
