// Puts a release on an empty database, or takes an existing database in: both end in a settled
// shard.

import { HalflapError, HOME_SCHEMA } from '@halflap/protocol';
import type { ReleaseSummary } from '../compile/bundle.js';
import { type Session, withSession } from '../pg.js';
import { LIMITS } from './limits.js';
import { registerShard, writeShardRow } from './register.js';
import { lockShard, readState, type ShardState, writeStateSchema } from './state.js';

export interface Settled {
  /** False when the shard was settled at the release before. */
  readonly changed: boolean;
  /** Since when it is. */
  readonly since: Date;
}

export interface InstallOptions {
  readonly url: string;
  readonly app: string;
  /** Name for messages; the app's name where none is given. */
  readonly shard?: string;
  readonly release: {
    readonly version: string;
    readonly schemaSql: string;
    readonly fingerprint: string;
  };
}

/**
 * Installs a release in one transaction. Idempotent for the same release.
 * @throws SHARD_DRIFTED when the database is not empty; EVOLUTION_MISMATCH when it is registered as
 * something else; RELEASE_UNREADABLE when PostgreSQL refuses the SQL.
 */
export async function installRelease(options: InstallOptions): Promise<Settled> {
  const shard = options.shard ?? options.app;
  return withSession(options.url, 'install', async (session) => {
    await lockShard(session, shard, LIMITS.busyPatienceMs);
    const state = await readState(session, shard);
    if (state !== null && isSettledAt(state, options)) {
      return { changed: false, since: state.changed_at };
    }
    if (state !== null) throw isKnown(state, { ...options, shard });
    await assertEmpty(session, options.release.version, shard);
    // Nothing else that runs on a shard needs the parser.
    const { runSchema } = await import('./run-schema.js');
    await session.transaction(async () => {
      await runSchema(session, options);
      // A dump empties search_path, and may switch off row security, for the rest of its session.
      await session.query('reset all');
      await writeStateSchema(session);
      await writeShardRow(session, options);
    });
    return settled(session, shard);
  });
}

export interface AdoptOptions {
  readonly url: string;
  readonly app: string;
  readonly shard?: string;
  readonly release: ReleaseSummary;
}

/**
 * Registers a database that already holds the release. Idempotent for the same release.
 * @throws SHARD_DRIFTED with the differences; SHARD_UNKNOWN when it is empty; EVOLUTION_MISMATCH
 * when it is registered as something else.
 */
export async function adopt(options: AdoptOptions): Promise<Settled> {
  const shard = options.shard ?? options.app;
  return withSession(options.url, 'adopt', async (session) => {
    await lockShard(session, shard, LIMITS.busyPatienceMs);
    const state = await readState(session, shard);
    if (state !== null && isSettledAt(state, options)) {
      return { changed: false, since: state.changed_at };
    }
    if (state !== null) throw isKnown(state, { ...options, shard });
    await registerShard(session, { shard, app: options.app, release: options.release });
    return settled(session, shard);
  });
}

function isSettledAt(
  state: ShardState,
  wanted: { readonly app: string; readonly release: { readonly version: string } },
): boolean {
  const { app, release } = wanted;
  return state.phase === 'settled' && state.app === app && state.floor === release.version;
}

async function settled(session: Session, shard: string): Promise<Settled> {
  const state = await readState(session, shard);
  return { changed: true, since: state?.changed_at ?? new Date() };
}

/** A shard leaves its release by an evolution only, and its application never. */
function isKnown(
  state: ShardState,
  wanted: {
    readonly shard: string;
    readonly app: string;
    readonly release: { readonly version: string };
  },
): HalflapError {
  const { shard, app, release } = wanted;
  const evolution = `${state.phase} between ${state.floor} and ${state.ceiling}`;
  const where = state.phase === 'settled' ? `settled at ${state.floor}` : evolution;
  const since = state.changed_at.toISOString().slice(0, 16).replace('T', ' ');
  const next =
    state.phase === 'settled'
      ? `halflap prepare --shard ${shard} begins an upgrade`
      : `halflap status --shard ${shard} shows where its upgrade stands`;
  const place = `correct "app" in halflap.yaml, or the url of shard ${shard}`;
  return new HalflapError(
    'EVOLUTION_MISMATCH',
    `shard ${shard} is managed already: ${state.app}, ${where} since ${since} UTC; ` +
      `expected ${app}, settled at ${release.version}`,
    { detail: { shard }, hint: state.app === app ? `nothing is to be done; ${next}` : place },
  );
}

async function assertEmpty(session: Session, version: string, shard: string): Promise<void> {
  const rows = await session.query<{ relname: string }>(
    `select c.relname
     from pg_catalog.pg_class c
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ($1, 'halflap') and c.relkind in ('r', 'p', 'v', 'm', 'f')
     order by c.relname limit 20`,
    [HOME_SCHEMA],
  );
  if (rows.length === 0) return;
  throw new HalflapError('SHARD_DRIFTED', `the database of shard ${shard} is not empty`, {
    detail: { shard, evidence: rows.map((row) => `found ${row.relname}`) },
    hint: `halflap adopt ${version} --shard ${shard} takes in what holds it already; else empty it`,
  });
}
