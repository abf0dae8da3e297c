// Values of the new release that do not follow from the old row (`keep`). Each such column has a
// spill relation `halflap_kept_<table>_<column>(k, halflap_value, halflap_basis)`, with a row where
// the new release wrote another value than what follows from the old row; that is the basis. The
// value counts as long as the same follows. A statement of the old release after which something
// else follows ends it.

import { assigned } from '../compile/assigned.js';
import { comparedType, differs } from '../compile/compared.js';
import type { ForwardColumn, PairedTable } from '../compile/layout.js';
import {
  type Bind,
  type KeptValue,
  type Mapping,
  newRelation,
  type Relation,
  spillRelation,
} from '../compile/mapping.js';
import { refuse } from '../compile/refuse.js';
import { generatedName } from '../names.js';
import type { Column } from '../release/catalog.js';
import type { Evolution } from '../release/evolution.js';
import { bindColumns, columnsOf } from '../release/expression.js';
import { joined, name, type Sql, sql, trusted } from '../sql.js';
import type { OldColumn } from './cluster-mappings.js';
import type { Existence } from './existence.js';
import type { Part } from './part.js';

export const KEPT = { value: 'halflap_value', basis: 'halflap_basis' } as const;

/** Columns of the part whose values are kept. */
export function keptColumns(part: Part): ForwardColumn[] {
  return part.mapped.filter((one) => one.isKept === true);
}

/** Joins of a part's rows (alias `o`) with what is kept beside them. */
export function keptJoins(part: Part, bind: Bind): Sql {
  const joins = keptColumns(part).map(({ column }, index) => {
    const alias = keptAlias(index);
    const on = part.key.map((one) => sql`${name(alias, one.old)} = ${name('o', one.old)}`);
    const at = bind(keptRelation(part, column));
    return sql` left join ${at} as ${name(alias)} on ${joined(on, ' and ')}`;
  });
  return joined(joins, '');
}

/**
 * What the new release reads: the value that is kept, or what follows. Without a row beside it the
 * basis is null, and so is the value that stands for an implied null.
 */
export function valueOrKept(part: Part, { column }: ForwardColumn, implied: Sql): Sql {
  const index = keptColumns(part).findIndex((one) => one.column === column);
  if (index < 0) return implied;
  const alias = keptAlias(index);
  const isOther = differs(name(alias, KEPT.basis), implied, comparedType(column));
  return sql`case when ${isOther} then ${implied} else ${name(alias, KEPT.value)} end`;
}

export function keptValues(part: Part, { isGone, columns }: Existence): KeptValue[] {
  return keptColumns(part).map((one) => ({
    relation: keptRelation(part, one.column),
    watches: [...columnsOf(one.up as string), ...(isGone === null ? [] : columns)],
    isGone,
    type: comparedType(one.column),
    implied: (alias) => impliedBy(part, one, (column) => ({ qualifier: alias, column })),
  }));
}

/** Rows that give back old columns, which say by which of the parts. */
export interface GivingPart {
  readonly part: Part;
  readonly index: number;
  readonly columns: readonly OldColumn[];
}

/** kept(k): rows of the part whose value does not follow from the old row that they give. */
export function keptMapping(giving: GivingPart, one: ForwardColumn): Mapping {
  const { part } = giving;
  const old = part.key.map((key) => key.old);
  const keys = part.key.map((key) => sql`${name('p', key.new.name)} as ${name(key.old)}`);
  const sources = columnsOf(one.up as string).map((column) => givenBack(giving, column));
  const implied = impliedBy(part, one, (column) => ({
    expression: sources.find((source) => source?.column === column)?.value.text ?? 'null',
  }));
  const value = name('p', one.column.name);
  return {
    target: keptRelation(part, one.column),
    key: old,
    slice: old,
    via: null,
    perSlice: 'one row',
    columns: [KEPT.value, KEPT.basis],
    onInsert: [],
    absence: null,
    kept: [],
    query: (bind) => sql`select ${keys}, ${value} as ${name(KEPT.value)},
        ${implied} as ${name(KEPT.basis)}
        from ${bind(newRelation(part.table.name))} as p
        where ${differs(value, implied, comparedType(one.column))}`,
    touches: [
      {
        source: newRelation(part.table.name),
        slice: part.key.map((key) => key.new.name),
        watches: [
          ...part.key.map((key) => key.new.name),
          one.column.name,
          ...sources.flatMap((source) => source?.watches ?? []),
        ],
        feeds: [KEPT.value, KEPT.basis],
        drives: true,
      },
    ],
  };
}

/** What follows must be told from the part's own row: then one look says whether to keep. */
export function assertToldByPart(giving: GivingPart, evolution: Evolution): void {
  const { part } = giving;
  for (const { up, column, stated } of keptColumns(part)) {
    const untold = columnsOf(up as string).find((one) => givenBack(giving, one) === null);
    if (untold === undefined) continue;
    throw refuse(evolution, {
      code: 'EVOLUTION_UNSUPPORTED',
      message:
        `"keep" of ${part.table.name}.${column.name}: "up" looks at ${untold}, ` +
        `which rows of ${part.table.name} do not give back`,
      hint: 'let "up" look at what the table holds in both releases, or leave "keep" out',
      at: stated?.at,
    });
  }
}

/** Where a row of the new release does not stand for one of the old, nothing is kept beside it. */
export function assertNothingKept(pairs: readonly PairedTable[], evolution: Evolution): void {
  for (const pair of pairs) {
    const found = pair.forward.find((one) => one.isKept === true);
    if (found === undefined) continue;
    throw refuse(evolution, {
      code: 'EVOLUTION_UNSUPPORTED',
      message:
        `"keep" of ${pair.new.name}.${found.column.name}: ` +
        `no single row of ${pair.old.name} stands behind a row of ${pair.new.name}`,
      hint: 'leave "keep" out, or give the column a default in place of a value',
      at: found.stated?.at,
    });
  }
}

function impliedBy(
  { pair }: Part,
  { up, column }: ForwardColumn,
  bound: Parameters<typeof bindColumns>[1],
): Sql {
  return assigned(trusted(bindColumns(up as string, bound)), column, pair.bases);
}

/** An old column over the part's row `p`, and by which of its columns; null where not told. */
function givenBack({ part, index, columns }: GivingPart, column: string) {
  const key = part.key.find((one) => one.old === column);
  if (key !== undefined) return { column, value: name('p', key.new.name), watches: [] };
  const found = columns.find((one) => one.column.name === column);
  if (found?.down == null || found.owner !== index) return null;
  const watches = columnsOf(found.down);
  const bound = trusted(bindColumns(found.down, (one) => ({ qualifier: 'p', column: one })));
  const value = found.source === null ? assigned(bound, found.column, part.pair.bases) : bound;
  return { column, value, watches };
}

function keptRelation(part: Part, column: Column): Relation {
  return spillRelation(generatedName('halflap_kept', part.table.name, column.name));
}

function keptAlias(index: number): string {
  return `k${index}`;
}
