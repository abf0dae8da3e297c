// rekey_table: rows of a table get another primary key, and all that refers to them follows.
//
// It is a key map and the queries of custom changes, which follow from the two schemas: one for the
// table itself, and one for each table that refers to its rows. A part of an old key that refers to
// a table whose rows get other keys too is looked up in the map of that table.

import type { PairedTable } from '../compile/layout.js';
import { refuse } from '../compile/refuse.js';
import {
  type Catalog,
  type ForeignKey,
  findTable,
  isSameSet,
  type Table,
} from '../release/catalog.js';
import type {
  Custom,
  CustomTable,
  Evolution,
  KeyMap,
  RekeyTable,
  StatedQuery,
} from '../release/evolution.js';
import { renamedTo } from '../release/evolution-tables.js';
import { bindColumns } from '../release/expression.js';
import { readQuery } from '../release/query.js';
import { name } from '../sql.js';

export type PairOf = (old: Table, target: Table) => PairedTable;

/** A table with its successor, and what the author has said of its key. */
interface Rekeyed {
  readonly change: RekeyTable;
  readonly old: Table;
  readonly table: Table;
  readonly map: string;
}

/** A reference to rows that get other keys: by which columns in either release. */
interface Reference {
  readonly to: Rekeyed;
  /** Of the old row, in the order of the primary key that they refer to. */
  readonly olds: readonly string[];
  /** Of the new row, in the order of the drawn columns. */
  readonly news: readonly string[];
  /** The map's name in the queries. */
  readonly alias: string;
}

interface Input {
  readonly from: Catalog;
  readonly to: Catalog;
  readonly evolution: Evolution;
  readonly pairOf: PairOf;
}

/** The evolution with key maps and queries in the place of every rekey_table. */
export function withRekeyed(input: Input): Evolution {
  const { from, evolution } = input;
  const all = evolution.changes.flatMap((change) =>
    change.kind === 'rekey_table' ? [rekeyedBy(change, input)] : [],
  );
  if (all.length === 0) return evolution;
  const referring = from.tables.flatMap((old) => {
    const table = findTable(input.to, renamedTo(evolution.changes, old.name));
    const own = all.find((one) => one.old === old);
    if (table === undefined) return [];
    const references = referencesOf({ old, table }, all, evolution);
    return own === undefined && references.length === 0 ? [] : [{ old, table, own, references }];
  });
  return {
    ...evolution,
    keys: [
      ...evolution.keys,
      ...all.map((one) => {
        const found = referring.find(({ old }) => old === one.old);
        return keyMap(one, found?.references ?? [], input);
      }),
    ],
    changes: [
      ...evolution.changes.filter(({ kind }) => kind !== 'rekey_table'),
      ...referring.map((one) => customOf(one, all, input)),
    ],
  };
}

function rekeyedBy(change: RekeyTable, { from, to, evolution }: Input): Rekeyed {
  const old = findTable(from, change.table);
  const table = findTable(to, renamedTo(evolution.changes, change.table));
  if (old === undefined || table === undefined) {
    throw refuse(evolution, {
      code: 'EVOLUTION_INCOMPLETE',
      message: `table ${change.table} has no successor in release ${evolution.to}`,
      hint: 'state a rename_table for it',
      at: change.places?.table ?? change.at,
    });
  }
  return { change, old, table, map: `halflap keys of ${old.name}` };
}

interface Pair {
  readonly old: Table;
  readonly table: Table;
}

/** Foreign keys of both releases that lead to the same rows, by the old key and by the drawn. */
function referencesOf(
  { old, table }: Pair,
  all: readonly Rekeyed[],
  evolution: Evolution,
): Reference[] {
  const references = all.flatMap((to) => {
    const primaryKey = to.old.primaryKey?.columns ?? [];
    const olds = keysTo(old, to.old, primaryKey);
    const news = keysTo(table, to.table, to.change.columns);
    if (olds.length === 0 || news.length === 0) return [];
    return olds.map((one) => {
      const found = partnerOf(one, { olds, news });
      if (found !== undefined) return { to, olds: one, news: found };
      throw refuse(evolution, {
        code: 'EVOLUTION_INCOMPLETE',
        message:
          `${old.name} (${one.join(', ')}) refers to ${to.old.name}, and nothing tells ` +
          `which key of ${table.name} follows from it`,
        hint: `call the columns alike in both releases, or state the change as custom with keys`,
        at: to.change.at,
      });
    });
  });
  return references.map((one, index) => ({ ...one, alias: `r${index + 1}` }));
}

/** Columns of each foreign key to the given key, in the order of that. */
function keysTo(table: Table, target: Table, key: readonly string[]): string[][] {
  const leads = (one: ForeignKey) =>
    one.referencedTable === target.name && isSameSet(one.referencedColumns, key);
  return table.foreignKeys
    .filter(leads)
    .map((one) => key.map((column) => one.columns[one.referencedColumns.indexOf(column)] ?? ''));
}

/** The only one, or the one whose columns are called alike. */
function partnerOf(
  old: readonly string[],
  { olds, news }: { readonly olds: readonly string[][]; readonly news: readonly string[][] },
): string[] | undefined {
  if (olds.length === 1 && news.length === 1) return news[0];
  const stem = (columns: readonly string[]) =>
    columns.join().replace(/_(id|uuid|guid|name)\b/g, '');
  return (
    news.find((one) => one.join() === old.join()) ?? news.find((one) => stem(one) === stem(old))
  );
}

function keyMap(one: Rekeyed, references: readonly Reference[], input: Input): KeyMap {
  const { change, old, table, map } = one;
  return {
    at: change.at,
    name: map,
    called: `rekey_table of ${old.name}`,
    from: old.name,
    into: table.name,
    columns: change.columns,
    key: toldKey(one, references, input),
  };
}

/** How new rows tell the old key, when each part of it has stayed or refers to another map. */
function toldKey(
  { change, old, table }: Rekeyed,
  references: readonly Reference[],
  { pairOf, evolution }: Input,
): KeyMap['key'] {
  const primaryKey = old.primaryKey?.columns ?? [];
  const { forward } = pairOf(old, table);
  const kept = (column: string) =>
    forward.find((one) => one.source === column && !change.columns.includes(one.column.name));
  const referring = references.filter(({ olds }) => olds.every((one) => primaryKey.includes(one)));
  const values = primaryKey.map((column) => {
    const as = name(`old_${column}`).text;
    const own = kept(column);
    if (own !== undefined) return `${name('n', own.column.name).text} as ${as}`;
    const by = referring.find(({ olds }) => olds.includes(column));
    const key = by?.to.old.primaryKey?.columns[by.olds.indexOf(column)];
    return by === undefined ? null : `${name(by.alias, `old_${key}`).text} as ${as}`;
  });
  if (values.every((one) => one === null)) return null;
  const lost = primaryKey[values.indexOf(null)];
  if (lost !== undefined && values.includes(null)) {
    throw refuse(evolution, {
      code: 'EVOLUTION_INCOMPLETE',
      message: `nothing of ${table.name} tells ${old.name}.${lost}, a part of the old key`,
      hint: 'keep the column, or state the change as custom with keys',
      at: change.at,
    });
  }
  const drawn = change.columns.map((one) => `${name('n', one).text} as ${name(`new_${one}`).text}`);
  const joins = referring.map((one) => joinOf(one, 'n', { isOptional: false }));
  // A row that leaves it open stands for no row of the old release.
  const open = primaryKey.flatMap((column) => {
    const own = kept(column)?.column;
    return own === undefined || own.notNull ? [] : [`${name('n', own.name).text} is not null`];
  });
  const where = open.length === 0 ? [] : [`where ${open.join(' and ')}`];
  const text = `select ${[...values, ...drawn].join(', ')} from ${name(table.name).text} as n`;
  return stated([text, ...joins, ...where].join(' '), change);
}

interface Referring extends Pair {
  readonly own: Rekeyed | undefined;
  readonly references: readonly Reference[];
}

function customOf(one: Referring, all: readonly Rekeyed[], { pairOf }: Input): Custom {
  const { old, table, own, references } = one;
  const change = (own ?? references[0]?.to ?? (all[0] as Rekeyed)).change;
  const pair = pairOf(old, table);
  const primaryKey = old.primaryKey?.columns ?? [];
  // A row that is told by what it refers to hangs together with all others that refer to the same.
  const inKey = references.find(({ olds }) => olds.every((column) => primaryKey.includes(column)));
  const whole = { slice: primaryKey, via: null };
  const cut: Record<'old' | 'new', Pick<CustomTable, 'slice' | 'via'>> = own !== undefined
    ? { old: whole, new: { slice: own.change.columns, via: own.map } }
    : inKey === undefined
      ? { old: whole, new: { slice: keptKey(pair, primaryKey), via: null } }
      : {
          old: { slice: inKey.olds, via: null },
          new: { slice: inKey.news, via: inKey.to.map },
        };
  const at = change.at;
  return {
    kind: 'custom',
    at,
    rekeys: {
      of: own?.old.name ?? references.map(({ to }) => to.old.name).join(', '),
      kept: keptColumns(one, pair),
    },
    from: [{ at, table: old.name, ...cut.old, query: backwardQuery(one, pair, change) }],
    into: [{ at, table: table.name, ...cut.new, query: forwardQuery(one, pair, change) }],
  };
}

function keptColumns({ own, references }: Referring, { forward }: PairedTable) {
  const drawn = [...(own?.change.columns ?? []), ...references.flatMap(({ news }) => news)];
  return new Map(
    forward.flatMap(({ column, source }) =>
      source === null || drawn.includes(column.name) ? [] : [[column.name, source] as const],
    ),
  );
}

/** What the primary key of a table that only refers is called in the new release. */
function keptKey({ forward }: PairedTable, primaryKey: readonly string[]): string[] {
  return primaryKey.map(
    (column) => forward.find((one) => one.source === column)?.column.name ?? column,
  );
}

function forwardQuery(
  { old, table, own, references }: Referring,
  { forward }: PairedTable,
  change: RekeyTable,
): StatedQuery {
  const values = forward.flatMap(({ column, up }) => {
    const as = ` as ${name(column.name).text}`;
    if (column.generated !== null) return [];
    if (own?.change.columns.includes(column.name)) {
      return [`${name('k', `new_${column.name}`).text}${as}`];
    }
    const by = references.find(({ news }) => news.includes(column.name));
    if (by !== undefined) {
      const drawn = by.to.change.columns[by.news.indexOf(column.name)];
      return [`${name(by.alias, `new_${drawn}`).text}${as}`];
    }
    if (up === null) return [];
    return [`${bindColumns(up, (one) => ({ qualifier: 'o', column: one }))}${as}`];
  });
  const keys = own === undefined ? [] : [ownJoin(own, 'o')];
  const joins = references.map((one) =>
    joinOf(one, 'o', { isOptional: isNullable(old, one.olds) }),
  );
  const rows = `select ${values.join(', ')} from ${name(old.name).text} as o`;
  return stated([rows, ...keys, ...joins].join(' '), change, table);
}

function backwardQuery(
  { old, table, own, references }: Referring,
  { backward }: PairedTable,
  change: RekeyTable,
): StatedQuery {
  const primaryKey = old.primaryKey?.columns ?? [];
  const values = backward.flatMap(({ column, down }) => {
    const as = ` as ${name(column.name).text}`;
    if (column.generated !== null) return [];
    if (own !== undefined && primaryKey.includes(column.name)) {
      return [`${name('k', `old_${column.name}`).text}${as}`];
    }
    const by = references.find(({ olds }) => olds.includes(column.name));
    if (by !== undefined) {
      const key = by.to.old.primaryKey?.columns[by.olds.indexOf(column.name)];
      return [`${name(by.alias, `old_${key}`).text}${as}`];
    }
    if (down === null) return [];
    return [`${bindColumns(down, (one) => ({ qualifier: 'n', column: one }))}${as}`];
  });
  const keys = own === undefined ? [] : [ownJoin(own, 'n')];
  const joins = references
    // What the old key says of itself needs no second look.
    .filter(({ olds }) => own === undefined || !olds.every((one) => primaryKey.includes(one)))
    .map((one) => joinOf(one, 'n', { isOptional: isNullable(table, one.news) }));
  const rows = `select ${values.join(', ')} from ${name(table.name).text} as n`;
  return stated([rows, ...keys, ...joins].join(' '), change, old);
}

function isNullable(table: Table, columns: readonly string[]): boolean {
  return table.columns.some((one) => columns.includes(one.name) && !one.notNull);
}

/** Joins the map of the row's own key as `k`. */
function ownJoin({ old, change, map }: Rekeyed, side: 'o' | 'n'): string {
  const columns = side === 'o' ? (old.primaryKey?.columns ?? []) : change.columns;
  const prefix = side === 'o' ? 'old' : 'new';
  const on = columns.map(
    (one) => `${name('k', `${prefix}_${one}`).text} = ${name(side, one).text}`,
  );
  return `join ${name(map).text} as k on ${on.join(' and ')}`;
}

/** Joins the map behind a reference. */
function joinOf(
  { to, olds, news, alias }: Reference,
  side: 'o' | 'n',
  { isOptional }: { readonly isOptional: boolean },
): string {
  const [own, key, prefix] =
    side === 'o'
      ? [olds, to.old.primaryKey?.columns ?? [], 'old']
      : [news, to.change.columns, 'new'];
  const on = own.map(
    (column, place) =>
      `${name(alias, `${prefix}_${key[place]}`).text} = ${name(side, column).text}`,
  );
  const kind = isOptional ? 'left join' : 'join';
  return `${kind} ${name(to.map).text} as ${name(alias).text} on ${on.join(' and ')}`;
}

/** A query of ours, which stands where the change does. */
function stated(text: string, { at }: RekeyTable, of?: Table): StatedQuery {
  const read = readQuery(text);
  if ('problem' in read) {
    throw new Error(`query for ${of?.name ?? 'a key'}: ${read.problem.message}: ${text}`);
  }
  return { query: read.query, at };
}
