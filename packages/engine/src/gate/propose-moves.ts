// Which columns go to a table that refers to their own: a question, as the same name may be chance.
// Pure.
//
// The change comes last. Until then both columns count as spoken for, and their tables as tables
// that go on, of whose other columns the stages after this one speak as ever.

import type { PairedTable } from '../compile/layout.js';
import type { Table } from '../release/catalog.js';
import type { Change, MoveColumn } from '../release/evolution.js';
import { isSameType } from './alike.js';
import {
  type Choose,
  expression,
  type Found,
  listed,
  NONE,
  NOWHERE,
  type Proposed,
  type Sight,
} from './proposal.js';
import { type ColumnAt, unpairedIn } from './unpaired.js';

/** A column of the old release, and tables of the new one that have it and had not. */
interface Move {
  readonly old: ColumnAt;
  readonly tables: readonly Table[];
}

export function proposeMoves(sight: Sight): Found {
  const last: Proposed[] = [];
  const held: Change[] = [];
  const questions: Choose[] = [];
  for (const move of movesIn(sight)) {
    const { old, tables } = move;
    const answer = sight.answer(moveId(old));
    if (answer === NONE) continue;
    const named = tables.find((one) => one.name === answer);
    if (named === undefined) questions.push(questionOf(move));
    else last.push({ change: moveTo(old, named), reason: `${aboutOf(move)}: so its author says` });
    held.push(...(named === undefined ? tables : [named]).flatMap((one) => spokenFor(old, one)));
  }
  return { changes: [], held, questions, last };
}

/** What the question is called. */
export function moveId({ table, column }: ColumnAt): string {
  return `${table.name}.${column.name}.to`;
}

/** Between tables that go on as they are: those of another change have that one's values. */
function movesIn({ layout }: Sight): Move[] {
  const sets = layout.pairs.map((pair) => ({ pair, ...unpairedOf(pair, layout) }));
  return sets.flatMap(({ pair, going }) =>
    going.flatMap((old): Move[] => {
      const tables = sets
        .filter((one) => refers(one.pair, pair))
        .filter(({ coming }) => coming.some((come) => isSameColumn(come, old)))
        .map((one) => one.pair.new);
      return tables.length === 0 ? [] : [{ old, tables }];
    }),
  );
}

function unpairedOf(pair: PairedTable, layout: Sight['layout']) {
  const [own] = unpairedIn({ ...layout, pairs: [pair], splits: [], merges: [] });
  return { going: own?.going ?? [], coming: own?.coming ?? [] };
}

/** In both releases: the value is carried along the reference. */
function refers(child: PairedTable, parent: PairedTable): boolean {
  const leads = (from: Table, to: Table) =>
    from.foreignKeys.some((key) => key.referencedTable === to.name);
  return child !== parent && leads(child.old, parent.old) && leads(child.new, parent.new);
}

function isSameColumn({ column }: ColumnAt, old: ColumnAt): boolean {
  return column.name === old.column.name && isSameType(column, old.column);
}

function aboutOf({ old: { table, column }, tables }: Move): string {
  const to = listed(tables.map((one) => one.name));
  return `column ${column.name} goes from ${table.name} and comes to ${to}, which refers to it`;
}

function questionOf(move: Move): Choose {
  const { old, tables } = move;
  const own = `${old.table.name}.${old.column.name}`;
  return {
    kind: 'choose',
    id: moveId(old),
    about: aboutOf(move),
    ask: `To which table does ${own} move, with its values?`,
    choices: tables.map((table) => ({
      word: table.name,
      about: aboutOf({ old, tables: [table] }),
      change: moveTo(old, table),
    })),
    none: `column ${own} goes at contract, with its values`,
  };
}

function moveTo({ table, column }: ColumnAt, { name: to }: Table): MoveColumn {
  const [from, as] = [table.name, column.name];
  return { kind: 'move_column', at: NOWHERE, table: from, column: as, to, as };
}

function spokenFor({ table, column }: ColumnAt, to: Table): Change[] {
  const own = { at: NOWHERE, column: column.name };
  const none = expression('null');
  return [
    { kind: 'drop_column', ...own, table: table.name, down: none },
    { kind: 'add_column', ...own, table: to.name, up: none },
  ];
}
