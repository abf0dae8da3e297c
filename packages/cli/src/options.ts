// Options that several commands have, declared once. Loaded with every command, so it imports
// nothing heavy: what they lead to stands with the actions.

import type { Command } from 'commander';
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

export function withVerbOptions(command: Command): Command {
  return withScratchOption(withBundleOption(withShardOptions(command)));
}
