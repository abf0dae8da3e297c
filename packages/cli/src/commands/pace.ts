// How fast a shard may be filled; a run that is under way obeys from its next batch on.

import { setPace } from '@halflap/engine';
import { HalflapError } from '@halflap/protocol';
import type { Command } from 'commander';
import { contextOf } from '../context.js';
import { wholeNumber } from '../duration.js';
import { onShard } from '../on-shard.js';
import { type ShardOptions, selectShards, withShardOptions } from '../shard-option.js';

interface PaceOptions extends ShardOptions {
  readonly batchRows?: number;
  readonly paceMs?: number;
}

/** The limits that halflap.shard holds by check constraints. */
const MOST_ROWS = 1_000_000;
const MOST_MS = 3_600_000;

const HELP = `
Kept in the shard. What is not given stays as it is. Batches become smaller by themselves where rows
are expensive; --batch-rows is the most that one may have.

Examples:
  halflap pace --shard eu1 --batch-rows 500 --pace-ms 100
`;

export function addPace(program: Command): void {
  withShardOptions(program.command('pace'))
    .description('set how fast a shard may be filled')
    .option('--batch-rows <n>', 'the most rows of one batch', wholeNumber(1, MOST_ROWS))
    .option('--pace-ms <n>', 'pause after each batch, in milliseconds', wholeNumber(0, MOST_MS))
    .addHelpText('after', HELP)
    .action(run);
}

async function run(options: PaceOptions, command: Command): Promise<void> {
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
