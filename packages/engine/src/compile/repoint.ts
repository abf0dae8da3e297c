// Foreign keys that move from the old layout to the new one at contract: added without validation
// when the old release is fenced, then validated without stopping writers; then those of the old
// release go.

import type { ForeignKey, Table } from '../release/catalog.js';
import { literal, name, type Sql, sql } from '../sql.js';
import type { Statement, TransactionStep } from './bundle.js';
import { relationOf } from './places.js';
import { exclusive, statement, transactionStep } from './statement.js';
import { addForeignKey, validateConstraint } from './tables.js';

/** Where a foreign key points to once the old layout is gone. */
export interface Repointed {
  /** The table that holds the key, and where it is then. */
  readonly table: Table;
  readonly at: Sql;
  readonly key: ForeignKey;
  readonly target: Sql;
  /** The name that it has until the key of the old release that has its own is gone. */
  readonly interim: string | null;
  /** Whether the old release, or another form of the key, sees to it until then. */
  readonly isHeld: boolean;
}

/** A key of the old release that the new one does not have, under the name that it has then. */
export interface Unlinked {
  readonly table: Table;
  readonly at: Sql;
  readonly key: string;
  /** The old table that it refers to, while the old layout is there. */
  readonly referenced: string;
  /** The key that takes its name. */
  readonly successor: Repointed | null;
}

/** A step for each key: two tables at a time are as many as can be had while both are in use. */
export function repoint(one: Repointed): TransactionStep {
  const { table, key, at } = one;
  const named = { ...key, name: one.interim ?? key.name };
  return transactionStep(
    `contract/foreign-key/${table.name}/${key.name}`,
    `add foreign key ${key.name} of ${table.name}`,
    [
      addForeignKey(at, named, one.target, {
        mode: 'SHARE ROW EXCLUSIVE',
        relation: relationOf(at),
      }),
    ],
  );
}

export function unlink({ table, at, key, referenced, successor }: Unlinked): TransactionStep {
  const lock = exclusive(relationOf(at));
  const from = successor?.interim;
  const renamed =
    successor === null || from === undefined || from === null
      ? []
      : [sql`alter table ${at} rename constraint ${name(from)} to ${name(successor.key.name)}`];
  return transactionStep(
    `contract/unlink/${table.name}/${key}`,
    `${table.name} refers to ${referenced} of the old release no more`,
    [sql`alter table ${at} drop constraint if exists ${name(key)}`, ...renamed].map((one) =>
      statement(one, lock),
    ),
  );
}

export function validateRepointed(one: Repointed): TransactionStep {
  return transactionStep(
    `contract/validate/${one.table.name}/${one.key.name}`,
    `validate foreign key ${one.key.name} of ${one.table.name}`,
    [
      validateConstraint(one.at, one.interim ?? one.key.name, {
        mode: 'SHARE UPDATE EXCLUSIVE',
        relation: relationOf(one.at),
      }),
    ],
  );
}

/** Keys to a table that stays, of tables in schemas that go: which there are is seen then. */
export function dropKeysTo(target: Sql, schemas: readonly string[]): Statement {
  return statement(
    sql`do $halflap$
declare
  key record;
begin
  for key in
    select c.conrelid::regclass as relation, c.conname
    from pg_constraint as c
    join pg_class as r on r.oid = c.conrelid
    join pg_namespace as n on n.oid = r.relnamespace
    where c.contype = 'f' and c.confrelid = $r$${target}$r$::regclass
      and n.nspname in (${schemas.map((schema) => literal(schema))})
    order by r.relname, c.conname
  loop
    execute format('alter table %s drop constraint %I', key.relation, key.conname);
  end loop;
end
$halflap$`,
    exclusive(relationOf(target)),
  );
}
