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
import type { BackwardColumn, ForwardColumn, PairedTable } from '../compile/layout.js';
import {
  type Bind,
  type Cluster,
  type Mapping,
  newRelation,
  oldRelation,
  type Relation,
  spillRelation,
} from '../compile/mapping.js';
import { refuse, statedAt } from '../compile/refuse.js';
import { generatedName } from '../names.js';
import type { Column, Table } from '../release/catalog.js';
import type { Evolution, SplitTable } from '../release/evolution.js';
import { bindColumns, columnsOf } from '../release/expression.js';
import { joined, name, type Sql, sql, trusted } from '../sql.js';
import { type Existence, existenceOf, sourcesOf } from './existence.js';
import { isConstant, mentionsAny } from './expression-shape.js';
import { needsAbsence, type Part, partOf } from './part.js';

/** A split as the generators of lens and tables see it: its mappings and what each part is. */
export interface SplitCluster extends Cluster {
  readonly old: Table;
  readonly oldKey: readonly Column[];
  readonly parts: readonly SplitPartPlan[];
  /** Old columns that no part holds; they keep their value or take their default. */
  readonly oldOnly: readonly Column[];
}

export interface SplitPartPlan extends Part {
  readonly relation: Relation;
  readonly mapping: Mapping;
  /** FROM and WHERE of the mapping's query, for those who need its values in another order. */
  readonly rows: (bind: Bind) => Sql;
  readonly absence: Relation | null;
  readonly existence: Existence;
  /** True when PostgreSQL itself can update the lens of this part: every column is a plain one. */
  readonly isPlain: boolean;
}

interface OldColumn extends BackwardColumn {
  /** Index of the part that holds its value; null when only the old release knows it. */
  readonly owner: number | null;
  /** Whether PostgreSQL computes it in the old release, and the new one has it too. */
  readonly isComputed: boolean;
  /** What the old release reads while the owner has no row. */
  readonly missing: Sql;
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
  const base = parts[0] as Part;
  const old = base.pair.old;
  const oldKey = base.key.map((one) => columnOf(old, one.old));
  const columns = oldColumns(old, parts, change, evolution);
  const absences = parts.map((part, index) =>
    needsAbsence(part, ownNullColumns(columns, index))
      ? spillRelation(generatedName('halflap_absent', part.table.name))
      : null,
  );
  const plans = parts.map((part, index): SplitPartPlan => {
    const absence = absences[index] ?? null;
    const own = columns.filter((one) => one.owner === index && !isKeyOf(part, one.column));
    const existence = existenceOf(old, part.when, absence === null ? null : own);
    const rows = rowsOf(old, part, existence, absence);
    return {
      ...part,
      relation: newRelation(part.table.name),
      absence,
      existence,
      rows,
      mapping: forwardMapping(part, own, rows, absence),
      isPlain: isPlain(part, parts, columns, absences),
    };
  });
  return {
    id: old.name,
    old,
    oldKey,
    parts: plans,
    oldOnly: columns
      .filter((one) => one.owner === null && !one.isComputed)
      .map((one) => one.column),
    forward: plans.map((plan) => plan.mapping),
    backward: [
      backwardMapping(old, parts, columns),
      ...plans.flatMap((plan) => (plan.absence === null ? [] : [absenceMapping(base, plan)])),
    ],
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

function assertOldSupplied(old: Table, column: Column, evolution: Evolution): void {
  if (!column.notNull || column.default !== null || column.identity !== null) return;
  if (column.generated !== null) return;
  throw refuse(evolution, {
    code: 'EVOLUTION_INCOMPLETE',
    message:
      `column ${old.name}.${column.name} is not null, has no default, ` +
      'and nothing says what the old release reads there in rows of the new one',
    hint:
      `state it: - drop_column: { table: ${old.name}, column: ${column.name}, ` +
      'down: <expression> }, or rename_column, or convert_column',
    at: statedAt(evolution, old.name),
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
  if (declared !== undefined) return assigned(trusted(declared.sql), column, part.pair.bases);
  if (!column.notNull) return trusted(`null::${column.type}`);
  if (column.default !== null && isConstant(column.default)) return trusted(`(${column.default})`);
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

/** `from old as o where …`: one row for each row of the part. */
function rowsOf(
  old: Table,
  part: Part,
  existence: Existence,
  absence: Relation | null,
): (bind: Bind) => Sql {
  return (bind) => {
    const conditions = [
      ...(part.when === null ? [] : [sql`(${trusted(bindTo(part.when, 'o'))})`]),
      ...(absence === null ? [] : [presentCondition(part, existence, bind(absence))]),
    ];
    const where = conditions.length === 0 ? sql`` : sql` where ${joined(conditions, ' and ')}`;
    return sql`from ${bind(oldRelation(old.name))} as o${where}`;
  };
}

function forwardMapping(
  part: Part,
  own: readonly OldColumn[],
  rows: (bind: Bind) => Sql,
  absence: Relation | null,
): Mapping {
  const values = [
    ...part.key.map((one) => sql`${name('o', one.old)} as ${name(one.new.name)}`),
    ...part.mapped.map((one) => sql`${mappedValue(part, one, 'o')} as ${name(one.column.name)}`),
    ...part.generated.map((one) => sql`${name('o', part.key[0]?.old ?? '')} as ${name(one.name)}`),
  ];
  const watched = [
    ...part.key.map((one) => one.old),
    ...part.mapped.flatMap((one) => columnsOf(one.up as string)),
    ...(part.when === null ? [] : columnsOf(part.when)),
    ...(absence !== null ? own.map((one) => one.column.name) : []),
  ];
  return {
    target: newRelation(part.table.name),
    slice: part.key.map((one) => one.new.name),
    columns: part.mapped.map((one) => one.column.name),
    onInsert: part.generated.map((one) => one.name),
    absence,
    query: (bind) => sql`select ${values} ${rows(bind)}`,
    touches: [
      {
        source: oldRelation(part.pair.old.name),
        slice: part.key.map((one) => one.old),
        watches: [...new Set(watched.flatMap((one) => [one, ...sourcesOf(part.pair.old, one)]))],
        feeds: part.mapped.map((one) => one.column.name),
        drives: true,
      },
    ],
  };
}

/** Not absent: some own column differs from its missing value, or no absence is on record. */
function presentCondition(part: Part, { isAlive }: Existence, absence: Sql): Sql {
  const onRecord = joined(
    part.key.map((one) => sql`${name('a', one.old)} = ${name('o', one.old)}`),
    ' and ',
  );
  const notOnRecord = sql`not exists (select from ${absence} as a where ${onRecord})`;
  return isAlive === null ? notOnRecord : sql`(${isAlive('o')} or ${notOnRecord})`;
}

function backwardMapping(
  old: Table,
  parts: readonly Part[],
  columns: readonly OldColumn[],
): Mapping {
  const base = parts[0] as Part;
  const keys = base.key.map((one) => sql`${name('p0', one.new.name)} as ${name(one.old)}`);
  const mapped = columns.filter((one) => one.owner !== null && !isKeyOf(base, one.column));
  const values = mapped.map((one) => {
    const owner = one.owner as number;
    const bound = trusted(bindTo(one.down as string, `p${owner}`));
    const down = one.source === null ? assigned(bound, one.column, base.pair.bases) : bound;
    const isMissing = sql`${name(`p${owner}`, keyName(parts, owner))} is null`;
    const value =
      owner === 0 ? down : sql`case when ${isMissing} then ${one.missing} else ${down} end`;
    return sql`${value} as ${name(one.column.name)}`;
  });
  return {
    target: oldRelation(old.name),
    slice: base.key.map((one) => one.old),
    columns: mapped.map((one) => one.column.name),
    onInsert: [],
    absence: null,
    query: (bind) => {
      const joins = parts.map((part, index) => {
        const relation = sql`${bind(newRelation(part.table.name))} as ${name(`p${index}`)}`;
        if (index === 0) return sql`from ${relation}`;
        const on = part.key.map((one, place) => {
          const baseKey = name('p0', base.key[place]?.new.name ?? '');
          return sql`${name(`p${index}`, one.new.name)} = ${baseKey}`;
        });
        return sql`left join ${relation} on ${joined(on, ' and ')}`;
      });
      return sql`select ${[...keys, ...values]} ${joined(joins, ' ')}`;
    },
    touches: parts.map((part, index) => ({
      source: newRelation(part.table.name),
      slice: part.key.map((one) => one.new.name),
      watches: [
        ...part.key.map((one) => one.new.name),
        ...mapped
          .filter((one) => one.owner === index)
          .flatMap((one) => columnsOf(one.down as string)),
      ],
      feeds: mapped.filter((one) => one.owner === index).map((one) => one.column.name),
      drives: index === 0,
    })),
  };
}

/** absent(k): keys that the base has and the part lacks. */
function absenceMapping(base: Part, plan: SplitPartPlan): Mapping {
  const keyOf = (part: Part) => part.key.map((one) => one.new.name);
  const on = base.key.map(
    (one, place) => sql`${name('p', keyOf(plan)[place] ?? '')} = ${name('b', one.new.name)}`,
  );
  const keys = base.key.map((one) => sql`${name('b', one.new.name)} as ${name(one.old)}`);
  return {
    target: plan.absence as Relation,
    slice: base.key.map((one) => one.old),
    columns: [],
    onInsert: [],
    absence: null,
    query: (bind) =>
      sql`select ${keys} from ${bind(newRelation(base.table.name))} as b
        where not exists (select from ${bind(plan.relation)} as p where ${joined(on, ' and ')})`,
    touches: [base, plan].map((part) => ({
      source: newRelation(part.table.name),
      slice: keyOf(part),
      watches: keyOf(part),
      feeds: [],
      drives: true,
    })),
  };
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

/** The expression with its columns qualified by an alias. */
function bindTo(expression: string, qualifier: string): string {
  return bindColumns(expression, (column) => ({ qualifier, column }));
}

/**
 * A column of the part over the alias of the old row; null for one that only the new release knows.
 */
export function columnValue(part: Part, column: Column, alias: string): Sql | null {
  const key = part.key.find((one) => one.new.name === column.name);
  if (key !== undefined) return name(alias, key.old);
  const mapped = part.mapped.find((one) => one.column.name === column.name);
  if (mapped !== undefined) return mappedValue(part, mapped, alias);
  if (column.generated === null) return null;
  const computed = bindColumns(column.generated, (mentioned) => {
    const source = part.table.columns.find((one) => one.name === mentioned);
    const value = source === undefined ? null : columnValue(part, source, alias);
    return { expression: value?.text ?? 'null' };
  });
  return assigned(trusted(computed), column, part.pair.bases);
}

function mappedValue(part: Part, { column, up, source }: ForwardColumn, alias: string): Sql {
  const bound = trusted(bindTo(up as string, alias));
  return source === null ? assigned(bound, column, part.pair.bases) : bound;
}

function isKeyOf(part: Part, column: Column): boolean {
  return part.key.some((one) => one.old === column.name);
}

function keyName(parts: readonly Part[], index: number): string {
  return parts[index]?.key[0]?.new.name ?? '';
}

function columnOf(table: Table, wanted: string): Column {
  const found = table.columns.find((column) => column.name === wanted);
  if (found === undefined) throw new Error(`no column ${wanted} in ${table.name}`);
  return found;
}
