// How fast a shard may be filled; a run that is under way obeys from its next batch on.

import { setPace } from '@halflap/engine/runner';
import { HalflapError } from '@halflap/protocol';
import type { Command } from 'commander';
import { contextOf } from '../context.js';
import { onShard } from '../on-shard.js';
import type { ShardOptions } from '../options.js';
import { selectShards } from '../select-shards.js';

interface PaceOptions extends ShardOptions {
  readonly batchRows?: number;
  readonly paceMs?: number;
}

export async function run(options: PaceOptions, command: Command): Promise<void> {
  const { printer, config: load } = contextOf(command);
  const change = {
    ...(options.batchRows === undefined ? {} : { batchRows: options.batchRows }),
    ...(options.paceMs === undefined ? {} : { paceMs: options.paceMs }),
  };
  if (Object.keys(change).length === 0) {
    const hint = 'add --batch-rows N, --pace-ms N, or both';
    throw new HalflapError('COMMAND_INVALID', 'nothing to set', { hint });
  }
  const config = load();
  for (const { name, url } of selectShards(config, options)) {
    const target = { url, shard: name, app: config.app };
    const { batchRows, paceMs } = await onShard(name, () => setPace(target, change));
    const rows = `batches of at most ${batchRows} rows`;
    printer.line(`${name}: ${rows}, ${paceMs} ms of pause after each`);
    printer.json({ event: 'outcome', shard: name, batchRows, paceMs });
  }
}
