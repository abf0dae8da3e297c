// Which key a statement with ON CONFLICT means, and how the row is found that is in the way of it
// (lens-upsert.ts). What the statement calls the key is what the client makes of its conflict
// target: `any`, `on ["id"]`, `constraint hosts_pkey`.

import type { SplitCluster, SplitPartPlan } from '../changes/split-table.js';
import type { Table } from '../release/catalog.js';
import { joined, literal, name, type Sql, sql } from '../sql.js';
import { sameKey } from './compared.js';
import { isInTheWay } from './exclusions.js';
import { type Arbiter, arbiters, type ExclusionArbiter, exclusionArbiters } from './guarantees.js';
import { baseOf } from './lens-triggers.js';
import { inRelease } from './places.js';
import { raise } from './routine.js';
import type { SyncPlan } from './sync-plan.js';

/** One part whose rows are upserted, and how its cluster is laid out meanwhile. */
export interface Upserting {
  readonly cluster: SplitCluster;
  readonly part: SplitPartPlan;
  readonly plan: SyncPlan;
}

/** As PostgreSQL says it of a table. */
const NO_ARBITER =
  'there is no unique or exclusion constraint matching the ON CONFLICT specification';
const PUT_OFF =
  'ON CONFLICT does not support deferrable unique constraints/exclusion constraints as arbiters';

/** Refuses what PostgreSQL refuses of a table, and what only the lens cannot do. */
export function isKnown(one: Upserting): Sql {
  const { part, plan } = one;
  const keys = keysOf(one);
  const exclusions = exclusionArbiters(part);
  const accepted = [...keys.flatMap(spellings), ...exclusions.map(spelling)];
  const lensOnly = joined(
    [
      ...keys.filter((key) => key.isLensOnly).map((key) => isMeant(key, ['any'])),
      ...exclusions.filter((each) => each.isLensOnly).map(isExclusionMeant),
    ],
    ' or ',
  );
  const unseen = `repeatable read does not see who else writes a key that ${plan.places.to} adds`;
  const refusals = [
    ...unusable(part),
    sql`if new.halflap_key not in (${['any', ...accepted].map((each) => literal(each))}) then
    if new.halflap_key like 'constraint %' then ${raise(
      '42704',
      sql`format('constraint "%s" for table "%s" does not exist',
        substr(new.halflap_key, 12), ${literal(part.table.name)})`,
    )} end if;
    ${raise('42P10', literal(NO_ARBITER), {
      hint: literal(
        'Name the columns of a unique constraint, or the constraint; a unique index serves ' +
          `once the shard is dual (release ${plan.places.to} is then native).`,
      ),
    })}
  end if;`,
    ...(lensOnly.text === ''
      ? []
      : [
          sql`if current_setting('transaction_isolation') = 'repeatable read' and (${lensOnly}) then
    ${raise('HL003', literal(unseen), {
      hint: literal('Use read committed or serializable, or wait until the shard is dual.'),
    })}
  end if;`,
        ]),
  ];
  return joined(refusals, '\n  ');
}

/** Constraints that are there and that no conflict can be with, as PostgreSQL answers for them. */
function unusable({ table }: SplitPartPlan): Sql[] {
  const keys = [table.primaryKey, ...table.uniques].filter((key) => key !== null);
  const late = [...keys, ...table.exclusions].filter((one) => one.deferrable !== 'no');
  const rules = [...table.checks, ...table.foreignKeys].map(named);
  const isOne = (of: readonly string[]) =>
    sql`new.halflap_key in (${of.map((each) => literal(each))})`;
  return [
    ...(late.length === 0
      ? []
      : [
          sql`if ${isOne(['any', ...late.map(named)])} then
    ${raise('55000', literal(PUT_OFF))}
  end if;`,
        ]),
    ...(rules.length === 0
      ? []
      : [
          sql`if ${isOne(rules)} then ${raise(
            '42809',
            literal('constraint in ON CONFLICT clause has no associated index'),
          )} end if;`,
        ]),
    ...(table.exclusions.length === 0
      ? []
      : [
          sql`if new.halflap_do <> 'nothing' and ${isOne(table.exclusions.map(named))} then
    ${raise('42809', literal('ON CONFLICT DO UPDATE not supported with exclusion constraints'))}
  end if;`,
        ]),
  ];
}

/** Finds the row in the way of NEW, by the first of the keys that are meant. */
export function look(one: Upserting): Sql {
  const lens = inRelease(one.plan.places, one.part.table.name);
  const at = (isAbout: Sql, is: Sql) =>
    sql`if not is_found and ${isAbout} then
      select q.* into found_row from ${lens} as q where ${is};
      is_found := found;
    end if;`;
  const looks = keysOf(one).map((key) => {
    const is = key.isOnceForNull
      ? joined(
          key.columns.map(
            (column) => sql`${name('q', column)} is not distinct from ${name('new', column)}`,
          ),
          ' and ',
        )
      : sameKey('q', key.columns, 'new');
    return at(isMeant(key, ['any']), is);
  });
  const excluding = exclusionArbiters(one.part).map((each) =>
    at(isExclusionMeant(each), sql`${isInTheWay(each.exclusion)} limit 1`),
  );
  return joined([sql`is_found := false;`, ...looks, ...excluding], '\n    ');
}

/** Whether the constraint that was violated is one by which a row may be in the way. */
export function isOfKey(one: Upserting): Sql {
  const all = tablesOf(one).flatMap((table) => [
    ...table.exclusions.map((exclusion) => exclusion.name),
    ...[table.primaryKey, ...table.uniques].flatMap((key) => (key === null ? [] : [key.name])),
    ...table.indexes.filter((index) => index.isUnique).map((index) => index.name),
  ]);
  const list = (found: readonly string[]) =>
    sql`violated in (${[...new Set(found)].map((each) => literal(each))})`;
  return joined(
    [
      sql`new.halflap_key = 'any' and new.halflap_do = 'nothing' and ${list(all)}`,
      ...keysOf(one).map((key) => sql`${isMeant(key)} and ${list(key.enforcedBy)}`),
      ...exclusionArbiters(one.part).map(
        (each) => sql`new.halflap_key = ${literal(spelling(each))} and ${list(each.enforcedBy)}`,
      ),
    ],
    '\n        or ',
  );
}

/** @param also what means the key besides its own names. */
export function isMeant(key: Arbiter, also: readonly string[] = []): Sql {
  const accepted = [...also, ...spellings(key)].map((each) => literal(each));
  return sql`new.halflap_key in (${accepted})`;
}

/** Tables whose rules a row meets, in either layout. */
export function tablesOf({ cluster, part }: Upserting): Table[] {
  return [part.table, ...cluster.olds.map((old) => old.table)];
}

function keysOf({ cluster, part }: Upserting): Arbiter[] {
  return arbiters(part, baseOf(cluster).table);
}

function spellings({ name: constraint, columns }: Arbiter): string[] {
  const inferred = `on ${JSON.stringify([...columns].sort())}`;
  return constraint === null ? [inferred] : [inferred, named({ name: constraint })];
}

function spelling({ exclusion }: ExclusionArbiter): string {
  return named(exclusion);
}

function isExclusionMeant(one: ExclusionArbiter): Sql {
  return sql`new.halflap_key in ('any', ${literal(spelling(one))})`;
}

function named(constraint: { readonly name: string }): string {
  return `constraint ${constraint.name}`;
}
