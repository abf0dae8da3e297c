// Rules of a rebuilt table that rows of the old release break: asked of what the new release reads.

import type { Rebuilt } from '../compile/rebuilt.js';
import type { Table } from '../release/catalog.js';
import { joined, name, names, type Sql, sql, trusted } from '../sql.js';
import { type Doubt, exists, written } from './doubt.js';
import { type Ground, lensOf } from './hops.js';

interface Rule {
  /** As PostgreSQL names it when it is broken. */
  readonly name: string;
  readonly text: string;
  /** FROM and WHERE of the rows that break it. */
  readonly broken: Sql;
}

/** The name of the rule that each doubt is about stands beside it. */
export function ruleDoubts(ground: Ground, one: Rebuilt): { rule: string; doubt: Doubt }[] {
  return one.cluster.parts.flatMap(({ table }) =>
    rulesOf(ground, table).map((rule) => ({
      rule: rule.name,
      doubt: doubtOf(ground, one, { table, rule }),
    })),
  );
}

function doubtOf(
  ground: Ground,
  one: Rebuilt,
  { table, rule }: { readonly table: Table; readonly rule: Rule },
): Doubt {
  return {
    kind: 'breaks a rule',
    table,
    isWrong: () => exists(ground, rule.broken),
    columns: async () => [],
    message: () => `a row of ${ground.evolving.places.from} breaks ${rule.text} of ${table.name}`,
    shown: () => written(ground, one),
  };
}

function rulesOf(ground: Ground, table: Table): Rule[] {
  const rows = sql`${lensOf(ground)({ side: 'new', name: table.name })} as ${name(table.name)}`;
  const keys = [table.primaryKey, ...table.uniques].filter((key) => key !== null);
  return [
    ...table.columns
      .filter((column) => column.notNull)
      .map((column) => ({
        name: column.name,
        text: `not null of ${column.name}`,
        broken: sql`from ${rows} where ${name(column.name)} is null`,
      })),
    ...table.checks.map((check) => ({
      name: check.name,
      text: `check ${check.expression}`,
      broken: sql`from ${rows} where not (${trusted(check.expression)})`,
    })),
    ...keys.map((key) => {
      const columns = names(key.columns);
      const isOnceForNull = /NULLS NOT DISTINCT/.test(key.definition);
      const given = columns.map((column) => sql`${column} is not null`);
      const where = isOnceForNull ? sql`` : sql`where ${joined(given, ' and ')}`;
      return {
        name: key.name,
        text: `the unique key (${key.columns.join(', ')})`,
        broken: sql`from ${rows} ${where} group by ${columns} having count(*) > 1`,
      };
    }),
    ...table.foreignKeys.map((key) => {
      const own = key.columns.map((column) => name(table.name, column));
      const pairs = own.map(
        (left, place) => sql`${left} = ${name('referenced', key.referencedColumns[place] ?? '')}`,
      );
      const given = own.map((column) => sql`${column} is not null`);
      return {
        name: key.name,
        text: `the foreign key (${key.columns.join(', ')})`,
        // As a session of the new release finds it.
        broken: sql`from ${rows} where ${joined(given, ' and ')} and not exists (
  select from ${name(key.referencedTable)} as referenced where ${joined(pairs, ' and ')})`,
      };
    }),
  ];
}
