// Can PostgreSQL evaluate what an evolution states, and assign the result to its column? Each
// expression is planned on a scratch database, over plain copies of the tables: as an INSERT would
// assign it, and without running it. What PostgreSQL refuses is shown where it was written, all of
// it at once, before anything is built.
//
// Conversions that nobody states are asked too: there the two schemas differ, and what is missing
// is a statement.

import type { KeyMap } from '../changes/key-map.js';
import { typesOf } from '../compile/added.js';
import type { CompileInput } from '../compile/compile.js';
import { layoutOf } from '../compile/layout.js';
import { refuse } from '../compile/refuse.js';
import { typeOf } from '../compile/tables.js';
import { hintOf, messageOf, positionOf, type Session, sqlStateOf, withSession } from '../pg.js';
import type { Catalog, Table } from '../release/catalog.js';
import type { Evolution } from '../release/evolution.js';
import { type Finding, refuseFindings } from '../release/findings.js';
import type { Scratch } from '../release/load.js';
import { typesApart } from '../release/types-apart.js';
import { installRelease } from '../shard/install.js';
import { literal, name, type Sql, sql } from '../sql.js';
import { questionsOf } from './expression-questions.js';
import { NEW_COPIES, OLD_COPIES, type Question } from './question.js';
import { keyFindings } from './yielded-keys.js';

/** SQLSTATE of a value whose type is not that of its column (manual, appendix A). */
const DATATYPE_MISMATCH = '42804';

/** Of a type that is not there. */
const UNDEFINED_OBJECT = '42704';

/** Of a column that is not there: PostgreSQL's hint may speak of the statement around it. */
const UNDEFINED_COLUMN = '42703';

/**
 * Needs loadParser() to have been called, and names that checkNames() has accepted.
 * @throws EVOLUTION_INVALID, EVOLUTION_INCOMPLETE with every refused expression as evidence.
 */
export async function checkExpressions(input: CompileInput, scratch: Scratch): Promise<void> {
  const { parts, wholes } = questionsOf(input);
  if (parts.length + wholes.length === 0) return;
  const { app, from, to, evolution } = input;
  const findings = await scratch.withDatabase(async (url) => {
    // The functions, types and operators of the old release; the new one has no others.
    await installRelease({ url, app, release: from });
    return withSession(url, 'check/expressions', async (session) => {
      await makeCopies(
        session,
        typesApart(from.catalog, to.catalog),
        to.catalog,
        layoutOf(from.catalog, to.catalog, evolution).keys,
      ).catch((error: unknown) => {
        throw missingType(error, evolution);
      });
      const found: Finding[] = [];
      for (const question of parts) found.push(...(await ask(session, question)));
      if (found.length > 0) return found;
      await session.query(searching(OLD_COPIES).text);
      found.push(...(await keyFindings(session, input)));
      if (found.length > 0) return found;
      for (const question of wholes) found.push(...(await ask(session, question)));
      return found;
    });
  });
  refuseFindings(findings, evolution.file);
}

/** A type that comes with an extension is there only where the extension is. */
function missingType(error: unknown, evolution: Evolution): unknown {
  if (sqlStateOf(error) !== UNDEFINED_OBJECT) return error;
  return refuse(evolution, {
    code: 'EVOLUTION_UNSUPPORTED',
    message: `${messageOf(error)} in release ${evolution.from}`,
    hint: `create the extension that brings it in a release before ${evolution.to}`,
  });
}

/**
 * Makes the types of the new release that the old one lacks, and the tables of both without rules;
 * the session finds what a session of the new release would.
 */
export async function makeCopies(
  session: Session,
  from: Catalog,
  to: Catalog,
  keys: readonly KeyMap[] = [],
): Promise<void> {
  const types = typesOf(to, from);
  const statements = [
    sql`create schema ${name(OLD_COPIES)}`,
    sql`create schema ${name(NEW_COPIES)}`,
    searching(NEW_COPIES),
    ...types.map((one) => one.create(name(NEW_COPIES, one.name))),
    ...from.tables.map((table) => copyOf(OLD_COPIES, table)),
    ...to.tables.map((table) => copyOf(NEW_COPIES, table)),
    ...keys.map(mapCopy),
  ];
  await session.query(statements.map((one) => one.text).join(';\n'));
}

/** What a session of the new release finds: its own types, then those of its home. */
function searching(tables: string): Sql {
  const schemas = [...new Set([tables, NEW_COPIES, 'public'])].join(', ');
  return sql`select set_config('search_path', ${literal(schemas)}, false)`;
}

function copyOf(schema: string, table: Table): Sql {
  const columns = table.columns.map((column) => sql`${name(column.name)} ${typeOf(column)}`);
  return sql`create table ${name(schema, table.name)} (${columns})`;
}

/** Found by the queries of either side. */
function mapCopy({ stated, oldKey, newKey }: KeyMap): Sql {
  const columns = [...oldKey, ...newKey].map((one) => sql`${name(one.name)} ${typeOf(one.column)}`);
  return sql`create table ${name(NEW_COPIES, stated.name)} (${columns})`;
}

/** What PostgreSQL has against it; nothing when it would do. */
async function ask(session: Session, question: Question): Promise<Finding[]> {
  const { tables = NEW_COPIES, before, expression, after, finding } = question;
  const head = `explain ${before.text}`;
  await session.query(searching(tables).text);
  try {
    // On a line of its own, or a comment at the end of the expression would swallow what follows.
    await session.query(`${head}${expression.text}\n${after.text}`);
    return [];
  } catch (error) {
    const state = sqlStateOf(error);
    if (state === undefined) throw error;
    // PostgreSQL counts characters from 1, JavaScript UTF-16 units.
    const place = Math.max(0, (positionOf(error) ?? 1) - 1 - [...head].length);
    const offset = [...expression.text].slice(0, place).join('').length;
    const isMismatch = state === DATATYPE_MISMATCH;
    const hint = state === UNDEFINED_COLUMN ? undefined : hintOf(error);
    return [finding({ message: messageOf(error), hint, offset, isMismatch })];
  }
}
