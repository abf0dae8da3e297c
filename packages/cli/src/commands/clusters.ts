// The options of `halflap clusters …` and their help; actions/clusters.ts is what they do.

import { VERBS } from '@halflap/protocol';
import { type Command, Option } from 'commander';
import { onDemand } from '../on-demand.js';
import { withListOptions, withServerOptions } from '../options.js';
import { addBetweenServers } from './between-servers.js';
import { addShards, withCluster } from './cluster-shards.js';

const ADD_HELP = `
The file is YAML or JSON; docs/campaigns.md has its form. The addresses of shards are sealed by the
servers' secret, and never shown again. With itself: true it is this Halflap, which knows its
shards.

Examples:
  halflap clusters add shop.yaml
`;

const CHANGE_HELP = `
A shard without an address keeps the one that it has. Campaigns that are planned have to be planned
again.

Examples:
  halflap clusters change shop shop.yaml
`;

const MATRIX_HELP = `
Exit code 0 when every server works with every shard, 3 when one does not, 4 when a shard is
unreachable.

Examples:
  halflap clusters matrix shop
  halflap clusters matrix shop --watch
  halflap clusters matrix shop --json | jq -r '.matrix.shards[] | "\\(.name) \\(.phase)"'
`;

const REMOVE_HELP = `
Its campaigns and their history are forgotten with it; its servers and shards stay as they are.

Examples:
  halflap clusters remove shop --yes
`;

const BUNDLE_HELP = `
What halflap build has written. The same one twice is one.

Examples:
  halflap clusters bundles add shop-2.0.bundle.json
`;

const STEPS_HELP = `
As halflap plan shows it, of a bundle that was uploaded.

Examples:
  halflap clusters bundles steps 3f0c4a52
  halflap clusters bundles steps 3f0c4a52 --verb expand --sql
`;

const load = () => import('../actions/clusters.js');

export function addClusters(program: Command): void {
  const clusters = withServerOptions(program.command('clusters')).description(
    'applications that campaigns upgrade: their servers and shards',
  );
  withListOptions(clusters.command('list'))
    .description('list clusters')
    .addHelpText('after', '\nExamples:\n  halflap clusters list\n')
    .action(onDemand(async () => (await load()).list));
  clusters
    .command('add')
    .description('declare a cluster')
    .argument('<file>', 'its declaration')
    .addHelpText('after', ADD_HELP)
    .action(onDemand(async () => (await load()).add));
  withCluster(clusters.command('change'))
    .description('declare a cluster anew')
    .argument('<file>', 'its declaration')
    .addHelpText('after', CHANGE_HELP)
    .action(onDemand(async () => (await load()).change));
  withCluster(clusters.command('show'))
    .description('show what is declared')
    .addHelpText('after', '\nExamples:\n  halflap clusters show shop\n')
    .action(onDemand(async () => (await load()).show));
  withCluster(clusters.command('matrix'))
    .description('show how each server works with each shard')
    .option('--watch', 'again whenever it has changed')
    .addHelpText('after', MATRIX_HELP)
    .action(onDemand(async () => (await load()).matrix));
  withCluster(clusters.command('remove'))
    .description('forget a cluster')
    .option('--yes', 'do not ask')
    .addHelpText('after', REMOVE_HELP)
    .action(onDemand(async () => (await load()).remove));
  addShards(clusters);
  addBundles(clusters);
  addBetweenServers(clusters);
}

function addBundles(clusters: Command): void {
  const bundles = clusters.command('bundles').description('what leads to the next release');
  withListOptions(bundles.command('list'))
    .description('list bundles')
    .option('--app <name>', 'of this application')
    .addHelpText('after', '\nExamples:\n  halflap clusters bundles list --app shop\n')
    .action(onDemand(async () => (await load()).bundles));
  bundles
    .command('add')
    .description('upload a bundle')
    .argument('<file>', 'the bundle')
    .addHelpText('after', BUNDLE_HELP)
    .action(onDemand(async () => (await load()).addBundle));
  bundles
    .command('steps')
    .description('show what each verb would do, step by step, and what it locks')
    .argument('<bundle>', 'its hash, or enough of its beginning')
    .addOption(new Option('--verb <verb>', 'of this one alone').choices(VERBS))
    .option('--sql', 'with the statements')
    .addHelpText('after', STEPS_HELP)
    .action(onDemand(async () => (await import('../actions/bundle-steps.js')).steps));
}
