// Sees what the statements of a transaction do to relations that were there before it: PostgreSQL
// itself is asked after each of them which locks the session holds, which files the tables have,
// and how often they were read from end to end.
//
// Source: manual, 54.12 pg_locks; 27.2.2 pg_stat_get_xact_numscans, which counts what DDL reads as
// well as what queries read.

import { STATE_SCHEMA } from '@halflap/protocol';
import { type Effects, type HeldLock, LOCK_MODES, type LockMode } from '../compile/bundle.js';
import { isTombstone } from '../compile/tombstone.js';
import type { Session } from '../pg.js';
import { sql } from '../sql.js';

export interface Witness {
  /** Call it after each statement. */
  look(): Promise<void>;
  /** What each of them has done, as it looks when the last one is through. */
  tell(): Effects[];
}

/** Which schemas stand for what, for the names of relations and for who uses them. */
export interface Scene {
  /** Where tables of the old release live, and those tables. */
  readonly floorSchemas: readonly string[];
  readonly floorTables: ReadonlySet<string>;
  /** Schemas in which nobody who is served finds anything. */
  readonly asideSchemas: readonly string[];
  /** Nobody uses what goes from here; what stays serves sync and the lens. */
  readonly workSchema: string;
}

interface Relation {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  /** The table of an index, or of what is kept out of line; the relation itself otherwise. */
  readonly owner: string;
  readonly isTombstone: boolean;
}

interface Reading {
  readonly oid: string;
  readonly file: string;
  readonly scans: string;
}

interface Held {
  readonly relation: string;
  readonly mode: string;
}

/** Call it when the transaction has begun. */
export async function openWitness(session: Session, scene: Scene): Promise<Witness> {
  const relations = await readRelations(session);
  const strongest = new Map<string, number>();
  const seen: Sight[] = [];
  let before = await readings(session);
  return {
    async look() {
      const after = await readings(session);
      const locks: Sight['locks'] = new Map();
      for (const { relation, mode } of await readLocks(session)) {
        const owner = ownerOf(relations, relation);
        const rank = LOCK_MODES.indexOf(modeOf(mode));
        if (owner === undefined || rank <= (strongest.get(owner.oid) ?? -1)) continue;
        strongest.set(owner.oid, rank);
        locks.set(owner, rank);
      }
      const changed = (what: 'file' | 'scans') =>
        [...relations.values()].filter(({ oid }) => {
          const [old, now] = [before.get(oid), after.get(oid)];
          return old !== undefined && now !== undefined && old[what] !== now[what];
        });
      seen.push({
        locks,
        rewritten: changed('file').filter(({ oid, owner }) => oid === owner),
        read: changed('scans').flatMap(({ oid }) => ownerOf(relations, oid) ?? []),
      });
      before = after;
    },
    tell() {
      const isGone = ({ oid }: Relation) => !before.has(oid);
      return seen.map(({ locks, rewritten, read }) => ({
        locks: [...locks]
          .map(([relation, rank]) => lockOf(relation, rank, { scene, isGone: isGone(relation) }))
          .sort(byRelation),
        rewrites: namesOf(rewritten, scene),
        reads: namesOf(read, scene),
      }));
    },
  };
}

/** What one statement was seen to do. */
interface Sight {
  readonly locks: Map<Relation, number>;
  readonly rewritten: readonly Relation[];
  readonly read: readonly Relation[];
}

/** The table of an index, under the name by which effects call it. */
export async function tableOfIndex(
  session: Session,
  index: { readonly schema: string; readonly index: string },
  scene: Scene,
): Promise<string> {
  const relations = await readRelations(session);
  const found = [...relations.values()].find(
    (one) => one.name === index.index && one.schema === index.schema,
  );
  const table = found === undefined ? undefined : ownerOf(relations, found.oid);
  if (table === undefined) throw new TypeError(`no index ${index.schema}.${index.index}`);
  return nameOf(table, scene);
}

async function readRelations(session: Session): Promise<ReadonlyMap<string, Relation>> {
  const rows = await session.query<Relation>(
    sql`select c.oid::text, n.nspname as schema, c.relname as name, c.relkind as kind,
       coalesce(i.indrelid, t.oid, c.oid)::text as owner, ${isTombstone('c')} as "isTombstone"
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
left join pg_catalog.pg_index as i on i.indexrelid = c.oid
left join pg_catalog.pg_class as t on t.reltoastrelid = c.oid
where n.nspname not in ('pg_catalog', 'information_schema')`.text,
  );
  return new Map(rows.map((row) => [row.oid, row]));
}

async function readings(session: Session): Promise<ReadonlyMap<string, Reading>> {
  const rows = await session.query<Reading>(
    `select c.oid::text, c.relfilenode::text as file,
            pg_catalog.pg_stat_get_xact_numscans(c.oid)::text as scans
     from pg_catalog.pg_class as c
     where c.relnamespace <> 'pg_catalog'::regnamespace`,
  );
  return new Map(rows.map((row) => [row.oid, row]));
}

function readLocks(session: Session): Promise<Held[]> {
  return session.query<Held>(
    `select relation::text, mode from pg_catalog.pg_locks
     where pid = pg_catalog.pg_backend_pid() and locktype = 'relation' and granted`,
  );
}

/** The table of an index, or of an index of what a table keeps out of line. */
function ownerOf(relations: ReadonlyMap<string, Relation>, oid: string): Relation | undefined {
  const found = relations.get(oid);
  if (found === undefined || found.owner === oid) {
    return found?.schema === 'pg_toast' ? undefined : found;
  }
  return ownerOf(relations, found.owner);
}

/** `ShareRowExclusiveLock` → `SHARE ROW EXCLUSIVE` */
function modeOf(mode: string): LockMode {
  const words = mode.replace(/Lock$/, '').match(/[A-Z][a-z]+/g) ?? [];
  return words.join(' ').toUpperCase() as LockMode;
}

function lockOf(
  relation: Relation,
  rank: number,
  { scene, isGone }: { readonly scene: Scene; readonly isGone: boolean },
): HeldLock {
  const { schema, isTombstone } = relation;
  const isAside = scene.asideSchemas.includes(schema) || (isGone && schema === scene.workSchema);
  return {
    mode: LOCK_MODES[rank] ?? 'ACCESS EXCLUSIVE',
    relation: nameOf(relation, scene),
    isUsed: !isTombstone && !isAside,
    isOnlyMoved: false,
  };
}

function nameOf({ schema, name, kind }: Relation, scene: Scene): string {
  if (!scene.floorSchemas.includes(schema)) return `${schema}.${name}`;
  const isPlain = scene.floorTables.has(name) ? 'rp'.includes(kind) : kind === 'S';
  return isPlain ? name : `${schema}.${name}`;
}

/** Names of tables, without those in which Halflap keeps the state of the shard. */
function namesOf(relations: readonly Relation[], scene: Scene): string[] {
  const own = relations.filter(({ schema }) => schema !== STATE_SCHEMA);
  return [...new Set(own.map((relation) => nameOf(relation, scene)))].sort();
}

function byRelation(left: HeldLock, right: HeldLock): number {
  return left.relation < right.relation ? -1 : 1;
}
