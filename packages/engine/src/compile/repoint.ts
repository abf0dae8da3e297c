// Foreign keys that move from the old layout to the new one at contract: added without validation
// in the fence's own transaction, then validated without stopping writers.

import type { ForeignKey, Table } from '../release/catalog.js';
import { name, type Sql, sql } from '../sql.js';
import type { Statement, TransactionStep } from './bundle.js';
import { exclusive } from './contract.js';
import { statement, transactionStep } from './statement.js';
import { addForeignKey, validateConstraint } from './tables.js';

/** Where a foreign key points to once the old layout is gone. */
export interface Repointed {
  /** The table that holds the key, and where it is then. */
  readonly table: Table;
  readonly at: Sql;
  readonly key: ForeignKey;
  readonly target: Sql;
  /** Whether the old release, or another form of the key, sees to it until then. */
  readonly isHeld: boolean;
}

export function dropForeignKey(table: string, at: Sql, key: ForeignKey): Statement {
  return statement(sql`alter table ${at} drop constraint ${name(key.name)}`, exclusive(table));
}

export function repoint(one: Repointed): Statement {
  return addForeignKey(one.at, one.key, one.target, {
    mode: 'SHARE ROW EXCLUSIVE',
    relation: one.table.name,
  });
}

export function validateRepointed(one: Repointed): TransactionStep {
  return transactionStep(
    `contract/validate/${one.table.name}/${one.key.name}`,
    `validate foreign key ${one.key.name} of ${one.table.name}`,
    [
      validateConstraint(one.at, one.key.name, {
        mode: 'SHARE UPDATE EXCLUSIVE',
        relation: one.table.name,
      }),
    ],
  );
}
