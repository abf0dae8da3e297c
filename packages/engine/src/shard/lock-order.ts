// What a step locks, all of it before the first of its statements that needs a lock. Applications
// lock tables in an order of their own, mostly parents before children: a step that waits for the
// parent while it holds the child waits for those who wait for it. The same goes for the sequence
// of a table that moves, which whoever has drawn from it keeps until the end of his transaction,
// and for a view: whoever reads through it has locked it before what it stands on.
//
// Invariant: what an attempt has waited for in vain comes first in the next one. Until it is
// granted nobody waits for anything else, and the order becomes that of the clients.

import { LOCK_MODES, type LockMode, type Statement } from '../compile/bundle.js';
import { contextOf, type Session } from '../pg.js';
import { join, literal, name, type Sql, sql, trusted } from '../sql.js';
import { type FloorTables, floorTable } from './holes.js';

/** One thing to lock: its qualified name, what it must be, and what takes the lock. */
export interface Lockable {
  readonly relation: Sql;
  readonly kind: Kind;
  readonly take: Sql;
}

type Kind = 'table' | 'view' | 'sequence';

/** What PostgreSQL calls them in pg_class.relkind. */
const RELKINDS: Record<Kind, Sql> = {
  table: sql`('r', 'p')`,
  view: sql`('v')`,
  sequence: sql`('S')`,
};

/** What these statements lock, in the order in which they need it. */
export async function lockablesOf(
  session: Session,
  statements: readonly Statement[],
  floor: FloorTables,
): Promise<Lockable[]> {
  const modes = new Map<string, LockMode>();
  const moved = new Set<string>();
  for (const { lock } of statements) {
    if (lock === null) continue;
    const relation = lockedRelation(lock.relation, floor).text;
    modes.set(relation, stronger(modes.get(relation) ?? lock.mode, lock.mode));
    if (lock.isMoved === true) moved.add(relation);
  }
  const views = await viewsAmong(session, [...modes.keys()]);
  const tables = [...modes].map(([text, mode]): Lockable => {
    const relation = trusted(text);
    const take = sql`lock table only ${relation} in ${trusted(mode.toLowerCase())} mode`;
    return views.get(text) ?? { relation, kind: 'table', take };
  });
  return [...tables, ...(await sequencesOf(session, [...moved]))];
}

/** The same with that first of which the error tells; as they were where it tells of none. */
export function refusedFirst(lockables: readonly Lockable[], error: unknown): Lockable[] {
  const context = contextOf(error) ?? '';
  const refused = lockables.filter(({ take }) => context.includes(take.text));
  return [...refused, ...lockables.filter((one) => !refused.includes(one))];
}

/**
 * Takes the locks one after the other, with `between` ahead of each but the first. Tables that the
 * step itself makes or moves are not there yet, and nobody else has them.
 */
export function takeLocks(lockables: readonly Lockable[], between: Sql): Sql {
  const taken = lockables.map(({ relation, kind, take }, at) => {
    return sql`${at === 0 ? sql`` : sql`perform ${between};`}
  if exists (select from pg_catalog.pg_class where relkind in ${RELKINDS[kind]}
    and oid = pg_catalog.to_regclass(${literal(relation.text)})) then ${take}; end if;`;
  });
  return sql`do ${literal(`begin ${join(taken, '\n')} end`)}`;
}

/** A bundle names tables of the floor release without a schema. */
export function lockedRelation(relation: string, floor: FloorTables): Sql {
  const dot = relation.indexOf('.');
  if (dot === -1) return floorTable(floor, relation);
  return name(relation.slice(0, dot), relation.slice(dot + 1));
}

/**
 * Those of these relations that are views now, by their names as given. `lock table` would lock
 * what they stand on as well; this statement changes nothing and takes the view's own lock.
 */
async function viewsAmong(
  session: Session,
  relations: readonly string[],
): Promise<Map<string, Lockable>> {
  const rows = await session.query<{ relation: string; owner: string }>(
    `select one as relation, pg_get_userbyid(c.relowner) as owner
     from unnest($1::text[]) as one
     join pg_catalog.pg_class as c on c.oid = to_regclass(one) and c.relkind = 'v'`,
    [relations],
  );
  return new Map(
    rows.map(({ relation, owner }) => {
      const view = trusted(relation);
      const take = sql`alter view ${view} owner to ${name(owner)}`;
      return [relation, { relation: view, kind: 'view', take }];
    }),
  );
}

/** The sequences that move with these tables. The statement changes nothing and takes the lock. */
async function sequencesOf(session: Session, tables: readonly string[]): Promise<Lockable[]> {
  if (tables.length === 0) return [];
  const rows = await session.query<{ schema: string; sequence: string; owner: string }>(
    `select n.nspname as schema, s.relname as sequence, pg_get_userbyid(s.relowner) as owner
     from pg_catalog.pg_depend as d
     join pg_catalog.pg_class as s on s.oid = d.objid and s.relkind = 'S'
     join pg_catalog.pg_namespace as n on n.oid = s.relnamespace
     where d.classid = 'pg_catalog.pg_class'::regclass and d.refobjsubid > 0
       and d.refclassid = 'pg_catalog.pg_class'::regclass and d.deptype in ('a', 'i')
       and d.refobjid in (select to_regclass(one) from unnest($1::text[]) as one)
     order by 1, 2`,
    [tables],
  );
  return rows.map(({ schema, sequence, owner }) => ({
    relation: name(schema, sequence),
    kind: 'sequence',
    take: sql`alter sequence ${name(schema, sequence)} owner to ${name(owner)}`,
  }));
}

function stronger(one: LockMode, other: LockMode): LockMode {
  return LOCK_MODES.indexOf(one) < LOCK_MODES.indexOf(other) ? other : one;
}
