// The lens: what a session of the new release sees and writes while the old layout is the truth.
//
// A part whose columns are all plain columns of the old table, which keeps its rules too, is
// updated by PostgreSQL itself, through the view: a row that changed meanwhile is then re-read as
// for any table. Everything else
// is written by INSTEAD OF triggers, which evaluate the backward mappings over the state before and
// after the row and apply the difference; where the row has changed since the statement read it, in
// a column that the statement writes too, they answer serialization_failure, because computing on a
// stale value loses an update (PostgreSQL does not re-evaluate a statement over an INSTEAD OF
// view).
//
// A key column that must not be updated through the view is written `case when true then k end`:
// the planner folds it to k, so that indexes serve it, while the rewriter takes it for an
// expression.

import { columnValue } from '../changes/cluster-mappings.js';
import type { SplitCluster, SplitPartPlan } from '../changes/split-table.js';
import type { Column } from '../release/catalog.js';
import { bindColumns } from '../release/expression.js';
import { joined, literal, name, type Sql, sql, trusted } from '../sql.js';
import { assigned } from './assigned.js';
import type { Statement } from './bundle.js';
import { sameKey } from './compared.js';
import { missingValue } from './lens-carried.js';
import { slicedTriggers } from './lens-slices.js';
import { lensTriggers } from './lens-triggers.js';
import { upsertView } from './lens-upsert.js';
import { inRelease, lensBind, type Places, work } from './places.js';
import { HASH_HOLE } from './routine.js';
import { drawDefault, drawsFromSequence, sharedSequenceSource } from './sequences.js';
import { statement } from './statement.js';
import type { SyncPlan } from './sync-plan.js';

/** @param rules of the base: rows of the old release that break them are hidden. */
export function lensStatements(
  cluster: SplitCluster,
  plan: SyncPlan,
  rules: readonly string[] = [],
): Statement[] {
  return cluster.parts.flatMap((part) => [
    ...lensView(cluster, part, plan.places, part.isBase ? rules : []),
    ...(cluster.sliced === null ? lensTriggers : slicedTriggers)(cluster, part, plan),
    ...upsertView(cluster, part, plan),
  ]);
}

function lensView(
  cluster: SplitCluster,
  part: SplitPartPlan,
  places: Places,
  rules: readonly string[],
): Statement[] {
  const view = inRelease(places, part.table.name);
  const columns = part.table.columns.map((column) => lensColumn(cluster, part, column, places));
  const bind = lensBind(places);
  const beside = sql`${carriedJoin(part, places)}${holds(part, places, rules)}`;
  const body = isSimple(part)
    ? sql`select ${columns} ${part.rows(bind)}`
    : sql`select ${columns} from (${part.mapping.query(bind)}) as q${beside}`;
  const isChecked = part.isPlain && (part.when !== null || part.absence !== null);
  const origin = `Halflap ${places.evolution} ${HASH_HOLE}`;
  const comment = `${origin}: lens of release ${places.to} over ${cluster.id}`;
  return [
    statement(
      sql`create view ${view} as ${body}${isChecked ? sql` with cascaded check option` : sql``}`,
    ),
    statement(sql`comment on view ${view} is ${literal(comment)}`),
    ...defaultsOn(view, cluster, part, places),
  ];
}

/** Whether the view reads the old table alone, so that PostgreSQL can write through it. */
export function isSimple(part: SplitPartPlan): boolean {
  const isOneRow = part.mapping.perSlice === 'one row' && !part.isJoined;
  const isAlone = part.carried.length === 0 && part.mapping.kept.length === 0;
  return isOneRow && isAlone && part.generated.length === 0;
}

function lensColumn(
  cluster: SplitCluster,
  part: SplitPartPlan,
  column: Column,
  places: Places,
): Sql {
  const isFixed = !part.isBase || hasRecords(cluster, places);
  const value = isSimple(part)
    ? simpleValue(part, column, isFixed)
    : joinedValue(part, column, places);
  return sql`${value} as ${name(column.name)}`;
}

/** Records of a session lens that no trigger on the old table moves along with its key. */
function hasRecords(cluster: SplitCluster, places: Places): boolean {
  return places.isTemporary && cluster.parts.some((part) => part.absence !== null);
}

function simpleValue(part: SplitPartPlan, column: Column, isKeyFixed: boolean): Sql {
  const value = columnValue(part, column, 'o');
  if (value === null) throw new Error(`no value for ${part.table.name}.${column.name}`);
  const isFixed = isKeyFixed && part.mapping.slice.includes(column.name);
  return isFixed ? sql`case when true then ${value} end` : value;
}

function joinedValue(part: SplitPartPlan, column: Column, places: Places): Sql {
  if (column.generated !== null) {
    const columns = new Map(part.table.columns.map((one) => [one.name, one]));
    const computed = bindColumns(column.generated, (mentioned) => ({
      expression: joinedValue(part, columns.get(mentioned) ?? column, places).text,
    }));
    return assigned(trusted(computed), column, part.pair.bases);
  }
  if (!part.carried.includes(column)) return name('q', column.name);
  const key = name('t', part.mapping.key[0] ?? '');
  const missing = missingValue(column, part.pair.bases, places);
  if (places.isTemporary) return missing;
  return sql`case when ${key} is null then ${missing} else ${name('t', column.name)} end`;
}

function carriedJoin(part: SplitPartPlan, places: Places): Sql {
  if (part.carried.length === 0 || places.isTemporary) return sql``;
  const beside = work(places, part.table.name);
  return sql` left join ${beside} as t on ${sameKey('t', part.mapping.key, 'q')}`;
}

function holds(part: SplitPartPlan, places: Places, rules: readonly string[]): Sql {
  if (rules.length === 0) return sql``;
  const columns = new Map(part.table.columns.map((one) => [one.name, one]));
  const bound = rules.map((rule) => {
    const text = bindColumns(rule, (mentioned) => {
      const column = columns.get(mentioned);
      return column === undefined
        ? { qualifier: 'q', column: mentioned }
        : { expression: joinedValue(part, column, places).text };
    });
    return sql`(${trusted(text)}) is not false`;
  });
  return sql` where ${joined(bound, ' and ')}`;
}

/** Defaults of the new release, on a view: they fill what an INSERT leaves out. */
export function defaultsOn(
  at: Sql,
  cluster: SplitCluster,
  part: SplitPartPlan,
  places: Places,
): Statement[] {
  const view = sql`alter view ${at}`;
  return part.table.columns.flatMap((column) => {
    const source = sharedSequenceSource(cluster, part, column);
    if (source !== null) {
      const draw = drawDefault(places, source);
      return [statement(sql`${view} alter column ${name(column.name)} set default ${draw}`)];
    }
    if (column.default === null || part.generated.includes(column)) return [];
    // The sequence of the new release is not there yet.
    if (places.isTemporary && drawsFromSequence(column)) return [];
    const value = trusted(column.default);
    return [statement(sql`${view} alter column ${name(column.name)} set default ${value}`)];
  });
}
