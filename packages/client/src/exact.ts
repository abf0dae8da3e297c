// What PostgreSQL printed, behind the objects that the driver makes of it: a Date keeps three of
// six digits below the second, and takes a time without zone for one of this process's zone, where
// an hour of spring is missing. An application's own parser may give objects that do not compare
// at all. Orders are exact only by the text.

import type { CustomTypesConfig } from 'pg';

/** Compares as the text does; undefined where the text has a form that is not known here. */
type Exact = bigint | string | undefined;

const EXACT = new WeakMap<object, bigint | string>();

/** The same parsers, whose objects `exactOf` knows afterwards. */
export function exactTypes(types: CustomTypesConfig): CustomTypesConfig {
  const getTypeParser = (oid: number, format?: 'text' | 'binary') => {
    const parse = types.getTypeParser(oid, format as 'text') as (value: string) => unknown;
    const read = format === 'binary' ? undefined : READERS.get(oid);
    if (read === undefined) return parse;
    return (text: string) => {
      const value = parse(text);
      const exact = read(text);
      if (isObject(value) && exact !== undefined) EXACT.set(value, exact);
      return value;
    };
  };
  return { getTypeParser } as CustomTypesConfig;
}

/** The exact form of an object that was read by `exactTypes`; anything else as it is. */
export function exactOf(value: unknown): unknown {
  return isObject(value) ? (EXACT.get(value) ?? value) : value;
}

const INSTANT = new RegExp(
  [
    /^(\d+)-(\d\d)-(\d\d)/,
    /(?: (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?)?/,
    /(?:([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?)?/,
    /( BC)?$/,
  ]
    .map((part) => part.source)
    .join(''),
);

/**
 * Microseconds from 1970 of a date or timestamp in ISO style; a time without zone is taken for UTC.
 */
export function microsecondsOf(text: string): bigint | undefined {
  const match = INSTANT.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((part) => Number(part ?? 0));
  const [fraction = '', sign, zoneHour, zoneMinute, zoneSecond, era] = match.slice(7);
  const date = new Date(0);
  date.setUTCFullYear(era === undefined ? year : 1 - year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  // Years from 275761 on, which a Date does not have.
  if (Number.isNaN(date.getTime())) return undefined;
  const zone =
    Number(zoneHour ?? 0) * 3600 + Number(zoneMinute ?? 0) * 60 + Number(zoneSecond ?? 0);
  const seconds = date.getTime() / 1000 - (sign === '-' ? -zone : zone);
  return BigInt(seconds) * 1_000_000n + BigInt(fraction.padEnd(6, '0'));
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

const asText = (text: string): string => text;

const READERS: ReadonlyMap<number, (text: string) => Exact> = new Map<
  number,
  (text: string) => Exact
>([
  [20, asText], // int8
  [1082, microsecondsOf], // date
  [1114, microsecondsOf], // timestamp
  [1184, microsecondsOf], // timestamptz
  [1700, asText], // numeric
]);
