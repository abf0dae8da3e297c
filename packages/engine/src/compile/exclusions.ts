// Exclusion constraints of two releases: which of them say the same, and how the lens checks one
// that the old layout lacks.
//
// PostgreSQL builds none beside writers. So one that only the new release has is a reason to copy
// the table: it stands on the new one before the first row comes, and a row of the old release that
// breaks it goes to quarantine.

import type { SplitPartPlan } from '../changes/split-table.js';
import type { Exclusion } from '../release/catalog.js';
import { bindColumns } from '../release/expression.js';
import { joined, name, type Sql, sql, trusted } from '../sql.js';
import { inRelease, type Places } from './places.js';
import { stableBigint } from './statement.js';

/** @param physical what a column of `other` is called where `old` stands; undefined for none. */
export function isSameExclusion(
  old: Exclusion,
  other: Exclusion,
  physical: (column: string) => string | undefined,
): boolean {
  if (old.columns.length !== other.columns.length) return false;
  const all = other.columns.map(physical);
  if (all.some((column) => column === undefined || !old.columns.includes(column))) return false;
  const isRenamed = all.some((column, place) => column !== other.columns[place]);
  if (!isRenamed) return old.definition === other.definition;
  const own = (column: string) => column;
  return said(old, own) === said(other, (column) => physical(column) ?? column);
}

/** All that it says, in one spelling. */
function said(one: Exclusion, column: (name: string) => string): string {
  const bound = (text: string) =>
    bindColumns(text, (mentioned) => ({ qualifier: null, column: column(mentioned) }));
  const [method] = /^EXCLUDE USING \S+/.exec(one.definition) ?? [];
  const elements = one.elements.map((each) => [bound(each.expression), each.operator]);
  const predicate = one.predicate === null ? null : bound(one.predicate);
  return JSON.stringify([method, elements, predicate, one.deferrable]);
}

/**
 * Whether a row `q` of the lens stands in the way of NEW. All writers whom the constraint is about
 * come one after the other: which of them are in each other's way no lock can tell.
 */
export function excluded(
  exclusion: Exclusion,
  part: SplitPartPlan,
  places: Places,
  self: 'old' | 'new',
): { readonly lock: Sql; readonly isExcluded: Sql } {
  const isOther = part.mapping.key.map(
    (column) => sql`${name('q', column)} is distinct from ${name(self, column)}`,
  );
  const conditions = joined(
    [isInTheWay(exclusion), sql`(${joined(isOther, ' or ')})`],
    '\n      and ',
  );
  const seed = stableBigint(`${places.evolution} ${part.table.name} ${exclusion.name}`);
  return {
    lock: sql`perform pg_catalog.pg_advisory_xact_lock(${trusted(seed)});`,
    isExcluded: sql`exists (
    select from ${inRelease(places, part.table.name)} as q
    where ${conditions}
  )`,
  };
}

/** Whether a row `q` and NEW may not both be there. */
export function isInTheWay({ elements, predicate }: Exclusion): Sql {
  const over = (text: string, qualifier: string) =>
    trusted(bindColumns(text, (column) => ({ qualifier, column })));
  const holds = elements.map(
    ({ expression, operator }) =>
      sql`(${over(expression, 'q')}) ${trusted(operator)} (${over(expression, 'new')})`,
  );
  const isAbout = (qualifier: string) =>
    predicate === null ? [] : [sql`(${over(predicate, qualifier)})`];
  return joined([...holds, ...isAbout('q'), ...isAbout('new')], '\n      and ');
}
