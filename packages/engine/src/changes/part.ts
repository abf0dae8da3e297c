// One new table of a split (or the one new table of a rebuilt table): which of its columns follow
// from the old row, which only the new release knows, and when it has a row at all.

import type { ForwardColumn, PairedTable } from '../compile/layout.js';
import { isRepeatable } from '../compile/lens-carried.js';
import { refuse, stateColumn, statedAt } from '../compile/refuse.js';
import { type Column, findColumn, hasKey, type Table } from '../release/catalog.js';
import type { Evolution, SplitPart } from '../release/evolution.js';
import { isApart, plainType } from '../release/types-apart.js';
import type { Sql } from '../sql.js';
import { conjunctsNotNull } from './expression-shape.js';

export interface KeyPair {
  readonly old: string;
  readonly new: Column;
}

export interface Part {
  readonly table: Table;
  readonly pair: PairedTable;
  /** The first part: it has one row for every row of the old table. */
  readonly isBase: boolean;
  /** In the order of the old primary key. */
  readonly key: readonly KeyPair[];
  readonly mapped: readonly ForwardColumn[];
  /** Columns that only the new release knows. */
  readonly carried: readonly Column[];
  /** Surrogate key columns that the new release generates. */
  readonly generated: readonly Column[];
  readonly when: string | null;
  /**
   * What a column holds while an old table beside the base has no row, by the column of the joined
   * old table that tells so.
   */
  readonly absent: ReadonlyMap<string, Absent>;
  /** Whether more than one old table stands behind it. */
  readonly isJoined: boolean;
}

export interface Absent {
  /** Column of the joined old table. */
  readonly presence: string;
  readonly value: Sql;
}

export function partOf(
  pair: PairedTable,
  declared: SplitPart | null,
  base: Part | null,
  evolution: Evolution,
): Part {
  const key = keyPairs(pair, declared, base, evolution);
  const isKey = (column: Column) => key.some((one) => one.new.name === column.name);
  const generates = new Set(declared?.generate ?? []);
  const rest = pair.forward.filter(({ column }) => !isKey(column) && !generates.has(column.name));
  const part: Part = {
    table: pair.new,
    pair,
    isBase: base === null,
    key,
    mapped: rest.filter(({ up, column }) => up !== null && column.generated === null),
    carried: rest
      .filter(({ up, column }) => up === null && column.generated === null)
      .map((one) => one.column),
    generated: pair.new.columns.filter((column) => generates.has(column.name)),
    when: declared?.when?.sql ?? null,
    absent: new Map(),
    isJoined: false,
  };
  assertSupplied(part, declared, evolution);
  assertLasting(part, declared, evolution);
  return part;
}

/**
 * Whether a row can be missing in the part although `when` lets it be there. Then its absence is
 * kept in a spill table; a `when` that says "one of my own columns is not null" needs none, since
 * that column is null while the row is missing.
 */
export function needsAbsence(part: Part, ownNullable: ReadonlySet<string>): boolean {
  if (part.isBase) return false;
  if (part.when === null) return true;
  return !conjunctsNotNull(part.when).some((column) => ownNullable.has(column));
}

/** The columns that stand for the old primary key, in its order. */
export function keyPairs(
  pair: PairedTable,
  declared: SplitPart | null,
  base: Part | null,
  evolution: Evolution,
): KeyPair[] {
  const primaryKey = pair.old.primaryKey?.columns;
  if (primaryKey === undefined) {
    throw refuse(evolution, {
      code: 'EVOLUTION_UNSUPPORTED',
      message: `table ${pair.old.name} has no primary key, so its rows cannot be told apart`,
      hint: `give ${pair.old.name} a primary key in a release before this one`,
      at: declared?.at ?? statedAt(evolution, pair.old.name),
    });
  }
  if (pair.old.primaryKey?.deferrable !== 'no') {
    throw refuse(evolution, {
      code: 'EVOLUTION_UNSUPPORTED',
      message: `the primary key of ${pair.old.name} is deferrable, so rows cannot be found by it`,
      hint: `leave the table as it is, or make the key not deferrable in a release before this one`,
      at: declared?.at ?? statedAt(evolution, pair.old.name),
    });
  }
  const sources = keySources(pair, declared, base);
  return primaryKey.map((old) => {
    const found = pair.new.columns.find((column) => sources.get(column.name) === old);
    const oldColumn = findColumn(pair.old, old);
    if (oldColumn !== undefined && isApart(oldColumn.type)) {
      throw refuse(evolution, {
        code: 'EVOLUTION_UNSUPPORTED',
        message:
          `the primary key of ${pair.old.name} has column ${old} of type ` +
          `${plainType(oldColumn.type)}, which release ${evolution.to} changes: ` +
          'rows of both releases are found by it',
        hint:
          'let another type with another name stand beside it, and keep the type of the key, ' +
          'or give the table a key of another type in a release before this one',
        at: declared?.at ?? statedAt(evolution, pair.old.name),
      });
    }
    if (
      found === undefined ||
      found.type !== oldColumn?.type ||
      !hasKey(pair.new, [...sources.keys()])
    ) {
      throw refuse(evolution, {
        code: 'EVOLUTION_INCOMPLETE',
        message:
          `table ${pair.new.name} has no unique key that stands for ` +
          `${pair.old.name}(${primaryKey.join(', ')}) with the same types`,
        hint:
          `state it: key: { <column of ${pair.new.name}>: ${primaryKey[0]} }, ` +
          'and make it a primary or unique key that is not deferrable',
        at: declared?.at ?? statedAt(evolution, pair.old.name),
      });
    }
    return { old, new: found };
  });
}

/** New column → old key column: as stated, else by the foreign key to the base, else by name. */
function keySources(
  pair: PairedTable,
  declared: SplitPart | null,
  base: Part | null,
): Map<string, string> {
  if (declared?.key) return new Map(Object.entries(declared.key));
  const toBase = pair.new.foreignKeys.find((key) => key.referencedTable === base?.table.name);
  if (base !== null && toBase !== undefined) {
    return new Map(
      toBase.columns.flatMap((column, index) => {
        const found = base.key.find((one) => one.new.name === toBase.referencedColumns[index]);
        return found === undefined ? [] : [[column, found.old] as const];
      }),
    );
  }
  const primaryKey = new Set(pair.old.primaryKey?.columns ?? []);
  return new Map(
    pair.forward.flatMap(({ column, source }) =>
      source !== null && primaryKey.has(source) ? [[column.name, source] as const] : [],
    ),
  );
}

/** A key that is another one at each reading tells nobody which row is meant. */
function assertLasting(part: Part, declared: SplitPart | null, evolution: Evolution): void {
  const { primaryKey } = part.table;
  const drawn = part.carried.find(
    (column) => primaryKey?.columns.includes(column.name) && !isRepeatable(column),
  );
  if (drawn === undefined) return;
  const at = `${part.table.name}.${drawn.name}`;
  throw refuse(evolution, {
    code: 'EVOLUTION_INCOMPLETE',
    message: `nothing keeps the key ${at} of rows that come from the old release`,
    hint:
      'let it be a copy of the old key (generate, in a split_table), or state the change as ' +
      'custom with a key map for it (keys)',
    at: declared?.at ?? statedAt(evolution, part.pair.old.name),
  });
}

function assertSupplied(part: Part, declared: SplitPart | null, evolution: Evolution): void {
  const missing = part.carried.find(
    (column) =>
      column.notNull &&
      column.default === null &&
      column.identity === null &&
      !part.pair.bases.defaults.has(column.type),
  );
  if (missing === undefined) return;
  throw refuse(evolution, {
    code: 'EVOLUTION_INCOMPLETE',
    message:
      `column ${part.table.name}.${missing.name} is not null, has no default, ` +
      'and nothing says what the rows of the old release hold there',
    hint: stateColumn(part.table.name, missing.name),
    at: declared?.at ?? statedAt(evolution, part.pair.old.name),
  });
}
