// Values that nothing gives: a column that must not be null has one in the rows of the release that
// does not know it, and in the rows that a part or a merged table does not have. Only the author
// knows which; these are questions, never changes of our own. Pure.

import { isConstant } from '../changes/expression-shape.js';
import type { ForwardColumn, PairedTable } from '../compile/layout.js';
import type { Column } from '../release/catalog.js';
import type { Change, Expression } from '../release/evolution.js';
import {
  BLANK,
  type Choose,
  emptyValue,
  expression,
  type Fill,
  type Found,
  NOWHERE,
  type Proposed,
  type Sight,
} from './proposal.js';
import { type ColumnAt, unpairedIn } from './unpaired.js';

export function proposeValues(sight: Sight): Found {
  const waiting = sight.asked.filter((one) => one.kind === 'choose');
  const lacking = unpairedIn(sight.layout).flatMap(({ going, coming }) => [
    ...coming.filter(isNeeded).map((one) => ({ ...one, key: 'up' as const })),
    ...going.filter(isNeeded).map((one) => ({ ...one, key: 'down' as const })),
  ]);
  const changes: Proposed[] = [];
  const questions: Fill[] = [];
  for (const one of lacking.filter((column) => !isSpokenFor(column, waiting))) {
    const given = sight.answer(idOf(one));
    if (given === undefined) questions.push(questionOf(one, sight));
    else
      changes.push({ change: stated(one, given), reason: `${aboutOf(one, sight)}: your answer` });
  }
  return { changes, held: [], questions };
}

interface Lacking extends ColumnAt {
  readonly key: 'up' | 'down';
}

function isNeeded({ column }: ColumnAt): boolean {
  return column.notNull && column.default === null && column.identity === null;
}

/** An open question may say where it comes from, or goes. */
function isSpokenFor({ table, column, key }: Lacking, waiting: readonly Choose[]): boolean {
  return waiting.some((one) =>
    key === 'down'
      ? one.id === `${table.name}.${column.name}`
      : one.choices.some(({ word }) => word === column.name),
  );
}

function idOf({ table, column, key }: Lacking): string {
  return `${table.name}.${column.name}.${key}`;
}

function aboutOf({ table, column, key }: Lacking, { evolution }: Sight): string {
  const [own, other] =
    key === 'up' ? [evolution.to, evolution.from] : [evolution.from, evolution.to];
  return (
    `column ${column.name} of ${table.name} is only in ${own}, must not be null and has no ` +
    `default: the rows of ${other} need a value there`
  );
}

function questionOf(lacking: Lacking, sight: Sight): Fill {
  const { column, table, key } = lacking;
  const suggestion = emptyValue(column);
  const sees = key === 'up' ? `the old columns of its row` : `the new columns of its row`;
  return {
    kind: 'fill',
    id: idOf(lacking),
    about: aboutOf(lacking, sight),
    ask: `What is ${table.name}.${column.name}, made from ${sees} or a constant?`,
    suggestion,
    change: stated(lacking, suggestion ?? BLANK),
  };
}

function stated({ table, column, key }: Lacking, sql: string): Change {
  const base = { at: NOWHERE, table: table.name, column: column.name };
  return key === 'up'
    ? { kind: 'add_column', ...base, up: expression(sql) }
    : { kind: 'drop_column', ...base, down: expression(sql) };
}

interface Completed {
  readonly changes: readonly Proposed[];
  readonly questions: readonly Fill[];
}

/** Splits and merges with what stands where a part has no row, as far as that is known. */
export function proposeAbsent(sight: Sight, changes: readonly Proposed[]): Completed {
  const questions: Fill[] = [];
  const completed = changes.map((one): Proposed => {
    const absences = absencesIn(one.change, sight);
    const values = absences.flatMap((absence): [Absence, string][] => {
      const given = sight.answer(absence.id);
      return given === undefined ? [] : [[absence, given]];
    });
    const change = values.reduce(withValue, one.change);
    for (const absence of absences.filter((other) => !values.some(([own]) => own === other))) {
      const { id, about, column } = absence;
      const suggestion = emptyValue(column);
      const shown = withValue(change, [absence, suggestion ?? BLANK]);
      const ask = `What is read there then? A constant`;
      questions.push({ kind: 'fill', id, about, ask, suggestion, change: shown });
    }
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

function absencesIn(change: Change, { layout, evolution }: Sight): Absence[] {
  const absence = (beside: string, table: string, column: Column, version: string): Absence => ({
    id: `${beside}.${column.name}.otherwise`,
    about:
      `column ${column.name} of ${table} must not be null and has no constant default, ` +
      `and ${version} reads it also while ${beside} has no row`,
    beside,
    column,
  });
  const split = layout.splits.find((one) => one.change === change);
  const merge = layout.merges.find((one) => one.change === change);
  const [, ...parts] = split?.parts ?? [];
  const [, ...others] = merge?.pairs ?? [];
  return [
    ...parts.flatMap(({ pair }) =>
      carriedOnly(pair, parts).map((one) =>
        absence(pair.new.name, pair.old.name, one, evolution.from),
      ),
    ),
    ...others.flatMap((pair) =>
      fedOnly(pair.forward, others).map((one) =>
        absence(pair.old.name, pair.new.name, one, evolution.to),
      ),
    ),
  ];

  function carriedOnly(pair: PairedTable, all: typeof parts): Column[] {
    const base = split?.parts[0]?.pair;
    return pair.backward
      .filter(({ down, column }, place) => {
        const holders = [base, ...all.map((one) => one.pair)].filter(
          (one) => one?.backward[place]?.down != null,
        );
        return down !== null && holders[0] === pair && isUnsupplied(column);
      })
      .map((one) => one.column);
  }

  function fedOnly(forward: readonly ForwardColumn[], all: readonly PairedTable[]): Column[] {
    const base = merge?.pairs[0];
    return forward
      .filter(({ up, column }, place) => {
        const feeders = [base, ...all].filter((one) => one?.forward[place]?.up != null);
        return up !== null && feeders[0]?.forward === forward && isUnsupplied(column);
      })
      .map((one) => one.column);
  }
}

function isUnsupplied(column: Column): boolean {
  const hasConstant = column.default !== null && isConstant(column.default);
  return column.notNull && column.generated === null && !hasConstant;
}

function withValue(change: Change, [{ beside, column }, sql]: readonly [Absence, string]): Change {
  const add = <Part extends { table: string; otherwise: Readonly<Record<string, Expression>> }>(
    part: Part,
  ): Part =>
    part.table === beside
      ? { ...part, otherwise: { ...part.otherwise, [column.name]: expression(sql) } }
      : part;
  if (change.kind === 'split_table') return { ...change, into: change.into.map(add) };
  return change.kind === 'merge_tables' ? { ...change, from: change.from.map(add) } : change;
}
