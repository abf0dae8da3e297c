// Puts a release on an empty database, or takes an existing database in: both end in a settled
// shard.

import { HalflapError, HOME_SCHEMA } from '@halflap/protocol';
import type { ReleaseSummary } from '../compile/bundle.js';
import { type Session, withSession } from '../pg.js';
import { LIMITS } from './limits.js';
import { registerShard, writeShardRow } from './register.js';
import { runSchema } from './run-schema.js';
import { lockShard, readState, writeStateSchema } from './state.js';

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
 * @throws SHARD_DRIFTED when the database is not empty; RELEASE_UNREADABLE when PostgreSQL refuses
 * the SQL.
 */
export async function installRelease(options: InstallOptions): Promise<{ changed: boolean }> {
  const shard = options.shard ?? options.app;
  return withSession(options.url, 'install', async (session) => {
    await lockShard(session, shard, LIMITS.busyPatienceMs);
    const state = await readState(session, shard);
    if (isSettledAt(state, options.app, options.release.version)) return { changed: false };
    await assertEmpty(session, shard);
    await session.transaction(async () => {
      await runSchema(session, options);
      // A dump empties search_path, and may switch off row security, for the rest of its session.
      await session.query('reset all');
      await writeStateSchema(session);
      await writeShardRow(session, options);
    });
    return { changed: true };
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
export async function adopt(options: AdoptOptions): Promise<{ changed: boolean }> {
  const shard = options.shard ?? options.app;
  return withSession(options.url, 'adopt', async (session) => {
    await lockShard(session, shard, LIMITS.busyPatienceMs);
    const state = await readState(session, shard);
    if (isSettledAt(state, options.app, options.release.version)) return { changed: false };
    if (state !== null) {
      throw new HalflapError(
        'EVOLUTION_MISMATCH',
        `shard ${shard} is known already: ${state.app} ${state.floor}, ${state.phase}; ` +
          `found against ${options.app} ${options.release.version}, settled`,
        { detail: { shard }, hint: 'halflap status shows what it is' },
      );
    }
    await registerShard(session, { shard, app: options.app, release: options.release });
    return { changed: true };
  });
}

function isSettledAt(state: Awaited<ReturnType<typeof readState>>, app: string, version: string) {
  return state?.phase === 'settled' && state.app === app && state.floor === version;
}

async function assertEmpty(session: Session, shard: string): Promise<void> {
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
    hint: 'install on an empty database; adopt takes in one that holds the release already',
  });
}
