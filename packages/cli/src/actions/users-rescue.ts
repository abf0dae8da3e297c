// What `halflap users rescue` does: on the home shard itself, so that it needs neither a server nor
// a session.

import { hostname, userInfo } from 'node:os';
import { resolve } from 'node:path';
import { HalflapError } from '@halflap/protocol';
import { APP, rescueUser, type StoreShard } from '@halflap/server';
import type { Command } from 'commander';
import { newPassword } from '../ask-line.js';
import { type Config, findShard, openShard } from '../config.js';
import { contextOf } from '../context.js';
import { createQuietLog } from '../log.js';
import { ownDatabases } from '../own-databases.js';

interface Options {
  readonly passwordFile?: string;
  readonly data?: string;
}

export async function rescue(name: string, options: Options, command: Command): Promise<void> {
  const { printer, config } = contextOf(command);
  const log = createQuietLog(printer);
  await withHome(options.data, config, async (home) => {
    const password = await newPassword(printer, options.passwordFile);
    const by = `${userInfo().username} on ${hostname()}`;
    const { id, isNew, head } = await rescueUser({ home, by, name, password, log });
    printer.json({
      id,
      isNew,
      audit: { number: Number(head.number), hash: head.hash.toString('hex') },
    });
    printer.line(`${name}: ${isNew ? 'made' : 'active'}, an administrator, with a new password`);
    printer.line(`head of the audit log: entry ${head.number}, ${head.hash.toString('hex')}`);
  });
}

async function withHome(
  data: string | undefined,
  load: () => Config,
  body: (home: StoreShard) => Promise<void>,
): Promise<void> {
  if (data === undefined) return body(homeOf(load()));
  const { shards, isInUse, stop } = await ownDatabases(resolve(data));
  try {
    const [home] = shards;
    if (home === undefined) throw new Error('a server of its own has shards');
    await body(home);
  } finally {
    if (!isInUse) await stop();
  }
}

/** @throws CONFIG_INVALID, CONFIG_UNKNOWN_SHARD */
function homeOf(config: Config): StoreShard {
  const [first] = config.shards;
  if (config.app !== APP || first === undefined) {
    throw new HalflapError('CONFIG_INVALID', `${config.file} names no shards of ${APP}`, {
      detail: { file: config.file },
      hint: 'name the file of halflap serve: halflap --config FILE users rescue NAME',
    });
  }
  const { home } = config.server;
  return openShard(home === undefined ? first : findShard(config, home));
}
