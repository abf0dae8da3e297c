// What becomes at contract of tables that both releases shared: the new release's names, its rules
// and, for those that changed, its schema.
//
// Invariant: every name is given up before any is taken, so that tables, columns, indexes and
// sequences may change names among each other.

import { HOME_SCHEMA } from '@halflap/protocol';
import { generatedName } from '../names.js';
import type { Column, ForeignKey } from '../release/catalog.js';
import { name, type Sql, sql, trusted } from '../sql.js';
import { actingUntilContract } from './acting.js';
import type { LockMode, Statement, TransactionStep } from './bundle.js';
import {
  addedChecks,
  droppedColumns,
  type Matched,
  matched,
  matchedChecks,
  matchedExclusions,
  matchedIndexes,
  matchedKeys,
  physicalIndexName,
  physicalName,
  renamedColumns,
  tightenedColumns,
} from './classify.js';
import type { Evolving } from './compile.js';
import { oldFence, type Shared, sharedPlace } from './contract.js';
import type { PairedTable } from './layout.js';
import { floorSchema, floorTable, inRelease, type Places, relationOf, work } from './places.js';
import { giveUpSequences, redraw } from './sequence-contract.js';
import { drawsFromSequence } from './sequences.js';
import { exclusive, type Lock, moving, statement, transactionStep } from './statement.js';
import { validateConstraint } from './tables.js';
import { tombstone } from './tombstone.js';

/**
 * Tables that both releases shared get the new release's names and rules; those that changed leave
 * for its schema. Names are given up before any is taken and before a table moves: tables, columns
 * and what hangs on them may change places, also with what only the new release has.
 */
export function fenceShared(evolving: Evolving): Statement[] {
  const { shared: all, places } = evolving;
  const overlays = all.filter((one) => one.kind === 'overlay').map((one) => one.pair);
  const renames = all.flatMap((one) => renamesOf(one, evolving));
  const interim = (index: number) => name(`halflap_name_${index}`);
  return [
    ...overlays.flatMap((pair) => dropOverlayView(pair, places)),
    ...renames.map((one, index) => pass(one, one.before, [name(one.from), interim(index)])),
    ...giveUpSequences(evolving),
    ...all.flatMap((one) => [...dropActing(one, evolving), ...dropGone(one)]),
    ...overlays.flatMap((pair, index) => leaveHome(pair, interimTable(places, index), evolving)),
    ...overlays.flatMap((pair, index) => takeForm(pair, interimTable(places, index), places)),
    ...renames.map((one, index) => pass(one, one.after, [interim(index), name(one.to)])),
    ...all.flatMap((one) =>
      one.kind === 'same'
        ? []
        : [
            ...redraw(one, evolving),
            ...newRules(one.pair, sharedPlace(one, places), exclusive(one.pair.old.name)),
          ],
    ),
  ];
}

function dropOverlayView(pair: PairedTable, places: Places): Statement[] {
  const view = `${places.releaseSchema}.${pair.new.name}`;
  return [
    statement(sql`drop view ${inRelease(places, pair.new.name)}`, exclusive(view)),
    ...(hasInner(pair)
      ? [statement(sql`drop view ${work(places, 'halflap_inner', pair.new.name)}`)]
      : []),
  ];
}

function interimTable(places: Places, index: number): Sql {
  return name(places.releaseSchema, `halflap_${index}`);
}

function leaveHome(pair: PairedTable, interim: Sql, evolving: Evolving): Statement[] {
  const lock = exclusive(pair.old.name);
  const [schema, table] = interim.text.split('.');
  return [
    statement(
      sql`alter table ${floorTable(pair.old.name)} rename to ${trusted(table ?? '')}`,
      lock,
    ),
    statement(
      sql`alter table ${floorSchema(pair.old.name)}.${trusted(table ?? '')}
set schema ${trusted(schema ?? '')}`,
      moving(pair.old.name),
    ),
    ...tombstone(pair.old, name(HOME_SCHEMA, pair.old.name), oldFence(evolving), evolving.places),
  ];
}

function takeForm(pair: PairedTable, interim: Sql, places: Places): Statement[] {
  const lock = exclusive(pair.old.name);
  const at = inRelease(places, pair.new.name);
  const renames = renamedColumns(pair);
  const column = (index: number) => name(`halflap_${index}`);
  return [
    statement(sql`alter table ${interim} rename to ${name(pair.new.name)}`, lock),
    ...droppedColumns(pair).map((one) =>
      statement(sql`alter table ${at} drop column ${name(one.name)}`, lock),
    ),
    ...renames.map((one, index) =>
      statement(
        sql`alter table ${at} rename column ${name(one.source ?? '')} to ${column(index)}`,
        lock,
      ),
    ),
    ...renames.map((one, index) =>
      statement(
        sql`alter table ${at} rename column ${column(index)} to ${name(one.column.name)}`,
        lock,
      ),
    ),
  ];
}

function hasInner(pair: PairedTable): boolean {
  return pair.backward.some((one) => one.source === null && one.down !== null);
}

/** What of the old release has acted on both until now. */
function dropActing(shared: Shared, evolving: Evolving): Statement[] {
  const { old } = shared.pair;
  return actingUntilContract(shared, evolving).map(({ kind, name: called }) =>
    statement(
      sql`drop ${trusted(kind)} if exists ${name(called)} on ${floorTable(old.name)}`,
      exclusive(old.name),
    ),
  );
}

/** What only the old release has on the table, and whose name another may take. */
function dropGone({ pair, kind }: Shared): Statement[] {
  if (kind === 'same') return [];
  const lock = exclusive(pair.old.name);
  const table = floorTable(pair.old.name);
  return [
    ...[
      ...matchedKeys(pair).gone,
      ...matchedChecks(pair).gone,
      ...matchedExclusions(pair).gone,
    ].map((rule) => statement(sql`alter table ${table} drop constraint ${name(rule.name)}`, lock)),
    ...matchedIndexes(pair).gone.map((index) =>
      statement(sql`drop index if exists ${floorSchema(pair.old.name)}.${name(index.name)}`, lock),
    ),
  ];
}

/** Defaults, nullability, checks and index names of the new release on the shared table. */
function newRules(pair: PairedTable, at: Sql, lock: Lock): Statement[] {
  const alter = (what: Sql) => statement(sql`alter table ${at} ${what}`, lock);
  return [
    ...pair.forward.flatMap(({ column, source }) => {
      const old = pair.old.columns.find((one) => one.name === source);
      if (old === undefined) return [];
      const named = name(column.name);
      return [
        ...(column.default === old.default || sequenceColumns(pair).includes(column)
          ? []
          : [
              alter(
                column.default === null
                  ? sql`alter column ${named} drop default`
                  : sql`alter column ${named} set default ${trusted(column.default)}`,
              ),
            ]),
        ...(old.notNull && !column.notNull
          ? [alter(sql`alter column ${named} drop not null`)]
          : []),
      ];
    }),
    ...tightenedColumns(pair).map((column) => {
      const rule = sql`check (${name(column.name)} is not null) not valid`;
      return alter(sql`add constraint ${interimCheck(column.name)} ${rule}`);
    }),
    ...addedChecks(pair).map((check) =>
      alter(sql`add constraint ${name(check.name)} check (${trusted(check.expression)}) not valid`),
    ),
  ];
}

/** Columns that draw from a sequence in both releases, which stays theirs. */
function sequenceColumns(pair: PairedTable): Column[] {
  return pair.forward.flatMap(({ column, source }) => {
    const old = pair.old.columns.find((one) => one.name === source);
    return old !== undefined && drawsFromSequence(old) && drawsFromSequence(column) ? [column] : [];
  });
}

/** An object of a table that is the same in both releases under different names. */
type Renaming = Pick<Rename, 'mode' | 'alter'>;

interface Rename {
  readonly table: string;
  readonly mode: LockMode;
  readonly alter: (place: TablePlace, from: Sql, to: Sql) => Sql;
  readonly from: string;
  readonly to: string;
  /** Where the table is when the name is given up, and when the other is taken. */
  readonly before: TablePlace;
  readonly after: TablePlace;
}

interface TablePlace {
  readonly table: Sql;
  readonly schema: Sql;
}

function pass(one: Rename, place: TablePlace, [from, to]: readonly [Sql, Sql]): Statement {
  const { table, mode } = one;
  return statement(one.alter(place, from, to), { mode, relation: table });
}

function renamesOf(shared: Shared, { places, from: catalog }: Evolving): Rename[] {
  const { pair, kind } = shared;
  if (kind === 'same') return [];
  const at = sharedPlace(shared, places);
  const before = { table: floorTable(pair.old.name), schema: floorSchema(pair.old.name) };
  const after = { table: at, schema: schemaOf(pair, at) };
  const constraint: Renaming = {
    mode: 'ACCESS EXCLUSIVE',
    alter: (place, from, target) =>
      sql`alter table ${place.table} rename constraint ${from} to ${target}`,
  };
  const index: Renaming = {
    mode: 'SHARE UPDATE EXCLUSIVE',
    alter: (place, from, target) => sql`alter index ${place.schema}.${from} rename to ${target}`,
  };
  const named = (renaming: Renaming) => (one: { old: string; new: string }) => ({
    ...renaming,
    table: pair.old.name,
    from: one.old,
    to: one.new,
    before,
    after,
  });
  const indexes = matchedIndexes(pair);
  const built = indexes.added.map((one) => ({
    old: physicalIndexName(catalog, one),
    new: one.name,
  }));
  return [
    ...[
      ...matchedKeys(pair).pairs,
      ...matchedForeignKeys(pair).pairs,
      ...matchedChecks(pair).pairs,
      ...matchedExclusions(pair).pairs,
    ]
      .map(namesOf)
      .map(named(constraint)),
    ...[...indexes.pairs.map(namesOf), ...built].map(named(index)),
  ].filter(({ from, to }) => from !== to);
}

function namesOf(one: { readonly old: { name: string }; readonly new: { name: string } }) {
  return { old: one.old.name, new: one.new.name };
}

/** The schema of the table, as it stands in its qualified name. */
function schemaOf(pair: PairedTable, at: Sql): Sql {
  const isFloor = at.text === floorTable(pair.old.name).text;
  return isFloor ? floorSchema(pair.old.name) : trusted(at.text.slice(0, at.text.indexOf('.')));
}

/**
 * Validation without stopping writers, each in a transaction of its own, then the real NOT NULL.
 */
export function validateShared(shared: Shared, places: Places): TransactionStep[] {
  const { pair } = shared;
  const at = sharedPlace(shared, places);
  const relation = relationOf(at);
  const lock: Lock = { mode: 'SHARE UPDATE EXCLUSIVE', relation };
  const validate = (constraint: string, shown: string) =>
    transactionStep(
      `contract/validate/${pair.new.name}/${shown}`,
      `validate ${shown} of ${pair.new.name}`,
      [validateConstraint(at, constraint, lock)],
    );
  return [
    ...addedChecks(pair).map((check) => validate(check.name, check.name)),
    ...tightenedColumns(pair).flatMap((column) => [
      validate(interimName(column.name), `${column.name} not null`),
      transactionStep(
        `contract/not-null/${pair.new.name}/${column.name}`,
        `make ${pair.new.name}.${column.name} not null`,
        [
          statement(
            sql`alter table ${at} alter column ${name(column.name)} set not null`,
            exclusive(relation),
          ),
          statement(
            sql`alter table ${at} drop constraint ${interimCheck(column.name)}`,
            exclusive(relation),
          ),
        ],
      ),
    ]),
  ];
}

function interimName(column: string): string {
  return generatedName('halflap', column, 'not_null');
}

function interimCheck(column: string): Sql {
  return name(interimName(column));
}

/** Keys that do the same, to whatever table: where that is another, contract points them anew. */
export function matchedForeignKeys(pair: PairedTable): Matched<ForeignKey> {
  return matched(pair.old.foreignKeys, pair.new.foreignKeys, (old, key) =>
    sameForeignKey(pair, old, key),
  );
}

export function sameForeignKey(pair: PairedTable, old: ForeignKey, other: ForeignKey): boolean {
  return (
    old.columns.length === other.columns.length &&
    other.columns.every((column, index) => physicalName(pair, column) === old.columns[index]) &&
    old.onDelete === other.onDelete &&
    old.onUpdate === other.onUpdate &&
    old.deferrable === other.deferrable &&
    old.match === other.match
  );
}
