// Statements that name no columns, on tables whose columns stand in another order on a shard that
// was upgraded than on a fresh install: PostgreSQL moves no column of a table that is there.

import type { Bundle } from '@halflap/engine';
import { type Content, nodesOf } from './syntax-nodes.js';

/** By table, its columns as they stand on the shard; only where the order is another one. */
export type OtherOrders = ReadonlyMap<string, readonly string[]>;

interface Reader {
  query(text: string, values: unknown[]): Promise<{ rows: unknown[] }>;
}

/** Of a session of the release on a shard that was prepared. */
export async function readOtherOrders(reader: Reader, { to }: Bundle): Promise<OtherOrders> {
  const { rows } = await reader.query(
    `select one as table, array_agg(a.attname::text order by a.attnum) as columns
     from unnest($1::text[]) as one
     join pg_attribute as a on a.attrelid = to_regclass(quote_ident(one))
     where a.attnum > 0 and not a.attisdropped group by one`,
    [to.catalog.tables.map((one) => one.name)],
  );
  const standing = new Map(
    (rows as { table: string; columns: string[] }[]).map((one) => [one.table, one.columns]),
  );
  return new Map(
    to.catalog.tables.flatMap(({ name, columns }) => {
      const stands = standing.get(name);
      const isOther = stands?.some((one, place) => one !== columns[place]?.name) === true;
      return stands !== undefined && isOther ? [[name, stands] as const] : [];
    }),
  );
}

export interface Unnamed {
  readonly table: string;
  /** Whether rows are written so; else they are only read. */
  readonly isWritten: boolean;
}

/** The table whose columns a statement writes or reads by nothing but their order. */
export function unnamedIn(tree: object, orders: OtherOrders): Unnamed | null {
  const isOther = (table: string) => orders.has(table);
  const written = [
    ...nodesOf(tree, 'InsertStmt').filter((one) => one.cols === undefined && !isOfDefaults(one)),
    ...nodesOf(tree, 'CopyStmt').filter((one) => one.attlist === undefined && one.is_from === true),
  ];
  const wrong = written.map(({ relation }) => nameOf(relation)).find(isOther);
  if (wrong !== undefined) return { table: wrong, isWritten: true };
  const returned = ['InsertStmt', 'UpdateStmt', 'DeleteStmt']
    .flatMap((kind) => nodesOf(tree, kind))
    .filter(({ returningClause }) => hasStar((returningClause as Content | undefined)?.exprs));
  const read = [
    ...nodesOf(tree, 'CopyStmt').filter((one) => one.attlist === undefined),
    ...returned,
  ].map(({ relation }) => nameOf(relation));
  const selected = nodesOf(tree, 'SelectStmt')
    .filter(({ targetList }) => hasStar(targetList))
    .flatMap(({ fromClause }) => tablesOf(fromClause));
  const table = [...read, ...selected].find(isOther);
  return table === undefined ? null : { table, isWritten: false };
}

function isOfDefaults({ selectStmt }: Content): boolean {
  return selectStmt === undefined;
}

function nameOf(relation: unknown): string {
  return String((relation as Content | undefined)?.relname ?? '');
}

/** Of a FROM clause, without those that only a subquery reads. */
function tablesOf(from: unknown): string[] {
  if (Array.isArray(from)) return from.flatMap(tablesOf);
  const node = (from ?? {}) as { RangeVar?: Content; JoinExpr?: Content };
  if (node.RangeVar !== undefined) return [nameOf(node.RangeVar)];
  return tablesOf([node.JoinExpr?.larg, node.JoinExpr?.rarg].filter((one) => one !== undefined));
}

/** `*`, or `t.*`, in the list itself. */
function hasStar(list: unknown): boolean {
  const targets = (list ?? []) as { ResTarget?: { val?: { ColumnRef?: { fields?: object[] } } } }[];
  return targets.some(({ ResTarget }) =>
    (ResTarget?.val?.ColumnRef?.fields ?? []).some((one) => 'A_Star' in one),
  );
}
