// How a session binds to a release: by search_path alone, so that any language can do it.
//
// Invariant: the release schema comes first and holds only what differs; the home schema follows.
// A release that has no schema of its own on a shard (the floor release of a shard that was never
// upgraded) is bound by the home schema alone.

/** Where a release's tables are when nothing was ever upgraded. */
export const HOME_SCHEMA = 'public';

/** The schema in which the engine keeps a shard's state. */
export const STATE_SCHEMA = 'halflap';

/** Longest identifier PostgreSQL keeps, in bytes (NAMEDATALEN - 1). */
export const MAX_IDENTIFIER_BYTES = 63;

/** The schema that a session of a release names first in its search_path: `inventory_2_0`. */
export function releaseSchema(app: string, version: string): string {
  return `${app}_${version}`.toLowerCase().replace(/[^a-z0-9_]+/g, '_');
}

/** The search_path that binds a session to a release, as a value for `set search_path`. */
export function searchPath(app: string, version: string): string {
  return `"${releaseSchema(app, version)}", ${HOME_SCHEMA}`;
}

/**
 * The search_path of a session of a newer release behind a session lens: what the lens holds, then
 * the floor release, as its own sessions see it.
 */
export function sessionSearchPath(app: string, floor: string): string {
  return `pg_temp, "${releaseSchema(app, floor)}", ${HOME_SCHEMA}`;
}

/**
 * Orders versions by their numeric parts: 1.9 < 1.10; words sort after numbers of the same place.
 */
export function compareVersions(left: string, right: string): number {
  return left.localeCompare(right, 'en', { numeric: true });
}
