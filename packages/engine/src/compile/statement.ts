// Statements of a step, with the lock on a relation in use that the runner must wait for.

import { createHash } from 'node:crypto';
import type { Sql } from '../sql.js';
import type { Statement, TransactionStep } from './bundle.js';

export type Lock = NonNullable<Statement['lock']>;

export function exclusive(relation: string): Lock {
  return { mode: 'ACCESS EXCLUSIVE', relation };
}

/** To another schema. */
export function moving(relation: string): Lock {
  return { ...exclusive(relation), isMoved: true };
}

export function statement(sql: Sql, lock: Lock | null = null): Statement {
  return { sql: sql.text, lock };
}

export function transactionStep(
  id: string,
  title: string,
  statements: readonly Statement[],
  effect: Partial<Pick<TransactionStep, 'entersPhase' | 'settles' | 'isLook'>> = {},
): TransactionStep {
  return {
    kind: 'transaction',
    id,
    title,
    statements,
    entersPhase: null,
    settles: null,
    ...effect,
  };
}

/** A 64-bit number that stands for a text, as PostgreSQL's bigint literal. */
export function stableBigint(text: string): string {
  return createHash('sha256').update(text).digest().readBigInt64BE(0).toString();
}
