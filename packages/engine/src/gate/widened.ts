// Whether a column of one type takes every value of another as it is: then a cast needs no author.

import type { Catalog } from '../release/catalog.js';

const WHOLE = ['smallint', 'integer', 'bigint', 'numeric'];
const FLOATING = ['real', 'double precision'];
const TEXT = /^(?:text|character varying(?:\((\d+)\))?)$/;

/** Of types that only the catalogue knows, enums can be read as a text. */
export function isWidened(old: string, wider: string, { enums }: Catalog): boolean {
  const isAfter = (types: readonly string[]) =>
    types.includes(old) && types.indexOf(wider) > types.indexOf(old);
  if (isAfter(WHOLE) || isAfter(FLOATING)) return true;
  const [from, to] = [TEXT.exec(old), TEXT.exec(wider)];
  if (from !== null && to !== null) return limitOf(from) <= limitOf(to);
  return to !== null && limitOf(to) === Number.POSITIVE_INFINITY && isEnum(old, enums);
}

function limitOf([, limit]: RegExpExecArray): number {
  return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit);
}

function isEnum(type: string, enums: Catalog['enums']): boolean {
  return enums.some((one) => one.name === type);
}
