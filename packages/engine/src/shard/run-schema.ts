// Runs a release's schema.sql on a customer's empty database, within the caller's transaction.
//
// Unlike on a scratch database, owners and privileges count here; where they name a role that the
// server does not have, they are left out: roles are the customer's, not the release's.

import { HalflapError } from '@halflap/protocol';
import { messageOf, type Session, SQLSTATE, sqlStateOf } from '../pg.js';
import { loadParser } from '../release/expression.js';
import { isHarmless, isLeftOut } from '../release/run-script.js';
import { readScript, type ScriptStatement } from '../release/script.js';

export interface ReleaseSchema {
  readonly app: string;
  readonly release: { readonly version: string; readonly schemaSql: string };
}

/** @throws RELEASE_UNREADABLE with the line and PostgreSQL's message. */
export async function runSchema(session: Session, { app, release }: ReleaseSchema): Promise<void> {
  await loadParser();
  const file = `schema.sql of ${app} ${release.version}`;
  for (const statement of readScript(release.schemaSql, file)) {
    // The transaction is ours: a script that commits would leave half of itself behind.
    if (statement.kind !== 'TransactionStmt') await runStatement(session, file, statement);
  }
}

async function runStatement(
  session: Session,
  file: string,
  statement: ScriptStatement,
): Promise<void> {
  await session.query('savepoint halflap_statement');
  try {
    await session.query(statement.text);
  } catch (cause) {
    const state = sqlStateOf(cause);
    if (state === undefined) throw cause;
    const isMissingRole = state === SQLSTATE.undefinedObject && isLeftOut(statement);
    if (!isMissingRole && !isHarmless(statement, state)) throw refused(file, statement, cause);
    await session.query('rollback to savepoint halflap_statement');
  }
  await session.query('release savepoint halflap_statement');
}

function refused(file: string, { line }: ScriptStatement, cause: unknown): HalflapError {
  return new HalflapError(
    'RELEASE_UNREADABLE',
    `PostgreSQL refuses ${file}, line ${line}: ${messageOf(cause)}`,
    { detail: { line }, hint: 'load the release first: halflap check', cause },
  );
}
