// Shards for the client's tests: real databases with the engine's state, in a phase set by hand.
//
// Release 1.0 sees public.hosts (id, name, owner); release 2.0 sees app_2_0.hosts (id, hostname), a
// view as long as the phase is not dual.

import { readFile } from 'node:fs/promises';
import { freshDatabase } from '@halflap/engine/testing';
import type { Phase } from '@halflap/protocol';
import pg from 'pg';
import { type Fleet, type OpenOptions, open, type ShardChange } from '../src/index.js';

export interface Database {
  readonly url: string;
  drop(): Promise<void>;
}

const stateSql = new URL('../../engine/src/shard/state.sql', import.meta.url);

/** Runs one text as the superuser, on a connection of its own. */
export async function admin(
  url: string,
  text: string,
  values?: unknown[],
): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await client.query(text, values);
  } finally {
    await client.end();
  }
}

/** Tables of release 1.0 with three rows, and nothing of Halflap. */
export async function untouchedDatabase(): Promise<Database> {
  const database = await freshDatabase();
  await admin(
    database.url,
    `create table public.hosts (id bigint primary key, name text not null, owner text);
     insert into public.hosts values (1, 'ada', 'x'), (2, 'bob', 'y'), (3, 'eve', null);`,
  );
  return database;
}

/** The same, registered, in the phase given. */
export async function shardIn(phase: Phase): Promise<Database> {
  const database = await untouchedDatabase();
  await register(database.url);
  if (phase !== 'settled') await moveTo(database.url, phase);
  return database;
}

export async function register(url: string): Promise<void> {
  await admin(url, await readFile(stateSql, 'utf8'));
  await admin(
    url,
    `insert into halflap.shard (app, floor, ceiling, fingerprint) values ('app', '1.0', '1.0', '')`,
  );
}

/**
 * Moves a shard of 1.0 by hand: state, and the release schema of 2.0 as far as the phase has one.
 */
export async function moveTo(url: string, phase: Phase): Promise<void> {
  const ceiling = phase === 'settled' ? '1.0' : '2.0';
  const views =
    phase === 'settled'
      ? 'drop schema if exists app_2_0 cascade;'
      : `create schema if not exists app_2_0;
         create or replace view app_2_0.hosts as select id, name as hostname from public.hosts;
         grant usage on schema app_2_0 to public;`;
  await admin(
    url,
    `begin; ${views}
     update halflap.shard set phase = '${phase}', ceiling = '${ceiling}'; commit;`,
  );
}

/** Settles a shard at 2.0, as contract leaves it. */
export async function settleAtTwo(url: string): Promise<void> {
  await admin(url, `update halflap.shard set phase = 'settled', floor = '2.0', ceiling = '2.0'`);
}

export interface Opened {
  readonly fleet: Fleet;
  readonly changes: ShardChange[];
  readonly messages: string[];
  /** The first change, past or to come, that fits. */
  change(fits: (change: ShardChange) => boolean): Promise<ShardChange>;
}

/** Opens a fleet of `app` for the time of `body`; always closes it. */
export async function withFleet<Result>(
  options: Partial<OpenOptions> & Pick<OpenOptions, 'release' | 'shards'>,
  body: (opened: Opened) => Promise<Result>,
): Promise<Result> {
  const messages: string[] = [];
  const log: OpenOptions['log'] = (line) =>
    messages.push(`${line.level} ${line.shard} ${line.message}`);
  const fleet = await open({ app: 'app', server: 'web1', connectTimeoutMs: 2000, log, ...options });
  const changes: ShardChange[] = [];
  fleet.on('change', (change) => changes.push(change));
  try {
    return await body({
      fleet,
      changes,
      messages,
      change: (fits) => awaited(fleet, changes, fits),
    });
  } finally {
    await fleet.close();
  }
}

function awaited(
  fleet: Fleet,
  changes: readonly ShardChange[],
  fits: (change: ShardChange) => boolean,
): Promise<ShardChange> {
  return new Promise((resolve) => {
    const past = changes.find(fits);
    if (past !== undefined) return resolve(past);
    const off = fleet.on('change', (change) => {
      if (!fits(change)) return;
      off();
      resolve(change);
    });
  });
}

/** A second user of a database who is told what the first one waits for. */
export async function withSession<Result>(
  url: string,
  body: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return await body(client);
  } finally {
    await client.end();
  }
}

/** Resolves once `pid`, or with none any session of the database, waits for a lock. */
export async function untilBlocked(watcher: pg.Client, count = 1): Promise<void> {
  for (;;) {
    const { rows } = await watcher.query(
      `select count(*)::int as blocked from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock'`,
    );
    if (rows[0].blocked >= count) return;
  }
}
