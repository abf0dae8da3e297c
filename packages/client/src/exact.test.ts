import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { compareOfType } from './compare.js';
import { exactTypes, microsecondsOf } from './exact.js';

const { INT8, NUMERIC, TIMESTAMP, TIMESTAMPTZ } = pg.types.builtins;

/** Reads texts as a gather does, with parsers of an application's own. */
function compareTexts(oid: number, parse: (text: string) => unknown, ...texts: [string, string]) {
  const types = exactTypes({ getTypeParser: () => parse } as unknown as pg.CustomTypesConfig);
  const read = types.getTypeParser(oid, 'text') as (text: string) => unknown;
  return Math.sign(compareOfType(oid)?.(read(texts[0]), read(texts[1])) ?? Number.NaN);
}

describe('microsecondsOf', () => {
  it('is what PostgreSQL means, also before Christ and with seconds in the zone', () => {
    expect(microsecondsOf('1970-01-01')).toBe(0n);
    expect(microsecondsOf('1970-01-01 00:00:01.5+00')).toBe(1_500_000n);
    expect(microsecondsOf('1969-12-31 23:59:59.999999')).toBe(-1n);
    expect(microsecondsOf('1970-01-01 01:00:00+01')).toBe(0n);
    expect(microsecondsOf('1970-01-01 00:53:28+00:53:28')).toBe(0n);
    expect(microsecondsOf('1969-12-31 20:30:00-03:30')).toBe(0n);
    // Year 0 of ISO 8601, a leap year, which ends where year 1 begins.
    expect(microsecondsOf('0001-12-31 BC')).toBe(-62_135_683_200_000_000n);
    expect(microsecondsOf('infinity')).toBeUndefined();
    expect(microsecondsOf('01/02/2026')).toBeUndefined();
  });
});

describe('exactTypes', () => {
  it('keeps the order of times that do not exist in the zone of this process', () => {
    // As the driver would read them where summer begins in that night.
    const inBerlin = (text: string) =>
      new Date(text.includes(' 02:') ? '2026-03-29T01:30:00Z' : '2026-03-29T01:10:00Z');
    const texts = ['2026-03-29 02:30:00', '2026-03-29 03:10:00'] as const;
    expect(compareTexts(TIMESTAMP, inBerlin, ...texts)).toBe(-1);
  });

  it('orders objects of the application, whatever they are', () => {
    const boxed = (text: string) => ({ text });
    expect(compareTexts(NUMERIC, boxed, '9', '10')).toBe(-1);
    expect(compareTexts(INT8, boxed, '9007199254740993', '9007199254740992')).toBe(1);
    const instants = ['2026-01-01 00:00:00.1+01', '2025-12-31 23:00:00.09+00'] as const;
    expect(compareTexts(TIMESTAMPTZ, boxed, ...instants)).toBe(1);
  });
});
