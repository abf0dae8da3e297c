// Takes in a database that already holds a release, so that it can be upgraded from there.

import { adopt, type ReleaseSummary } from '@halflap/engine';
import type { Command } from 'commander';
import { type BundleOptions, summaryIn, withBundleOption } from '../bundles.js';
import type { Config } from '../config.js';
import { contextOf } from '../context.js';
import { interruptible } from '../interrupt.js';
import { onShard } from '../on-shard.js';
import { alreadyText } from '../print.js';
import { withReleases, withScratchOption } from '../releases.js';
import { type ShardOptions, selectShards, withShardOptions } from '../shard-option.js';

type AdoptOptions = ShardOptions & BundleOptions;

const HELP = `
Compares the catalogue of the database with that of the release, and refuses with the
differences when they are not the same. Touches no table of the application. Idempotent for the
same release. The release comes from the bundle, or from the directory of releases.

Examples:
  halflap adopt 1.0 --shard eu1
  halflap adopt 1.0 --all --bundle inventory-2.0.bundle.json
`;

export function addAdopt(program: Command): void {
  withScratchOption(withBundleOption(withShardOptions(program.command('adopt'))))
    .description('take in a database that already holds a release')
    .argument('<version>', 'the release that it holds')
    .addHelpText('after', HELP)
    .action(run);
}

async function run(version: string, options: AdoptOptions, command: Command): Promise<void> {
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
  return withReleases({ config, options, signal }, async (releases) => {
    const { fingerprint, catalog } = await releases.load(version);
    return { version, fingerprint, catalog };
  });
}
