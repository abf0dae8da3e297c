// Key maps: which row of the old release stands behind which drawn key of the new one. Every row of
// the old table has an entry from the time that a shard is prepared, whoever makes the row; queries
// of custom changes read the map like a table that both releases have.

import { type Bind, keysRelation, newRelation } from '../compile/mapping.js';
import { refuse } from '../compile/refuse.js';
import { type Catalog, type Column, findTable, hasKey, type Table } from '../release/catalog.js';
import { type Evolution, isQuery, type KeyMap as Stated } from '../release/evolution.js';
import { bindTables } from '../release/query.js';
import { joined, name, type Sql, sql, trusted } from '../sql.js';
import { columnOf } from './cluster-mappings.js';

/** A column of a table, and what it is called in the map. */
export interface MapColumn {
  readonly name: string;
  readonly column: Column;
}

export interface KeyMap {
  readonly stated: Stated;
  readonly old: Table;
  readonly table: Table;
  /** The primary key of the old table. */
  readonly oldKey: readonly MapColumn[];
  /** The columns of the new one that are drawn. */
  readonly newKey: readonly MapColumn[];
  /** How new rows tell the old key; null where that is drawn too. */
  readonly told: Told | null;
}

export interface Told {
  /** Yields the columns of the map. */
  readonly query: (bind: Bind) => Sql;
  /** Columns of the new table on which it hangs. */
  readonly watches: readonly string[];
}

/** @throws EVOLUTION_INCOMPLETE, EVOLUTION_UNSUPPORTED with the position of the map. */
export function keyMapsOf(from: Catalog, to: Catalog, evolution: Evolution): KeyMap[] {
  const maps = new Set(evolution.keys.map((one) => one.name));
  return evolution.keys.map((stated) => {
    const [old, table] = [findTable(from, stated.from), findTable(to, stated.into)];
    if (old === undefined || table === undefined) throw new Error(`no tables for ${stated.name}`);
    const oldKey = (old.primaryKey?.columns ?? []).map((one) => ({
      name: `old_${one}`,
      column: columnOf(old, one),
    }));
    const newKey = stated.columns.map((one) => ({
      name: `new_${one}`,
      column: columnOf(table, one),
    }));
    const map = { stated, old, table, oldKey, newKey };
    assertUsable(map, evolution);
    return { ...map, told: toldBy(map, maps) };
  });
}

type Pair = Omit<KeyMap, 'told'>;

function toldBy({ stated, table, oldKey, newKey }: Pair, maps: ReadonlySet<string>): Told | null {
  const { key } = stated;
  if (key === null) return null;
  const drawn = newKey.map((one) => one.column.name);
  if (isQuery(key)) {
    const { query } = key;
    const mentions = table.columns.map((one) => one.name);
    const relation = (read: string) => (maps.has(read) ? keysRelation(read) : newRelation(read));
    return {
      query: (bind) => trusted(bindTables(query, (read) => bind(relation(read)).text)),
      watches: mentions.filter((one) => drawn.includes(one) || isMentioned(one, query.mentions)),
    };
  }
  const source = new Map(Object.entries(key).map(([column, old]) => [old, column]));
  const own = oldKey.map((one) => source.get(one.column.name) ?? '');
  const values = [
    ...oldKey.map((one, place) => sql`${name('r', own[place] ?? '')} as ${name(one.name)}`),
    ...newKey.map((one) => sql`${name('r', one.column.name)} as ${name(one.name)}`),
  ];
  const isGiven = joined(
    own.map((one) => sql`${name('r', one)} is not null`),
    ' and ',
  );
  return {
    query: (bind) => sql`select ${values} from ${bind(newRelation(table.name))} as r
    where ${isGiven}`,
    watches: [...drawn, ...own],
  };
}

function isMentioned(column: string, mentions: readonly string[] | null): boolean {
  return mentions === null || mentions.includes(column);
}

function assertUsable(map: Pair, evolution: Evolution): void {
  const { stated, old, table, oldKey, newKey } = map;
  const { key } = stated;
  const incomplete = (message: string, hint: string, place = '') =>
    refuse(evolution, {
      code: 'EVOLUTION_INCOMPLETE',
      message: `${stated.called ?? `key map ${stated.name}`}: ${message}`,
      hint,
      at: stated.places?.[place] ?? stated.at,
    });
  if (oldKey.length === 0 || old.primaryKey?.deferrable !== 'no') {
    throw incomplete(
      `${old.name} has no primary key that holds at once, so its rows cannot be told apart`,
      `give ${old.name} a primary key that is not deferrable in a release before this one`,
      'from',
    );
  }
  const drawn = newKey.map(({ column }) => column.name);
  if (!hasKey(table, drawn)) {
    throw incomplete(
      `${table.name} (${drawn.join(', ')}) is not unique`,
      `make it a primary or a unique key of ${table.name} that is not deferrable`,
      'column',
    );
  }
  const given = newKey.find(({ column }) => !isDrawn(column));
  if (given !== undefined) {
    throw incomplete(
      `nothing draws ${table.name}.${given.column.name} for rows that come from the old release`,
      `give it a default that is another one for each row, or make it an identity`,
      'column',
    );
  }
  if (key === null) {
    const stuck = oldKey.find(({ column }) => !isDrawn(column));
    if (stuck === undefined) return;
    throw incomplete(
      `nothing draws ${old.name}.${stuck.column.name} for rows that come from the new release`,
      `say which columns of ${table.name} hold it: key: { <column>: ${stuck.column.name} }`,
    );
  }
  const list = [...oldKey, ...newKey].map((one) => one.name);
  if (isQuery(key)) {
    const { columns } = key.query;
    if (columns.length === list.length && list.every((one) => columns.includes(one))) return;
    throw incomplete(
      `the query of "key" yields ${columns.join(', ')} instead of ${list.join(', ')}`,
      `select … as ${list.join(', … as ')} from ${table.name} …`,
      'key',
    );
  }
  const holds = ({ column }: MapColumn) =>
    Object.entries(key).some(
      ([own, other]) => other === column.name && columnOf(table, own).type === column.type,
    );
  if (oldKey.every(holds)) return;
  const whole = oldKey.map(({ column }) => column.name).join(', ');
  throw incomplete(
    `its "key" must hold the whole primary key of ${old.name} (${whole}) with the same types`,
    `name one column of ${table.name} for each: key: { <column>: ${oldKey[0]?.column.name} }`,
    'key',
  );
}

function isDrawn(column: Column): boolean {
  return column.generated === null && (column.default !== null || column.identity !== null);
}
