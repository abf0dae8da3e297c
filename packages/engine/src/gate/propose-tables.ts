// Which tables go on under another name, as several, or as one: by their names, their columns, and
// the keys that tie new tables to one that stays. Pure.

import type { PairedTable } from '../compile/layout.js';
import { type Column, findColumn, type Table } from '../release/catalog.js';
import type { Change, MergeTables, SplitPart, SplitTable } from '../release/evolution.js';
import { isSameType, keyTo, type Likeness, likeness, satellitesOf, similarNames } from './alike.js';
import {
  type Choose,
  expression,
  type Found,
  listed,
  NONE,
  NOWHERE,
  type Proposed,
  type Sight,
  written,
} from './proposal.js';

/** Less in common than this is chance: every table has an id and a date. */
const MIN_SHARE = 0.5;

/** As much in common as this is one table, whatever its name, where no other has so much. */
const SURE_SHARE = 0.75;
const SURE_COLUMNS = 3;

/** Two explanations that are nearly as good are a question. */
const RIVAL_SHARE = 0.2;

interface Match {
  readonly old: Table;
  readonly new: Table;
  readonly likeness: Likeness;
  readonly share: number;
  readonly isSimilar: boolean;
}

/** Tables that go and tables that come, of which one may be the other. */
export function proposeTables(sight: Sight): Found {
  const { dropped, added } = sight.layout;
  const changes: Proposed[] = [];
  const questions: Choose[] = [];
  let open = matchesOf(dropped, added);
  for (const old of dropped) {
    const own = open.filter((one) => one.old === old);
    const [best] = own;
    if (best === undefined) continue;
    const answer = sight.answer(old.name);
    const named = own.find((one) => one.new.name === answer);
    const isSure = answer === undefined && isSureOf(best, open, dropped, added);
    const accepted = named ?? (isSure ? best : undefined);
    if (accepted !== undefined) {
      const reason =
        named === undefined ? reasonOf(accepted) : `${aboutOf(accepted)}: so its author says`;
      changes.push({ change: rename(accepted), reason });
      const taken = new Set([accepted.new, ...satellitesOf(accepted.new, added)]);
      open = open.filter((one) => one.old !== old && !taken.has(one.new));
    } else if (answer !== NONE) {
      questions.push(questionOf(own));
    }
  }
  return { changes, held: [], questions };
}

/** Best first. A table counts with those that share its key: it may have been split, or merged. */
function matchesOf(dropped: readonly Table[], added: readonly Table[]): Match[] {
  const all = dropped.flatMap((old) =>
    added.map((one): Match => {
      const found = likeness(
        [old, ...satellitesOf(old, dropped)],
        [one, ...satellitesOf(one, added)],
      );
      const isSimilar = similarNames(old.name, one.name);
      return { old, new: one, likeness: found, share: found.share, isSimilar };
    }),
  );
  return all
    .filter((one) => one.share >= MIN_SHARE || (one.isSimilar && one.likeness.common > 0))
    .sort((left, right) => rankOf(right) - rankOf(left));
}

function rankOf({ share, isSimilar }: Match): number {
  return share + (isSimilar ? RIVAL_SHARE : 0);
}

function isSureOf(
  best: Match,
  open: readonly Match[],
  dropped: readonly Table[],
  added: readonly Table[],
): boolean {
  const own = new Set([...satellitesOf(best.old, dropped), ...satellitesOf(best.new, added)]);
  const hasRival = open.some(
    (one) =>
      one !== best &&
      (one.old === best.old || one.new === best.new) &&
      !own.has(one.old) &&
      !own.has(one.new) &&
      rankOf(one) > rankOf(best) - RIVAL_SHARE,
  );
  const { share, isSimilar, likeness: found } = best;
  const isMuch = share >= SURE_SHARE && found.common >= SURE_COLUMNS;
  return !hasRival && (isMuch || (isSimilar && share >= MIN_SHARE));
}

function aboutOf({ old, new: come, likeness: found }: Match): string {
  const what = `table ${old.name} goes and table ${come.name} comes`;
  if (found.common === found.of) return `${what}, both with the same columns`;
  return `${what}, with ${found.common} of ${found.of} columns in common`;
}

function reasonOf(match: Match): string {
  return aboutOf(match) + (match.isSimilar ? ', and the names are alike' : '');
}

function rename(match: Match): Change {
  return { kind: 'rename_table', at: NOWHERE, table: match.old.name, to: match.new.name };
}

function questionOf(own: readonly Match[]): Choose {
  const [best] = own as [Match];
  const others = own.slice(1).map((one) => one.new.name);
  return {
    kind: 'choose',
    id: best.old.name,
    about: aboutOf(best) + (others.length === 0 ? '' : `; so may ${listed(others)}`),
    ask: `Under which name do the rows of ${best.old.name} go on?`,
    choices: own.map((one) => ({
      word: one.new.name,
      about: aboutOf(one),
      change: rename(one),
    })),
    none: `table ${best.old.name} goes at contract, with its rows`,
  };
}

/** Tables of which some columns go to new tables beside them, or come from tables that go. */
export function proposeParts({ layout }: Sight): Found {
  const taken = new Set<Table>();
  const changes = layout.pairs.flatMap((pair): Proposed[] => {
    const free = (tables: readonly Table[]) => tables.filter((one) => !taken.has(one));
    const parts = satellitesOf(pair.new, free(layout.added)).filter(
      (one) => sharedColumns(one, goingOf(pair)).length > 0,
    );
    const merged = satellitesOf(pair.old, free(layout.dropped)).filter(
      (one) => sharedColumns(one, comingOf(pair)).length > 0,
    );
    for (const one of [...parts, ...merged]) taken.add(one);
    return [
      ...(parts.length === 0 ? [] : [splitInto(pair, parts)]),
      ...(merged.length === 0 || parts.length > 0 ? [] : [mergeOf(pair, merged)]),
    ];
  });
  return { changes, held: [], questions: [] };
}

function goingOf(pair: PairedTable): Column[] {
  return pair.backward.filter(({ down }) => down === null).map((one) => one.column);
}

function comingOf(pair: PairedTable): Column[] {
  return pair.forward.filter(({ up }) => up === null).map((one) => one.column);
}

function sharedColumns(table: Table, columns: readonly Column[]): Column[] {
  return columns.filter((column) => {
    const found = findColumn(table, column.name);
    return found !== undefined && isSameType(found, column);
  });
}

function splitInto(pair: PairedTable, parts: readonly Table[]): Proposed {
  const [old, base] = [pair.old, pair.new];
  const shared = parts.map((part) => {
    const names = sharedColumns(part, goingOf(pair)).map((one) => one.name);
    return `${part.name} has ${listed(names)}`;
  });
  const change: SplitTable = {
    kind: 'split_table',
    at: NOWHERE,
    table: old.name,
    into: [partOf(base.name), ...parts.map((part) => partBeside(pair, part))],
  };
  const reason =
    `columns of ${old.name} go, and new tables come with the key of ${base.name}: ` +
    `${shared.join('; ')}. A part without "when" has a row for every row of ${old.name}`;
  return { change, reason };
}

function partOf(table: string): SplitPart {
  return { at: NOWHERE, table, key: null, when: null, otherwise: {}, generate: [] };
}

/** It has a row where the old one has what its columns need. */
function partBeside({ old, new: base }: PairedTable, part: Table): SplitPart {
  const key = new Set(keyTo(base, part) ?? []);
  const generated = part.columns.filter(
    (column) => !key.has(column.name) && isGenerated(column) && isKeyColumn(part, column),
  );
  const needed = part.columns.filter((column) => {
    const source = findColumn(old, column.name);
    const isOwn = !key.has(column.name) && !generated.includes(column);
    return isOwn && column.notNull && source !== undefined && !source.notNull;
  });
  const when = needed.map((column) => `${written(column.name)} is not null`).join(' and ');
  return {
    ...partOf(part.name),
    when: when === '' ? null : expression(when),
    generate: generated.map((one) => one.name),
  };
}

function isGenerated(column: Column): boolean {
  return column.identity !== null || /^nextval\(/.test(column.default ?? '');
}

function isKeyColumn(table: Table, column: Column): boolean {
  return table.primaryKey?.columns.includes(column.name) === true;
}

function mergeOf(pair: PairedTable, merged: readonly Table[]): Proposed {
  const shared = merged.map((table) => {
    const names = sharedColumns(table, comingOf(pair)).map((one) => one.name);
    return `${listed(names)} of ${table.name}`;
  });
  const part = (table: string) => ({ at: NOWHERE, table, key: null, when: null, otherwise: {} });
  const change: MergeTables = {
    kind: 'merge_tables',
    at: NOWHERE,
    into: pair.new.name,
    from: [part(pair.old.name), ...merged.map((table) => part(table.name))],
  };
  const reason =
    `${listed(merged.map((one) => one.name))} with the key of ${pair.old.name} go, and ` +
    `${pair.new.name} gets their columns: ${listed(shared)}`;
  return { change, reason };
}
