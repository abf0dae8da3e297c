// Comparing two values as PostgreSQL's ORDER BY compares them, for the types where that is possible
// without asking PostgreSQL.
//
// | type                                   | compared as                                          |
// |----------------------------------------|------------------------------------------------------|
// | integers, real, double precision       | numbers; NaN above all others                        |
// | bigint, numeric (strings)              | exact decimals; NaN above all others                 |
// | timestamps, date                       | instants, to the microsecond that PostgreSQL keeps   |
// | text, varchar, char, name, uuid, time  | code points, which is the order of collation "C"     |
// | boolean, bytea                         | false before true; bytes                             |
//
// Anything else has no comparison here, and the caller is told so instead of being given a wrong
// order. Source: PostgreSQL manual, sections 8.1 (numeric), 8.3 and 24.2 (collation "C"); oids in
// pg_type.dat.

import { exactOf } from './exact.js';

/** Negative, zero or positive, of two values that are not null. */
export type Compare = (left: unknown, right: unknown) => number;

/** The comparison for a type by its oid; undefined where this file knows none. */
export function compareOfType(oid: number): Compare | undefined {
  return COMPARISONS.get(oid);
}

/** Exact comparison of what `numeric` and `bigint` print; also takes numbers and bigints. */
export function compareDecimals(one: unknown, other: unknown): number {
  return compareExactDecimals(exactOf(one), exactOf(other));
}

function compareExactDecimals(left: unknown, right: unknown): number {
  if (typeof left !== 'string' || typeof right !== 'string') return compareNumbers(left, right);
  const one = decimalOf(left);
  const other = decimalOf(right);
  if (typeof one === 'number' || typeof other === 'number') {
    return compareNumbers(floatOf(one, left), floatOf(other, right));
  }
  if (one.sign !== other.sign) return one.sign - other.sign;
  return one.sign * compareMagnitudes(one, other);
}

/** Order by code points. JavaScript's own is by UTF-16 units, which differs above U+FFFF. */
export function compareText(left: unknown, right: unknown): number {
  const one = String(left);
  const other = String(right);
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at += 1) {
    const a = one.charCodeAt(at);
    const b = other.charCodeAt(at);
    if (a === b) continue;
    // The first of the units that differ may be half of a pair, which stands above U+FFFF.
    if (isSurrogate(a) !== isSurrogate(b)) return isSurrogate(a) ? 1 : -1;
    return a - b;
  }
  return one.length - other.length;
}

function compareNumbers(left: unknown, right: unknown): number {
  const one = left instanceof Date ? left.getTime() : (left as number | bigint);
  const other = right instanceof Date ? right.getTime() : (right as number | bigint);
  if (one < other) return -1;
  if (one > other) return 1;
  return Number(Number.isNaN(one)) - Number(Number.isNaN(other));
}

/** Objects, ±Infinity, and text where the application reads them as such. */
function compareInstants(left: unknown, right: unknown): number {
  const [one, other] = [left, right].map((value) => exactOf(value));
  const isText = typeof one === 'string' && typeof other === 'string';
  return isText ? compareText(one, other) : compareNumbers(one, other);
}

/** Trailing blanks of char(n) do not count. */
function comparePadded(left: unknown, right: unknown): number {
  return compareText(String(left).replace(/ +$/, ''), String(right).replace(/ +$/, ''));
}

function compareBytes(left: unknown, right: unknown): number {
  return Buffer.compare(left as Buffer, right as Buffer);
}

function compareBooleans(left: unknown, right: unknown): number {
  return Number(left) - Number(right);
}

interface Decimal {
  readonly sign: -1 | 0 | 1;
  readonly whole: string;
  readonly fraction: string;
}

/** The parts of a printed numeric without idle zeros; a number for NaN and the infinities. */
function decimalOf(text: string): Decimal | number {
  const match = /^(-?)0*(\d*)(?:\.(\d*?)0*)?$/.exec(text);
  if (match === null) return Number(text);
  const [, minus, whole = '', fraction = ''] = match;
  if (whole === '' && fraction === '') return { sign: 0, whole, fraction };
  return { sign: minus === '-' ? -1 : 1, whole, fraction };
}

function compareMagnitudes(one: Decimal, other: Decimal): number {
  if (one.whole.length !== other.whole.length) return one.whole.length - other.whole.length;
  if (one.whole !== other.whole) return one.whole < other.whole ? -1 : 1;
  if (one.fraction === other.fraction) return 0;
  return one.fraction < other.fraction ? -1 : 1;
}

function floatOf(value: Decimal | number, text: string): number {
  return typeof value === 'number' ? value : Number(text);
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}

const COMPARISONS: ReadonlyMap<number, Compare> = new Map<number, Compare>([
  [16, compareBooleans],
  [17, compareBytes],
  [19, compareText], // name
  [20, compareDecimals], // int8
  [21, compareNumbers], // int2
  [23, compareNumbers], // int4
  [25, compareText], // text
  [26, compareNumbers], // oid
  [700, compareNumbers], // float4
  [701, compareNumbers], // float8
  [1042, comparePadded], // bpchar
  [1043, compareText], // varchar
  [1082, compareInstants], // date
  [1083, compareText], // time, which prints with leading zeros
  [1114, compareInstants], // timestamp
  [1184, compareInstants], // timestamptz
  [1700, compareDecimals], // numeric
  [2950, compareText], // uuid, which prints in lower case
]);
