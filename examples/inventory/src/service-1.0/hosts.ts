// Every statement of release 1.0, against its own schema: a host is one row.

import type { Database } from './shards.js';

/** A host as the API of 1.0 shows it. */
export interface Host {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  readonly site: string | null;
  readonly memoryMb: number | null;
  readonly tags: readonly string[];
  readonly agentVersion: string | null;
  readonly lastSeen: Date | null;
  readonly heartbeatCount: number;
  readonly load: number | null;
  readonly status: string;
  readonly statusReason: string | null;
}

/** Null leaves a column as it is. */
export interface HostEdit {
  readonly owner: string | null;
  readonly site: string | null;
  readonly memoryMb: number | null;
  readonly tags: readonly string[] | null;
}

export interface Event {
  readonly id: string;
  readonly kind: string;
  readonly message: string;
}

const HOST = `
  id, name, owner, site, memory_mb as "memoryMb", tags, agent_version as "agentVersion",
  last_seen as "lastSeen", heartbeat_count::float8 as "heartbeatCount", load, status,
  status_reason as "statusReason"`;

export async function listHosts(database: Database, after: string, limit: number): Promise<Host[]> {
  return database.query<Host>(`select ${HOST} from hosts where name > $1 order by name limit $2`, [
    after,
    limit,
  ]);
}

export async function findHost(database: Database, name: string): Promise<Host | undefined> {
  const [host] = await database.query<Host>(`select ${HOST} from hosts where name = $1`, [name]);
  return host;
}

/** Run it in a transaction. @throws the driver's 23505 when the name is taken. */
export async function createHost(
  database: Database,
  name: string,
  edit: HostEdit,
): Promise<Host | undefined> {
  const [host] = await database.query<Host>(
    `insert into hosts (name, owner, site, memory_mb, tags)
     values ($1, $2, $3, $4, coalesce($5::text[], '{}'))
     returning ${HOST}`,
    [name, edit.owner, edit.site, edit.memoryMb, edit.tags],
  );
  if (host !== undefined) await logEvent(database, host.id, 'created', name);
  return host;
}

export async function editHost(
  database: Database,
  name: string,
  edit: HostEdit,
): Promise<Host | undefined> {
  const [host] = await database.query<Host>(
    `update hosts
     set owner = coalesce($2, owner),
         site = coalesce($3, site),
         memory_mb = coalesce($4, memory_mb),
         tags = coalesce($5, tags)
     where name = $1
     returning ${HOST}`,
    [name, edit.owner, edit.site, edit.memoryMb, edit.tags],
  );
  return host;
}

export async function recordHeartbeat(
  database: Database,
  name: string,
  heartbeat: { load: number | null; agentVersion: string | null },
): Promise<number | undefined> {
  const [row] = await database.query<{ count: number }>(
    `update hosts
     set last_seen = now(),
         heartbeat_count = heartbeat_count + 1,
         load = $2,
         agent_version = coalesce($3, agent_version)
     where name = $1
     returning heartbeat_count::float8 as count`,
    [name, heartbeat.load, heartbeat.agentVersion],
  );
  return row?.count;
}

/** Run it in a transaction. */
export async function setStatus(
  database: Database,
  name: string,
  status: { status: string; reason: string | null },
): Promise<Host | undefined> {
  const [host] = await database.query<Host>(
    `update hosts set status = $2, status_reason = $3 where name = $1 returning ${HOST}`,
    [name, status.status, status.reason],
  );
  if (host !== undefined) await logEvent(database, host.id, 'status', status.status);
  return host;
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
