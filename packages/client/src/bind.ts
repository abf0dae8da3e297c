// How a connection comes to belong to a release: by its search_path, twice over.
//
// Twice, because each form alone has a hole. The startup option is the session's default, so that
// `reset all` and `discard all` lead back to the release; but poolers drop startup options, or
// refuse them (PgBouncer does unless ignore_startup_parameters names them). The statement works
// behind any pooler that gives a session to one client; but `reset all` undoes it. A set_config
// that finds its value already there changes nothing, so asking first would only cost a second
// round trip. Both happen once per connection; a statement pays nothing.

import {
  applicationName,
  LENS_MARKER,
  type LensBundle,
  searchPath,
  sessionSearchPath,
} from '@halflap/protocol';
import type { ClientBase, PoolConfig } from 'pg';
import type { Settings, ShardTarget } from './options.js';
import { installLens } from './session-lens.js';

/** What the bind statement says of the session that it bound. */
export interface Bound {
  /** The server process that answers, also behind a pooler; what a cancel request names. */
  readonly pid: number;
}

/** By the startup option and the statement, or by the statement alone. */
export type BindingForm = 'startup' | 'statement';

/** What a session sees as its release. */
export interface Binding {
  readonly searchPath: string;
  /** The session's default, to which `reset all` and `discard all` lead back. */
  readonly startupPath: string;
  /** What the session needs in its temporary schema; null where the shard has it all. */
  readonly lens: LensBundle | null;
}

/** What the shard holds for the release. */
export function releaseBinding({ app, release }: Pick<Settings, 'app' | 'release'>): Binding {
  const path = searchPath(app, release);
  return { searchPath: path, startupPath: path, lens: null };
}

/**
 * A lens of the session's own. Where that is lost, the session sees no table at all: with the
 * shard's own tables in sight it would be bound to the other release without a word.
 */
export function lensBinding(lens: LensBundle): Binding {
  const path = sessionSearchPath(lens.app, lens.from.version);
  return { searchPath: path, startupPath: 'pg_temp', lens };
}

/**
 * PostgreSQL cannot freeze the rows of temporary tables of others: a session that lives for weeks
 * would keep the age of the whole database from being reduced (manual, 25.1.5).
 */
const LENS_LIFETIME_SECONDS = 3600;

/** The driver's configuration of one shard, which binds already at startup if `form` says so. */
export function poolConfig(
  target: ShardTarget,
  settings: Settings,
  form: BindingForm = 'startup',
  binding: Binding = releaseBinding(settings),
): PoolConfig {
  const given = 'url' in target ? splitOptions(target.url) : target.pool;
  const path = binding.startupPath.replace(/[\\ ]/g, '\\$&');
  return {
    ...(binding.lens === null ? {} : { maxLifetimeSeconds: LENS_LIFETIME_SECONDS }),
    keepAlive: true,
    // Idle connections do not keep the process alive, as the heartbeat's timer does not.
    allowExitOnIdle: true,
    ...given,
    max: settings.poolSize,
    connectionTimeoutMillis: settings.connectTimeoutMs,
    application_name: applicationName(settings),
    // The last one counts: a search_path of the caller's own does not win over the release's.
    options:
      form === 'startup' ? `${given.options ?? ''} -c search_path=${path}`.trim() : given.options,
  };
}

/** Binds a session that is in no transaction. One round trip, and what a lens takes; idempotent. */
export async function bindSession(
  client: ClientBase,
  settings: Settings,
  { searchPath: path, lens }: Binding = releaseBinding(settings),
): Promise<Bound> {
  const result = await client.query<{ readonly pid: number; readonly has_lens: boolean }>(
    `select pg_catalog.set_config('search_path', $1, false),
            pg_catalog.set_config('application_name', $2, false),
            pg_catalog.pg_backend_pid() as pid,
            pg_catalog.to_regclass($3) is not null as has_lens`,
    [path, applicationName(settings), `pg_temp.${LENS_MARKER}`],
  );
  const [row] = result.rows;
  if (lens !== null && row?.has_lens !== true) await installLens(client, lens);
  return { pid: row?.pid ?? 0 };
}

/**
 * Takes `options` out of a URL, because what stands in a URL wins over the driver's configuration.
 */
function splitOptions(url: string): PoolConfig {
  const parsed = new URL(url);
  const options = parsed.searchParams.get('options');
  parsed.searchParams.delete('application_name');
  if (options === null && parsed.href === new URL(url).href) return { connectionString: url };
  parsed.searchParams.delete('options');
  return { connectionString: parsed.href, options: options ?? undefined };
}
