// Which columns go on under another name or with another type, within tables that go on. Pure.

import { isLimited } from '../compile/assigned.js';
import type { Layout, PairedTable } from '../compile/layout.js';
import { type BaseTypes, baseTypes } from '../release/base-type.js';
import type { Column } from '../release/catalog.js';
import type { Change, ConvertColumn } from '../release/evolution.js';
import { editDistance } from '../release/suggest.js';
import { isApart, plainType } from '../release/types-apart.js';
import { isSameType, kindredNames, similarNames } from './alike.js';
import {
  type Choose,
  expression,
  type Fill,
  type Found,
  listed,
  NONE,
  NOWHERE,
  type Proposed,
  type Question,
  type Sight,
  written,
} from './proposal.js';
import { type ColumnAt, pairsIn, type Unpaired, unpairedIn } from './unpaired.js';
import { isWidened } from './widened.js';

/** Columns that go and columns that come, of which one may be the other. */
export function proposeColumns(sight: Sight): Found {
  const found = unpairedIn(sight.layout).map((one) => columnsOf(one, sight));
  return {
    changes: found.flatMap((one) => one.changes),
    held: found.flatMap((one) => one.held),
    questions: found.flatMap((one) => one.questions),
  };
}

/** One column that may be another. */
interface Match {
  readonly old: ColumnAt;
  readonly new: ColumnAt;
  readonly isSame: boolean;
  readonly isSimilar: boolean;
}

function columnsOf({ going, coming }: Unpaired, sight: Sight): Found {
  const bases = baseTypes(sight.from, sight.to);
  const changes: Proposed[] = [];
  const held: Change[] = [];
  const questions: Question[] = [];
  let open = matchesOf(going, coming, sight.layout);
  const take = ({ old, new: come }: Match) => {
    open = open.filter((one) => one.old !== old && one.new !== come);
  };
  const accept = (match: Match, reason: string) => {
    take(match);
    if (match.isSame) {
      changes.push({ change: rename(match), reason });
      return;
    }
    const converted = conversion({ ...match, about: aboutOf(match), reason }, bases, sight);
    changes.push(...converted.changes);
    held.push(...converted.held);
    questions.push(...converted.questions);
  };
  for (const old of going) {
    const answer = sight.answer(idOf(old));
    const named = open.find((one) => one.old === old && one.new.column.name === answer);
    if (named !== undefined) accept(named, `${aboutOf(named)}: so its author says`);
    else if (answer === NONE) open = open.filter((one) => one.old !== old);
  }
  for (const match of open.filter(isAlone(open))) {
    accept(match, `${aboutOf(match)}, ${likenessOf(match)}`);
  }
  for (const old of going) {
    const own = open.filter((one) => one.old === old);
    if (own.length > 0) questions.push(questionOf(own, open, bases));
  }
  return { changes, held, questions };
}

/** The most similar names first; another type only under a name of the same thing. */
function matchesOf(
  going: readonly ColumnAt[],
  coming: readonly ColumnAt[],
  layout: Layout,
): Match[] {
  const pairs = pairsIn(layout);
  const all = going.flatMap((old) =>
    coming.flatMap((come): Match[] => {
      const [before, after] = [targetOf(old), targetOf(come)];
      if ((before === null) !== (after === null)) return [];
      const isSimilar =
        pairs.some((pair) => pair.old.name === before && pair.new.name === after) ||
        similarNames(old.column.name, come.column.name) ||
        similarNames(`${old.table.name}_${old.column.name}`, come.column.name);
      return [{ old, new: come, isSame: isSameType(old.column, come.column), isSimilar }];
    }),
  );
  const distance = ({ old, new: come, isSimilar, isSame }: Match) =>
    editDistance(old.column.name, come.column.name) - (isSimilar ? 100 : 0) + (isSame ? 0 : 50);
  return all
    .filter(
      (one) =>
        one.isSame || one.isSimilar || kindredNames(one.old.column.name, one.new.column.name),
    )
    .sort((left, right) => distance(left) - distance(right));
}

/** The table that a column refers to; null where it refers to none. */
function targetOf({ table, column }: ColumnAt): string | null {
  const found = table.foreignKeys.find((key) => key.columns.includes(column.name));
  return found?.referencedTable ?? null;
}

/** No other explanation is as good: of one type, under similar names, and the only ones so. */
function isAlone(open: readonly Match[]): (match: Match) => boolean {
  return (match) =>
    match.isSame &&
    match.isSimilar &&
    open.every(
      (one) => one === match || !one.isSimilar || (one.old !== match.old && one.new !== match.new),
    );
}

function idOf({ table, column }: ColumnAt): string {
  return `${table.name}.${column.name}`;
}

function aboutOf({ old, new: come, isSame }: Match): string {
  const [before, after] = [plainType(old.column.type), come.column.type];
  const types = isSame ? `both ${after}` : `${before} → ${after}`;
  return (
    `column ${old.column.name} of ${old.table.name} goes and ` +
    `column ${come.column.name} of ${come.table.name} comes, ${types}`
  );
}

function likenessOf({ old, new: come }: Match): string {
  const target = targetOf(come);
  return similarNames(old.column.name, come.column.name) || target === null
    ? 'and the names are alike'
    : `and both refer to what is now ${target}`;
}

function rename({ old, new: come }: Match): Change {
  const [table, column] = [old.table.name, old.column.name];
  return { kind: 'rename_column', at: NOWHERE, table, column, to: come.column.name };
}

function questionOf(own: readonly Match[], open: readonly Match[], bases: BaseTypes): Choose {
  const [best] = own as [Match];
  const { table, column } = best.old;
  const rivals = open.filter((one) => one.new === best.new).map((one) => one.old.column.name);
  const more = [
    ...(own.length === 1 ? [] : [`${own.length - 1} more may be it`]),
    ...(rivals.length === 1 || !isText(best.new.column)
      ? []
      : [
          `${listed(rivals)} may be it, or all together: then write a convert_column with ` +
            `columns: [${rivals.join(', ')}]`,
        ]),
  ];
  return {
    kind: 'choose',
    id: idOf(best.old),
    about: [aboutOf(best), ...more].join('; '),
    ask: `Which column holds the values of ${table.name}.${column.name} from now on?`,
    choices: own.map((one) => ({
      word: one.new.column.name,
      about: aboutOf(one),
      change: one.isSame ? rename(one) : convert(one, bases),
    })),
    none: `column ${column.name} of ${table.name} goes at contract, with its values`,
  };
}

/** What several values can be put together in. */
function isText({ type }: Column): boolean {
  return /^(text|character varying)/.test(type);
}

/** Columns that keep their name and get another type. */
export function proposeTypes(sight: Sight): Found {
  const { layout } = sight;
  const bases = baseTypes(sight.from, sight.to);
  const found = pairsIn(layout)
    .flatMap((pair) => retyped(pair))
    .map((match): Found => {
      const { old, new: come } = match;
      const about =
        `column ${come.column.name} of ${come.table.name} is ${come.column.type}, ` +
        `and was ${plainType(old.column.type)}`;
      if (!isWidened(old.column.type, come.column.type, sight.from)) {
        return conversion(
          { ...match, about, reason: `${about}: so its author says` },
          bases,
          sight,
        );
      }
      const { from, to } = sight.evolution;
      const reason = `${about}: it holds all of ${from}; what ${to} writes must fit into both`;
      return { changes: [{ change: convert(match, bases), reason }], held: [], questions: [] };
    });
  return {
    changes: found.flatMap((one) => one.changes),
    held: found.flatMap((one) => one.held),
    questions: found.flatMap((one) => one.questions),
  };
}

/** Keys are left out: what refers to them would have to follow. */
function retyped(pair: PairedTable): Pick<Match, 'old' | 'new'>[] {
  const key = new Set(pair.old.primaryKey?.columns ?? []);
  return pair.forward.flatMap(({ column, up, source, stated }) => {
    if (up === null || source !== null || stated !== undefined) return [];
    const old = pair.old.columns.find((one) => one.name === column.name);
    if (old === undefined || key.has(old.name) || column.generated !== null) return [];
    // A type that each release has in its own form needs no author.
    if (plainType(old.type) === column.type) return [];
    return [{ old: { table: pair.old, column: old }, new: { table: pair.new, column } }];
  });
}

interface Conversion extends Pick<Match, 'old' | 'new'> {
  readonly about: string;
  readonly reason: string;
}

/** Another type may mean another unit: only the author knows what the values become. */
function conversion(match: Conversion, bases: BaseTypes, { value }: Sight): Found {
  const { old, new: come, about, reason } = match;
  const suggested = convert(match, bases);
  const [oldName, newName] = [old.column.name, come.column.name];
  const [upId, downId] = [`${idOf(come)}.up`, `${idOf(old)}.down`];
  const up = value(upId);
  const down = value(downId);
  if (up !== undefined && down !== undefined) {
    const change: ConvertColumn = {
      ...suggested,
      up: { [newName]: expression(up) },
      down: { [oldName]: expression(down) },
    };
    return { changes: [{ change, reason }], held: [], questions: [] };
  }
  const shown: ConvertColumn = {
    ...suggested,
    ...(up === undefined ? {} : { up: { [newName]: expression(up) } }),
  };
  const upQuestion: Fill = {
    kind: 'fill',
    id: upId,
    about: `${about}; the unit or the form of the values may differ too`,
    ask: `What is ${newName}, made from the old columns of ${old.table.name}?`,
    suggestion: suggested.up[newName]?.sql ?? null,
    change: shown,
  };
  const downQuestion: Fill = {
    kind: 'fill',
    id: downId,
    about: `${oldName} is served to the old release until contract`,
    ask: `What is ${oldName}, made from the new columns of ${come.table.name}?`,
    suggestion: suggested.down[oldName]?.sql ?? null,
    change: shown,
  };
  const questions = [
    ...(up === undefined ? [upQuestion] : []),
    ...(down === undefined ? [downQuestion] : []),
  ];
  return { changes: [], held: [suggested], questions };
}

function convert({ old, new: come }: Pick<Match, 'old' | 'new'>, bases: BaseTypes): ConvertColumn {
  const [table, column, to] = [old.table.name, old.column.name, come.column.name];
  return {
    kind: 'convert_column',
    at: NOWHERE,
    table,
    columns: [column],
    to: [to],
    up: { [to]: expression(cast(old.column, come.column, bases)) },
    down: { [column]: expression(cast(come.column, old.column, bases)) },
  };
}

/** As an assignment where a cast would cut the value. */
function cast(from: Column, to: Column, bases: BaseTypes): string {
  const source = written(from.name);
  const isAsItIs = from.type === to.type || isLimited(to.type, bases) || isApart(to.type);
  return isAsItIs ? source : `${source}::${to.type}`;
}
