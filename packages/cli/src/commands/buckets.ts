// The options of `halflap buckets …` and their help; actions/buckets.ts is what they do.

import { type Command, Option } from 'commander';
import { wholeNumber } from '../duration.js';
import { onDemand } from '../on-demand.js';
import { repeated } from '../repeated.js';

const LIST_HELP = `
Reads only. What has left one shard and not arrived is counted where it comes from.

Examples:
  halflap buckets list
`;

const MOVE_HELP = `
Without --bucket as many are moved as it takes for all shards to have as many, and no more. Each
bucket is held for its own short copy only: writes of its hosts wait for that long, and nothing else
does. Running it again goes on, also after it was killed.

A shard gets buckets only when every server that runs has it in its halflap.yaml.

Examples:
  halflap buckets move --dry-run
  halflap buckets move
  halflap buckets move --drain s1
  halflap buckets move --bucket 17 --to s3
`;

export function addBuckets(program: Command): void {
  const buckets = program
    .command('buckets')
    .description('which shard has which hosts; asks the shards of halflap.yaml themselves');
  buckets
    .command('list')
    .description('list the shards, with their buckets and hosts')
    .addHelpText('after', LIST_HELP)
    .action(onDemand(async () => (await import('../actions/buckets.js')).list));
  buckets
    .command('move')
    .description('move buckets between shards, with their hosts')
    .addOption(
      new Option('--bucket <n>', 'this one')
        .argParser(wholeNumber(0, MOST_BUCKET))
        .conflicts('drain'),
    )
    .option('--to <shard>', 'where --bucket goes')
    .option('--drain <shard>', 'leave none on this shard; may be repeated', repeated)
    .option('--dry-run', 'say what would be done, and do nothing')
    .addHelpText('after', MOVE_HELP)
    .action(onDemand(async () => (await import('../actions/buckets.js')).move));
}

/** Of 1024; a test compares. */
export const MOST_BUCKET = 1023;
