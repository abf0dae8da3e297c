// How the new release says that a table is kept (fillfactor, autovacuum, statistics, storage,
// replica identity), and what it says of what hangs on it. After contract a table has all of that
// as a fresh install has it.
//
// | table          | when                                                  |
// |----------------|-------------------------------------------------------|
// | rebuilt, added | as it is made; for indexes and keys when they are there |
// | shared         | at contract, and only where the two releases differ   |
//
// Only where they differ, so that whatever a customer has tuned on a shared table stays. What he
// has tuned on one that is rebuilt is carried by copy-settings.ts.

import { allSettings, type Setting, type Table } from '../release/catalog.js';
import type { Evolution } from '../release/evolution.js';
import type { Sql } from '../sql.js';
import type { Statement, TransactionStep } from './bundle.js';
import {
  matchedChecks,
  matchedExclusions,
  matchedIndexes,
  matchedKeys,
  physicalName,
} from './classify.js';
import type { Evolving } from './compile.js';
import { type Shared, sharedPlace } from './contract.js';
import { matchedForeignKeys } from './contract-shared.js';
import type { PairedTable } from './layout.js';
import { inRelease } from './places.js';
import { refuse } from './refuse.js';
import {
  isMadeWith,
  moveStatistics,
  placeAt,
  type Stated,
  settingStatement,
} from './setting-statements.js';
import { transactionStep } from './statement.js';

/** Of a table that has just been made. @param at with its schema. */
export function tableSettings(at: Sql, table: Table): Statement[] {
  return statementsFor(at, table, 'table');
}

/** Of a table whose indexes and keys are there; foreign keys may be missing. */
export function indexSettings(at: Sql, table: Table): Statement[] {
  return statementsFor(at, table, 'indexes');
}

function statementsFor(at: Sql, table: Table, time: ReturnType<typeof timeOf>): Statement[] {
  return table.settings
    .filter((one) => timeOf(table, one) === time)
    .sort((left, right) => rank(left) - rank(right))
    .map((one) => settingStatement(placeAt(at, time === 'contract'), one));
}

function timeOf({ foreignKeys }: Table, one: Setting) {
  if (isMadeWith(one)) return 'creation';
  // Sync writes as the owner, whom that would bind.
  if (one.key === 'row security forced') return 'contract';
  if (one.of === 'constraint' && foreignKeys.some((key) => key.name === one.name)) {
    return 'contract';
  }
  return isOfIndex(one) || one.of === 'constraint' || one.of === 'index' ? 'indexes' : 'table';
}

/** At the end of contract: what must wait until then, and what a shared table had otherwise. */
export function settingSteps(evolving: Evolving): TransactionStep[] {
  const { places, clusters, layout, shared } = evolving;
  const made = [
    ...clusters.flatMap(({ cluster }) => cluster.parts.map((part) => part.table)),
    ...layout.added,
  ];
  const all = [
    ...made.map((table) => ({
      table,
      statements: statementsFor(inRelease(places, table.name), table, 'contract'),
    })),
    ...shared.map((one) => ({
      table: one.pair.new,
      statements: changeStatements(one.pair, sharedPlace(one, places)),
    })),
  ];
  return all
    .filter(({ statements }) => statements.length > 0)
    .map(({ table, statements }) =>
      transactionStep(
        `contract/settings/${table.name}`,
        `${table.name} is kept and described as release ${places.to} says`,
        statements,
      ),
    );
}

function changeStatements(pair: PairedTable, table: Sql): Statement[] {
  const changes = settingChanges(pair);
  return [
    ...(changes.some((one) => one.of === 'statistics') ? [moveStatistics(table)] : []),
    ...changes.map((one) => settingStatement(placeAt(table, true), one)),
  ];
}

/** What to set, and what to set back, on a table that has the names of the new release. */
export function settingChanges(pair: PairedTable): Stated[] {
  const wanted = allSettings(pair.new);
  const known = renamed(pair, allSettings(pair.old));
  const none = (one: Setting): Stated => ({ ...one, value: null });
  // Made anew, statistics have lost what was set on them.
  const anew = known.filter(
    (one) => one.key === 'definition' && !wanted.some((other) => isEqual(one, other)),
  );
  const present = known.filter((one) => !anew.some((gone) => isOfSame(gone, one)));
  return [
    ...anew.map(none),
    ...present.filter((one) => !wanted.some((other) => isSame(one, other))).map(none),
    ...wanted
      .filter((one) => !present.some((other) => isEqual(one, other)))
      .sort((left, right) => rank(left) - rank(right)),
  ];
}

/** Statistics are there before anything is said of them. */
function rank({ key }: Setting): number {
  return key === 'definition' ? 0 : 1;
}

function isOfSame(left: Stated, right: Stated): boolean {
  return left.of === right.of && left.name === right.name;
}

function isSame(left: Stated, right: Stated): boolean {
  return isOfSame(left, right) && left.key === right.key;
}

function isEqual(left: Stated, right: Stated): boolean {
  return isSame(left, right) && left.value === right.value;
}

/** By the names that contract gives, without what it drops. */
function renamed(pair: PairedTable, settings: readonly Setting[]): Setting[] {
  const keys = [...matchedKeys(pair).pairs, ...matchedExclusions(pair).pairs];
  const names = {
    column: new Map(pair.new.columns.map(({ name }) => [physicalName(pair, name), name])),
    constraint: named([...keys, ...matchedForeignKeys(pair).pairs, ...matchedChecks(pair).pairs]),
    index: named([...keys, ...matchedIndexes(pair).pairs]),
  };
  return settings.flatMap((one) => {
    switch (one.of) {
      case 'table':
        return [isOfIndex(one) ? { ...one, value: names.index.get(one.value) ?? '' } : one];
      case 'statistics':
        return [one];
      default: {
        const now = names[one.of].get(one.name);
        return now === undefined ? [] : [{ ...one, name: now }];
      }
    }
  });
}

function isOfIndex({ key }: Stated): boolean {
  return key === 'clustered by' || key === 'replica identity index';
}

interface Named {
  readonly old: { readonly name: string };
  readonly new: { readonly name: string };
}

function named(pairs: readonly Named[]): ReadonlyMap<string, string> {
  return new Map(pairs.map((one) => [one.old.name, one.new.name]));
}

/** What would rewrite every row of a table that is in use. */
export function assertSettingsCarried(shared: readonly Shared[], evolution: Evolution): void {
  const found = shared.flatMap(({ pair }) =>
    settingChanges(pair)
      .filter(isMadeWith)
      .map(({ key, value }) =>
        key === 'unlogged'
          ? `table ${pair.new.name} ${value === null ? 'is not unlogged any more' : 'is unlogged'}`
          : `table ${pair.new.name} has ${value ?? 'heap'} for its access method`,
      ),
  );
  if (found.length === 0) return;
  throw refuse(evolution, {
    code: 'EVOLUTION_UNSUPPORTED',
    message:
      'the engine cannot carry what rewrites every row of a table that stays: in release ' +
      `${evolution.to} ${found.join(', ')}`,
    hint:
      'leave it as the older release has it; an operator may alter the table on each shard, ' +
      'which is no drift',
  });
}
