// split_table: one table into several that share its key. A table whose rows stay together but
// whose columns are computed (convert_column, a changed type, an added unique key) is a split into
// one part.
//
// old(k, a, b, c) ⇄ base(k, a) · part(k, b) when … · part(k, c)
// Absence: a part that the new release may leave without a row, although the old row would give
// one, has a spill table `halflap_absent_<part>(k)`. Its row counts only while the old columns
// still hold the values that stand for "no row", so an unaware write of the old release brings the
// row to life.

import { assigned } from '../compile/assigned.js';
import { computedAnew } from '../compile/classify.js';
import type { BackwardColumn, PairedTable } from '../compile/layout.js';
import {
  type Bind,
  type Cluster,
  type Mapping,
  newRelation,
  type Relation,
  spillRelation,
} from '../compile/mapping.js';
import { assertOldSupplied, refuse } from '../compile/refuse.js';
import { generatedName } from '../names.js';
import type { Column, Table } from '../release/catalog.js';
import type { Evolution, SplitTable } from '../release/evolution.js';
import { type Sql, sql, trusted } from '../sql.js';
import { assertNoCircle } from './circles.js';
import {
  absenceMapping,
  backwardMapping,
  columnOf,
  followsOf,
  forwardMapping,
  isKeyOf,
  type OldColumn,
  rowsOf,
} from './cluster-mappings.js';
import { type Existence, existenceOf } from './existence.js';
import { isConstant, mentionsAny } from './expression-shape.js';
import { assertToldByPart, type GivingPart, keptColumns, keptMapping } from './kept.js';
import type { KeyMap } from './key-map.js';
import { type OldSide, type OldSource, oldSideOf } from './old-side.js';
import { needsAbsence, type Part, partOf } from './part.js';
import type { Origin, Sliced } from './sliced.js';

/** A split as the generators of lens and tables see it: its mappings and what each part is. */
export interface SplitCluster extends Cluster {
  readonly olds: readonly OldSource[];
  readonly old: Table;
  readonly oldKey: readonly Column[];
  readonly parts: readonly SplitPartPlan[];
  /** Old columns that no part holds; they keep their value or take their default. */
  readonly oldOnly: readonly Column[];
  /** What it was made from where slices hold many rows; else null. */
  readonly sliced: Sliced | null;
  /** Maps of keys that rows of its new tables draw. */
  readonly keys: readonly KeyMap[];
}

export interface SplitPartPlan extends Part {
  readonly relation: Relation;
  readonly side: OldSide;
  readonly mapping: Mapping;
  /** FROM and WHERE of the mapping's query, for those who need its values in another order. */
  readonly rows: (bind: Bind) => Sql;
  readonly absence: Relation | null;
  readonly existence: Existence;
  /** What its columns are copies of, where slices hold many rows; else null. */
  readonly origin: Origin | null;
  /** True when PostgreSQL itself can update the lens of this part: every column is a plain one. */
  readonly isPlain: boolean;
}

export function splitCluster(
  pairs: readonly PairedTable[],
  change: SplitTable | null,
  evolution: Evolution,
): SplitCluster {
  const parts: Part[] = [];
  pairs.forEach((pair, index) => {
    parts.push(partOf(pair, change?.into[index] ?? null, parts[0] ?? null, evolution));
  });
  assertNoCircle(parts, evolution);
  const base = parts[0] as Part;
  const side = oldSideOf(
    base.pair.old,
    base.key.map((one) => one.old),
  );
  return clusterOf(side, parts, change, evolution);
}

/** @param parts the new tables, as parts of the joined old one. */
export function clusterOf(
  side: OldSide,
  parts: readonly Part[],
  change: SplitTable | null,
  evolution: Evolution,
): SplitCluster {
  const base = parts[0] as Part;
  const old = side.table;
  const oldKey = base.key.map((one) => columnOf(old, one.old));
  const columns = oldColumns(old, parts, change, evolution);
  const giving = (part: Part, index: number): GivingPart => ({ part, index, columns });
  for (const [index, part] of parts.entries()) assertToldByPart(giving(part, index), evolution);
  const absences = parts.map((part, index) =>
    needsAbsence(part, ownNullColumns(columns, index))
      ? spillRelation(generatedName('halflap_absent', part.table.name))
      : null,
  );
  const plans = parts.map((part, index): SplitPartPlan => {
    const absence = absences[index] ?? null;
    const own = columns.filter((one) => one.owner === index && !isKeyOf(part, one.column));
    const existence = existenceOf(old, part.when, absence === null ? null : own);
    const rows = rowsOf(side, part, existence, absence);
    return {
      ...part,
      relation: newRelation(part.table.name),
      side,
      absence,
      existence,
      rows,
      origin: null,
      mapping: {
        ...forwardMapping(side, part, { existence, rows, absence }),
        follows: followsOf(part, parts, columns),
      },
      isPlain: side.sources.length === 1 && isPlain(part, parts, columns, absences),
    };
  });
  return {
    id: old.name,
    olds: side.sources,
    // A lookup table of the old release is written beside the rows that refer to it.
    takesTurns:
      side.sources.length > 1 ||
      parts.some((part) => part.mapped.some((one) => one.lookup === 'value')),
    old,
    oldKey,
    parts: plans,
    oldOnly: columns
      .filter((one) => one.owner === null && !one.isComputed)
      .map((one) => one.column),
    forward: plans.map((plan) => plan.mapping),
    backward: [
      ...side.sources.map((source) => backwardMapping(source, parts, columns)),
      ...plans.flatMap((plan) => (plan.absence === null ? [] : [absenceMapping(base, plan)])),
      ...plans.flatMap((plan, index) =>
        keptColumns(plan).map((column) => keptMapping(giving(plan, index), column)),
      ),
    ],
    sliced: null,
    keys: [],
  };
}

function oldColumns(
  old: Table,
  parts: readonly Part[],
  change: SplitTable | null,
  evolution: Evolution,
): OldColumn[] {
  return old.columns.map((column, position) => {
    const index = parts.findIndex((part) => {
      const backward = part.pair.backward[position];
      if (backward?.down == null || column.generated !== null) return false;
      const generated = new Set(part.generated.map((one) => one.name));
      return !mentionsAny(backward.down, generated);
    });
    const part = parts[index];
    if (part === undefined) {
      assertOldSupplied(old, column, evolution);
      const isHere = parts.some(({ pair }) => pair.backward[position]?.down != null);
      const isComputed = column.generated !== null && isHere;
      return { column, down: null, source: null, owner: null, isComputed, missing: sql`null` };
    }
    const backward = part.pair.backward[position] as BackwardColumn;
    return {
      ...backward,
      owner: index,
      isComputed: false,
      missing: part.isBase ? sql`null` : missingValue(column, part, change, evolution),
    };
  });
}

function missingValue(
  column: Column,
  part: Part,
  change: SplitTable | null,
  evolution: Evolution,
): Sql {
  const declared = change?.into.find((one) => one.table === part.table.name)?.otherwise[
    column.name
  ];
  const constant = (text: string) => assigned(trusted(text), column, part.pair.bases);
  if (declared !== undefined) return constant(declared.sql);
  if (!column.notNull) return trusted(`null::${column.type}`);
  if (column.default !== null && isConstant(column.default)) return constant(column.default);
  throw refuse(evolution, {
    code: 'EVOLUTION_INCOMPLETE',
    message:
      `column ${part.pair.old.name}.${column.name} is not null, and nothing says ` +
      `what the old release reads there while ${part.table.name} has no row`,
    hint: `state it in the part: otherwise: { ${column.name}: <constant> }`,
    at: change?.at,
  });
}

/** Old columns that are null exactly while the part has no row. */
function ownNullColumns(columns: readonly OldColumn[], index: number): Set<string> {
  return new Set(
    columns
      .filter((one) => one.owner === index && one.missing.text.startsWith('null::'))
      .map((one) => one.column.name),
  );
}

/**
 * PostgreSQL updates a lens by itself when every column is a column of the old table and no other
 * part's existence hangs on them; then a concurrent change is re-read as for any table.
 */
function isPlain(
  part: Part,
  parts: readonly Part[],
  columns: readonly OldColumn[],
  absences: readonly (Relation | null)[],
): boolean {
  if (part.carried.length > 0 || part.generated.length > 0) return false;
  if (part.mapped.some((one) => one.source === null)) return false;
  // A value follows that the statement does not name.
  if (computedAnew(part.pair).length > 0) return false;
  const sources = new Set(part.mapped.map((one) => one.source as string));
  const isOwnedElsewhere = columns.some(
    (one) => sources.has(one.column.name) && parts[one.owner ?? -1] !== part,
  );
  const isWatched = parts.some(
    (other, index) =>
      other !== part &&
      ((other.when !== null && mentionsAny(other.when, sources)) ||
        (absences[index] != null && other.mapped.some((one) => sources.has(one.source ?? '')))),
  );
  const own = new Set(part.mapped.map((one) => one.column.name));
  const isComputedFrom = columns.some(
    (one) => one.down !== null && one.source === null && mentionsAny(one.down, own),
  );
  return !isOwnedElsewhere && !isWatched && !isComputedFrom;
}
