// PL/pgSQL functions and triggers as the engine writes them: owned by the runner's role and
// executed with its rights, so that application roles need none on the machinery; with a pinned
// search_path. Those of a session lens, and those that do no more than their caller might, are
// executed with the caller's rights.

import { HOME_SCHEMA, releaseSchema } from '@halflap/protocol';
import { literal, name, type Sql, sql, trusted } from '../sql.js';
import type { Places } from './places.js';

/** Filled with the bundle's hash when the bundle is complete. */
export const HASH_HOLE = '{{hash}}';

const DOLLAR = trusted('$halflap$');

export interface Routine {
  readonly at: Sql;
  readonly parameters?: Sql;
  /** A type, or `trigger` or `void`. */
  readonly returns: string;
  /** What it does, in words: stands at its top for whoever meets it in the field. */
  readonly about: string;
  readonly declare?: readonly Sql[];
  readonly body: readonly Sql[];
  /** Whose rights it works with; the owner's unless it does no more than its caller might. */
  readonly rights?: 'owner' | 'caller';
  /** Whether it reads nothing but its arguments, and gives the same for the same. */
  readonly isStable?: true;
  /** Settings besides search_path. */
  readonly settings?: readonly Sql[];
}

/**
 * Where a column of a release is called as a variable, the column is meant; variables that stand
 * beside columns have names that no column has.
 */
export function routine(places: Places, one: Routine): Sql {
  const settings = [sql`set search_path = ${pathOf(places)}`, ...(one.settings ?? [])];
  const isCallers = places.isTemporary || one.rights === 'caller';
  const rights = isCallers ? sql`invoker` : sql`definer`;
  const declare =
    one.declare === undefined || one.declare.length === 0
      ? sql``
      : sql`declare\n  ${trusted(one.declare.map((part) => `${part.text};`).join('\n  '))}\n`;
  return sql`create or replace function ${one.at}(${one.parameters ?? sql``})
returns ${trusted(one.returns)}
language plpgsql${one.isStable === true ? sql` stable` : sql``} security ${rights}
${trusted(settings.map((part) => part.text).join('\n'))}
as ${DOLLAR}
#variable_conflict use_column
-- Halflap ${trusted(places.evolution)} ${trusted(HASH_HOLE)}: ${trusted(one.about)}
${declare}begin
  ${trusted(one.body.map((part) => part.text).join('\n  '))}
end
${DOLLAR}`;
}

function pathOf(places: Places): Sql {
  const floor = releaseSchema(places.app, places.from);
  return places.isTemporary
    ? sql`pg_catalog, pg_temp, ${name(floor)}, ${name(HOME_SCHEMA)}`
    : sql`pg_catalog, ${name(places.releaseSchema)}, public, pg_temp`;
}

/** A statement planned afresh each time that it runs, for many rows (see sync-forward.ts). */
export function dynamic(statement: Sql): Sql {
  return sql`execute ${trusted(`$many$${statement.text}$many$`)};`;
}

export function raise(
  state: string,
  message: Sql,
  options: { detail?: Sql; hint?: Sql } = {},
): Sql {
  const detail = options.detail === undefined ? sql`` : sql`, detail = ${options.detail}`;
  const hint = options.hint === undefined ? sql`` : sql`, hint = ${options.hint}`;
  const code = sql`errcode = ${literal(state)}`;
  return sql`raise exception using ${code}, message = ${message}${detail}${hint};`;
}
