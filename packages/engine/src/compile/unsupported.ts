// What the engine cannot carry yet, and therefore refuses before anything is compiled: objects of
// other kinds that differ between the releases, and what hangs on a table that changes.

import type { Catalog, OtherObject, Table } from '../release/catalog.js';
import type { Evolution } from '../release/evolution.js';
import { actingOn, assertActsAlike, assertRowSecurityHolds } from './acting.js';
import type { Evolving } from './compile.js';
import type { Shared } from './contract.js';
import type { Layout } from './layout.js';
import type { Rebuilt } from './rebuilt.js';
import { refuse } from './refuse.js';
import { assertTypesCarried } from './unsupported-types.js';

/** Objects that the engine compares but does not carry yet must be equal in both releases. */
export function assertCarried(from: Catalog, to: Catalog, evolution: Evolution): void {
  const list = (catalog: Catalog) =>
    catalog.others.map((one) => [`${one.kind} ${one.name}`, one.definition] as const);
  const before = new Map(list(from));
  const changed = list(to).flatMap(([key, text]) => (before.get(key) === text ? [] : [key]));
  const all = changed.join(', ');
  if (changed.length > 0) {
    throw refuse(evolution, {
      code: 'EVOLUTION_UNSUPPORTED',
      message: `release ${evolution.to} changes what the engine cannot carry yet: ${all}`,
      hint:
        'keep these objects equal in both releases, ' +
        'or leave them out of schema.sql and create them apart',
    });
  }
  assertTypesCarried(from, to, evolution);
}

/** Why a table cannot be rebuilt as it is; until that changes it can only stay. */
export interface Hanging {
  readonly table: string;
  /** `it has no primary key`, `trigger stamp`, `view live_hosts`. */
  readonly reasons: readonly string[];
}

/** The tables of a release that no evolution can rebuild, in the order of the catalogue. */
export function hangingOn(catalog: Catalog): Hanging[] {
  return catalog.tables
    .map((table) => ({ table: table.name, reasons: reasonsOf(table, catalog) }))
    .filter(({ reasons }) => reasons.length > 0);
}

function reasonsOf(table: Table, catalog: Catalog): string[] {
  return [
    ...(table.primaryKey === null ? ['it has no primary key'] : []),
    ...(table.partitionedBy === null ? [] : ['it is partitioned']),
    ...actingOn(catalog, table.name).map(({ kind, name }) => `${kind} ${name}`),
    ...(table.rowSecurity ? ['row security'] : []),
    ...viewsOver(table, catalog).map((view) => `${view.kind} ${view.name}`),
  ];
}

function viewsOver(table: Table, catalog: Catalog): OtherObject[] {
  return catalog.others.filter(
    (one) =>
      (one.kind === 'view' || one.kind === 'materialized view') &&
      mentions(one.definition, table.name),
  );
}

/** What hangs on a table that is copied or leaves its name would be lost or left behind. */
export function assertMovable(
  layout: Layout,
  clusters: readonly Rebuilt[],
  shared: readonly Shared[],
  { from, to, evolution }: Pick<Evolving, 'from' | 'to' | 'evolution'>,
): void {
  const olds = clusters.flatMap(({ cluster }) => cluster.olds.map((one) => one.table));
  const news = clusters.flatMap(({ cluster }) => cluster.parts.map((part) => part.table));
  const overlays = shared.filter((one) => one.kind === 'overlay').map((one) => one.pair);
  const lookedUp = layout.lookups.map((one) => one.table);
  const viewed = [...olds, ...news, ...overlays.map((pair) => pair.old), ...lookedUp];
  assertRowSecurityHolds(viewed, { shared, layout, evolution });
  assertActsAlike(shared, { from, to }, evolution);
  const moved = [...olds, ...news, ...overlays.map((pair) => pair.old), ...layout.dropped];
  const acting = (catalog: Catalog) => (table: Table) =>
    actingOn(catalog, table.name).map(({ kind, name }) => `${kind} ${name} on ${table.name}`);
  const found = [
    ...olds.flatMap(acting(from)),
    ...news.flatMap(acting(to)),
    ...[...olds, ...news].flatMap((table) =>
      table.partitionedBy === null ? [] : [`partitions of ${table.name}`],
    ),
    ...shared
      .filter(({ pair }) => pair.old.partitionedBy !== pair.new.partitionedBy)
      .map(({ pair }) => `another partitioning of ${pair.new.name}`),
    ...moved.flatMap((table) =>
      viewsOver(table, from).map((view) => `${view.kind} ${view.name} over ${table.name}`),
    ),
  ];
  if (found.length === 0) return;
  throw refuse(evolution, {
    code: 'EVOLUTION_UNSUPPORTED',
    message:
      'the engine cannot carry yet what hangs on a table that changes: ' +
      [...new Set(found)].join(', '),
    hint:
      'leave these objects out of schema.sql and create them apart, ' +
      'or leave the table as it is',
  });
}

/** Whether a definition that PostgreSQL printed names the table: as a whole word. */
function mentions(definition: string, table: string): boolean {
  const literally = table.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(?<![\\w$])${literally}(?![\\w$])`).test(definition);
}
