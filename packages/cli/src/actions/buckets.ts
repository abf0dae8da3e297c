// Which shard has which hosts, and moving them: on the shards of halflap.yaml themselves, so that
// it needs no server.

import { hostname } from 'node:os';
import { readFleet } from '@halflap/engine/runner';
import { HalflapError } from '@halflap/protocol';
import {
  APP,
  type BucketRow,
  moveBucket,
  type PlannedMove,
  planMoves,
  type Store,
  visitStore,
} from '@halflap/server';
import type { Command } from 'commander';
import { type Config, findShard, openShard } from '../config.js';
import { contextOf } from '../context.js';
import { interruptible } from '../interrupt.js';
import { createQuietLog } from '../log.js';
import { count, type Printer } from '../print.js';
import { table } from '../table.js';

interface MoveOptions {
  readonly bucket?: number;
  readonly to?: string;
  readonly drain?: readonly string[];
  readonly dryRun?: boolean;
}

export async function list(_options: object, command: Command): Promise<void> {
  await withStore(command, async ({ store, printer }) => {
    const hosts = await hostsOf(store);
    const shards = store.fleet.names.map((shard) => {
      const rows = store.map.rows.filter((row) => row.shard === shard);
      const leaving = rows.filter(({ state }) => state === 'leaving').length;
      return { shard, buckets: rows.length, leaving, hosts: hosts.get(shard) ?? 0 };
    });
    printer.json({ shards });
    const cells = shards.map(({ shard, buckets, leaving, hosts }) =>
      [shard, count(buckets), leaving === 0 ? '' : count(leaving), count(hosts)].map(String),
    );
    printer.line(table(['shard', 'buckets', 'leaving', 'hosts'], cells, printer.width));
  });
}

export async function move(options: MoveOptions, command: Command): Promise<void> {
  await withStore(command, async ({ store, printer, config, signal }) => {
    const moves = planOf(store.map.rows, config, options);
    for (const line of summary(moves)) printer.line(line);
    if (options.dryRun === true) {
      printer.json({ event: 'outcome', moved: 0, left: moves.length });
      return;
    }
    await assertKnown(config, moves);
    const next = progressOf(printer, moves.length);
    for (const [at, one] of moves.entries()) {
      if (signal.aborted) throw interrupted(at, moves.length);
      await moveBucket(store, one);
      next(one, at + 1);
    }
    printer.json({ event: 'outcome', moved: moves.length, left: 0 });
  });
}

interface Ground {
  readonly store: Store;
  readonly config: Config;
  readonly printer: Printer;
  readonly signal: AbortSignal;
}

async function withStore(command: Command, body: (ground: Ground) => Promise<void>): Promise<void> {
  const { printer, config: load } = contextOf(command);
  const config = load();
  if (config.app !== APP || config.shards.length === 0) {
    throw new HalflapError('CONFIG_INVALID', `${config.file} names no shards of ${APP}`, {
      detail: { file: config.file },
      hint: `name the file of halflap serve: halflap --config FILE buckets ${command.name()}`,
    });
  }
  const log = createQuietLog(printer);
  const server = `halflap buckets on ${hostname()}`;
  const shards = config.shards.map(openShard);
  await interruptible(printer.note, async (signal) => {
    const store = await visitStore({ shards, server, poolSize: POOL, log });
    try {
      await body({ store, config, printer, signal });
    } finally {
      await store.close();
    }
  });
}

/** Connections per shard: a step reads from one while it writes to another. */
const POOL = 2;

async function hostsOf(store: Store): Promise<Map<string, number>> {
  const { rows } = await store.gather<{ shard: string; hosts: number }>(
    'select count(*)::int as hosts from hosts',
    [],
    { shardColumn: 'shard', requireAll: true },
  );
  return new Map(rows.map(({ shard, hosts }) => [shard, hosts]));
}

/** @throws COMMAND_INVALID, CONFIG_UNKNOWN_SHARD */
function planOf(
  rows: readonly BucketRow[],
  config: Config,
  { bucket, to, drain = [] }: MoveOptions,
): readonly PlannedMove[] {
  if ((bucket === undefined) !== (to === undefined)) {
    throw new HalflapError('COMMAND_INVALID', '--bucket and --to go together', {
      hint: 'give both, or neither to even out',
    });
  }
  for (const name of [...drain, ...(to === undefined ? [] : [to])]) findShard(config, name);
  if (bucket !== undefined && to !== undefined) {
    const from = rows.find((row) => row.bucket === bucket && row.shard !== to)?.shard;
    return from === undefined ? [] : [{ bucket, from, to }];
  }
  const left = config.shards.map(({ name }) => name).filter((name) => !drain.includes(name));
  if (left.length === 0) {
    throw new HalflapError('COMMAND_INVALID', 'no shard would be left for the buckets', {
      hint: 'drain fewer shards',
    });
  }
  return planMoves(rows, left);
}

function summary(moves: readonly PlannedMove[]): string[] {
  if (moves.length === 0) return ['nothing to move'];
  const ways = new Map<string, number>();
  for (const { from, to } of moves) {
    ways.set(`${from} → ${to}`, (ways.get(`${from} → ${to}`) ?? 0) + 1);
  }
  return [...ways].map(
    ([way, number]) => `${way}: ${number === 1 ? '1 bucket' : `${count(number)} buckets`}`,
  );
}

/**
 * A server that does not know the shard would not find the hosts that have gone there.
 * @throws API_CONFLICT that names the servers.
 */
async function assertKnown(config: Config, moves: readonly PlannedMove[]): Promise<void> {
  const fleet = await readFleet(config.shards.map(openShard));
  const own = `halflap buckets on ${hostname()}`;
  const serversOf = (name: string) =>
    fleet
      .filter(({ shard }) => shard.name === name)
      .flatMap(({ status }) => status.leases.map(({ server }) => server));
  const all = new Set(config.shards.flatMap(({ name }) => serversOf(name)));
  all.delete(own);
  for (const to of new Set(moves.map((one) => one.to))) {
    const known = serversOf(to);
    const others = [...all].filter((server) => !known.includes(server)).sort();
    if (others.length === 0) continue;
    throw new HalflapError(
      'API_CONFLICT',
      `servers do not know shard ${to}: ${others.join(', ')}`,
      {
        hint: 'list it in the halflap.yaml of each, start them again one by one, then repeat this',
      },
    );
  }
}

/** Tells of each bucket with --json; for people so often that a long move stays readable. */
function progressOf(printer: Printer, of: number) {
  const every = Math.max(1, Math.floor(of / LINES));
  return ({ bucket, from, to }: PlannedMove, done: number) => {
    printer.json({ event: 'moved', bucket, from, to, done, of });
    if (done % every === 0 || done === of) printer.note(`${count(done)} of ${count(of)} moved`);
  };
}

/** Of progress, about. */
const LINES = 20;

function interrupted(moved: number, of: number): HalflapError {
  return new HalflapError('INTERRUPTED', `stopped after ${moved} of ${of} buckets`, {
    hint: 'run it again: it goes on with the rest',
  });
}
