// What a question to PostgreSQL about an evolution is, and what it answers.

import type { Finding } from '../release/findings.js';
import type { Sql } from '../sql.js';

/** Schemas that hold copies of the tables of either release. */
export const OLD_COPIES = 'halflap_old';
export const NEW_COPIES = 'halflap_new';

/** What PostgreSQL answered to a question. */
export interface Refusal {
  readonly message: string;
  readonly hint: string | undefined;
  /** UTF-16 units from the start of the expression. */
  readonly offset: number;
  /** Whether the value has a type that the column does not take without a cast. */
  readonly isMismatch: boolean;
}

/** A query that PostgreSQL can plan when all is well. */
export interface Question {
  /** Where its tables are found by their bare names; nothing where it names their schemas. */
  readonly tables?: typeof OLD_COPIES | typeof NEW_COPIES;
  readonly before: Sql;
  readonly expression: Sql;
  readonly after: Sql;
  readonly finding: (refusal: Refusal) => Finding;
}

export function hintOf({ hint }: Refusal, otherwise: string): string {
  return hint === undefined ? otherwise : `PostgreSQL says: ${hint}`;
}
