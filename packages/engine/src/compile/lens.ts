// The lens: what a session of the new release sees and writes while the old layout is the truth.
//
// A part whose columns are all plain columns of the old table is updated by PostgreSQL itself, through
// the view: a row that changed meanwhile is then re-read as for any table. Everything else is written
// by INSTEAD OF triggers, which evaluate the backward mappings over the state before and after the row
// and apply the difference; where the row has changed since the statement read it, in a column that the
// statement writes too, they answer serialization_failure, because computing on a stale value loses an
// update (PostgreSQL does not re-evaluate a statement over an INSTEAD OF view).
//
// A key column that must not be updated through the view is written `case when true then k end`: the
// planner folds it to k, so that indexes serve it, while the rewriter takes it for an expression.

import type { SplitCluster, SplitPartPlan } from '../changes/split-table.js';
import type { Column } from '../release/catalog.js';
import { literal, name, type Sql, sql, trusted } from '../sql.js';
import type { Statement } from './bundle.js';
import { sameKey } from './compared.js';
import { lensTriggers } from './lens-triggers.js';
import { inRelease, lensBind, type Places, work } from './places.js';
import { HASH_HOLE } from './routine.js';
import { sharedSequence, sharedSequenceSource } from './sequences.js';
import { statement } from './statement.js';
import type { SyncPlan } from './sync.js';

export function lensStatements(cluster: SplitCluster, plan: SyncPlan): Statement[] {
  return cluster.parts.flatMap((part) => [
    ...lensView(cluster, part, plan.places),
    ...lensTriggers(cluster, part, plan),
  ]);
}

export function dropLens(cluster: SplitCluster, places: Places): Statement[] {
  return cluster.parts.map((part) =>
    statement(sql`drop view ${inRelease(places, part.table.name)}`, {
      mode: 'ACCESS EXCLUSIVE',
      relation: `${places.releaseSchema}.${part.table.name}`,
    }),
  );
}

function lensView(cluster: SplitCluster, part: SplitPartPlan, places: Places): Statement[] {
  const view = inRelease(places, part.table.name);
  const columns = part.table.columns.map((column) => lensColumn(part, column));
  const query = part.mapping.query(lensBind(places));
  const body =
    part.carried.length === 0 && !part.mapping.onInsert.length && part.isPlain
      ? plainQuery(part, query)
      : sql`select ${columns} from (${query}) as q${carriedJoin(part, places)}`;
  const isChecked = part.isPlain && (part.when !== null || part.absence !== null);
  const comment = `Halflap ${places.evolution} ${HASH_HOLE}: lens of release ${places.to} over ${cluster.id}`;
  return [
    statement(
      sql`create view ${view} as ${body}${isChecked ? sql` with cascaded check option` : sql``}`,
    ),
    statement(sql`comment on view ${view} is ${literal(comment)}`),
    ...defaults(cluster, part, places),
  ];
}

/** The mapping's own query in the column order of the table, so that PostgreSQL can update it. */
function plainQuery(part: SplitPartPlan, query: Sql): Sql {
  const order = part.table.columns.map((column) => column.name);
  const values = order.map((column) => {
    const key = part.key.find((one) => one.new.name === column);
    const source = key?.old ?? part.mapped.find((one) => one.column.name === column)?.source ?? '';
    const plain = name('o', source);
    const isFixed = key !== undefined && !part.isBase;
    return sql`${isFixed ? sql`case when true then ${plain} end` : plain} as ${name(column)}`;
  });
  const from = query.text.indexOf(' from ');
  return sql`select ${values}${trusted(query.text.slice(from))}`;
}

function lensColumn(part: SplitPartPlan, column: Column): Sql {
  if (!part.carried.includes(column)) return sql`${name('q', column.name)}`;
  const key = name('t', part.key[0]?.new.name ?? '');
  const missing = trusted(column.default ?? `null::${column.type}`);
  return sql`case when ${key} is null then ${missing} else ${name('t', column.name)} end as ${name(column.name)}`;
}

function carriedJoin(part: SplitPartPlan, places: Places): Sql {
  if (part.carried.length === 0) return sql``;
  return sql` left join ${work(places, part.table.name)} as t on ${sameKey('t', part.mapping.slice, 'q')}`;
}

/** Defaults of the new release, on the view: they fill what an INSERT leaves out. */
function defaults(cluster: SplitCluster, part: SplitPartPlan, places: Places): Statement[] {
  const view = sql`alter view ${inRelease(places, part.table.name)}`;
  return part.table.columns.flatMap((column) => {
    const source = sharedSequenceSource(part, column);
    if (source !== null) {
      return [statement(sharedSequence(view, column.name, cluster.id, source))];
    }
    if (column.default === null || part.generated.includes(column)) return [];
    const value = trusted(column.default);
    return [statement(sql`${view} alter column ${name(column.name)} set default ${value}`)];
  });
}
