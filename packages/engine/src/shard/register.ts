// Makes a database known as a shard: checks that its catalogue is that of the release, then writes
// the one row. A database that Halflap never touched is left untouched when the check fails.

import { HalflapError } from '@halflap/protocol';
import type { ReleaseSummary } from '../compile/bundle.js';
import type { Session } from '../pg.js';
import { assertNotDrifted, type Expectation } from './drift.js';
import type { Run } from './run.js';
import { readState, type ShardState, writeStateSchema } from './state.js';

/**
 * The state of the shard, its schema brought up to this version's. For prepare, a database that
 * Halflap never touched is registered on the way.
 * @throws SHARD_UNKNOWN for the other verbs; SHARD_FORMAT; SHARD_DRIFTED.
 */
export async function openState(
  session: Session,
  options: Pick<Run, 'shard' | 'verb' | 'bundle'>,
): Promise<ShardState> {
  const { shard, verb, bundle } = options;
  const known = await readState(session, shard);
  if (known === null && verb !== 'prepare') throw unknown(options);
  if (known === null) {
    await registerShard(session, { shard, app: bundle.app, release: bundle.from });
  } else {
    await session.transaction(() => writeStateSchema(session));
  }
  const state = await readState(session, shard);
  if (state === null) throw unknown(options);
  return state;
}

/**
 * Registers the database as settled at the release.
 * @throws SHARD_UNKNOWN when it holds no table at all; SHARD_DRIFTED with the differences.
 */
export async function registerShard(session: Session, registration: Expectation): Promise<void> {
  await assertNotDrifted(session, registration);
  await session.transaction(async () => {
    await writeStateSchema(session);
    await writeShardRow(session, registration);
  });
}

/** The caller gives the transaction. */
export async function writeShardRow(
  session: Session,
  { app, release }: { readonly app: string; readonly release: Omit<ReleaseSummary, 'catalog'> },
): Promise<void> {
  await session.query(
    `insert into halflap.shard (app, floor, ceiling, fingerprint) values ($1, $2, $2, $3)`,
    [app, release.version, release.fingerprint],
  );
}

function unknown({ shard, verb }: Pick<Run, 'shard' | 'verb'>): HalflapError {
  return new HalflapError(
    'SHARD_UNKNOWN',
    `${verb} is refused on shard ${shard}: Halflap does not know the database yet`,
    { detail: { shard }, hint: `halflap prepare --shard ${shard}` },
  );
}
