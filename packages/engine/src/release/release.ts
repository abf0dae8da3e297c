// A release: a directory with schema.sql and, unless it is the first, evolution.yaml; beside them a
// data.sql, where the rows that the release ships do not stand in schema.sql.

import type { Catalog } from './catalog.js';
import type { Shipped } from './shipped.js';

export interface Release {
  readonly version: string;
  readonly catalog: Catalog;
  /** Hex SHA-256 of the catalogue in canonical form. */
  readonly fingerprint: string;
  /** The text of schema.sql and data.sql, for installing the release on an empty shard. */
  readonly schemaSql: string;
  readonly shipped: Shipped;
}
