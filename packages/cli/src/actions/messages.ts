// What `halflap messages …` does: the messages that a consumer could not read, listed, given back
// to be read again, or taken away.

import { discardParked, readParked, returnParked } from '@halflap/engine/runner';
import { HalflapError, type ParkedRow } from '@halflap/protocol';
import type { Command } from 'commander';
import { harmless } from '../api/harmless.js';
import { contextOf } from '../context.js';
import { onShard } from '../on-shard.js';
import type { ShardOptions } from '../options.js';
import { selectShards } from '../select-shards.js';
import { table } from '../table.js';

interface GiveBackOptions extends ShardOptions {
  readonly id?: readonly string[];
}

interface DiscardOptions {
  readonly shard: string;
  readonly id: readonly string[];
}

/** One of `messages` with --json; additions only. */
interface Parked {
  readonly shard: string;
  readonly id: string;
  readonly consumer: string;
  readonly type: string | null;
  readonly level: string | null;
  readonly isNewer: boolean;
  readonly reason: string;
  readonly server: string;
  readonly release: string;
  readonly times: number;
  readonly parkedAt: Date;
  readonly returnedAt: Date | null;
  readonly envelope: string;
}

export async function list(options: ShardOptions, command: Command): Promise<void> {
  const { printer, config } = contextOf(command);
  const messages: Parked[] = [];
  for (const { name, url } of selectShards(config(), options)) {
    const rows = await onShard(name, () => readParked(url));
    messages.push(...rows.map((row) => parkedOf(name, row)));
  }
  printer.json({ messages });
  printer.line(
    messages.length === 0
      ? 'no message is parked'
      : table(HEAD, messages.map(shownCells), printer.width),
  );
}

export async function giveBack(options: GiveBackOptions, command: Command): Promise<void> {
  const { printer, config } = contextOf(command);
  const shards = selectShards(config(), options);
  const ids = options.id === undefined ? null : options.id.map(checkId);
  if (ids !== null && shards.length > 1) {
    throw new HalflapError('COMMAND_INVALID', '--id is of one shard, and several are named', {
      hint: 'name one with --shard NAME',
    });
  }
  for (const { name, url } of shards) {
    const given = await onShard(name, () => returnParked(url, ids));
    printer.line(`${name}: ${given.length} given back`);
    printer.json({ event: 'outcome', shard: name, givenBack: given });
  }
}

export async function discard(options: DiscardOptions, command: Command): Promise<void> {
  const { printer, config } = contextOf(command);
  const ids = options.id.map(checkId);
  for (const { name, url } of selectShards(config(), { shard: [options.shard] })) {
    const discarded = await onShard(name, () => discardParked(url, ids));
    printer.line(`${name}: ${discarded.length} discarded`);
    printer.json({ event: 'outcome', shard: name, discarded });
  }
}

function checkId(text: string): string {
  if (/^\d{1,18}$/.test(text)) return text;
  throw new HalflapError('COMMAND_INVALID', `--id takes a number, not "${text}"`, {
    hint: 'halflap messages list shows them',
  });
}

function parkedOf(shard: string, row: ParkedRow): Parked {
  const { id, consumer, type, level, reason, server, release, times, envelope } = row;
  const { is_newer: isNewer, parked_at: parkedAt, returned_at: returnedAt } = row;
  const who = { server, release, times, parkedAt, returnedAt, envelope };
  return { shard, id, consumer, type, level, isNewer, reason, ...who };
}

const HEAD = ['shard', 'id', 'consumer', 'type', 'level', 'server', 'times', 'reason'];

function cells(one: Parked): string[] {
  const { shard, id, consumer, type, level, server, times, reason, returnedAt } = one;
  const why = returnedAt === null ? reason : `given back; ${reason}`;
  return [shard, id, consumer, type ?? '?', level ?? '?', server, String(times), why];
}

/** What servers say of themselves and of messages is nobody's word but theirs. */
function shownCells(one: Parked): string[] {
  return cells(one).map(harmless);
}
