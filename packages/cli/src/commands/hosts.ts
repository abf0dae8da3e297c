// The options of `halflap hosts …` and their help; actions/hosts.ts is what they do.

import { type Command, InvalidArgumentError, Option } from 'commander';
import { onDemand } from '../on-demand.js';
import {
  withHostFilters,
  withListOptions,
  withPartialOption,
  withServerOptions,
} from '../options.js';
import { repeated } from '../repeated.js';

/** Those of the API; a test compares. */
export const HOST_STATES = ['pending', 'active', 'revoked'] as const;
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

const JOBS_HELP = `
What became of each on this host; the latest comes first.

Examples:
  halflap hosts jobs web-01.example --limit 20
`;

const LABEL_HELP = `
All other labels stay as they are.

Examples:
  halflap hosts label web-01.example env=prod role=web
  halflap hosts label web-01.example --remove edge
`;

const NOTE_HELP = `
Examples:
  halflap hosts note web-01.example "belongs to the shop; ask Anna"
  halflap hosts note web-01.example
`;

const APPROVE_HELP = `
Hosts wait for that when their token was made with --approval.

Examples:
  halflap hosts approve web-01.example web-02.example
  halflap hosts approve $(halflap hosts list --state pending --json | jq -r '.hosts[].id')
`;

const REVOKE_HELP = `
Its agent is cut off, and has to enrol again with a new key.

Examples:
  halflap hosts revoke web-01.example --because "its disk was stolen"
`;

const REMOVE_HELP = `
Examples:
  halflap hosts remove web-01.example --yes
`;

export function addHosts(program: Command): void {
  const hosts = withServerOptions(program.command('hosts')).description('managed hosts');
  withPartialOption(withListOptions(withHostFilters(hosts.command('list'))))
    .description('list hosts of all shards, filtered and sorted')
    .addOption(new Option('--state <state>', 'how it stands').choices(HOST_STATES))
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
  withListOptions(hosts.command('jobs'))
    .description('list the jobs of a host')
    .argument('<host>', 'its id, or its hostname')
    .addHelpText('after', JOBS_HELP)
    .action(onDemand(async () => (await import('../actions/hosts.js')).jobs));
  addChanges(hosts);
  addStanding(hosts);
}

function addChanges(hosts: Command): void {
  hosts
    .command('label')
    .description('set and take away labels of a host')
    .argument('<host>', 'its id, or its hostname')
    .argument('[labels...]', 'env=prod role=web')
    .option('--remove <key>', 'take this label away; may be repeated', repeated)
    .addHelpText('after', LABEL_HELP)
    .action(onDemand(async () => (await import('../actions/host-changes.js')).label));
  hosts
    .command('note')
    .description('write what people should know of a host')
    .argument('<host>', 'its id, or its hostname')
    .argument('[text]', 'in place of what is there; nothing takes it away')
    .addHelpText('after', NOTE_HELP)
    .action(onDemand(async () => (await import('../actions/host-changes.js')).note));
}

/** Whether hosts belong to the cluster. */
function addStanding(hosts: Command): void {
  const load = () => import('../actions/host-changes.js');
  hosts
    .command('approve')
    .description('let hosts in that wait for it')
    .argument('<hosts...>', 'their ids, or hostnames')
    .addHelpText('after', APPROVE_HELP)
    .action(onDemand(async () => (await load()).approve));
  hosts
    .command('revoke')
    .description('shut a host out, with all its certificates')
    .argument('<host>', 'its id, or its hostname')
    .requiredOption('--because <text>', 'why, for its events and the audit log')
    .option('--yes', 'do not ask')
    .addHelpText('after', REVOKE_HELP)
    .action(onDemand(async () => (await load()).revoke));
  hosts
    .command('remove')
    .description('forget a host that was revoked, and all that it told')
    .argument('<host>', 'its id, or its hostname')
    .option('--yes', 'do not ask')
    .addHelpText('after', REMOVE_HELP)
    .action(onDemand(async () => (await load()).remove));
}

function listOfWords(text: string): readonly string[] {
  const words = text.split(',').map((word) => word.trim());
  if (words.every((word) => word !== '')) return words;
  throw new InvalidArgumentError('Expected names with commas between them.');
}
