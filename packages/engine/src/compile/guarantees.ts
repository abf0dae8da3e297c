// Which constraints of a new table the old layout keeps by itself, and which a lens must check.
//
// Source of the rule: a constraint of the new release binds the new release; it never binds a
// statement of the old one (DESIGN section 5, rule 5).

import { conjunctsNotNull } from '../changes/expression-shape.js';
import type { SplitPartPlan } from '../changes/split-table.js';
import type {
  Check,
  Column,
  Exclusion,
  ForeignKey,
  Index,
  Key,
  Table,
} from '../release/catalog.js';
import { findColumn } from '../release/catalog.js';
import { isSameExclusion } from './exclusions.js';

export interface Unguaranteed {
  readonly notNull: readonly Column[];
  readonly checks: readonly Check[];
  readonly uniques: readonly Key[];
  readonly exclusions: readonly Exclusion[];
  readonly foreignKeys: readonly ForeignKey[];
}

/** Constraints of the part that the old table does not have in the same form. */
export function unguaranteed(part: SplitPartPlan, base: Table): Unguaranteed {
  const old = part.pair.old;
  const source = sourcesOf(part);
  const never = new Set(part.when === null ? [] : conjunctsNotNull(part.when));
  const isNotNull = (column: Column) => {
    const from = source.get(column.name);
    if (from === undefined) return false;
    if (never.has(from) || findColumn(old, from)?.notNull === true) return true;
    return part.absent.has(column.name) && isRequired(part, from);
  };
  return {
    notNull: part.table.columns.filter((column) => column.notNull && !isNotNull(column)),
    checks: part.table.checks.filter((check) => !hasCheck(old, check, source)),
    uniques: [part.table.primaryKey, ...part.table.uniques].filter(
      (key): key is Key => key !== null && !hasUnique(old, key, source) && !isSurrogate(part, key),
    ),
    exclusions: part.table.exclusions.filter(
      (one) => !old.exclusions.some((own) => isSameExclusion(own, one, (name) => source.get(name))),
    ),
    foreignKeys: part.table.foreignKeys.filter(
      // The old row is both part and base, so it answers for keys between them.
      (key) => key.referencedTable !== base.name && !hasForeignKey(old, key, source),
    ),
  };
}

/** A unique key of a new table by which a row may be found that stands in another's way. */
export interface Arbiter {
  /** Of the constraint; null for a unique index, which no statement can name. */
  readonly name: string | null;
  readonly columns: readonly string[];
  readonly isOnceForNull: boolean;
  /** What PostgreSQL names when it is violated, in either layout. */
  readonly enforcedBy: readonly string[];
  /** No index of the old layout enforces it: the lens checks it itself. */
  readonly isLensOnly: boolean;
}

/**
 * The unique keys of a part that hold through its lens too. Without those that are put off, which
 * ON CONFLICT takes on no table; a unique index is one where the old table has it as well.
 */
export function arbiters(part: SplitPartPlan, base: Table): Arbiter[] {
  const { table } = part;
  const lensOnly = unguaranteed(part, base).uniques;
  const keys = [table.primaryKey, ...table.uniques].filter(
    (key): key is Key => key !== null && key.deferrable === 'no',
  );
  const indexes = table.indexes.filter((index) => index.isUnique).flatMap(plainIndex);
  return [
    ...keys.map((key) => ({
      name: key.name,
      columns: key.columns,
      isOnceForNull: isOnceForNull(key),
      enforcedBy: [key.name, ...oldNamesOf(part, key.columns)],
      isLensOnly: lensOnly.includes(key),
    })),
    ...indexes.flatMap((index) => {
      const old = oldNamesOf(part, index.columns);
      return old.length === 0 ? [] : [{ ...index, enforcedBy: [...index.enforcedBy, ...old] }];
    }),
  ];
}

/** An exclusion constraint by which a row may be found that stands in another's way. */
export interface ExclusionArbiter {
  readonly exclusion: Exclusion;
  /** What PostgreSQL names when it is violated, in either layout. */
  readonly enforcedBy: readonly string[];
  readonly isLensOnly: boolean;
}

/** Those of a part; without those that are put off, which ON CONFLICT takes on no table. */
export function exclusionArbiters(part: SplitPartPlan): ExclusionArbiter[] {
  const source = sourcesOf(part);
  return part.table.exclusions
    .filter((one) => one.deferrable === 'no')
    .map((exclusion) => {
      const same = part.pair.old.exclusions.filter((own) =>
        isSameExclusion(own, exclusion, (name) => source.get(name)),
      );
      const enforcedBy = [exclusion.name, ...same.map((own) => own.name)];
      return { exclusion, enforcedBy, isLensOnly: same.length === 0 };
    });
}

function plainIndex({ name, columns, definition }: Index): (Arbiter & { name: null })[] {
  const plain = columns.filter((column) => column !== null);
  if (plain.length < columns.length || / WHERE /.test(definition)) return [];
  const isOnce = isOnceForNull({ definition });
  const own = { columns: plain, isOnceForNull: isOnce, enforcedBy: [name], isLensOnly: false };
  return [{ name: null, ...own }];
}

/** Unique keys and indexes of the old table over the columns that these come from. */
function oldNamesOf(part: SplitPartPlan, columns: readonly string[]): string[] {
  const { old } = part.pair;
  const source = sourcesOf(part);
  const wanted = columns.map((column) => source.get(column));
  const isSame = (own: readonly (string | null)[]) =>
    own.length === wanted.length && own.every((column) => wanted.includes(column ?? ''));
  const keys = [old.primaryKey, ...old.uniques].filter((one) => one !== null);
  const indexes = old.indexes.filter((one) => one.isUnique && !/ WHERE /.test(one.definition));
  return [...keys, ...indexes].filter((one) => isSame(one.columns)).map((one) => one.name);
}

/** New column → the old column whose values it holds as they are. */
function sourcesOf(part: SplitPartPlan): ReadonlyMap<string, string> {
  return new Map<string, string>([
    ...part.key.map((one) => [one.new.name, one.old] as const),
    ...part.mapped.flatMap((one) =>
      one.source === null ? [] : [[one.column.name, one.source] as const],
    ),
  ]);
}

/** Whether the table that a column of the joined one comes from requires it of its rows. */
function isRequired({ side }: SplitPartPlan, joined: string): boolean {
  return side.sources.some(({ table, names }) =>
    table.columns.some((column) => names.get(column.name) === joined && column.notNull),
  );
}

/**
 * Unique keys that rows of the old release may break: they are there before the first row comes, so
 * that such a row goes to quarantine.
 */
export function newUniques(part: SplitPartPlan, base: Table): Key[] {
  return unguaranteed(part, base).uniques.filter((key) => key !== part.table.primaryKey);
}

/** Whether the key refers to the base of its own cluster. */
export function isToBase(key: ForeignKey, base: Table): boolean {
  return key.referencedTable === base.name;
}

/** Whether rows of the part go with the row of the base that they refer to. */
export function cascades(part: SplitPartPlan, base: SplitPartPlan): boolean {
  return part.table.foreignKeys.some(
    (key) =>
      isToBase(key, base.table) &&
      key.onDelete === 'cascade' &&
      key.columns.length === part.key.length &&
      part.key.every((one, place) => {
        const at = key.columns.indexOf(one.new.name);
        return key.referencedColumns[at] === base.key[place]?.new.name;
      }),
  );
}

function hasCheck(old: Table, check: Check, source: ReadonlyMap<string, string>): boolean {
  const isSameColumns = check.columns.every((column) => source.get(column) === column);
  return isSameColumns && old.checks.some((one) => one.expression === check.expression);
}

function hasUnique(old: Table, key: Key, source: ReadonlyMap<string, string>): boolean {
  const columns = key.columns.map((column) => source.get(column));
  const keys = [old.primaryKey, ...old.uniques].filter((one) => one !== null);
  return keys.some(
    (one) =>
      one.columns.length === columns.length &&
      one.columns.every((column) => columns.includes(column)) &&
      (isOnceForNull(one) || !isOnceForNull(key)),
  );
}

/** Whether the key allows no more than one null. */
export function isOnceForNull(key: Pick<Key, 'definition'>): boolean {
  return key.definition.includes('NULLS NOT DISTINCT');
}

function isSurrogate(part: SplitPartPlan, key: Key): boolean {
  return key.columns.every((column) => part.generated.some((one) => one.name === column));
}

function hasForeignKey(old: Table, key: ForeignKey, source: ReadonlyMap<string, string>): boolean {
  return old.foreignKeys.some(
    (one) =>
      one.referencedTable === key.referencedTable &&
      one.columns.length === key.columns.length &&
      key.columns.every((column, index) => {
        const place = one.columns.indexOf(source.get(column) ?? '');
        return place >= 0 && one.referencedColumns[place] === key.referencedColumns[index];
      }),
  );
}
