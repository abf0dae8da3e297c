// Which valid SQL expressions an evolution may not hold, and why: each is evaluated for one row, in
// views, triggers and batches alike, so it must be one value that depends on that row only.

import type { Node } from 'libpg-query';
import { childNodes, contentOf } from './expression-tree.js';

/** What is wrong, and where. */
export interface Problem {
  readonly message: string;
  readonly offset: number;
}

const REFUSED_NODES: Readonly<Record<string, string>> = {
  SubLink: 'a subquery is not taken here',
  ParamRef: 'a parameter has no value here',
  SetToDefault: 'DEFAULT is not a value here',
  A_Star: 'a whole row (*) is not a column',
  GroupingFunc: 'an aggregate needs more than one row',
  JsonArrayAgg: 'an aggregate needs more than one row',
  JsonObjectAgg: 'an aggregate needs more than one row',
  MergeSupportFunc: 'merge_action() has no meaning here',
  CurrentOfExpr: 'a cursor has no meaning here',
};

/** Aggregates of PostgreSQL that are called like a function (manual, 9.21). */
const AGGREGATES = new Set(
  `any_value array_agg avg bit_and bit_or bit_xor bool_and bool_or count every json_agg
  json_object_agg jsonb_agg jsonb_object_agg max min range_agg range_intersect_agg string_agg sum
  xmlagg corr covar_pop covar_samp regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope
  regr_sxx regr_sxy regr_syy stddev stddev_pop stddev_samp variance var_pop var_samp mode
  percentile_cont percentile_disc`.split(/\s+/),
);

/** Functions that give rows instead of a value (manual, 9.26 and the chapters of their types). */
const ROW_FUNCTIONS = new Set(
  `generate_series generate_subscripts unnest regexp_matches regexp_split_to_table
  string_to_table json_array_elements json_array_elements_text json_each json_each_text
  json_object_keys jsonb_array_elements jsonb_array_elements_text jsonb_each jsonb_each_text
  jsonb_object_keys jsonb_path_query`.split(/\s+/),
);

/** The first refused part of the expression; its offset is in bytes, as the parser counts. */
export function refusalIn(node: Node): Problem | null {
  const { kind, content } = contentOf(node);
  const message = REFUSED_NODES[kind] ?? callRefusal(kind, content) ?? columnRefusal(kind, content);
  if (message !== null) return { message, offset: offsetOf(content) };
  for (const child of childNodes(node)) {
    const problem = refusalIn(child);
    if (problem !== null) {
      return problem.offset === 0 ? { ...problem, offset: offsetOf(content) } : problem;
    }
  }
  return null;
}

function callRefusal(kind: string, content: Record<string, unknown>): string | null {
  if (kind !== 'FuncCall') return null;
  if (content.over !== undefined) return 'a window function needs more than one row';
  const isAggregateCall = ['agg_star', 'agg_distinct', 'agg_filter', 'agg_order'].some(
    (key) => content[key] !== undefined,
  );
  const called = namesIn(content.funcname);
  const isBuiltIn = called.length === 1 || called[0] === 'pg_catalog';
  const last = called.at(-1) ?? '';
  if (isAggregateCall || (isBuiltIn && AGGREGATES.has(last))) {
    return `${last}() is an aggregate, which needs more than one row`;
  }
  return isBuiltIn && ROW_FUNCTIONS.has(last) ? `${last}() gives rows, not one value` : null;
}

function columnRefusal(kind: string, content: Record<string, unknown>): string | null {
  if (kind !== 'ColumnRef') return null;
  const parts = namesIn(content.fields);
  return parts.length > 2 ? `column ${parts.join('.')} has more than one qualifier` : null;
}

function namesIn(list: unknown): string[] {
  if (!Array.isArray(list)) return [];
  return list.map((item: Node) => ('String' in item ? (item.String.sval ?? '') : ''));
}

function offsetOf(content: Record<string, unknown>): number {
  return typeof content.location === 'number' ? content.location : 0;
}
