// What the bundle (engine/src/compile/bundle.ts) is to those who read it without the compiler: the
// runner, and servers that install the session lens. The rest of its shape is the engine's.

/** The newest format that this code writes, and the one that it reads. */
export const BUNDLE_FORMAT = 1;

/** What a server of the newer release needs of a bundle to work on a shard that nobody prepared. */
export interface LensBundle {
  readonly format: typeof BUNDLE_FORMAT;
  readonly app: string;
  readonly from: { readonly version: string; readonly fingerprint: string };
  readonly to: { readonly version: string };
  /** Hex SHA-256 of `hashedText`. */
  readonly hash: string;
  readonly sessionLens: SessionLens;
}

export interface SessionLens {
  /**
   * In order, for one transaction of a session whose search_path is `sessionSearchPath`: they make
   * temporary objects and nothing else. With the holes that `fillFloorHoles` fills.
   */
  readonly statements: readonly string[];
  /** Why no session can have a lens of its own, so that a shard must be prepared; else null. */
  readonly impossible: string | null;
}

/** The relation in `pg_temp` by which a session knows that its lens stands. */
export const LENS_MARKER = 'halflap_session_lens';

/**
 * The text that a bundle's hash is made from: the data alone, whatever the order of keys and white
 * space, without the hash itself and what was seen of its effects.
 */
export function hashedText(bundle: object): string {
  const { hash: _, effects: __, ...rest } = { hash: '', effects: null, ...bundle };
  return JSON.stringify(rest, sortKeys);
}

function sortKeys(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)),
  );
}

const FLOOR_HOLE = /\{\{floor:([^{}]+)\}\}/g;
const SCHEMA_HOLE = /\{\{schema:([^{}]+)\}\}/g;

/**
 * Fills `{{floor:NAME}}` and `{{schema:NAME}}`, the place of a table of the floor release on a
 * shard, and `{{hash}}`.
 */
export function fillFloorHoles(
  text: string,
  hash: string,
  schemaOf: (table: string) => string,
): string {
  return text
    .replace(FLOOR_HOLE, (_, table: string) => `${quoted(schemaOf(table))}.${quoted(table)}`)
    .replace(SCHEMA_HOLE, (_, table: string) => quoted(schemaOf(table)))
    .replaceAll('{{hash}}', hash);
}

function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}
