// Every statement of release 2.0, against its own schema: a host, its heartbeats and its status
// have rows of their own. Nothing here knows of release 1.0 or of lenses.

/** What a statement runs on: a shard, or a transaction on it. */
export interface Database {
  query<Row extends object>(text: string, values: readonly unknown[]): Promise<Row[]>;
}

/** A host as the API of 2.0 shows it. */
export interface Host {
  readonly id: string;
  readonly name: string;
  readonly team: string;
  readonly site: string | null;
  readonly memoryBytes: number | null;
  readonly tags: readonly string[];
  /** Null until the first one came. */
  readonly heartbeat: Heartbeat | null;
  readonly status: { readonly state: string; readonly reason: string | null };
}

export interface Heartbeat {
  readonly lastSeen: Date;
  readonly count: number;
  readonly load: number | null;
  readonly agentVersion: string | null;
}

/** Null leaves a column as it is. */
export interface HostEdit {
  readonly team: string | null;
  readonly site: string | null;
  readonly memoryBytes: number | null;
  readonly tags: readonly string[] | null;
}

export interface Event {
  readonly id: string;
  readonly kind: string;
  readonly message: string;
}

/** A row of LIST_HOSTS. */
export type HostRow = {
  readonly id: string;
  readonly name: string;
  readonly team: string;
  readonly site: string | null;
  readonly memory_bytes: number | null;
  readonly tags: string[];
  readonly last_seen: Date | null;
  readonly heartbeat_count: number;
  readonly load: number | null;
  readonly agent_version: string | null;
  readonly status: string;
  readonly reason: string | null;
};

const HOST = `
  select h.id, h.name, h.team, h.site, h.memory_bytes::float8 as memory_bytes, h.tags,
         b.last_seen, b.heartbeat_count::float8 as heartbeat_count, b.load, b.agent_version,
         s.status, s.reason
  from hosts h
  join host_status s on s.host_id = h.id
  left join host_heartbeats b on b.host_id = h.id`;

/** The statement of one page, for every shard alike. */
export const LIST_HOSTS = `${HOST} where h.name > $1 order by h.name limit $2`;

export async function findHost(database: Database, name: string): Promise<Host | undefined> {
  const [row] = await database.query<HostRow>(`${HOST} where h.name = $1`, [name]);
  return row === undefined ? undefined : hostOf(row);
}

/** Run it in a transaction. @throws the driver's 23505 when the name is taken. */
export async function createHost(
  database: Database,
  name: string,
  edit: HostEdit,
): Promise<Host | undefined> {
  const [created] = await database.query<{ id: string }>(
    `insert into hosts (name, team, site, memory_bytes, tags)
     values ($1, $2, $3, $4, coalesce($5::text[], '{}'))
     returning id`,
    [name, edit.team, edit.site, edit.memoryBytes, edit.tags],
  );
  if (created === undefined) return undefined;
  await writeStatus(database, created.id, 'unknown', null);
  await logEvent(database, created.id, 'created', name);
  return findHost(database, name);
}

/** Run it in a transaction. */
export async function editHost(
  database: Database,
  name: string,
  edit: HostEdit,
): Promise<Host | undefined> {
  const [edited] = await database.query<{ id: string }>(
    `update hosts
     set team = coalesce($2, team),
         site = coalesce($3, site),
         memory_bytes = coalesce($4, memory_bytes),
         tags = coalesce($5, tags)
     where name = $1
     returning id`,
    [name, edit.team, edit.site, edit.memoryBytes, edit.tags],
  );
  return edited === undefined ? undefined : findHost(database, name);
}

/**
 * Run it in a transaction, and again on 23505: two first heartbeats of a host may meet.
 * Returns how many heartbeats the host has had.
 */
export async function recordHeartbeat(
  database: Database,
  name: string,
  heartbeat: { load: number | null; agentVersion: string | null },
): Promise<number | undefined> {
  const values = [name, heartbeat.load, heartbeat.agentVersion];
  const [updated] = await database.query<{ count: number }>(
    `update host_heartbeats
     set last_seen = now(),
         heartbeat_count = heartbeat_count + 1,
         load = $2,
         agent_version = coalesce($3, agent_version)
     where host_id = (select id from hosts where name = $1)
     returning heartbeat_count::float8 as count`,
    values,
  );
  if (updated !== undefined) return updated.count;
  const [first] = await database.query<{ count: number }>(
    `insert into host_heartbeats (host_id, last_seen, heartbeat_count, load, agent_version)
     select id, now(), 1, $2::float8, $3::text from hosts where name = $1
     returning heartbeat_count::float8 as count`,
    values,
  );
  return first?.count;
}

/** Run it in a transaction. */
export async function setStatus(
  database: Database,
  name: string,
  status: { state: string; reason: string | null },
): Promise<Host | undefined> {
  const [host] = await database.query<{ id: string }>('select id from hosts where name = $1', [
    name,
  ]);
  if (host === undefined) return undefined;
  await writeStatus(database, host.id, status.state, status.reason);
  await logEvent(database, host.id, 'status', status.state);
  return findHost(database, name);
}

export async function deleteHost(database: Database, name: string): Promise<boolean> {
  const rows = await database.query('delete from hosts where name = $1 returning id', [name]);
  return rows.length > 0;
}

export async function listEvents(database: Database, name: string): Promise<Event[]> {
  return database.query<Event>(
    `select e.id, e.kind, e.message
     from events e
     join hosts h on h.id = e.host_id
     where h.name = $1
     order by e.id`,
    [name],
  );
}

export function hostOf(row: HostRow): Host {
  const heartbeat =
    row.last_seen === null
      ? null
      : {
          lastSeen: row.last_seen,
          count: row.heartbeat_count,
          load: row.load,
          agentVersion: row.agent_version,
        };
  return {
    id: row.id,
    name: row.name,
    team: row.team,
    site: row.site,
    memoryBytes: row.memory_bytes,
    tags: row.tags,
    heartbeat,
    status: { state: row.status, reason: row.reason },
  };
}

/** Update, then insert: the form of an upsert that works on tables and on views alike. */
async function writeStatus(
  database: Database,
  hostId: string,
  state: string,
  reason: string | null,
): Promise<void> {
  const values = [hostId, state, reason];
  const updated = await database.query(
    'update host_status set status = $2, reason = $3 where host_id = $1 returning host_id',
    values,
  );
  if (updated.length > 0) return;
  await database.query(
    'insert into host_status (host_id, status, reason) values ($1, $2, $3)',
    values,
  );
}

async function logEvent(
  database: Database,
  hostId: string,
  kind: string,
  message: string,
): Promise<void> {
  await database.query('insert into events (host_id, kind, message) values ($1, $2, $3)', [
    hostId,
    kind,
    message,
  ]);
}
