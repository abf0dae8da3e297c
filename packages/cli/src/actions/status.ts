// Shows the fleet, once or again and again. Reads only.

import { setTimeout as delay } from 'node:timers/promises';
import { readFleet, type ShardUrl } from '@halflap/engine/runner';
import { EXIT, HalflapError } from '@halflap/protocol';
import type { Command } from 'commander';
import { WATCH_SECONDS } from '../commands/status.js';
import { type Config, openShard, type ShardConfig } from '../config.js';
import { contextOf } from '../context.js';
import { type Printer, utc } from '../print.js';
import { chooseShards } from '../select-shards.js';
import { statusText, statusView } from '../status-view.js';

interface StatusOptions {
  readonly shard?: readonly string[];
  readonly watch?: true | number;
}

export async function run(options: StatusOptions, command: Command): Promise<void> {
  const { printer, config: load } = contextOf(command);
  const config = load();
  const { shard } = options;
  const shards = chooseShards(config, shard === undefined ? { all: true } : { shard });
  const show = (isWatching: boolean) => showFleet({ app: config.app, shards }, printer, isWatching);
  const everySeconds = options.watch === true ? WATCH_SECONDS : options.watch;
  let isComplete = await show(everySeconds !== undefined);
  while (everySeconds !== undefined && !printer.isClosed()) {
    await delay(everySeconds * 1000);
    isComplete = await show(true);
  }
  if (!isComplete) process.exitCode = EXIT.unreachable;
}

/** Returns whether every shard was reached. One of several tables has its time above it. */
async function showFleet(
  { app, shards }: Pick<Config, 'app' | 'shards'>,
  printer: Printer,
  isWatching: boolean,
): Promise<boolean> {
  const fleet = await readFleet(shards.map((one) => ({ name: one.name, url: urlOf(one) })));
  const views = fleet.map(({ shard, status }) => statusView(shard.name, app, status));
  if (isWatching) {
    printer.clear();
    printer.line(`${utc(new Date())} UTC`);
  }
  printer.line(statusText(views, printer));
  printer.json({ shards: views });
  return views.every((view) => view.reachable);
}

/** A secret that is missing hides one shard, not the fleet. */
function urlOf(shard: ShardConfig): ShardUrl {
  try {
    return openShard(shard).url;
  } catch (error) {
    if (error instanceof HalflapError) return error;
    throw error;
  }
}
