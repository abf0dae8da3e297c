// What the store on one shard says of its own state, for whoever looks for a fault. By a connection
// of its own that can only read; it takes no lease, so it is seen by nobody as a server.

import { searchPath } from '@halflap/protocol';
import pg, { type ClientBase } from 'pg';
import { BACKLOG, type Backlog } from '../bus/backlog.js';
import { FORMATS, formatsRead } from '../bus/envelope.js';
import { APP, RELEASE, type StoreShard } from '../store/install.js';

/** Of one group; with the age of the oldest that waits, by the shard's clock. */
export interface GroupBacklog extends Omit<Backlog, 'shard' | 'since'> {
  readonly ageSeconds: number | null;
}

export interface StoreFacts {
  readonly buckets: {
    readonly owned: readonly number[];
    readonly leaving: readonly {
      readonly bucket: number;
      readonly to: string;
      readonly seconds: number;
    }[];
  };
  /** What waits of the bus, by group. */
  readonly backlog: readonly GroupBacklog[];
  readonly hosts: {
    readonly active: number;
    readonly pending: number;
    readonly connected: number;
    /** Active ones whose last certificate ends within CERTIFICATE_DAYS. */
    readonly ending: number;
    /** Active ones whose last certificate has ended: they have to enrol again. */
    readonly ended: number;
  };
  /** Hosts that are connected, by the server that has them. */
  readonly sessions: readonly { readonly server: string; readonly hosts: number }[];
  /** Of the server that carries this shard's messages to NATS; null for none. */
  readonly relayExpiredSeconds: number | null;
}

/** A host's certificate is renewed when a third of its 90 days is left. */
export const CERTIFICATE_DAYS = 14;

export interface LookOptions {
  /** For the connection, and for each statement. */
  readonly timeoutMs: number;
}

/** @throws what PostgreSQL and its driver do: no connection, no store of this release. */
export function readStoreFacts(shard: StoreShard, options: LookOptions): Promise<StoreFacts> {
  return lookAt(shard, options, async (client) => {
    const buckets = await client.query<BucketRow>(BUCKETS);
    const { rows: backlog } = await client.query<GroupBacklog>(AGED_BACKLOG, [
      formatsRead(FORMATS),
    ]);
    const hosts = await client.query<StoreFacts['hosts']>(HOSTS, [CERTIFICATE_DAYS]);
    const sessions = await client.query<StoreFacts['sessions'][number]>(SESSIONS);
    const relay = await client.query<{ seconds: number | null }>(RELAY);
    const [counted] = hosts.rows;
    if (counted === undefined) throw new Error('a count has no row');
    return {
      buckets: {
        owned: buckets.rows.filter(({ to }) => to === null).map(({ bucket }) => bucket),
        leaving: buckets.rows.flatMap(({ bucket, to, seconds }) =>
          to === null ? [] : [{ bucket, to, seconds }],
        ),
      },
      backlog,
      hosts: counted,
      sessions: sessions.rows,
      relayExpiredSeconds: relay.rows[0]?.seconds ?? null,
    };
  });
}

/** Runs `body` on a connection that reads as this release does, in one snapshot. */
export async function lookAt<Result>(
  { url }: StoreShard,
  { timeoutMs }: LookOptions,
  body: (client: ClientBase) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: timeoutMs,
    // PostgreSQL's own limit, below, comes first.
    query_timeout: 1.5 * timeoutMs,
    application_name: 'halflap/doctor',
  });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('begin isolation level repeatable read read only');
    await client.query(
      `select set_config('search_path', $1, true), set_config('statement_timeout', $2, true)`,
      [searchPath(APP, RELEASE), String(timeoutMs)],
    );
    return await body(client);
  } finally {
    await client.end().catch(() => {});
  }
}

interface BucketRow {
  readonly bucket: number;
  readonly to: string | null;
  readonly seconds: number;
}

const BUCKETS = `
select bucket, moving_to as "to", extract(epoch from now() - changed_at)::float8 as seconds
from buckets
order by bucket`;

const AGED_BACKLOG = `
select b."group", waiting, claimed, unreadable, parked,
  extract(epoch from now() - since)::float8 as "ageSeconds"
from (${BACKLOG}) b`;

const HOSTS = `
with last as (
  select host_id, max(not_after) as not_after
  from host_certificates
  where revoked_at is null
  group by host_id
)
select count(*) filter (where h.state = 'active')::int as active,
  count(*) filter (where h.state = 'pending')::int as pending,
  count(*) filter (where h.session_expires_at > now())::int as connected,
  count(*) filter (where h.state = 'active' and l.not_after > now()
    and l.not_after < now() + make_interval(days => $1))::int as ending,
  count(*) filter (where h.state = 'active' and l.not_after <= now())::int as ended
from hosts h
left join last l on l.host_id = h.id`;

const SESSIONS = `
select server, count(*)::int as hosts
from hosts
where session_expires_at > now() and server is not null
group by server
order by server`;

const RELAY = `
select min(extract(epoch from now() - expires_at))::float8 as seconds
from bus_relays`;
