// Which names and which tables of two releases may mean the same. Pure; whoever asks decides how
// much likeness is enough.

import { type Column, hasKey, isSameSet, type Table } from '../release/catalog.js';
import { editDistance } from '../release/suggest.js';
import { plainType } from '../release/types-apart.js';

/** One wrong letter in so many is a slip or an ending, not another word. */
const LETTERS_PER_MISTAKE = 3;

/** Fewer letters say too little to be recognized inside a longer name. */
const MIN_WORD_LETTERS = 3;

/** `addr` for `address`; fewer letters begin too many words. */
const MIN_ABBREVIATION_LETTERS = 4;

/**
 * Whether two names look like one: `note` and `notes`, `status_reason` and `reason`, `loadAvg`
 * and `load_avg`. Names that differ by a number do not: `line1`, `line2`.
 */
export function similarNames(left: string, right: string): boolean {
  const [one, other] = [wordsOf(left), wordsOf(right)];
  if (left === right) return true;
  if (numbersIn(left) !== numbersIn(right)) return false;
  const [few, many] = one.length <= other.length ? [one, other] : [other, one];
  const isWithin = few.every((word) => many.some((known) => isSameWord(word, known)));
  return isWithin && few.join('').length >= MIN_WORD_LETTERS;
}

/**
 * Whether two names speak of one thing: `memory_mb` and `memory_bytes`. Enough for a question,
 * where another type says that the values differ too.
 */
export function kindredNames(left: string, right: string): boolean {
  const [one = '', other = ''] = [wordsOf(left)[0], wordsOf(right)[0]];
  const isSame =
    one === other && one.length >= MIN_WORD_LETTERS && numbersIn(left) === numbersIn(right);
  return similarNames(left, right) || isSame;
}

function isSameWord(left: string, right: string): boolean {
  const mistakes = Math.floor(Math.min(left.length, right.length) / LETTERS_PER_MISTAKE);
  const [short, long] = left.length <= right.length ? [left, right] : [right, left];
  const isAbbreviated = short.length >= MIN_ABBREVIATION_LETTERS && long.startsWith(short);
  return isAbbreviated || editDistance(left, right) <= Math.min(mistakes, 2);
}

function wordsOf(name: string): string[] {
  const spaced = name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase();
  return spaced.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '');
}

function numbersIn(name: string): string {
  return (name.match(/\d+/g) ?? []).join();
}

/** What a column must have in common with another one to be it under another name. */
export function isSameType(left: Column, right: Column): boolean {
  const isSame = plainType(left.type) === plainType(right.type);
  return isSame && left.collation === right.collation;
}

/**
 * The tables among others that have one row at most for each row of `base`: by a key of their own
 * that refers to it.
 */
export function satellitesOf(base: Table, among: readonly Table[]): Table[] {
  return among.filter((table) => table !== base && keyTo(base, table) !== null);
}

/** The columns of a table by which it shares the key of another; null where it does not. */
export function keyTo(base: Table, table: Table): readonly string[] | null {
  const found = table.foreignKeys.find(
    (key) =>
      key.referencedTable === base.name &&
      base.primaryKey !== null &&
      isSameSet(key.referencedColumns, base.primaryKey.columns) &&
      hasKey(table, key.columns),
  );
  return found?.columns ?? null;
}

export interface Likeness {
  /** Columns that both have, by name and type. */
  readonly common: number;
  /** All columns that the wider one has. */
  readonly of: number;
  /** From 0 to 1: what they have in common; a name with another type counts less. */
  readonly share: number;
}

/** A column of the same name has been converted more often than it is another one. */
const OTHER_TYPE_SHARE = 0.75;

/** How much two sets of tables have in common; keys count only where there is nothing else. */
export function likeness(left: readonly Table[], right: readonly Table[]): Likeness {
  const [one, other] = [columnsOf(left), columnsOf(right)];
  const named = one.filter((column) => other.some((known) => known.name === column.name));
  const common = named.filter((column) =>
    other.some((known) => known.name === column.name && isSameType(known, column)),
  ).length;
  const of = Math.max(one.length, other.length, 1);
  const share = (common + (named.length - common) * OTHER_TYPE_SHARE) / of;
  return { common, of, share };
}

function columnsOf(tables: readonly Table[]): Column[] {
  const all = tables.flatMap((table) => table.columns);
  const keys = new Set(
    tables.flatMap((table) => [
      ...(table.primaryKey?.columns ?? []),
      ...tables.flatMap((base) => keyTo(base, table) ?? []),
    ]),
  );
  const rest = all.filter((column) => !keys.has(column.name));
  return rest.length === 0 ? all : rest;
}
