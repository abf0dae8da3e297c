// Builds an index without blocking anyone, and builds it again where an earlier try left it
// invalid.
//
// Source: manual, CREATE INDEX, "Building Indexes Concurrently": it waits for every older
// transaction, so a short lock_timeout would only make it fail; a failure leaves an invalid index
// behind.

import { setTimeout as delay } from 'node:timers/promises';
import type { IndexStep } from '../compile/bundle.js';
import { connect, type Session } from '../pg.js';
import { name, sql } from '../sql.js';
import { assertFilled, type FloorTables, fillFloor, fillSchema } from './holes.js';
import type { Run } from './run.js';
import { releasePath, withSettings } from './settings.js';

const LOOK_EVERY_MS = 500;

export async function runIndexStep(run: Run, step: IndexStep, floor: FloorTables): Promise<void> {
  const state = await readIndex(run.session, step, floor);
  if (state === 'valid') return;
  // SHARE UPDATE EXCLUSIVE on the table: readers and writers go on while these statements wait.
  const settings = { lock_timeout: '0', search_path: releasePath(run.bundle) };
  await withSettings(run.session, settings, async () => {
    if (state === 'invalid') {
      run.log(`${step.id}: an unfinished index of that name is dropped first`);
      await run.session.query(
        sql`drop index concurrently if exists ${name(fillSchema(step.schema, floor), step.index)}`
          .text,
      );
    }
    const text = assertFilled(fillFloor(step.statement.sql, floor), step.id);
    await watched(run, step, () => run.session.query(text));
  });
}

async function readIndex(session: Session, step: IndexStep, floor: FloorTables) {
  const [row] = await session.query<{ is_valid: boolean }>(
    `select i.indisvalid and i.indisready and i.indislive as is_valid
     from pg_catalog.pg_index i
     join pg_catalog.pg_class c on c.oid = i.indexrelid
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relname = $2`,
    [fillSchema(step.schema, floor), step.index],
  );
  if (row === undefined) return 'absent';
  return row.is_valid ? 'valid' : 'invalid';
}

/** Reports progress from a second session, where somebody wants it. */
async function watched<Result>(run: Run, step: IndexStep, body: () => Promise<Result>) {
  if (run.onProgress === undefined) return body();
  const stopping = new AbortController();
  const watching = watch(run, step, stopping.signal);
  try {
    return await body();
  } finally {
    stopping.abort();
    await watching;
  }
}

/** Watching is a courtesy: without it the index is built all the same. */
async function watch(run: Run, step: IndexStep, signal: AbortSignal): Promise<void> {
  let session: Session | undefined;
  try {
    session = await connect(run.url, 'index-progress');
    while (!signal.aborted) {
      await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => {});
      const [row] = signal.aborted ? [] : await readBuild(session, run.pid);
      if (row !== undefined) run.onProgress?.(progressOf(run, step, row));
    }
  } catch {
  } finally {
    await session?.end().catch(() => {});
  }
}

interface Build {
  readonly phase: string;
  readonly done: number;
  readonly total: number;
  readonly lockers_left: number;
}

function readBuild(session: Session, pid: number): Promise<Build[]> {
  return session.query<Build>(
    `select phase,
            greatest(tuples_done, blocks_done)::float8 as done,
            greatest(tuples_total, blocks_total)::float8 as total,
            (lockers_total - lockers_done)::int as lockers_left
     from pg_catalog.pg_stat_progress_create_index where pid = $1`,
    [pid],
  );
}

function progressOf(run: Run, step: IndexStep, build: Build) {
  const isWaiting = build.phase.startsWith('waiting');
  return {
    shard: run.shard,
    verb: run.verb,
    step: step.id,
    title: `${step.title}: ${build.phase}`,
    relation: step.index,
    rowsDone: build.done,
    rowsEstimated: build.total,
    rowsPerSecond: 0,
    secondsLeft: null,
    batchRows: 0,
    waitingFor: isWaiting ? `${build.lockers_left} older transactions` : null,
  };
}
