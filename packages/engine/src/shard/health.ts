// How the database of a shard fares, for whoever looks for a fault: reads only, takes no lock, and
// needs no release of anything.
//
// Sources: manual, sections 20.3.1 (connections), 9.27 (rights), 28.2.3 (pg_stat_activity).

import { type Session, withReading } from '../pg.js';
import { type ShardUrl, unreadable } from './fleet.js';
import { readStatus, type ShardStatus } from './status.js';

/** What other sessions do, without the text of any query. */
export interface OtherSession {
  /** `session 4711 (web-1)`. */
  readonly who: string;
  readonly seconds: number;
}

export interface ShardHealth {
  /** `18.4`. */
  readonly version: string;
  /** `version` as a number: 180004. */
  readonly versionNumber: number;
  /** What a question and its answer took. */
  readonly answerMs: number;
  /** How far the clock of the shard is ahead of this machine's; exact to half of `answerMs`. */
  readonly clockAheadMs: number;
  /** A standby, or set so. */
  readonly isReadOnly: boolean;
  readonly connections: {
    readonly used: number;
    /** For a role that is no superuser. */
    readonly most: number;
    readonly limitedBy: 'server' | 'database' | 'role';
  };
  /** Where its files are, of a server of this machine that tells it; null elsewhere. */
  readonly dataDirectory: string | null;
  readonly role: string;
  readonly database: string;
  readonly mayCreateSchemas: boolean;
  /** Tables in the home schema that belong to a role whose rights this one does not have. */
  readonly foreignTables: readonly string[];
  /** Whether the states of other roles' sessions are seen. */
  readonly seesOthers: boolean;
  /** Transactions that are open for long, the oldest first. */
  readonly longTransactions: readonly OtherSession[];
  /** Sessions that wait for a lock, the longest first. */
  readonly waiting: readonly OtherSession[];
  /** Prepared transactions that nobody has ended. */
  readonly prepared: readonly OtherSession[];
}

export interface ShardReport {
  readonly status: ShardStatus;
  /** Null where the shard was not reached. */
  readonly health: ShardHealth | null;
}

export interface LookOptions {
  /** For the connection, and for each statement. */
  readonly timeoutMs: number;
  readonly clock: () => Date;
  /** Open for longer than this, a transaction is a long one. */
  readonly longSeconds: number;
}

/** Rows of each list that are told. */
const TOLD = 10;

/** Never throws for what the shard is or is not; the answer says it. */
export async function lookAtShard(url: ShardUrl, options: LookOptions): Promise<ShardReport> {
  if (typeof url !== 'string') return { status: unreadable(url), health: null };
  try {
    const look = (session: Session) => lookBy(session, options);
    return await withReading(url, 'doctor', look, { timeoutMs: options.timeoutMs });
  } catch (error) {
    return { status: unreadable(error), health: null };
  }
}

async function lookBy(session: Session, options: LookOptions): Promise<ShardReport> {
  const health = await readHealth(session, options);
  try {
    return { status: await readStatus(session), health };
  } catch (error) {
    return { status: { ...unreadable(error), reachable: true }, health };
  }
}

async function readHealth(session: Session, options: LookOptions): Promise<ShardHealth> {
  const clock = await readClock(session, options.clock);
  const [server] = await session.query<ServerRow>(SERVER);
  if (server === undefined) throw new Error('the server tells nothing of itself');
  const { longSeconds } = options;
  return {
    ...clock,
    version: server.version,
    versionNumber: server.version_number,
    isReadOnly: server.is_read_only,
    connections: await readConnections(session),
    dataDirectory: server.data_directory,
    role: server.role,
    database: server.database,
    mayCreateSchemas: server.may_create,
    foreignTables: (await session.query<{ name: string }>(FOREIGN)).map(({ name }) => name),
    seesOthers: server.sees_others,
    longTransactions: await session.query<OtherSession>(LONG, [longSeconds]),
    waiting: await session.query<OtherSession>(WAITING),
    prepared: await session.query<OtherSession>(PREPARED),
  };
}

/** The shard's time belongs to the middle between question and answer. */
async function readClock(session: Session, clock: () => Date) {
  const before = clock().getTime();
  const [row] = await session.query<{ now: Date }>('select clock_timestamp() as now');
  const answerMs = clock().getTime() - before;
  const there = row?.now.getTime() ?? before;
  return { answerMs, clockAheadMs: Math.round(there - (before + answerMs / 2)) };
}

interface ServerRow {
  readonly version: string;
  readonly version_number: number;
  readonly is_read_only: boolean;
  readonly data_directory: string | null;
  readonly role: string;
  readonly database: string;
  readonly may_create: boolean;
  readonly sees_others: boolean;
}

// Asked of the server's settings, since this transaction is read-only anyway.
const SERVER = `
select current_setting('server_version') as version,
  current_setting('server_version_num')::int as version_number,
  pg_is_in_recovery() or exists (
    select from pg_settings
    where name = 'default_transaction_read_only' and reset_val = 'on'
  ) as is_read_only,
  case
    when pg_has_role('pg_read_all_settings', 'member')
      and coalesce(inet_server_addr() in ('127.0.0.1', '::1'), true)
      then current_setting('data_directory')
  end as data_directory,
  current_user::text as role,
  current_database()::text as database,
  has_database_privilege(current_database(), 'create') as may_create,
  pg_has_role('pg_read_all_stats', 'member') as sees_others`;

interface LimitRow {
  readonly used: number;
  readonly most: number;
  readonly limited_by: ShardHealth['connections']['limitedBy'];
}

/** The limit under which the fewest are left. */
async function readConnections(session: Session): Promise<ShardHealth['connections']> {
  const [row] = await session.query<LimitRow>(CONNECTIONS);
  if (row === undefined) throw new Error('the server tells no limit of its connections');
  return { used: row.used, most: row.most, limitedBy: row.limited_by };
}

// reserved_connections is there from PostgreSQL 16 on.
const CONNECTIONS = `
with reserved as (
  select sum(setting::int)::int as slots
  from pg_settings
  where name in ('superuser_reserved_connections', 'reserved_connections')
), limits as (
  select 'server' as limited_by, current_setting('max_connections')::int - r.slots as most,
    (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as used
  from reserved r
  union all
  select 'database', d.datconnlimit,
    (select count(*)::int from pg_stat_activity a where a.datid = d.oid
      and a.backend_type = 'client backend')
  from pg_database d
  where d.datname = current_database() and d.datconnlimit >= 0
  union all
  select 'role', r.rolconnlimit,
    (select count(*)::int from pg_stat_activity a where a.usesysid = r.oid)
  from pg_roles r
  where r.rolname = current_user and r.rolconnlimit >= 0
)
select limited_by, most, used from limits
order by most - used
limit 1`;

const FOREIGN = `
select c.relname::text as name
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'public' and c.relkind in ('r', 'p')
  and not pg_has_role(c.relowner, 'usage')
  and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
order by 1
limit ${TOLD}`;

const WHO = `'session ' || pid || coalesce(' (' || nullif(application_name, '') || ')', '')`;

const LONG = `
select ${WHO} as who, extract(epoch from clock_timestamp() - xact_start)::float8 as seconds
from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid()
  and backend_type = 'client backend'
  and xact_start < clock_timestamp() - make_interval(secs => $1)
order by xact_start
limit ${TOLD}`;

const WAITING = `
select ${WHO} as who,
  extract(epoch from clock_timestamp() - coalesce(
    (select min(l.waitstart) from pg_locks l where l.pid = a.pid and not l.granted), query_start
  ))::float8 as seconds
from pg_stat_activity a
where datname = current_database() and wait_event_type = 'Lock'
order by 2 desc
limit ${TOLD}`;

const PREPARED = `
select 'prepared transaction ' || gid as who,
  extract(epoch from clock_timestamp() - prepared)::float8 as seconds
from pg_prepared_xacts
where database = current_database()
order by prepared
limit ${TOLD}`;
