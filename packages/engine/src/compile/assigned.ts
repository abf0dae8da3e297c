// A computed value as a column would hold it. PostgreSQL assigns a value to a column in another way
// than it casts it: `cents / 100.0` becomes what numeric(12,2) holds, and a text that is too long
// for varchar(3) is an error, where a cast would cut it in silence (manual, CREATE CAST and
// "Character Types"). A view, a comparison and a table must all hold the same, so every computed
// value is written as it would be assigned.

import { type BaseTypes, OTHER_LABELS } from '../release/base-type.js';
import type { Column } from '../release/catalog.js';
import { elementOf } from '../release/types-apart.js';
import { integer, type Sql, sql, trusted } from '../sql.js';

/** What a type of limited length is called without its limit, and what fits a value into it. */
interface Limit {
  readonly unlimited: string;
  /** `function(value, limit, is explicit)`: PostgreSQL's own, under each of these types. */
  readonly fit: string;
  /** What the limit is counted with besides the characters. */
  readonly header: number;
}

const LIMITS: Readonly<Record<string, Limit>> = {
  character: { unlimited: 'bpchar', fit: 'bpchar', header: 4 },
  'character varying': { unlimited: '"varchar"', fit: '"varchar"', header: 4 },
  bit: { unlimited: '"bit"', fit: '"bit"', header: 0 },
  'bit varying': { unlimited: 'varbit', fit: 'varbit', header: 0 },
};

const LIMITED = new RegExp(`^(${Object.keys(LIMITS).join('|')})\\((\\d+)\\)((?:\\[\\])*)$`);

/** The value with exactly the column's type; too long a value is an error. */
export function assigned(value: Sql, column: Column, bases: BaseTypes): Sql {
  const base = bases.get(column.type) ?? column.type;
  const [, kind = '', length = '', dimensions = ''] = LIMITED.exec(base) ?? [];
  const type = trusted(column.type);
  const collation = column.collation === null ? sql`` : sql` collate ${trusted(column.collation)}`;
  const limit = LIMITS[kind];
  if (limit === undefined && isRelabelled(column.type, bases)) {
    return sql`((${value})::text)::${type}`;
  }
  if (limit === undefined) return sql`(${value})::${type}${collation}`;
  // Nothing fits the elements of an array; the table refuses those that are too long.
  if (dimensions !== '') return sql`(${value})::${trusted(limit.unlimited + dimensions)}`;
  const whole = sql`(${value})::${trusted(limit.unlimited)}`;
  const most = integer(Number(length) + limit.header);
  const fitting = sql`pg_catalog.${trusted(limit.fit)}(${whole}, ${most}, false)`;
  return sql`${fitting}::${type}${collation}`;
}

/** A type that holds every value which may be assigned to the column, as an expression names it. */
export function unlimited({ type }: Column, bases: BaseTypes): string {
  const [, kind = '', , dimensions = ''] = LIMITED.exec(bases.get(type) ?? type) ?? [];
  const found = LIMITS[kind];
  if (found === undefined) return type;
  // The parser takes a bare `varchar` or `bit` for one of another name.
  const names: Readonly<Record<string, string>> = { character: 'bpchar', bit: 'varbit' };
  return (names[kind] ?? (kind === 'bit varying' ? 'varbit' : 'text')) + dimensions;
}

/** Whether a cast to the type may cut a value, where assignment would refuse it. */
export function isLimited(type: string, bases: BaseTypes): boolean {
  return LIMITED.test(bases.get(type) ?? type);
}

/**
 * Whether the type is an enum that has other labels in each release, or is made of one. Its values
 * come from the other release's enum of the name, or as texts, and no cast leads from one to the
 * other but that of the text.
 */
export function isRelabelled(type: string, bases: BaseTypes): boolean {
  return bases.get(elementOf(type)) === OTHER_LABELS;
}
