// INSERT … ON CONFLICT on a relation behind a lens, as what its upsert view takes (see
// engine/src/compile/lens-upsert.ts): one INSERT that gives the rows and says which key is meant,
// and for DO UPDATE a second one that reads what became of them and says what SET computes.
//
// The user's expressions stay whole and where PostgreSQL knows their types: rows are inserted into
// columns of the same types and defaults, SET is a target list for them, and the names `excluded`
// and the table's own stand for relations that have the rows' columns.

import { HalflapError } from '@halflap/protocol';
import type { InsertStmt, Node, OnConflictClause, SelectStmt } from 'libpg-query';
import type { Grammar } from './grammar.js';
import type { UpsertView } from './lens-relations.js';
import { columnRef, fieldsOf, into, target, text, walk } from './syntax-tree.js';

export interface Halves {
  /** The CTE that comes first; null for DO NOTHING, which needs no second half. */
  readonly proposed: Node | null;
  readonly insert: InsertStmt;
}

export interface Upsert {
  readonly insert: InsertStmt;
  readonly clause: OnConflictClause;
  readonly view: UpsertView;
  /** The release's own name of the relation. */
  readonly table: string;
  readonly releaseSchema: string;
}

const ROW = 'halflap_p';

/** @throws CLIENT_UPSERT_REFUSED */
export function halvesOf(upsert: Upsert, cte: string, grammar: Grammar): Halves {
  const { insert, clause } = upsert;
  const isUpdate = clause.action === 'ONCONFLICT_UPDATE';
  const { onConflictClause, returningClause, withClause, ...rest } = insert;
  const proposing: InsertStmt = {
    ...rest,
    relation: viewOf(upsert, isUpdate ? null : aliasOf(upsert)),
    ...rowsOf(insert, [isUpdate ? 'update' : 'nothing', keyOf(upsert)]),
  };
  const returning = returningOf(upsert);
  if (!isUpdate) {
    const own = withClause === undefined ? {} : { withClause };
    return { proposed: null, insert: { ...proposing, ...own, ...returning } };
  }
  const all = { exprs: [target(columnRef(null))] };
  const proposed: Node = {
    CommonTableExpr: {
      ctename: cte,
      ctematerialized: 'CTEMaterializeDefault',
      ctequery: { InsertStmt: { ...proposing, returningClause: all } },
    },
  };
  const applied = appliedOf(upsert, cte, grammar);
  const own = withClause === undefined ? {} : { withClause };
  return { proposed, insert: { ...applied, ...own, ...returning } };
}

export function refused(table: string, reason: string, hint: string): HalflapError {
  return new HalflapError(
    'CLIENT_UPSERT_REFUSED',
    `INSERT … ON CONFLICT on ${table} through the lens: ${reason}`,
    { hint },
  );
}

function aliasOf({ insert, table }: Upsert): string {
  return insert.relation?.alias?.aliasname ?? table;
}

function viewOf({ view }: Upsert, alias: string | null): NonNullable<InsertStmt['relation']> {
  return {
    schemaname: view.schema,
    relname: view.view,
    inh: true,
    relpersistence: 'p',
    ...(alias === null ? {} : { alias: { aliasname: alias } }),
  };
}

/** What the statement calls the key: as the view's trigger reads it. */
export function keyOf({ clause, table }: Upsert): string {
  const { infer } = clause;
  if (infer === undefined) return 'any';
  if (infer.conname !== undefined) return `constraint ${infer.conname}`;
  const columns = (infer.indexElems ?? []).map((node) => {
    const element = 'IndexElem' in node ? node.IndexElem : {};
    const isPlain =
      element.name !== undefined && !element.collation?.length && !element.opclass?.length;
    if (isPlain) return element.name as string;
    throw refused(
      table,
      'the conflict target is an expression, or names a collation or an operator class',
      'name the columns of a unique constraint, or ON CONSTRAINT and its name',
    );
  });
  // A predicate only says which partial indexes may serve as well; a whole one always does.
  return `on ${JSON.stringify(columns.sort())}`;
}

/** The rows of the statement, each with what the trigger shall do with it in front. */
function rowsOf(insert: InsertStmt, front: readonly string[]): Partial<InsertStmt> {
  const names = [into('halflap_do'), into('halflap_key')];
  const source = insert.selectStmt;
  if (source === undefined || !('SelectStmt' in source)) {
    const items = front.map(text);
    const values: SelectStmt = {
      valuesLists: [{ List: { items } }],
      limitOption: 'LIMIT_OPTION_DEFAULT',
      op: 'SETOP_NONE',
    };
    return { cols: names, selectStmt: { SelectStmt: values } };
  }
  return {
    // Without a list, the view's columns are those of the table after the two.
    ...(insert.cols === undefined ? {} : { cols: [...names, ...insert.cols] }),
    selectStmt: { SelectStmt: withFront(source.SelectStmt, front) },
  };
}

/** Constants in front of every row: they change neither which rows are distinct nor their order. */
function withFront(select: SelectStmt, front: readonly string[]): SelectStmt {
  const ordered = { ...select, ...moved(select, front.length) };
  if (select.larg !== undefined && select.rarg !== undefined) {
    return { ...ordered, larg: withFront(select.larg, front), rarg: withFront(select.rarg, front) };
  }
  if (select.valuesLists !== undefined) {
    const valuesLists = select.valuesLists.map((row): Node => {
      const items = 'List' in row ? (row.List.items ?? []) : [];
      return { List: { items: [...front.map(text), ...items] } };
    });
    return { ...ordered, valuesLists };
  }
  const constants = front.map((one) =>
    target({ TypeCast: { arg: text(one), typeName: textType() } }),
  );
  return { ...ordered, targetList: [...constants, ...(select.targetList ?? [])] };
}

function textType() {
  return { names: [{ String: { sval: 'text' } }], typemod: -1 };
}

/** `order by 1` means the column that is now the third. */
function moved(select: SelectStmt, by: number): Partial<SelectStmt> {
  const { sortClause, groupClause, distinctClause } = select;
  const clauses = { sortClause, groupClause, distinctClause };
  return Object.fromEntries(
    Object.entries(clauses)
      .filter(([, nodes]) => nodes !== undefined)
      .map(([clause, nodes]) => [clause, nodes?.map((node) => movedPlace(node, by))]),
  );
}

function movedPlace(node: Node, by: number): Node {
  if ('A_Const' in node && node.A_Const.ival !== undefined) {
    return { A_Const: { ival: { ival: (node.A_Const.ival.ival ?? 0) + by } } };
  }
  if ('SortBy' in node && node.SortBy.node !== undefined) {
    return { SortBy: { ...node.SortBy, node: movedPlace(node.SortBy.node, by) } };
  }
  if ('GroupingSet' in node) {
    const content = (node.GroupingSet.content ?? []).map((one) => movedPlace(one, by));
    return { GroupingSet: { ...node.GroupingSet, content } };
  }
  return node;
}

/** RETURNING with its stars written out, since the view has more columns than the table. */
function returningOf(upsert: Upsert): Pick<InsertStmt, 'returningClause'> {
  const { insert, view, table } = upsert;
  if (insert.returningClause === undefined) return {};
  const alias = aliasOf(upsert);
  const exprs = (insert.returningClause.exprs ?? []).flatMap((node) => {
    const fields = 'ResTarget' in node && node.ResTarget.val && fieldsOf(node.ResTarget.val);
    const isStar = fields && fields.at(-1) === null && (fields.length === 1 || isOwn(fields));
    if (!isStar) return [node];
    return view.columns.map((column) => target(columnRef(alias, column.name)));
  });
  walk(exprs, (node) => {
    const fields = fieldsOf(node as unknown as Node);
    const first = fields?.[0];
    const isWhole = fields?.length === 1 && first === alias && !isColumn(view, alias);
    const isVersion = fields?.length === 2 && (first === 'old' || first === 'new');
    if (!isWhole && !(isVersion && first !== alias)) return;
    const what = isWhole ? `the row ${alias} as a whole` : `${first}.${fields?.[1] ?? '*'}`;
    throw refused(table, `RETURNING asks for ${what}`, 'return the columns that you need by name');
  });
  if ((insert.returningClause.options ?? []).length > 0) {
    throw refused(
      table,
      'RETURNING names old and new rows',
      'return the columns that you need by name',
    );
  }
  return { returningClause: { exprs: exprs.map((node) => unqualified(node, upsert)) } };

  function isOwn(fields: readonly (string | null)[]): boolean {
    return fields[0] === alias || (fields.length === 3 && fields[1] === alias);
  }
}

function isColumn(view: UpsertView, name: string): boolean {
  return view.columns.some((column) => column.name === name);
}

/** `inventory_2_0.hosts.id` as `hosts.id`: the schema is not that of the view. */
function unqualified(node: Node, { insert, table, releaseSchema }: Upsert): Node {
  const copy = structuredClone(node);
  if (insert.relation?.schemaname === undefined) return copy;
  walk(copy, (one) => {
    const fields = fieldsOf(one as unknown as Node);
    if (fields?.length !== 3 || fields[0] !== releaseSchema || fields[1] !== table) return;
    (one as { ColumnRef: { fields: Node[] } }).ColumnRef.fields.shift();
  });
  return copy;
}

const FROM_ONE = `
select 1 from halflap as halflap_p
cross join lateral (select (halflap_p.halflap_row).*) as halflap_table
cross join lateral (select 1) as excluded
where case when halflap_p.halflap_do = 'inserted' then true else true end`;

/** Rows that the statement wrote before are told apart; a row that WHERE left alone was not. */
const FROM_MANY = `
select 1 from (
  select halflap_d.*,
    case when count(*) filter (where halflap_d.halflap_is_due) over (
      partition by halflap_d.halflap_row::text order by halflap_d.halflap_n
      rows between unbounded preceding and 1 preceding
    ) > 0 then 'again' else halflap_d.halflap_do end as halflap_does
  from (
    select halflap_p.*, row_number() over () as halflap_n,
      case when halflap_p.halflap_do = 'inserted' then true else true end as halflap_is_due
    from halflap as halflap_p
    cross join lateral (select (halflap_p.halflap_row).*) as halflap_table
    cross join lateral (select 1) as excluded
  ) as halflap_d
) as halflap_p
cross join lateral (select (halflap_p.halflap_row).*) as halflap_table
cross join lateral (select 1) as excluded
where halflap_p.halflap_is_due or halflap_p.halflap_does = 'again'
order by halflap_p.halflap_n`;

/** The second half: what became of each row, and what SET makes of those that were there. */
function appliedOf(upsert: Upsert, cte: string, grammar: Grammar): InsertStmt {
  const { insert, view, clause } = upsert;
  const isOne = isOneRow(insert);
  const select = graft(grammar.read(isOne ? FROM_ONE : FROM_MANY)?.[0], {
    cte,
    alias: aliasOf(upsert),
    excluded: view.columns.map(({ name }) => target(columnRef(ROW, name), name)),
    where: clause.whereClause && unqualified(clause.whereClause, upsert),
  });
  const set = assignmentsOf(upsert, grammar);
  const known = view.columns.map(({ name }) => name);
  const columns = [...known, ...[...set.keys()].filter((name) => !known.includes(name))];
  const values = columns.map((name) => target(set.get(name) ?? columnRef(aliasOf(upsert), name)));
  const driving = [isOne ? 'halflap_do' : 'halflap_does', 'halflap_key', 'halflap_row'];
  select.targetList = [...driving.map((name) => target(columnRef(ROW, name))), ...values];
  return {
    relation: viewOf(upsert, aliasOf(upsert)),
    cols: ['halflap_do', 'halflap_key', 'halflap_row', ...columns].map(into),
    selectStmt: { SelectStmt: select },
    override: 'OVERRIDING_NOT_SET',
  };
}

function isOneRow({ selectStmt }: InsertStmt): boolean {
  if (selectStmt === undefined || !('SelectStmt' in selectStmt)) return true;
  return selectStmt.SelectStmt.valuesLists?.length === 1;
}

interface Graft {
  readonly cte: string;
  readonly alias: string;
  readonly excluded: readonly Node[];
  readonly where: Node | undefined;
}

/** The form with the statement's own names and condition in it. */
function graft(form: Node | undefined, given: Graft): SelectStmt {
  if (form === undefined || !('SelectStmt' in form)) throw new Error('the form does not parse');
  walk(form, (node) => {
    if (node.relname === 'halflap') node.relname = given.cte;
    if (node.aliasname === 'halflap_table') node.aliasname = given.alias;
    if ('RangeSubselect' in node) {
      const { alias, subquery } = node.RangeSubselect as {
        alias: { aliasname: string };
        subquery: { SelectStmt: SelectStmt };
      };
      if (alias.aliasname === 'excluded') subquery.SelectStmt.targetList = [...given.excluded];
    }
    if ('CaseExpr' in node && given.where !== undefined) {
      const one = node.CaseExpr as { defresult: Node };
      if ('A_Const' in one.defresult) one.defresult = given.where;
    }
  });
  return form.SelectStmt;
}

/** Column → what SET gives it, computed for rows that were there only. */
function assignmentsOf(upsert: Upsert, grammar: Grammar): Map<string, Node> {
  const { clause, table, view } = upsert;
  const set = new Map<string, Node>();
  for (const node of clause.targetList ?? []) {
    const { name, indirection, val } = 'ResTarget' in node ? node.ResTarget : {};
    if (name === undefined || val === undefined) throw new Error('SET without a column');
    if (indirection !== undefined) {
      throw refused(table, `SET writes a part of ${name}`, `set the whole value of ${name}`);
    }
    if (set.has(name)) {
      throw refused(table, `SET writes ${name} twice`, 'set each column once');
    }
    const value = unqualified(assignedValue(val, table), upsert);
    set.set(name, 'SetToDefault' in value ? defaultOf(view, name, grammar) : guarded(value));
  }
  return set;
}

function assignedValue(val: Node, table: string): Node {
  if (!('MultiAssignRef' in val)) return val;
  const { source, colno } = val.MultiAssignRef;
  const args = source !== undefined && 'RowExpr' in source ? source.RowExpr.args : undefined;
  const value = args?.[(colno ?? 1) - 1];
  if (value !== undefined && args?.length === val.MultiAssignRef.ncolumns) return value;
  throw refused(
    table,
    'SET assigns a subquery to several columns at once',
    'set each column by a subquery of its own',
  );
}

/** Constants and parameters stay bare, so that they have the type of their column. */
function guarded(value: Node): Node {
  if ('A_Const' in value || 'ParamRef' in value) return value;
  const isThere: Node = {
    A_Expr: {
      kind: 'AEXPR_OP',
      name: [{ String: { sval: '<>' } }],
      lexpr: columnRef(ROW, 'halflap_do'),
      rexpr: text('inserted'),
    },
  };
  return { CaseExpr: { args: [{ CaseWhen: { expr: isThere, result: value } }] } };
}

function defaultOf(view: UpsertView, column: string, grammar: Grammar): Node {
  const found = view.columns.find(({ name }) => name === column)?.default ?? 'null';
  const [select] = grammar.read(`select ${found}`) ?? [];
  const first = select !== undefined && 'SelectStmt' in select && select.SelectStmt.targetList?.[0];
  const value = first && 'ResTarget' in first ? first.ResTarget.val : undefined;
  if (value === undefined) throw new Error(`the default of ${column} does not parse`);
  // PostgreSQL 14 prints the schema of a session's own by a number that no other session has.
  walk(value, ({ String: one }) => {
    const named = one as { sval?: string } | undefined;
    if (/^pg_temp_\d+$/.test(named?.sval ?? '')) Object.assign(named ?? {}, { sval: 'pg_temp' });
  });
  return guarded(value);
}
