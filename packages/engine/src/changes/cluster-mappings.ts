// The mappings of a cluster: how each new table follows from the joined old one, each old table
// from the new ones, and what is kept where a part has no row although the old row would give one.

import { assigned } from '../compile/assigned.js';
import type { BackwardColumn, ForwardColumn } from '../compile/layout.js';
import {
  type Bind,
  type Following,
  type Mapping,
  newRelation,
  type Relation,
  type Touch,
} from '../compile/mapping.js';
import type { Column, Table } from '../release/catalog.js';
import { bindColumns, columnsOf } from '../release/expression.js';
import { joined, name, type Sql, sql, trusted } from '../sql.js';
import { type Existence, sourcesOf } from './existence.js';
import { keptJoins, keptValues, valueOrKept } from './kept.js';
import type { OldSide, OldSource } from './old-side.js';
import type { Part } from './part.js';
import type { SplitPartPlan } from './split-table.js';

/** A column of the joined old table. */
export interface OldColumn extends BackwardColumn {
  /** Index of the part that holds its value; null when only the old release knows it. */
  readonly owner: number | null;
  /** Whether PostgreSQL computes it in the old release, and the new one has it too. */
  readonly isComputed: boolean;
  /** What the old release reads while the owner has no row. */
  readonly missing: Sql;
}

/** `from old as o where …`: one row for each row of the part. */
export function rowsOf(
  side: OldSide,
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
    return sql`from ${side.rows(bind)} as o${keptJoins(part, bind)}${where}`;
  };
}

interface PartRows {
  readonly existence: Existence;
  readonly rows: (bind: Bind) => Sql;
  readonly absence: Relation | null;
}

export function forwardMapping(
  side: OldSide,
  part: Part,
  { existence, rows, absence }: PartRows,
): Mapping {
  const values = [
    ...part.key.map((one) => sql`${name('o', one.old)} as ${name(one.new.name)}`),
    ...part.mapped.map((one) => sql`${mappedValue(part, one, 'o')} as ${name(one.column.name)}`),
    ...part.generated.map((one) => sql`${name('o', part.key[0]?.old ?? '')} as ${name(one.name)}`),
  ];
  const sourcesIn = (list: readonly string[], source: OldSource) =>
    ownNames(side.table, source, list);
  return {
    target: newRelation(part.table.name),
    key: part.key.map((one) => one.new.name),
    slice: part.key.map((one) => one.new.name),
    via: null,
    perSlice: 'one row',
    columns: part.mapped.map((one) => one.column.name),
    onInsert: part.generated.map((one) => one.name),
    absence,
    kept: keptValues(part, existence),
    query: (bind) => sql`select ${values} ${rows(bind)}`,
    touches: side.sources.flatMap((source): Touch[] => {
      const isFed = ({ up }: ForwardColumn) =>
        source.isBase || sourcesIn(columnsOf(up as string), source).length > 0;
      const fed = part.mapped.filter(isFed);
      const drives = source.isBase || sourcesIn(existence.columns, source).length > 0;
      if (!drives && fed.length === 0) return [];
      const values = part.mapped.flatMap((one) => columnsOf(one.up as string));
      return [
        {
          source: source.relation,
          slice: source.key,
          watches: [
            ...new Set([...source.key, ...sourcesIn([...values, ...existence.columns], source)]),
          ],
          feeds: fed.map((one) => one.column.name),
          drives,
        },
      ];
    }),
  };
}

/** Columns of the part whose `up` looks at what other columns of the new release give back. */
export function followsOf(
  part: Part,
  parts: readonly Part[],
  columns: readonly OldColumn[],
): Following[] {
  return part.mapped.flatMap(({ column, up, isKept }) => {
    if (isKept === true) return [];
    const asked = columnsOf(up as string).flatMap((one) => [one, ...sourcesOf(part.pair.old, one)]);
    const givers = parts.filter((other, index) =>
      columns.some((old) => {
        if (old.owner !== index || !asked.includes(old.column.name)) return false;
        if (isKeyOf(part, old.column)) return false;
        return other !== part || columnsOf(old.down as string).some((one) => one !== column.name);
      }),
    );
    return givers.map((one) => ({ column: column.name, source: newRelation(one.table.name) }));
  });
}

/** Columns of one old table among those of the joined one, with what generated ones are made of. */
function ownNames(old: Table, { names }: OldSource, columns: readonly string[]): string[] {
  const all = new Set(columns.flatMap((one) => [one, ...sourcesOf(old, one)]));
  const own = new Map([...names].map(([own, called]) => [called, own]));
  return [...all].flatMap((one) => own.get(one) ?? []);
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

/** The rows of one old table, as the new ones give them. */
export function backwardMapping(
  source: OldSource,
  parts: readonly Part[],
  columns: readonly OldColumn[],
): Mapping {
  const base = parts[0] as Part;
  const keys = base.key.map(
    (one, place) => sql`${name('p0', one.new.name)} as ${name(source.key[place] ?? '')}`,
  );
  const own = new Map([...source.names].map(([own, called]) => [called, own]));
  const mapped = columns.flatMap((one) => {
    const called = own.get(one.column.name);
    const isMapped = called !== undefined && one.owner !== null && !isKeyOf(base, one.column);
    return isMapped ? [{ ...one, called }] : [];
  });
  const when = source.when;
  const values = mapped.map((one) => {
    const owner = one.owner as number;
    const bound = trusted(bindTo(one.down as string, `p${owner}`));
    const down = one.source === null ? assigned(bound, one.column, base.pair.bases) : bound;
    const isMissing = sql`${name(`p${owner}`, keyName(parts, owner))} is null`;
    const value =
      owner === 0 ? down : sql`case when ${isMissing} then ${one.missing} else ${down} end`;
    return sql`${value} as ${name(one.called)}`;
  });
  return {
    target: source.relation,
    key: source.key,
    slice: source.key,
    via: null,
    perSlice: 'one row',
    columns: mapped.map((one) => one.called),
    onInsert: [],
    absence: null,
    kept: [],
    blurred: new Map(
      mapped
        .filter((one) => !isTakenOver(one, parts))
        .map((one) => [one.called, givenWith(one, mapped).map((other) => other.called)]),
    ),
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
      const where = when === null ? sql`` : sql` where (${trusted(bindToParts(when, parts))})`;
      return sql`select ${[...keys, ...values]} ${joined(joins, ' ')}${where}`;
    },
    touches: parts.map((part, index) => {
      const existence = when === null ? [] : columnsOf(when).filter((one) => has(part.table, one));
      const fed = mapped.filter((one) => one.owner === index);
      return {
        source: newRelation(part.table.name),
        slice: part.key.map((one) => one.new.name),
        watches: [
          ...part.key.map((one) => one.new.name),
          ...fed.flatMap((one) => columnsOf(one.down as string)),
          ...existence,
        ],
        feeds: fed.map((one) => one.called),
        drives: index === 0 || existence.length > 0,
      };
    }),
  };
}

/** Those whose `down` looks at a column that its own looks at. */
function givenWith<Given extends OldColumn>(one: Given, all: readonly Given[]): Given[] {
  const asked = columnsOf(one.down as string);
  const isAsked = (column: string) => asked.includes(column);
  return all.filter(
    (other) =>
      other === one || (other.owner === one.owner && columnsOf(other.down as string).some(isAsked)),
  );
}

/** Whether the value is the same in both releases, whatever it is. */
function isTakenOver({ owner, source }: OldColumn, parts: readonly Part[]): boolean {
  const given = parts[owner ?? -1]?.mapped.find((one) => one.column.name === source);
  return given !== undefined && given.source !== null;
}

/** Each column qualified by the first part that has it. */
function bindToParts(expression: string, parts: readonly Part[]): string {
  return bindColumns(expression, (column) => {
    const index = parts.findIndex((part) => has(part.table, column));
    return { qualifier: `p${Math.max(index, 0)}`, column };
  });
}

function has(table: Table, column: string): boolean {
  return table.columns.some((one) => one.name === column);
}

/** absent(k): keys that the base has and the part lacks. */
export function absenceMapping(base: Part, plan: SplitPartPlan): Mapping {
  const keyOf = (part: Part) => part.key.map((one) => one.new.name);
  const on = base.key.map(
    (one, place) => sql`${name('p', keyOf(plan)[place] ?? '')} = ${name('b', one.new.name)}`,
  );
  const keys = base.key.map((one) => sql`${name('b', one.new.name)} as ${name(one.old)}`);
  return {
    target: plan.absence as Relation,
    key: base.key.map((one) => one.old),
    slice: base.key.map((one) => one.old),
    via: null,
    perSlice: 'one row',
    columns: [],
    onInsert: [],
    absence: null,
    kept: [],
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

function mappedValue(part: Part, mapped: ForwardColumn, alias: string): Sql {
  const { column, up, source } = mapped;
  const bound = trusted(bindTo(up as string, alias));
  const implied = source === null ? assigned(bound, column, part.pair.bases) : bound;
  const value = valueOrKept(part, mapped, implied);
  const absent = part.absent.get(column.name);
  if (absent === undefined) return value;
  const isAbsent = sql`${name(alias, absent.presence)} is null`;
  return sql`case when ${isAbsent} then ${absent.value} else ${value} end`;
}

export function isKeyOf(part: Part, column: Column): boolean {
  return part.key.some((one) => one.old === column.name);
}

function keyName(parts: readonly Part[], index: number): string {
  return parts[index]?.key[0]?.new.name ?? '';
}

export function columnOf(table: Table, wanted: string): Column {
  const found = table.columns.find((column) => column.name === wanted);
  if (found === undefined) throw new Error(`no column ${wanted} in ${table.name}`);
  return found;
}
