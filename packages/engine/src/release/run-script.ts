// Runs schema.sql on an empty database, statement by statement, so that a failure has a line.
//
// Owners and privileges are left out: they are not part of a catalogue, and their roles exist on
// the customer's servers and not here. Policies are part of it: roles that they name are made for
// the time of the run and dropped with all they own afterwards.

import { HOME_SCHEMA } from '@halflap/protocol';
import { messageOf, type Session, sqlStateOf } from '../pg.js';
import { name, sql } from '../sql.js';
import { lineAt, type ScriptStatement, unreadable } from './script.js';

/** SQLSTATEs that tell "it cannot be had here" from "it is wrong" (manual, appendix A). */
const DUPLICATE_SCHEMA = '42P06';
const UNDEFINED_OBJECT = '42704';
const DUPLICATE_OBJECT = '42710';

/** Statements about who may do what, and about the database itself instead of what is in it. */
const LEFT_OUT = new Set([
  'AlterDatabaseSetStmt',
  'AlterDatabaseStmt',
  'AlterDefaultPrivilegesStmt',
  'AlterOwnerStmt',
  'CreatedbStmt',
  'DropdbStmt',
  'GrantRoleStmt',
  'GrantStmt',
  'SecLabelStmt',
]);

/**
 * Roles that were made for the script are gone when `body` has ended.
 * @throws RELEASE_UNREADABLE with the line of the failing statement and PostgreSQL's message.
 */
export async function withScript<Result>(
  session: Session,
  script: { readonly file: string; readonly statements: readonly ScriptStatement[] },
  body: () => Promise<Result>,
): Promise<Result> {
  const roles: string[] = [];
  try {
    for (const statement of script.statements) {
      if (!isLeftOut(statement)) await runStatement(session, script.file, statement, roles);
    }
    return await body();
  } finally {
    // A transaction that the script left open would keep the roles.
    if (roles.length > 0) await session.query('rollback').catch(() => {});
    for (const role of roles) await dropRole(session, role);
  }
}

async function runStatement(
  session: Session,
  file: string,
  statement: ScriptStatement,
  roles: string[],
): Promise<void> {
  try {
    await session.query(statement.text);
  } catch (error) {
    const state = sqlStateOf(error);
    if (state === undefined) throw error;
    if (isHarmless(statement, state)) return;
    const role = missingRole(statement, error);
    if (role === null || roles.includes(role)) throw failureOf(file, statement, error);
    const isMade = await makeRole(session, role).catch(() => null);
    if (isMade === null) throw failureOf(file, statement, error);
    if (isMade) roles.push(role);
    await runStatement(session, file, statement, roles);
  }
}

/**
 * The line within the statement that PostgreSQL points at, its first one where it points at none.
 */
function failureOf(file: string, statement: ScriptStatement, error: unknown): Error {
  const position = error instanceof Error && 'position' in error ? Number(error.position ?? 1) : 1;
  const before = [...statement.text].slice(0, Math.max(0, position - 1)).join('');
  const line = statement.line + lineAt(statement.text, before.length) - 1;
  return unreadable(file, line, messageOf(error), error);
}

/**
 * Statements about owners, privileges and the database itself, which are not part of a catalogue.
 */
export function isLeftOut({ kind, content }: ScriptStatement): boolean {
  if (LEFT_OUT.has(kind)) return true;
  // The file was read as UTF-8, whatever it says, and the driver speaks nothing else.
  if (kind === 'VariableSetStmt') return content.name === 'client_encoding';
  if (kind === 'CommentStmt') return content.objtype === 'OBJECT_DATABASE';
  if (kind !== 'AlterTableStmt' || !Array.isArray(content.cmds)) return false;
  const subtypes = content.cmds.map((command) => command?.AlterTableCmd?.subtype);
  return subtypes.every((subtype) => subtype === 'AT_ChangeOwner');
}

/** A setting that this server does not have, and the schema that every database has. */
export function isHarmless({ kind, content }: ScriptStatement, state: string): boolean {
  if (kind === 'VariableSetStmt') return state === UNDEFINED_OBJECT;
  return (
    kind === 'CreateSchemaStmt' && state === DUPLICATE_SCHEMA && content.schemaname === HOME_SCHEMA
  );
}

/** The role that a policy names and the server lacks; its name is in the statement's tree. */
function missingRole({ kind, content }: ScriptStatement, error: unknown): string | null {
  if (kind !== 'CreatePolicyStmt' && kind !== 'AlterPolicyStmt') return null;
  if (sqlStateOf(error) !== UNDEFINED_OBJECT || !Array.isArray(content.roles)) return null;
  const names = content.roles.map((role) => role?.RoleSpec?.rolename);
  const message = messageOf(error);
  const found = names.find((role) => message.includes(`"${role}"`));
  return typeof found === 'string' ? found : null;
}

/** True when this call made it; false when somebody else just did. */
async function makeRole(session: Session, role: string): Promise<boolean> {
  try {
    await session.query(sql`create role ${name(role)} nologin`.text);
    return true;
  } catch (error) {
    if (sqlStateOf(error) === DUPLICATE_OBJECT) return false;
    throw error;
  }
}

async function dropRole(session: Session, role: string): Promise<void> {
  const text = sql`drop owned by ${name(role)} cascade; drop role ${name(role)}`.text;
  // Another database may use it by now; a role that cannot log in does no harm there.
  await session.query(text).catch(() => {});
}
