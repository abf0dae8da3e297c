// Key maps: which row of the old release stands behind which drawn key of the new one. Every row of
// the old table has an entry from the time that a shard is prepared, whoever makes the row; queries
// of custom changes read the map like a table that both releases have.

import { refuse } from '../compile/refuse.js';
import { type Catalog, type Column, findTable, type Table } from '../release/catalog.js';
import type { Evolution, KeyMap as Stated } from '../release/evolution.js';
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
  /** Columns in which a new row tells the old key, in its order; null where that is drawn too. */
  readonly told: readonly Column[] | null;
}

/** @throws EVOLUTION_INCOMPLETE, EVOLUTION_UNSUPPORTED with the position of the map. */
export function keyMapsOf(from: Catalog, to: Catalog, evolution: Evolution): KeyMap[] {
  return evolution.keys.map((stated) => {
    const [old, table] = [findTable(from, stated.from), findTable(to, stated.into)];
    if (old === undefined || table === undefined) throw new Error(`no tables for ${stated.name}`);
    const map: KeyMap = {
      stated,
      old,
      table,
      oldKey: (old.primaryKey?.columns ?? []).map((one) => ({
        name: `old_${one}`,
        column: columnOf(old, one),
      })),
      newKey: stated.columns.map((one) => ({ name: `new_${one}`, column: columnOf(table, one) })),
      told: toldColumns(stated, old, table),
    };
    assertUsable(map, evolution);
    return map;
  });
}

function toldColumns({ key }: Stated, old: Table, table: Table): Column[] | null {
  if (key === null) return null;
  const pairs = Object.entries(key);
  return (old.primaryKey?.columns ?? []).flatMap((one) =>
    pairs.filter(([, other]) => other === one).map(([column]) => columnOf(table, column)),
  );
}

function assertUsable(map: KeyMap, evolution: Evolution): void {
  const { stated, old, table, oldKey, newKey, told } = map;
  const incomplete = (message: string, hint: string, place = '') =>
    refuse(evolution, {
      code: 'EVOLUTION_INCOMPLETE',
      message: `key map ${stated.name}: ${message}`,
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
  if (!isUnique(table, drawn)) {
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
  if (told === null) {
    const stuck = oldKey.find(({ column }) => !isDrawn(column));
    if (stuck === undefined) return;
    throw incomplete(
      `nothing draws ${old.name}.${stuck.column.name} for rows that come from the new release`,
      `say which columns of ${table.name} hold it: key: { <column>: ${stuck.column.name} }`,
    );
  }
  const other = told.find((column, place) => column.type !== oldKey[place]?.column.type);
  if (told.length === oldKey.length && other === undefined) return;
  const list = oldKey.map(({ column }) => column.name).join(', ');
  throw incomplete(
    `its "key" must hold the whole primary key of ${old.name} (${list}) with the same types`,
    `name one column of ${table.name} for each: key: { <column>: ${oldKey[0]?.column.name} }`,
    'key',
  );
}

function isDrawn(column: Column): boolean {
  return column.generated === null && (column.default !== null || column.identity !== null);
}

function isUnique(table: Table, columns: readonly string[]): boolean {
  return [table.primaryKey, ...table.uniques].some(
    (key) =>
      key !== null &&
      key.deferrable === 'no' &&
      key.columns.length === columns.length &&
      key.columns.every((one) => columns.includes(one)),
  );
}
