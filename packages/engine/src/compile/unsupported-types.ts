// What is made of a type that changes, and would go with it or mean another type than it says:
// refused before anything is compiled. Columns of the type are carried; the rest stays as it is.

import type { Catalog, OtherObject, Table } from '../release/catalog.js';
import type { Change, Evolution } from '../release/evolution.js';
import {
  changedTypes,
  elementOf,
  mentionsType,
  plainType,
  printed,
} from '../release/types-apart.js';
import { isRelabelled } from './assigned.js';
import type { Layout } from './layout.js';
import { refuse } from './refuse.js';

export function assertTypesCarried(from: Catalog, to: Catalog, evolution: Evolution): void {
  const changed = changedTypes(from, to);
  if (changed.length === 0) return;
  const found = from.others
    .filter((other) => changed.some((type) => isMadeOf(other, type)))
    .map((other) => `${other.kind} ${other.name}`);
  const tables = from.tables.flatMap((table) => rulesOver(table, changed));
  const all = [...found, ...tables];
  const list = changed.join(', ');
  if (all.length > 0) {
    throw refuse(evolution, {
      code: 'EVOLUTION_UNSUPPORTED',
      message:
        `release ${evolution.to} changes ${list}, ` +
        `and the engine cannot carry yet what is made of it: ${all.join(', ')}`,
      hint:
        'leave these objects out of schema.sql and create them apart, let them work on text, ' +
        'or give the type that changes another name',
    });
  }
}

/**
 * What takes single values from one table to another, outside of their row, does not call them by
 * another name on the way.
 */
export function assertLabelsStay({ sliced }: Layout, evolution: Evolution): void {
  for (const { changes, olds, bases } of sliced) {
    for (const change of changes) {
      const table = olds.find((one) => one.name === movedFrom(change).table);
      const found = table?.columns.find(
        (one) => movedFrom(change).columns.includes(one.name) && isRelabelled(one.type, bases),
      );
      if (found === undefined) continue;
      throw refuse(evolution, {
        code: 'EVOLUTION_UNSUPPORTED',
        message:
          `${change.kind} cannot take values of type ${plainType(found.type)} along, ` +
          `whose labels release ${evolution.to} changes`,
        hint: 'change the labels in a release before this one or after it, or state it as custom',
        at: change.at,
      });
    }
  }
}

/** Columns of the old release whose values go to another table. */
function movedFrom(change: Change): { table: string; columns: readonly string[] } {
  switch (change.kind) {
    case 'unnest_column':
      return change;
    case 'nest_table':
      return { table: change.table, columns: [change.value] };
    case 'move_column':
      return { table: change.table, columns: [change.column] };
    default:
      return { table: '', columns: [] };
  }
}

/**
 * The body of a function is a text, read by whoever calls it with the types of his release; not so
 * what stands around it.
 */
function isMadeOf({ kind, definition }: OtherObject, type: string): boolean {
  switch (kind) {
    case 'function': {
      const [head = ''] = definition.split(/\n?\s*AS \$/);
      return mentionsType(head, [type]) || takes(head, type);
    }
    case 'type':
      return takes(definition, type);
    default:
      return mentionsType(definition, [type]);
  }
}

/** Where the word stands for a type: at the end of a parameter, of a field, or of a line. */
function takes(text: string, type: string): boolean {
  const literally = printed(type).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const end = '(?:\\[\\])*(?:,|\\)|\\s*\\n| DEFAULT |$)';
  return new RegExp(`(?<![\\w$."])${literally}${end}`, 'm').test(text);
}

/** Rules that name the type of a table which has no column of it, and therefore stays. */
function rulesOver(table: Table, changed: readonly string[]): string[] {
  const types = new Set(changed.map(printed));
  if (table.columns.some((one) => types.has(elementOf(one.type)))) return [];
  const over = (text: string | null) => text !== null && mentionsType(text, changed);
  return [
    ...table.columns
      .filter((one) => over(one.default) || over(one.generated))
      .map((one) => `the value of ${table.name}.${one.name}`),
    ...table.checks
      .filter((one) => over(one.expression))
      .map((one) => `check ${one.name} of ${table.name}`),
    ...table.exclusions
      .filter((one) => over(one.definition))
      .map((one) => `exclusion constraint ${one.name} of ${table.name}`),
    ...table.indexes
      .filter((one) => over(one.definition))
      .map((one) => `index ${one.name} of ${table.name}`),
  ];
}
