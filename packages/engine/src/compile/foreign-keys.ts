// Foreign keys through an evolution: which table each points to in each phase.
//
// | the key of the new release is …            | until dual       | dual     | contract |
// |--------------------------------------------|------------------|----------|----------|
// | among parts of one cluster                 | old row is both  | physical | physical |
// | part → shared table, as the old table has  | old table's      | physical | physical |
// | shared table → rebuilt table               | old table's      | the same | moved    |
// | added table → rebuilt table                | to the old table | physical | physical |
// | the same, where the key could stop the old | not enforced     | physical | physical |
// | anything else that could stop the old      | not enforced     | the same | added    |
//
// "Could stop" is an action that refuses: no action, restrict. A statement of the release in the
// field must never fail for a key that it does not know (DESIGN section 5, rule 5).

import type { SplitPartPlan } from '../changes/split-table.js';
import { generatedName } from '../names.js';
import type { ForeignKey, Table } from '../release/catalog.js';
import { name, type Sql, sql } from '../sql.js';
import type { Statement, Step } from './bundle.js';
import type { Evolving } from './compile.js';
import { exclusive, type Shared, sharedPlace } from './contract.js';
import { sameForeignKey } from './contract-shared.js';
import { floorTable, inRelease, work } from './places.js';
import { type Repointed, repoint, type Unlinked, unlink, validateRepointed } from './repoint.js';
import { statement, transactionStep } from './statement.js';
import { addForeignKey, canRefuse, validateConstraint } from './tables.js';

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
    unlink: shared.gone.map(unlink),
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

function addedKeys(input: Input) {
  const { places, layout } = input;
  const prepare: Statement[] = [];
  const beforeSwitch: Statement[] = [];
  const afterSwitch: Statement[] = [];
  const dual: Step[] = [];
  const late: Repointed[] = [];
  for (const table of layout.added) {
    const at = inRelease(places, table.name);
    for (const key of table.foreignKeys) {
      const target = place(input, key.referencedTable);
      if (target.kind === 'added') {
        prepare.push(addForeignKey(at, key, inRelease(places, key.referencedTable), null));
      } else if (target.kind === 'shared') {
        const final = finalPlace(input, key.referencedTable);
        const physical = { table, at, key, target: final, interim: null };
        if (canRefuse(key) || target.shared.kind === 'overlay') late.push(physical);
        else
          prepare.push(
            addForeignKey(
              at,
              key,
              floorTable(target.shared.pair.old.name),
              lockOn(target.shared.pair.old),
            ),
          );
      } else {
        const interim = throughOld(input, key);
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
        afterSwitch.push(addForeignKey(at, key, inRelease(places, key.referencedTable), null));
        dual.push(validateStep('dual', table, key, at));
      }
    }
  }
  return { prepare, beforeSwitch, afterSwitch, dual, late };
}

/** The key as one on the old table, where old rows stand for the rows it refers to. */
function throughOld(input: Input, key: ForeignKey): ForeignKey | null {
  const found = place(input, key.referencedTable);
  if (found.kind !== 'rebuilt' || canRefuse(key)) return null;
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
          });
        } else {
          const isShared = target.kind === 'shared';
          const lock = isShared ? lockOn(target.shared.pair.old) : null;
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
          [lockWriters(cluster.old), ...statements],
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
  const { old, forward } = part.pair;
  if (target.kind === 'rebuilt') return work(input.places, key.referencedTable);
  if (target.kind === 'added') return inRelease(input.places, key.referencedTable);
  const sources = key.columns.map(
    (column) => forward.find((one) => one.column.name === column)?.source,
  );
  const known = old.foreignKeys.some(
    (one) =>
      one.referencedTable === target.shared.pair.old.name &&
      one.columns.length === sources.length &&
      one.columns.every((column, index) => column === sources[index]) &&
      one.onDelete === key.onDelete,
  );
  return known || !canRefuse(key) ? floorTable(target.shared.pair.old.name) : null;
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
  const same = pair.new.foreignKeys.find((key) => sameForeignKey(pair, old, key));
  return kind === 'same' || same === undefined ? old.name : same.name;
}

/** Whether a key of the old release is also one of the new, on a table that stays. */
function isKept(input: Input, shared: Shared, old: ForeignKey): boolean {
  return shared.pair.new.foreignKeys.some((key) => isSame(input, shared, old, key));
}

function isSame(input: Input, { pair }: Shared, old: ForeignKey, key: ForeignKey): boolean {
  const target = place(input, key.referencedTable);
  return (
    target.kind === 'shared' &&
    target.shared.pair.old.name === old.referencedTable &&
    sameForeignKey(pair, old, key)
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
