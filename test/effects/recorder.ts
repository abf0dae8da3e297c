// Has the real runner record, inside each of its transactions and after each of its statements,
// which locks it holds: further statements in the steps of a bundle write them to a table. What has
// been recorded is then told statement by statement.

import {
  type Bundle,
  LOCK_MODES,
  type LockMode,
  type Statement,
  type Step,
  textsOf,
} from '@halflap/engine';
import type { Client } from '../evolving/databases.js';

/** A lock as it was first held: after which statement of which step, on what. */
export interface Taken {
  readonly step: string;
  readonly at: number;
  readonly relation: string;
  readonly mode: LockMode;
}

export interface Recorded {
  readonly locks: readonly Taken[];
  /** `step: relation`, for each table that got a new file in a step. */
  readonly rewrites: readonly string[];
}

const TABLES = `create schema watch;
create table watch.relations (transaction xid8 default pg_current_xact_id(), step text,
  oid oid, schema text, name text, kind "char", owner oid, file oid);
create table watch.held (transaction xid8 default pg_current_xact_id(), step text, at int,
  relation oid, mode text);
create table watch.files (transaction xid8 default pg_current_xact_id(), step text,
  relation oid, file oid)`;

export async function prepareRecording(client: Client): Promise<void> {
  await client.query(TABLES);
}

/**
 * The same bundle, recording. What a runner does not run as it stands (the queries of verify, a
 * batch row by row) is run as well, in a transaction of its own, before or after the step itself.
 */
export function recording(bundle: Bundle, when: When): Bundle {
  const { prepare, expand, verify, contract, abort } = bundle.steps;
  const every = (steps: readonly Step[]) => steps.flatMap((step) => recorded(step, when));
  return {
    ...bundle,
    steps: {
      prepare: every(prepare),
      expand: [...every(expand), ...verify.map(asTransaction)],
      verify,
      contract: every(contract),
      abort: every(abort),
    },
  };
}

/** Each lock with the statement that needs it, or as the runner takes them: ahead, all at once. */
export type When = 'with its statement' | 'ahead';

function recorded(step: Step, when: When): Step[] {
  switch (step.kind) {
    case 'transaction': {
      const { statements: own } = step;
      const texts = own.map((one) => one.sql);
      const statements = watched(step.id, texts, 0).map((sql, index): Statement => {
        // Records stand between; told of no lock, the runner takes none ahead.
        const lock = index % 2 === 1 && when === 'ahead' ? own[(index - 1) / 2]?.lock : null;
        return { sql, lock: lock ?? null };
      });
      return [{ ...step, statements }];
    }
    case 'backfill':
      return [{ ...step, batch: watched(step.id, step.batch, 0) }, asTransaction(step)];
    case 'verify':
      return [asTransaction(step), step];
    default:
      return [step];
  }
}

function asTransaction(step: Step): Step {
  const all = textsOf(step);
  const offset = step.kind === 'backfill' ? step.batch.length : 0;
  const texts = all
    .slice(offset)
    .map((text) => text.replace(/\{\{range:\w+\}\}/g, 'true').replace('$1', '0'));
  return {
    kind: 'transaction',
    id: `watch/${step.id}`,
    title: step.title,
    entersPhase: null,
    settles: null,
    statements: watched(step.id, texts, offset).map((sql) => ({ sql, lock: null })),
  };
}

/** Each statement, and after it a record; before all of them, what is there. */
function watched(step: string, texts: readonly string[], offset: number): string[] {
  const records = texts.flatMap((text, at) => [text, heldAfter(step, at + offset)]);
  return [before(step), ...records, filesAfter(step)];
}

const before = (step: string) => `insert into watch.relations
    (step, oid, schema, name, kind, owner, file)
  select '${step}', c.oid, n.nspname, c.relname, c.relkind,
    coalesce((select i.indrelid from pg_index as i where i.indexrelid = c.oid), c.oid),
    c.relfilenode
  from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
  where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'watch')`;

const heldAfter = (step: string, at: number) => `insert into watch.held (step, at, relation, mode)
  select '${step}', ${at}, l.relation, l.mode from pg_locks as l
  where l.pid = pg_backend_pid() and l.locktype = 'relation' and l.granted`;

const filesAfter = (step: string) => `insert into watch.files (step, relation, file)
  select '${step}', c.oid, c.relfilenode from pg_class as c`;

/** What has been recorded so far; `nameOf` says what a reader of a plan calls a relation. */
export async function readRecorded(
  client: Client,
  nameOf: (relation: { schema: string; name: string; kind: string }) => string,
): Promise<Recorded> {
  const { rows } = await client.query<Record<string, string>>(
    `select h.transaction::text, h.step, h.at, h.mode, t.schema, t.name, t.kind
     from watch.held as h
     join watch.relations as r
       on r.transaction = h.transaction and r.step = h.step and r.oid = h.relation
     join watch.relations as t
       on t.transaction = r.transaction and t.step = r.step and t.oid = r.owner
     order by h.transaction, h.step, h.at`,
  );
  const strongest = new Map<string, number>();
  const first = new Map<string, Taken>();
  for (const row of rows) {
    const { transaction, step = '', at } = row;
    const relation = nameOf(row as never);
    const mode = modeOf(row.mode ?? '');
    const held = `${transaction} ${step} ${relation}`;
    if (LOCK_MODES.indexOf(mode) <= (strongest.get(held) ?? -1)) continue;
    strongest.set(held, LOCK_MODES.indexOf(mode));
    first.set(`${held} ${at}`, { step, at: Number(at), relation, mode });
  }
  const rewritten = await client.query<Record<string, string>>(
    `select distinct r.step, r.schema, r.name, r.kind
     from watch.relations as r
     join watch.files as f on f.transaction = r.transaction and f.step = r.step
       and f.relation = r.oid and f.file <> r.file
     where r.kind in ('r', 'p', 'm')`,
  );
  return {
    locks: [...first.values()],
    rewrites: rewritten.rows.map((row) => `${row.step}: ${nameOf(row as never)}`).sort(),
  };
}

/** `ShareRowExclusiveLock` → `SHARE ROW EXCLUSIVE` */
export function modeOf(mode: string): LockMode {
  const words = mode.replace('Lock', '').match(/[A-Z][a-z]+/g) ?? [];
  return words.join(' ').toUpperCase() as LockMode;
}
