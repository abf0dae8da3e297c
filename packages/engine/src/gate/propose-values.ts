// Values that nothing gives: a column that must not be null has one also in the rows of the release
// that does not know it. Only the author knows which; these are questions, never changes of our
// own. Pure.

import { keysOf } from '../compile/classify.js';
import type { Change } from '../release/evolution.js';
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
import { type ColumnAt, type GoingColumn, unpairedIn } from './unpaired.js';

export function proposeValues(sight: Sight): Found {
  const waiting = sight.asked.filter((one) => one.kind === 'choose');
  const lacking = unpairedIn(sight.layout).flatMap(({ going, coming }) => [
    ...coming.filter(isNeeded).map((one) => ({ ...one, isShadowed: false, key: 'up' as const })),
    ...going
      .filter((one) => one.isShadowed || isNeeded(one))
      .map((one) => ({ ...one, key: 'down' as const })),
  ]);
  const changes: Proposed[] = [];
  const questions: Fill[] = [];
  for (const one of lacking.filter((column) => !isSpokenFor(column, waiting))) {
    const given = sight.value(idOf(one));
    if (given === undefined) questions.push(questionOf(one, sight));
    else
      changes.push({
        change: stated(one, given),
        reason: `${aboutOf(one, sight)}: so its author says`,
      });
  }
  return { changes, held: [], questions };
}

interface Lacking extends GoingColumn {
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

function aboutOf({ table, column, key, isShadowed }: Lacking, { evolution }: Sight): string {
  if (isShadowed) {
    return (
      `column ${column.name} of ${table.name} goes, since the first table of the merge has one ` +
      `of that name: the rows of ${evolution.to} need a value there for ${evolution.from}`
    );
  }
  const [own, other] =
    key === 'up' ? [evolution.to, evolution.from] : [evolution.from, evolution.to];
  return (
    `column ${column.name} of ${table.name} is only in ${own}, must not be null and has no ` +
    `default: the rows of ${other} need a value there`
  );
}

function questionOf(lacking: Lacking, sight: Sight): Fill {
  const { column, table, key } = lacking;
  // One value for all rows is none for a key.
  const isKey = keysOf(table).some((one) => one.columns.includes(column.name));
  const constant = column.default ?? (column.notNull ? emptyValue(column) : 'null');
  const suggestion = isKey ? null : constant;
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
