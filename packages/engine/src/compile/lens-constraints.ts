// Constraints of the new release that the old layout does not keep, as its lens checks them: with
// the SQLSTATE, the message and the fields with which PostgreSQL reports the same of a table, so
// that an application need not know that it writes through a lens.
//
// What is there already is found. Of two sessions that write the same unique key at the same moment
// one waits for the other, as at an index: both lock the key's values until they commit. Not so a
// session that reads an older snapshot (repeatable read), and the old release, which does not know
// the key: those are found when the index is built.

import type { SplitPartPlan } from '../changes/split-table.js';
import type { Check, Column, Exclusion, ForeignKey, Key, Table } from '../release/catalog.js';
import { bindColumns } from '../release/expression.js';
import { joined, literal, name, type Sql, sql, trusted } from '../sql.js';
import { anyDiffers, sameKey, typesOf } from './compared.js';
import { excluded } from './exclusions.js';
import { isOnceForNull, unguaranteed } from './guarantees.js';
import { inRelease, type Places } from './places.js';
import { drawsFromSequence } from './sequences.js';
import { stableBigint } from './statement.js';

/**
 * Statements of a trigger body that refuse a NEW row which breaks a rule of its table.
 * @param self the row by whose key the written one is found now: OLD for an update.
 */
export function constraints(
  part: SplitPartPlan,
  base: Table,
  places: Places,
  self: 'old' | 'new',
): Sql[] {
  const checked = unguaranteed(part, base);
  return [
    ...checked.notNull
      .filter((column) => !part.generated.includes(column))
      .map((column) => isGiven(column, part.table)),
    ...checked.checks.map((check) => holds(check, part.table)),
    ...checked.uniques.map((key) => isUnique(key, part, places, self)),
    ...checked.exclusions.map((one) => isApart(one, excluded(one, part, places, self), part)),
    ...checked.foreignKeys.map((key) => referenceExists(key, part.table)),
  ];
}

/**
 * Rules that a NEW row breaks by itself, whichever layout keeps them and whatever is there. What is
 * drawn may be drawn later.
 */
export function ownRules({ table, generated }: SplitPartPlan): Sql[] {
  const given = table.columns.filter(
    (column) =>
      column.notNull &&
      column.generated === null &&
      !generated.includes(column) &&
      !drawsFromSequence(column),
  );
  return [
    ...given.map((column) => isGiven(column, table)),
    ...table.checks.map((check) => holds(check, table)),
  ];
}

/** The row that NEW would be is not there yet: for parts, whose key the old row has already. */
export function isFree(part: SplitPartPlan, places: Places): Sql {
  const constraint = part.table.primaryKey?.name ?? part.table.name;
  const lens = inRelease(places, part.table.name);
  const same = sameKey('q', part.mapping.key, 'new');
  return sql`if exists (select from ${lens} as q where ${same}) then
    ${duplicate(part.table, constraint)}
  end if;`;
}

/** What PostgreSQL says of a row that refers to nothing. */
export function noReference(table: Table, key: ForeignKey): Sql {
  const message =
    `insert or update on table "${table.name}" ` + `violates foreign key constraint "${key.name}"`;
  return violation('foreign_key_violation', message, table, sql`constraint = ${literal(key.name)}`);
}

function isGiven(column: Column, table: Table): Sql {
  const message =
    `null value in column "${column.name}" of relation "${table.name}" ` +
    'violates not-null constraint';
  const field = sql`column = ${literal(column.name)}`;
  return sql`if ${name('new', column.name)} is null then
    ${violation('not_null_violation', message, table, field)}
  end if;`;
}

function holds(check: Check, table: Table): Sql {
  const condition = bindColumns(check.expression, (column) => ({ qualifier: 'new', column }));
  const message = `new row for relation "${table.name}" violates check constraint "${check.name}"`;
  const field = sql`constraint = ${literal(check.name)}`;
  return sql`if not coalesce((${trusted(condition)}), true) then
    ${violation('check_violation', message, table, field)}
  end if;`;
}

function isUnique(key: Key, part: SplitPartPlan, places: Places, self: 'old' | 'new'): Sql {
  const isOther = joined(
    part.mapping.key.map(
      (column) => sql`${name('q', column)} is distinct from ${name(self, column)}`,
    ),
    ' or ',
  );
  const isSame = isOnceForNull(key)
    ? joined(
        key.columns.map(
          (column) => sql`${name('q', column)} is not distinct from ${name('new', column)}`,
        ),
        ' and ',
      )
    : sameKey('q', key.columns, 'new');
  return sql`${oneAtATime(key, part, places, self)}
  if exists (
    select from ${inRelease(places, part.table.name)} as q
    where ${isSame} and (${isOther})
  ) then
    ${duplicate(part.table, key.name)}
  end if;`;
}

function isApart(
  { name: constraint }: Exclusion,
  { lock, isExcluded }: ReturnType<typeof excluded>,
  { table }: SplitPartPlan,
): Sql {
  const message = `conflicting key value violates exclusion constraint "${constraint}"`;
  const field = sql`constraint = ${literal(constraint)}`;
  return sql`${lock}
  if ${isExcluded} then
    ${violation('exclusion_violation', message, table, field)}
  end if;`;
}

/** Types that have an order and no hash; a key of nothing else is locked as a whole. */
const UNHASHED = /^(bit|money|tsvector|tsquery)\b/;

/** Until the end of the transaction, whoever writes these values; nobody waits for a null. */
function oneAtATime(key: Key, part: SplitPartPlan, places: Places, self: 'old' | 'new'): Sql {
  const types = typesOf(part.table);
  const seed = trusted(stableBigint(`${places.evolution} ${part.table.name} ${key.name}`));
  const hashed = key.columns.filter((column) => {
    const type = part.table.columns.find((one) => one.name === column)?.type ?? '';
    return !UNHASHED.test(part.pair.bases.get(type) ?? type);
  });
  const values = hashed.map((column) => name('new', column));
  const lock =
    hashed.length === 0
      ? sql`${seed}`
      : sql`pg_catalog.hash_record_extended(row(${values}), ${seed})`;
  const isGiven = key.columns.map((column) => sql`${name('new', column)} is not null`);
  const conditions = [
    ...(isOnceForNull(key) ? [] : isGiven),
    ...(self === 'old' ? [sql`(${anyDiffers('new', 'old', key.columns, types)})`] : []),
  ];
  const perform = sql`perform pg_catalog.pg_advisory_xact_lock(${lock});`;
  if (conditions.length === 0) return perform;
  return sql`if ${joined(conditions, ' and ')} then
    ${perform}
  end if;`;
}

function referenceExists(key: ForeignKey, table: Table): Sql {
  const isGivenWhole = joined(
    key.columns.map((column) => sql`${name('new', column)} is not null`),
    ' and ',
  );
  const same = sameKey('r', key.referencedColumns, 'new', key.columns);
  return sql`if ${isGivenWhole}
    and not exists (select from ${name(key.referencedTable)} as r where ${same}) then
    ${noReference(table, key)}
  end if;`;
}

function duplicate(table: Table, constraint: string): Sql {
  const message = `duplicate key value violates unique constraint "${constraint}"`;
  return violation('unique_violation', message, table, sql`constraint = ${literal(constraint)}`);
}

type Violation =
  | 'not_null_violation'
  | 'check_violation'
  | 'unique_violation'
  | 'exclusion_violation'
  | 'foreign_key_violation';

function violation(condition: Violation, message: string, table: Table, field: Sql): Sql {
  return sql`raise ${trusted(condition)} using
      message = ${literal(message)}, table = ${literal(table.name)}, ${field};`;
}
