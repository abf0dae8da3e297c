// Which shards a command is about: `--shard NAME`, repeated, or `--all`; never all by default.

import { HalflapError } from '@halflap/protocol';
import { type Config, findShard, openShard, type Shard, type ShardConfig } from './config.js';
import type { ShardOptions } from './options.js';

/** @throws COMMAND_INVALID when none is named, CONFIG_UNKNOWN_SHARD, CONFIG_INVALID. */
export function selectShards(config: Config, options: ShardOptions): Shard[] {
  return chooseShards(config, options).map(openShard);
}

/** The same without their secrets, for those who can do with some of the shards. */
export function chooseShards(config: Config, options: ShardOptions): readonly ShardConfig[] {
  const named = options.shard ?? [];
  const isAll = options.all === true;
  if (isAll === named.length > 0) {
    const problem = isAll ? '--shard and --all exclude each other' : 'no shard is named';
    throw new HalflapError('COMMAND_INVALID', problem, { hint: 'add --shard NAME, or --all' });
  }
  const chosen = isAll ? config.shards : [...new Set(named)].map((one) => findShard(config, one));
  if (chosen.length === 0) {
    throw new HalflapError('CONFIG_INVALID', `${config.file} lists no shards`, {
      hint: 'add them under "shards:", each with a name and a url',
    });
  }
  return chosen;
}
