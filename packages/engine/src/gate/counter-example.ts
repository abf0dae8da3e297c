// What shows that an evolution does not hold, or where it has an edge: a few rows, as small as they
// can be, with what each release makes of them.

import type { Label } from '../compile/bundle.js';
import type { Evolving } from '../compile/compile.js';
import type { Rebuilt } from '../compile/rebuilt.js';
import { statedAt } from '../compile/refuse.js';
import type { Change, Position } from '../release/evolution.js';

/** A row by its columns, in the order of the table; values as PostgreSQL prints them. */
export interface ShownRow {
  readonly table: string;
  readonly row: Readonly<Record<string, string | null>>;
}

/** What one release writes, or reads. */
export interface Shown {
  /** `1.0 wrote`, `2.0 reads`, `comes back`. */
  readonly said: string;
  readonly rows: readonly ShownRow[];
}

export const COUNTER_EXAMPLES = [
  'not kept',
  'not stable',
  'beyond its slice',
  'breaks a rule',
  'refused',
] as const;

export interface CounterExample {
  /**
   * `not kept`: a row of the old release is none of the new one. `not stable`: what the new release
   * reads does not come back. `beyond its slice`: a query reads rows of other slices.
   * `breaks a rule`: a row of the old release breaks one of the new. `refused`: the new release
   * cannot write it as long as the old one is in service.
   */
  readonly kind: (typeof COUNTER_EXAMPLES)[number];
  /** The table that it is about. */
  readonly table: string;
  /** The change that is at fault: `convert_column of hosts`. */
  readonly change: string;
  readonly label: Label;
  readonly file: string | null;
  /** Where that is stated; null for what was inferred. */
  readonly line: number | null;
  readonly column: number | null;
  /** What is wrong, on one line. */
  readonly message: string;
  readonly shown: readonly Shown[];
}

/** What a finding is about. */
export interface About {
  /** Its table, and the columns of the new release that differ; none for whole rows. */
  readonly table: string;
  readonly columns: readonly string[];
  /** Whether it is the query of just this table, and not what two of them make together. */
  readonly isOfQuery: boolean;
}

export function counterExample(
  { kind, message, shown }: Pick<CounterExample, 'kind' | 'message' | 'shown'>,
  { cluster }: Rebuilt,
  about: About,
  { evolution, labels }: { readonly evolution: Evolving['evolution']; readonly labels: Labels },
): CounterExample {
  const olds = cluster.olds.map((one) => one.table.name);
  const news = cluster.parts.map((one) => one.table.name);
  const fault = faultOf(evolution.changes, about, { olds, news });
  const at = fault?.at ?? olds.flatMap((old) => statedAt(evolution, old) ?? [])[0];
  return {
    kind,
    table: about.table,
    change: fault?.what ?? `what was inferred of ${about.table}`,
    label: labels.get(about.table) ?? labels.get(news[0] ?? '') ?? 'exact',
    file: evolution.file,
    line: at?.line ?? null,
    column: at?.column ?? null,
    message,
    shown,
  };
}

/** By table of the new release. */
export type Labels = ReadonlyMap<string, Label>;

interface Fault {
  readonly what: string;
  readonly at: Position;
}

/** The change of a column where the values of columns differ, else the one of the tables. */
function faultOf(
  changes: readonly Change[],
  { table, columns, isOfQuery }: About,
  { olds, news }: { readonly olds: readonly string[]; readonly news: readonly string[] },
): Fault | undefined {
  const ofColumns = changes.flatMap((change): Fault[] => {
    if (change.kind === 'convert_column' && olds.includes(change.table)) {
      const found = change.to.find((one) => columns.includes(one));
      if (found === undefined) return [];
      return [{ what: `convert_column of ${change.table}`, at: change.up[found]?.at ?? change.at }];
    }
    if (change.kind === 'add_column' && news.includes(change.table)) {
      if (!columns.includes(change.column)) return [];
      return [{ what: `add_column of ${change.table}`, at: change.up.at }];
    }
    return [];
  });
  const ofTables = changes.flatMap((change): Fault[] => {
    const what = `${change.kind} of ${olds.join(', ')}`;
    switch (change.kind) {
      case 'custom': {
        const all = [...change.into, ...change.from];
        if (!change.from.some((one) => olds.includes(one.table))) return [];
        const query = all.find((one) => isOfQuery && one.table === table)?.query;
        return [{ what, at: query?.at ?? change.at }];
      }
      case 'merge_tables':
      case 'unite_tables':
        return news.includes(change.into) ? [{ what, at: change.at }] : [];
      case 'rename_table':
      case 'rename_column':
      case 'rename_label':
      case 'add_column':
      case 'drop_column':
      case 'convert_column':
        return [];
      default:
        return olds.includes(change.table) ? [{ what, at: change.at }] : [];
    }
  });
  return [...ofColumns, ...ofTables][0];
}

/** The rows as a small table, one line each; columns that are null everywhere are left out. */
export function shownText(shown: readonly Shown[]): string[] {
  const all = shown.flatMap((one) => one.rows);
  const isTold = (table: string, column: string) =>
    all.some((one) => one.table === table && one.row[column] != null);
  const lines = shown.flatMap(({ said, rows }) => {
    if (rows.length === 0) return [[said, 'nothing', '']];
    return rows.map(({ table, row }, index) => {
      const values = Object.entries(row).filter(([column]) => isTold(table, column));
      const text = values.map(([column, value]) => `${column}=${excerptOf(value)}`).join(', ');
      return [index === 0 ? said : '', table, text];
    });
  });
  const widths = [0, 1].map((at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
  return lines.map((line) =>
    line
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** Longer values do not help in one line of text. */
const MAX_SHOWN_LENGTH = 40;

/** In quotes where its ends would not be seen, or where it could be taken for another value. */
function excerptOf(value: string | null): string {
  if (value === null) return 'null';
  if (value.length > MAX_SHOWN_LENGTH) return `${value.slice(0, MAX_SHOWN_LENGTH)}…`;
  return /^$|^\s|\s$|, |^null$/.test(value) ? `'${value}'` : value;
}
