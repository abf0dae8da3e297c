// Lists the rows of the old release that could not be carried to the new one, with the reason.

import { readQuarantine } from '@halflap/engine/runner';
import type { QuarantineRow } from '@halflap/protocol';
import type { Command } from 'commander';
import { contextOf } from '../context.js';
import { onShard } from '../on-shard.js';
import type { ShardOptions } from '../options.js';
import { selectShards } from '../select-shards.js';
import { table } from '../table.js';

/** One row of `quarantine --json`; additions only. */
interface Quarantined extends Omit<QuarantineRow, 'noticed_at'> {
  readonly shard: string;
  readonly noticedAt: Date;
}

export async function run(options: ShardOptions, command: Command): Promise<void> {
  const { printer, config } = contextOf(command);
  const rows: Quarantined[] = [];
  for (const { name, url } of selectShards(config(), options)) {
    const found = await onShard(name, () => readQuarantine(url));
    rows.push(
      ...found.map(({ noticed_at: noticedAt, ...row }) => ({ shard: name, ...row, noticedAt })),
    );
  }
  printer.json({ rows });
  printer.line(
    rows.length === 0 ? 'nothing is in quarantine' : table(HEAD, rows.map(cells), printer.width),
  );
}

const HEAD = ['shard', 'evolution', 'relation', 'key', 'SQLSTATE', 'reason'];

function cells(row: Quarantined): string[] {
  const { shard, evolution, relation, key, sqlstate, reason } = row;
  return [shard, evolution, relation, JSON.stringify(key), sqlstate, reason];
}
