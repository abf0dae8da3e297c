// Foreign keys through an evolution: which table each points to in each phase.
//
// | the key of the new release is …            | until dual       | dual     | contract |
// |--------------------------------------------|------------------|----------|----------|
// | among parts of one cluster                 | old row is both  | physical | physical |
// | part → shared table, as the old table has  | old table's      | physical | physical |
// | shared table → rebuilt table               | old table's      | the same | moved    |
// | added → shared table, gentle               | physical         | physical | physical |
// | added → rebuilt table, gentle              | to the old table | physical | physical |
// | the same, where the key could stop the old | not enforced     | physical | physical |
// | anything else that could stop the old      | not enforced     | the same | added    |
//
// "Could stop" is an action that refuses, and a check that is put off to the commit. A statement of
// the release in the field must never fail for a key that it does not know, nor take rows with it
// that it would have left (DESIGN section 5, rule 5). What is gentle is said in gentle-keys.ts; a
// gentle key that had to be changed for that gets its own form at contract.

import type { SplitPartPlan } from '../changes/split-table.js';
import { generatedName } from '../names.js';
import { type ForeignKey, findColumn, type Table } from '../release/catalog.js';
import { name, type Sql, sql } from '../sql.js';
import type { Statement, Step, VerifyStep } from './bundle.js';
import { physicalName } from './classify.js';
import type { Evolving } from './compile.js';
import { type Shared, sharedPlace } from './contract.js';
import { matchedForeignKeys, sameForeignKey } from './contract-shared.js';
import { isDrawnReference, isWithinSlice } from './drawn-references.js';
import { gentleForm } from './gentle-keys.js';
import type { PairedTable } from './layout.js';
import { isNewTable } from './lookups.js';
import { oldNames } from './mapping.js';
import { floorTable, inRelease, relationOf, work } from './places.js';
import { type Repointed, repoint, type Unlinked, unlink, validateRepointed } from './repoint.js';
import { exclusive, statement, transactionStep } from './statement.js';
import { addForeignKey, validateConstraint } from './tables.js';
import { verifyKeys } from './verify-keys.js';

export interface ForeignKeyPlan {
  readonly prepare: readonly Statement[];
  readonly expand: readonly Step[];
  readonly beforeSwitch: readonly Statement[];
  readonly afterSwitch: readonly Statement[];
  readonly dual: readonly Step[];
  /** After the fence: keys of the new release. */
  readonly contract: readonly Step[];
  /** Then: keys of the old one go. */
  readonly unlink: readonly Step[];
  /** Looks for rows that keys which nothing enforces before contract would refuse then. */
  readonly verify: readonly VerifyStep[];
}

type Input = Omit<Evolving, 'foreignKeys'>;

export function foreignKeyPlan(input: Input): ForeignKeyPlan {
  const added = addedKeys(input);
  const parts = partKeys(input);
  const shared = sharedKeys(input);
  const late = [...added.late, ...parts.late, ...shared.late];
  return {
    prepare: added.prepare,
    expand: parts.expand,
    beforeSwitch: added.beforeSwitch,
    afterSwitch: added.afterSwitch,
    dual: added.dual,
    contract: late.flatMap((one) => [repoint(one), validateRepointed(one)]),
    unlink: [...added.gone, ...shared.gone].map(unlink),
    verify: verifyKeys(
      late.filter((one) => !one.isHeld),
      (table) => seenPlace(input, table),
    ),
  };
}

/** Where a table of the new release is: a part of a cluster, a shared table, or an added one. */
function place(input: Input, table: string) {
  const cluster = input.clusters.find((one) =>
    one.cluster.parts.some((part) => part.table.name === table),
  );
  if (cluster !== undefined) return { kind: 'rebuilt', cluster } as const;
  const shared = input.shared.find((one) => one.pair.new.name === table);
  if (shared !== undefined) return { kind: 'shared', shared } as const;
  return { kind: 'added' } as const;
}

/** The table after contract. */
function finalPlace(input: Input, table: string): Sql {
  const found = place(input, table);
  return found.kind === 'shared'
    ? sharedPlace(found.shared, input.places)
    : inRelease(input.places, table);
}

/** What a session of the new release sees in dual. */
function seenPlace(input: Input, table: string): Sql {
  const found = place(input, table);
  const isTable = found.kind === 'shared' && found.shared.kind !== 'overlay';
  return isTable ? floorTable(found.shared.pair.old.name) : inRelease(input.places, table);
}

function addedKeys(input: Input) {
  const { places, layout } = input;
  const gone: Unlinked[] = [];
  const prepare: Statement[] = [];
  const beforeSwitch: Statement[] = [];
  const afterSwitch: Statement[] = [];
  const dual: Step[] = [];
  const late: Repointed[] = [];
  for (const table of layout.added) {
    const at = inRelease(places, table.name);
    for (const key of table.foreignKeys) {
      const target = place(input, key.referencedTable);
      const gentle = gentleForm(key, table, input.to);
      if (gentle !== null && gentle !== key && target.kind !== 'added') {
        const interim = generatedName('halflap', key.name);
        const target = finalPlace(input, key.referencedTable);
        const successor = { table, at, key, target, isHeld: true, interim };
        late.push(successor);
        gone.push({ table, at, key: key.name, referenced: key.referencedTable, successor });
      }
      if (target.kind === 'added') {
        prepare.push(addForeignKey(at, key, inRelease(places, key.referencedTable), null));
      } else if (target.kind === 'shared') {
        if (gentle === null)
          late.push({
            table,
            at,
            key,
            target: finalPlace(input, key.referencedTable),
            isHeld: false,
            interim: null,
          });
        else
          prepare.push(
            addForeignKey(
              at,
              onFloor(target.shared, gentle),
              floorTable(target.shared.pair.old.name),
              lockOn(target.shared.pair.old),
            ),
          );
      } else {
        const interim = gentle === null ? null : throughOld(input, gentle);
        if (interim !== null) {
          prepare.push(
            addForeignKey(
              at,
              interim,
              floorTable(target.cluster.cluster.id),
              lockOn(target.cluster.cluster.old),
            ),
          );
          const referred = exclusive(target.cluster.cluster.id);
          beforeSwitch.push(
            statement(sql`alter table ${at} drop constraint ${constraint(key)}`, referred),
          );
        }
        const now = gentle ?? key;
        afterSwitch.push(addForeignKey(at, now, inRelease(places, key.referencedTable), null));
        dual.push(validateStep('dual', table, key, at));
      }
    }
  }
  return { prepare, beforeSwitch, afterSwitch, dual, gone, late };
}

/** The key as one on the old table, where old rows stand for the rows it refers to. */
function throughOld(input: Input, key: ForeignKey): ForeignKey | null {
  const found = place(input, key.referencedTable);
  if (found.kind !== 'rebuilt') return null;
  const base = found.cluster.cluster.parts[0];
  if (base?.table.name !== key.referencedTable) return null;
  const columns = key.referencedColumns.map(
    (column) => base.key.find((one) => one.new.name === column)?.old,
  );
  return columns.every((column) => column !== undefined)
    ? { ...key, referencedColumns: columns as string[] }
    : null;
}

function partKeys(input: Input) {
  const { places } = input;
  const expand: Step[] = [];
  const late: Repointed[] = [];
  for (const { cluster } of input.clusters) {
    const statements: Statement[] = [];
    const validated: Statement[] = [];
    for (const part of cluster.parts) {
      const at = work(places, part.table.name);
      for (const key of part.table.foreignKeys) {
        const target = place(input, key.referencedTable);
        const physical = physicalTarget(input, part, key, target);
        if (physical === null) {
          const { table } = part;
          late.push({
            table,
            at: inRelease(places, table.name),
            key,
            target: finalPlace(input, key.referencedTable),
            interim: null,
            isHeld: false,
          });
        } else {
          const locked = target.kind === 'shared' ? physical : at;
          const lock = { mode: 'SHARE ROW EXCLUSIVE', relation: relationOf(locked) } as const;
          statements.push(addForeignKey(at, key, physical, lock));
          validated.push(validateConstraint(at, key.name, null));
        }
      }
    }
    if (statements.length > 0) {
      const { id } = cluster;
      expand.push(
        transactionStep(
          `expand/foreign-keys/${id}`,
          `add foreign keys of the new tables of ${id}`,
          // With writers of the old table shut out, nobody is left who writes the new ones.
          [...cluster.olds.map(({ table }) => lockWriters(table)), ...statements],
        ),
        transactionStep(
          `expand/validate/${id}`,
          `validate foreign keys of the new tables of ${id}`,
          validated,
        ),
      );
    }
  }
  return { expand, late };
}

function physicalTarget(
  input: Input,
  part: SplitPartPlan,
  key: ForeignKey,
  target: ReturnType<typeof place>,
): Sql | null {
  if (target.kind === 'added') {
    const isOwn = key.columns.every((column) => part.carried.some((one) => one.name === column));
    // A row for every value is there before its key is looked up.
    const isFound = input.layout.lookups.some(
      (one) =>
        isNewTable(one) &&
        one.new === part.table &&
        one.table.name === key.referencedTable &&
        key.columns.join() === one.change.reference,
    );
    return isOwn || isFound ? inRelease(input.places, key.referencedTable) : null;
  }
  if (target.kind === 'rebuilt') {
    const { cluster } = target.cluster;
    const isOneRow =
      (cluster.old === part.pair.old &&
        key.columns.every((column) => part.key.some((one) => one.new.name === column))) ||
      isWithinSlice(cluster, part, key);
    const isToBase = cluster.parts[0]?.table.name === key.referencedTable;
    const isKnown = oldNames([target.cluster]).some((old) => isKnownKey(part, key, old));
    return isOneRow || (isToBase && isKnown) || isDrawn(input, part, key)
      ? work(input.places, key.referencedTable)
      : null;
  }
  const { old } = target.shared.pair;
  return isKnownKey(part, key, old.name) ? floorTable(old.name) : null;
}

function isDrawn({ clusters, layout }: Input, part: SplitPartPlan, key: ForeignKey): boolean {
  const of = { part, key, maps: layout.keys };
  return clusters.some(({ cluster }) => isDrawnReference(cluster, of));
}

/** Whether the old table has the key too, and lets its statements do no more than this one does. */
function isKnownKey({ pair }: SplitPartPlan, key: ForeignKey, oldTarget: string): boolean {
  const sources = key.columns.map((column) => sourceOf(pair, column));
  const places = ['no', 'immediate', 'deferred'] as const;
  return pair.old.foreignKeys.some(
    (one) =>
      one.referencedTable === oldTarget &&
      one.columns.length === sources.length &&
      one.columns.every((column, index) => column === sources[index]) &&
      one.onDelete === key.onDelete &&
      one.onUpdate === key.onUpdate &&
      places.indexOf(one.deferrable) <= places.indexOf(key.deferrable),
  );
}

/** The old column, also where no more than its type has changed: equal values stay equal. */
function sourceOf({ old, forward }: PairedTable, column: string): string | null {
  const found = forward.find((one) => one.column.name === column);
  if (found === undefined || found.source !== null) return found?.source ?? null;
  const isAsSaid = found.stated === undefined && found.lookup === undefined;
  const isCast = found.up !== null && isAsSaid && found.said === undefined;
  return isCast && findColumn(old, column) !== undefined ? column : null;
}

/** The key as one on the table that both releases share, under the names of the old one. */
function onFloor({ pair }: Shared, key: ForeignKey): ForeignKey {
  return { ...key, referencedColumns: key.referencedColumns.map((one) => physicalName(pair, one)) };
}

/** Keys of tables that both releases share: those to a rebuilt table move at contract. */
function sharedKeys(input: Input) {
  const all: Unlinked[] = [];
  const late: Repointed[] = [];
  for (const one of input.shared) {
    const { pair } = one;
    const at = sharedPlace(one, input.places);
    const gone = pair.old.foreignKeys.filter((key) => !isKept(input, one, key));
    const names = new Set(gone.map((key) => nameInContract(one, key)));
    const own: Repointed[] = [];
    for (const key of pair.new.foreignKeys) {
      if (pair.old.foreignKeys.some((old) => !gone.includes(old) && isSame(input, one, old, key)))
        continue;
      own.push({
        table: pair.new,
        at,
        key,
        target: finalPlace(input, key.referencedTable),
        interim: names.has(key.name) ? generatedName('halflap', key.name) : null,
        isHeld: pair.old.foreignKeys.some(
          (old) => sameForeignKey(pair, old, key) && refersToSame(input, old, key),
        ),
      });
    }
    late.push(...own);
    for (const key of gone) {
      const called = nameInContract(one, key);
      const successor = own.find((other) => other.key.name === called) ?? null;
      const referenced = key.referencedTable;
      all.push({ table: pair.new, at, key: called, referenced, successor });
    }
  }
  return { gone: all, late };
}

/** The fence gives the new release's names to what is the same but for the table it refers to. */
function nameInContract({ pair, kind }: Shared, old: ForeignKey): string {
  const same = matchedForeignKeys(pair).pairs.find((one) => one.old === old);
  return kind === 'same' || same === undefined ? old.name : same.new.name;
}

/** Whether a key of the old release is also one of the new, on a table that stays. */
function isKept(input: Input, shared: Shared, old: ForeignKey): boolean {
  return shared.pair.new.foreignKeys.some((key) => isSame(input, shared, old, key));
}

function isSame(input: Input, { pair }: Shared, old: ForeignKey, key: ForeignKey): boolean {
  return (
    place(input, key.referencedTable).kind === 'shared' &&
    refersToSame(input, old, key) &&
    sameForeignKey(pair, old, key)
  );
}

/** Whether what the old key refers to is, for the new release, what the other one does. */
function refersToSame(input: Input, old: ForeignKey, key: ForeignKey): boolean {
  const target = place(input, key.referencedTable);
  if (target.kind === 'added') return false;
  const pair =
    target.kind === 'shared' ? target.shared.pair : target.cluster.cluster.parts[0]?.pair;
  return (
    pair?.old.name === old.referencedTable &&
    pair.new.name === key.referencedTable &&
    key.referencedColumns.every(
      (column, index) => physicalName(pair, column) === old.referencedColumns[index],
    )
  );
}

function validateStep(stage: string, table: Table, key: ForeignKey, at: Sql): Step {
  return transactionStep(
    `${stage === 'dual' ? 'expand' : stage}/validate/${table.name}/${key.name}`,
    `validate foreign key ${key.name} of ${table.name}`,
    [validateConstraint(at, key.name, null)],
  );
}

/** Shuts out writers of an old table, and with them those of the new tables that it fills. */
function lockWriters(table: Table): Statement {
  const lock = lockOn(table);
  return statement(sql`lock table ${floorTable(table.name)} in share row exclusive mode`, lock);
}

function lockOn(table: Table) {
  return { mode: 'SHARE ROW EXCLUSIVE', relation: table.name } as const;
}

function constraint(key: ForeignKey): Sql {
  return name(key.name);
}
