// What a column that must not be null holds while a part of a split, or a table beside the first
// one of a merge, has no row: a question each, and with the answers the change is whole. Pure.

import { isConstant } from '../changes/expression-shape.js';
import type { Column } from '../release/catalog.js';
import type { Change, Expression } from '../release/evolution.js';
import { BLANK, emptyValue, expression, type Fill, type Proposed, type Sight } from './proposal.js';

interface Completed {
  readonly changes: readonly Proposed[];
  readonly questions: readonly Fill[];
}

/** The changes with the values that are known; a question shows its change with all of them. */
export function proposeAbsent(sight: Sight, changes: readonly Proposed[]): Completed {
  const questions: Fill[] = [];
  const completed = changes.map((one): Proposed => {
    const absences = absencesIn(one.change, sight);
    const answers = new Map(absences.map((absence) => [absence, sight.value(absence.id)]));
    const known = absences.filter((absence) => answers.get(absence) !== undefined);
    const change = known.reduce(
      (before, absence) => withValue(before, absence, answers.get(absence) ?? BLANK),
      one.change,
    );
    const open = absences.filter((absence) => !known.includes(absence));
    const shown = open.reduce(
      (before, absence) => withValue(before, absence, emptyValue(absence.column) ?? BLANK),
      change,
    );
    questions.push(...open.map((absence) => questionOf(absence, shown)));
    return { ...one, change };
  });
  return { changes: completed, questions };
}

interface Absence {
  readonly id: string;
  readonly about: string;
  /** The table of the change that may have no row. */
  readonly beside: string;
  readonly column: Column;
}

function questionOf({ id, about, column }: Absence, change: Change): Fill {
  const ask = `Which constant is ${column.name} then?`;
  return { kind: 'fill', id, about, ask, suggestion: emptyValue(column), change };
}

function absencesIn(change: Change, { layout, evolution }: Sight): Absence[] {
  const split = layout.splits.find((one) => one.change === change);
  if (split !== undefined) {
    const sides = split.parts.map(({ pair }) => ({
      table: pair.new.name,
      values: pair.backward.map(({ column, down }) => ({ column, made: down })),
    }));
    return besides(sides, split.old.name, evolution.from);
  }
  const merge = layout.merges.find((one) => one.change === change);
  if (merge === undefined) return [];
  const sides = merge.pairs.map((pair) => ({
    table: pair.old.name,
    values: pair.forward.map(({ column, up }) => ({ column, made: up })),
  }));
  return besides(sides, merge.change.into, evolution.to);
}

/** One of several tables that a wider one is made from, with what it gives to each column. */
interface Side {
  readonly table: string;
  readonly values: readonly { readonly column: Column; readonly made: string | null }[];
}

/** The first side has a row always; what it gives, and what an earlier one gives, is there. */
function besides(sides: readonly Side[], wide: string, version: string): Absence[] {
  return sides.slice(1).flatMap((side, index) =>
    side.values.flatMap(({ column, made }, place): Absence[] => {
      const isGiven = sides.slice(0, index + 1).some((one) => one.values[place]?.made !== null);
      if (made === null || isGiven || isSupplied(column)) return [];
      const about =
        `column ${column.name} of ${wide} must not be null and has no constant default, ` +
        `and ${version} reads it also while ${side.table} has no row`;
      const id = `${side.table}.${column.name}.otherwise`;
      return [{ id, about, beside: side.table, column }];
    }),
  );
}

function isSupplied(column: Column): boolean {
  const hasConstant = column.default !== null && isConstant(column.default);
  return !column.notNull || column.generated !== null || hasConstant;
}

function withValue(change: Change, { beside, column }: Absence, sql: string): Change {
  const add = <Part extends { table: string; otherwise: Readonly<Record<string, Expression>> }>(
    part: Part,
  ): Part =>
    part.table === beside
      ? { ...part, otherwise: { ...part.otherwise, [column.name]: expression(sql) } }
      : part;
  if (change.kind === 'split_table') return { ...change, into: change.into.map(add) };
  return change.kind === 'merge_tables' ? { ...change, from: change.from.map(add) } : change;
}
