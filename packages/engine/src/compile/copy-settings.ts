// What a customer has tuned on a table of the old release, carried to the one that takes its place:
// options (fillfactor, autovacuum), statistics, storage, replica identity. Read on the shard when
// the step runs, as rights are (grants.ts).
//
// | what                | where it goes                                               |
// |---------------------|-------------------------------------------------------------|
// | of the table        | to the table that it becomes: alone, or as base of a split  |
// | of a column         | to the column that holds the same values in the same type   |
//
// The release goes first: where the two releases say something different, and where somebody has
// set the new table by hand, it stays. What has nowhere to go is refused at contract, with names.

import type { SplitCluster, SplitPartPlan } from '../changes/split-table.js';
import { type Column, findColumn, type Table } from '../release/catalog.js';
import { joined, literal, type Sql, sql } from '../sql.js';
import type { Statement } from './bundle.js';
import { matchedIndexes, matchedKeys } from './classify.js';
import { comparedType } from './compared.js';
import type { Evolving } from './compile.js';
import { settingsFunction } from './copy-settings-function.js';
import { refuseWhere } from './dependents.js';
import { oldRelation } from './mapping.js';
import { floorTable, inRelease, layoutBind, type Stage } from './places.js';
import type { Rebuilt } from './rebuilt.js';
import { statement } from './statement.js';

/** Both say by what rows are recognized; at most one of them is set. */
const IDENTITIES = ['replica identity', 'replica identity index'];

const OF_INDEX = ['replica identity index', 'clustered by'];

/** What one old table gives to one new one. */
interface Carried {
  readonly old: Table;
  /** Whether the new table is what the old one becomes. */
  readonly isWhole: boolean;
  /** New column → old column. */
  readonly columns: ReadonlyMap<string, string>;
}

function carriedTo(cluster: SplitCluster, part: SplitPartPlan): Carried[] {
  const all = part.origin === null ? fromRow(part) : fromSlices(cluster, part);
  return all.map((one) => ({
    ...one,
    columns: new Map(
      [...one.columns].filter(([to, from]) =>
        isSameKind(findColumn(part.table, to), findColumn(one.old, from)),
      ),
    ),
  }));
}

function isSameKind(left: Column | undefined, right: Column | undefined): boolean {
  return left !== undefined && right !== undefined && comparedType(left) === comparedType(right);
}

function fromRow(part: SplitPartPlan): Carried[] {
  const pairs = [
    ...part.key.map((one) => [one.new.name, one.old] as const),
    ...part.mapped.flatMap((one) =>
      one.source === null ? [] : [[one.column.name, one.source] as const],
    ),
  ];
  return part.side.sources.map(({ table, isBase, names }) => ({
    old: table,
    isWhole: isBase && part.isBase,
    columns: new Map(
      pairs.flatMap(([to, joinedName]) =>
        [...names].flatMap(([own, called]) => (called === joinedName ? [[to, own] as const] : [])),
      ),
    ),
  }));
}

function fromSlices({ olds, parts }: SplitCluster, part: SplitPartPlan): Carried[] {
  const { tables, columns } = part.origin ?? { tables: [], columns: new Map<string, never[]>() };
  return tables.flatMap((table, place) => {
    const old = olds.find((one) => one.table.name === table)?.table;
    if (old === undefined) return [];
    const isAlone = olds.length === 1 && parts.length === 1;
    const own = [...columns].flatMap(([to, from]) => {
      const [only, ...more] = from;
      return only?.place === place && more.length === 0 ? [[to, only.column] as const] : [];
    });
    return [{ old, isWhole: isAlone || table === part.table.name, columns: new Map(own) }];
  });
}

/**
 * Once when the new table is made, once when it has its indexes, and once when the old one has gone
 * aside: by then the old one may have lost indexes.
 */
export function copySettings(
  { cluster, places }: Rebuilt,
  part: SplitPartPlan,
  stage: Stage,
): Statement[] {
  const bind = layoutBind(places, stage);
  const to = bind(part.relation);
  return carriedTo(cluster, part).map((one) => {
    const about = literal(JSON.stringify(aboutOf(one, part, stage)));
    const from = bind(oldRelation(one.old.name));
    return statement(sql`select ${settingsFunction(places)}(
  $r$${from}$r$::regclass, $r$${to}$r$::regclass, ${about}
)`);
  });
}

/** For the function below: what goes where, and what the releases say. */
function aboutOf({ old, isWhole, columns }: Carried, part: SplitPartPlan, stage: Stage) {
  const { table, pair } = part;
  const known = [...matchedKeys(pair).pairs, ...matchedIndexes(pair).pairs];
  const said = (of: Table, named: (column: string) => string | undefined) =>
    of.settings.flatMap(({ of: kind, name: own, key, value }) => {
      if (kind === 'table') return [['', key, value] as const];
      const column = kind === 'column' ? named(own) : undefined;
      return column === undefined ? [] : [[column, key, value] as const];
    });
  const newName = (column: string) => [...columns].find(([, from]) => from === column)?.[0];
  const before = said(old, newName);
  const after = said(table, (column) => (columns.has(column) ? column : undefined));
  const isIn = (list: typeof before, one: (typeof before)[number]) =>
    list.some((other) => other.join('\n') === one.join('\n'));
  const changed = [
    ...before.filter((one) => !isIn(after, one)),
    ...after.filter((one) => !isIn(before, one)),
  ];
  const isIdentity = changed.some(([, key]) => key.startsWith('replica identity'));
  return {
    whole: isWhole,
    columns: Object.fromEntries(columns),
    indexes: Object.fromEntries(isWhole ? known.map((one) => [one.old.name, one.new.name]) : []),
    /** Column, what is set, and to what: on the new table. */
    says: after,
    /** What the release itself changes. */
    changed: [
      ...changed.map(([column, key]) => [column, key]),
      ...(isIdentity ? IDENTITIES.map((key) => ['', key]) : []),
      ...(stage === 'fenced' ? OF_INDEX.map((key) => ['', key]) : []),
    ],
  };
}

/**
 * Before anything goes: a replica identity that no table of the new release can have. Extended
 * statistics of a customer are refused with whatever else he has made on the table (strangers.ts).
 */
export function refuseTuned(evolving: Evolving): Statement[] {
  const { clusters, places } = evolving;
  const found = clusters.flatMap(({ cluster }) =>
    cluster.olds.flatMap(({ table }) =>
      cluster.parts.flatMap((part) => identityBeyond(table, cluster, part, evolving)),
    ),
  );
  if (found.length === 0) return [];
  const message = 'what is set on tables of release %s has no place after it: %s';
  const all = joined(found, '\n    union all\n    ');
  return [refuseWhere(all, { message, over: 'tables', verb: 'contract', places })];
}

/** A replica identity by an index that the new table has not got, or not for that. */
function identityBeyond(
  table: Table,
  cluster: SplitCluster,
  part: SplitPartPlan,
  { places }: Evolving,
): Sql[] {
  const isTaken = carriedTo(cluster, part).some((one) => one.old === table && one.isWhole);
  const isSaid = [...table.settings, ...part.table.settings].some((one) =>
    one.key.startsWith('replica identity'),
  );
  if (!isTaken || isSaid) return [];
  const at = inRelease(places, part.table.name);
  return [
    sql`select 'replica identity by index ' || i.indexrelid::regclass as what
    from pg_index as i
    where i.indrelid = $r$${floorTable(table.name)}$r$::regclass and i.indisreplident
      and (select c.relreplident from pg_class as c where c.oid = $r$${at}$r$::regclass) = 'd'`,
  ];
}
