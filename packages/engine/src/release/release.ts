// A release: a directory with schema.sql and, unless it is the first, evolution.yaml.

import type { Catalog } from './catalog.js';

export interface Release {
  readonly version: string;
  readonly catalog: Catalog;
  /** Hex SHA-256 of the catalogue in canonical form. */
  readonly fingerprint: string;
  /** The text of schema.sql, for installing the release on an empty shard. */
  readonly schemaSql: string;
}
