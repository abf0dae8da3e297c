// What PostgreSQL is asked about lookup tables: whether a value can be found by what holds it in
// the other release. Pure; expression-types.ts asks.

import type { CompileInput } from '../compile/compile.js';
import { findColumn, findTable } from '../release/catalog.js';
import type { LookupChange } from '../release/evolution.js';
import { name, sql } from '../sql.js';
import { NEW_COPIES, OLD_COPIES, type Question } from './question.js';

export function lookupQuestions({ from, to, evolution }: CompileInput): Question[] {
  return evolution.changes.flatMap((change): Question[] => {
    if (change.kind !== 'extract_table' && change.kind !== 'inline_table') return [];
    const isExtract = change.kind === 'extract_table';
    const [flat, lookup] = isExtract
      ? [findTable(from.catalog, change.table), findTable(to.catalog, change.into)]
      : [findTable(to.catalog, change.into), findTable(from.catalog, change.table)];
    const [flatCopies, lookupCopies] = isExtract
      ? [OLD_COPIES, NEW_COPIES]
      : [NEW_COPIES, OLD_COPIES];
    if (flat === undefined || lookup === undefined) return [];
    return Object.entries(change.values).map(([column, other]) => {
      const types = [findColumn(flat, other)?.type, findColumn(lookup, column)?.type];
      return {
        before: sql`select from ${name(flatCopies, flat.name)} as f,
  ${name(lookupCopies, lookup.name)} as l where `,
        expression: sql`${name('l', column)} = ${name('f', other)}`,
        after: sql``,
        finding: (refusal) => ({
          code: 'EVOLUTION_INVALID',
          message:
            `${change.kind} finds ${flat.name}.${other}, ${types[0]}, ` +
            `by ${lookup.name}.${column}, ${types[1]}: ${refusal.message}`,
          at: placeOf(change, isExtract ? other : column),
          hint: 'give both the same type; convert the column in a release before this one',
        }),
      };
    });
  });
}

function placeOf({ places, at }: LookupChange, column: string) {
  return places?.[`columns.${column}`] ?? at;
}
