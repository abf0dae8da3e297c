// The options of `halflap hosts …` and their help; actions/hosts.ts is what they do.

import { type Command, InvalidArgumentError, Option } from 'commander';
import { onDemand } from '../on-demand.js';
import {
  withHostFilters,
  withListOptions,
  withPartialOption,
  withServerOptions,
} from '../options.js';

/** Those of the API; a test compares. */
export const HOST_SORTS = [
  'hostname',
  'lastSeen',
  'enrolled',
  'os',
  'upgradable',
  'security',
  'failed',
] as const;

const LIST_HELP = `
All that is stated must hold. A shard that does not answer is named on stderr, and the exit code is
4 then: its hosts are missing from the list.

Examples:
  halflap hosts list --label env=prod --security
  halflap hosts list --package openssl=3.0.1 --columns hostname,id,os
  halflap hosts list --offline --sort lastSeen --all
  halflap hosts list --search web --json | jq -r '.hosts[].id'
`;

const SHOW_HELP = `
A host is named by its id, or by its hostname where only one host has it.

Examples:
  halflap hosts show web-01.example
  halflap hosts show 3f0c4a52-0d0e-4c8e-9d1b-6f3f8a6f7b11 --json | jq .host.networks
`;

const EVENTS_HELP = `
The latest comes first.

Examples:
  halflap hosts events web-01.example --limit 20
`;

export function addHosts(program: Command): void {
  const hosts = withServerOptions(program.command('hosts')).description(
    'managed hosts: list, show, events',
  );
  withPartialOption(withListOptions(withHostFilters(hosts.command('list'))))
    .description('list hosts of all shards, filtered and sorted')
    .addOption(new Option('--sort <key>', 'by what').choices(HOST_SORTS).default('hostname'))
    .option('--desc', 'the highest first')
    .option('--columns <names>', 'which columns, with commas: hostname,id,labels', listOfWords)
    .addHelpText('after', LIST_HELP)
    .action(onDemand(async () => (await import('../actions/hosts.js')).list));
  hosts
    .command('show')
    .description('show all that a host tells of itself')
    .argument('<host>', 'its id, or its hostname')
    .addHelpText('after', SHOW_HELP)
    .action(onDemand(async () => (await import('../actions/hosts.js')).show));
  withListOptions(hosts.command('events'))
    .description('list what happened to a host')
    .argument('<host>', 'its id, or its hostname')
    .addHelpText('after', EVENTS_HELP)
    .action(onDemand(async () => (await import('../actions/hosts.js')).events));
}

function listOfWords(text: string): readonly string[] {
  const words = text.split(',').map((word) => word.trim());
  if (words.every((word) => word !== '')) return words;
  throw new InvalidArgumentError('Expected names with commas between them.');
}
