// Options that several commands have, declared once. Loaded with every command, so it imports
// nothing heavy: what they lead to stands with the actions.

import { type Command, Option } from 'commander';
import { wholeNumber } from './duration.js';
import { repeated } from './repeated.js';

/** Which shards a command is about; never all by default. */
export interface ShardOptions {
  readonly shard?: readonly string[];
  readonly all?: boolean;
}

/** Where scratch databases are made, where not on a server of one's own. */
export interface ScratchOptions {
  readonly scratch?: string;
}

export interface BundleOptions extends ScratchOptions {
  readonly bundle?: string;
}

export interface VerbOptions extends ShardOptions, BundleOptions {
  /** The operator's reason for passing over findings of use; contract only. */
  readonly forceInUse?: string;
}

export function withShardOptions(command: Command): Command {
  return command
    .option('--shard <name>', 'the shard; may be given several times', repeated)
    .option('--all', 'every shard of halflap.yaml, in its order');
}

export function withScratchOption(command: Command): Command {
  return command.option('--scratch <url>', 'a server on which databases may be created');
}

export function withBundleOption(command: Command): Command {
  return command.option('--bundle <file>', 'the bundle, in place of that of halflap.yaml');
}

/** Of a group of commands that ask a server; api/connect.ts is what they lead to. */
export function withServerOptions(command: Command): Command {
  return command
    .option('--server <url>', 'the server to ask, in place of HALFLAP_SERVER')
    .option('--token-file <file>', 'the file with the token that says who asks')
    .option('--ca <file>', 'the authority that the server’s certificate is from');
}

export function withListOptions(command: Command): Command {
  return command
    .option('--limit <n>', 'the most to list (default: 100)', wholeNumber(1, MOST_LISTED))
    .option('--all', 'list all there is');
}

/** Of a list that all shards have a part of. */
export function withPartialOption(command: Command): Command {
  return command.option('--partial', 'exit with 0, too, when a shard does not answer');
}

/** By what hosts are chosen; api/host-filters.ts is what they become. */
export function withHostFilters(command: Command): Command {
  return command
    .option('--label <selector>', 'env=prod, env!=prod, env or !env; may be repeated', repeated)
    .option('--hostname <name>', 'the name, as a whole')
    .option('--search <text>', 'a part of the name')
    .option('--os <id>', 'debian, or with the version debian-13')
    .addOption(new Option('--online', 'whose agent is connected').conflicts('offline'))
    .option('--offline', 'whose agent is not connected')
    .option('--upgradable', 'with packages to upgrade')
    .option('--security', 'with security fixes to install')
    .option('--reboot', 'that want to be booted again')
    .option('--failed-service', 'with a service that failed')
    .option('--service <name[=state]>', 'with this service, or with it in a state: active, failed')
    .option('--package <name[=version]>', 'with this package, or with that version of it');
}

const MOST_LISTED = 1_000_000;

export function withVerbOptions(command: Command): Command {
  return withScratchOption(withBundleOption(withShardOptions(command)));
}
