// The options of `halflap clusters shards …` and their help; actions/cluster-shards.ts is what they
// do.

import type { Command } from 'commander';
import { onDemand } from '../on-demand.js';
import { withListOptions } from '../options.js';
import { repeated } from '../repeated.js';

const SHOW_HELP = `
Exit code 0 when all is well, 3 when it is blocked, rows are in quarantine or keys differ, 4 when it
does not answer.

Examples:
  halflap clusters shards show shop eu1
  halflap clusters shards show shop eu1 --json | jq .shard.phase
`;

const JOURNAL_HELP = `
The newest comes first. A step that is not finished says what it waits for, or why it failed.

Examples:
  halflap clusters shards journal shop eu1 --limit 20
`;

const QUARANTINE_HELP = `
Correct a row as the older release sees it: it leaves the list when it can be carried. Contract is
refused until the list is empty.

Examples:
  halflap clusters shards quarantine shop eu1
  halflap clusters shards quarantine shop eu1 --relation hosts --json | jq -r '.rows[].reason'
`;

const RETRY_HELP = `
What stood in the way of a row may be gone without the row having been written since. At most 500
rows are tried at once, the oldest unless some are named. No row is taken away that was not carried.
Exit code 3 when rows are left.

Examples:
  halflap clusters shards retry shop eu1
  halflap clusters shards retry shop eu1 --row 17 --reason 'the duplicate is gone'
`;

const DRIFT_HELP = `
Exit code 3 when it differs, 4 when the shard does not answer.

Examples:
  halflap clusters shards drift shop eu1
`;

const load = () => import('../actions/cluster-shards.js');

export function withCluster(command: Command): Command {
  return command.argument('<cluster>', 'its name, or its id');
}

export function addShards(clusters: Command): void {
  const shards = clusters.command('shards').description('the shards of a cluster, one by one');
  withShard(shards.command('show'))
    .description('show all that is known of a shard')
    .addHelpText('after', SHOW_HELP)
    .action(onDemand(async () => (await load()).show));
  withListOptions(withShard(shards.command('journal')))
    .description('list the steps that verbs have run on a shard')
    .addHelpText('after', JOURNAL_HELP)
    .action(onDemand(async () => (await load()).journal));
  withListOptions(withShard(shards.command('quarantine')))
    .description('list the rows of a shard that could not be carried')
    .option('--relation <name>', 'of this one alone')
    .addHelpText('after', QUARANTINE_HELP)
    .action(onDemand(async () => (await load()).quarantine));
  withShard(shards.command('retry'))
    .description('try rows in quarantine again')
    .option('--row <id>', 'this one; may be repeated', repeated)
    .option('--reason <text>', 'why, for the audit log')
    .addHelpText('after', RETRY_HELP)
    .action(onDemand(async () => (await load()).retry));
  withShard(shards.command('drift'))
    .description('compare the catalogue of a shard with its release')
    .addHelpText('after', DRIFT_HELP)
    .action(onDemand(async () => (await load()).drift));
}

function withShard(command: Command): Command {
  return withCluster(command).argument('<shard>', 'its name');
}
