// Where each relation of an evolution lives, phase by phase, and how its machinery is named.
//
// | relation       | prepared, expanding          | dual                    |
// |----------------|------------------------------|-------------------------|
// | old table      | where the floor release is   | the same (fenced: work) |
// | new table      | work schema                  | release schema          |
// | its lens       | release schema               | gone                    |
// | spill, keys    | work schema                  | work schema             |
//
// On a settled shard a session of the new release may have the lens, and the spill of one
// transaction, in its own pg_temp (session-lens.ts).

import { releaseSchema, STATE_SCHEMA } from '@halflap/protocol';
import { generatedName, workSchema } from '../names.js';
import { name, type Sql, trusted } from '../sql.js';
import type { Bind } from './mapping.js';

export interface Places {
  readonly app: string;
  readonly from: string;
  readonly to: string;
  readonly releaseSchema: string;
  readonly workSchema: string;
  /** Where the switch puts the lens aside, and abort the whole release schema, before they go. */
  readonly lensSchema: string;
  readonly goneSchema: string;
  /** `1.0..2.0`, as journal and quarantine name the evolution. */
  readonly evolution: string;
  /**
   * True for the session lens: what would be in the release schema and the work schema is made in
   * `pg_temp` of one session, and nothing is kept beside the old tables for longer than its
   * transaction.
   */
  readonly isTemporary: boolean;
}

export function placesOf(app: string, from: string, to: string): Places {
  return {
    app,
    from,
    to,
    releaseSchema: releaseSchema(app, to),
    workSchema: workSchema(app, to),
    lensSchema: generatedName(workSchema(app, to), 'lens'),
    goneSchema: generatedName(workSchema(app, to), 'gone'),
    evolution: `${from}..${to}`,
    isTemporary: false,
  };
}

/** The same for the session lens. */
export function temporary(places: Places): Places {
  return { ...places, isTemporary: true };
}

const TEMPORARY_SCHEMA = 'pg_temp';

/** A table of the floor release, wherever the shard has it: a hole that the runner fills. */
export function floorTable(table: string): Sql {
  if (table.includes('}')) throw new TypeError(`table name with a brace: ${table}`);
  return trusted(`{{floor:${table}}}`);
}

/** The schema of a table of the floor release: a hole as well. */
export function floorSchema(table: string): Sql {
  return trusted(`{{schema:${table}}}`);
}

export function work(places: Places, ...parts: readonly string[]): Sql {
  const schema = places.isTemporary ? TEMPORARY_SCHEMA : places.workSchema;
  return name(schema, generatedName(...parts));
}

/** Where a key map is, under the name by which queries read it. */
export function keyMapTable(places: Places, map: string): Sql {
  return work(places, 'keys', map);
}

export function inRelease(places: Places, relation: string): Sql {
  return name(places.isTemporary ? TEMPORARY_SCHEMA : places.releaseSchema, relation);
}

/** What a plan calls the relation of a qualified name: `hosts`, `inventory_2_0.hosts`. */
export function relationOf(at: Sql): string {
  const floor = /^\{\{floor:(.*)\}\}$/.exec(at.text)?.[1];
  const parts = [...at.text.matchAll(/"((?:[^"]|"")+)"/g)].map((part) => part[1] ?? '');
  return floor ?? parts.map((part) => part.replaceAll('""', '"')).join('.');
}

export function stateTable(table: string): Sql {
  return name(STATE_SCHEMA, table);
}

/** An old table that contract has fenced. */
export function fenced(places: Places, table: string): Sql {
  return name(places.workSchema, table);
}

/**
 * `filling` while the new tables are in the work schema, `dual`, and `fenced` when the old ones are
 * there.
 */
export type Stage = 'filling' | 'dual' | 'fenced';

export function layoutBind(places: Places, stage: Stage): Bind {
  return (relation) => {
    switch (relation.side) {
      case 'old':
        return stage === 'fenced' ? fenced(places, relation.name) : floorTable(relation.name);
      case 'new':
        return stage === 'filling' ? work(places, relation.name) : inRelease(places, relation.name);
      case 'spill':
        return work(places, relation.name);
      case 'untouched':
        return floorTable(relation.name);
      case 'keys':
        return keyMapTable(places, relation.name);
      default:
        return relation.side satisfies never;
    }
  };
}

/** What a session of the new release sees while the lens stands. */
export function lensBind(places: Places): Bind {
  const physical = layoutBind(places, 'filling');
  return (relation) =>
    relation.side === 'new' ? inRelease(places, relation.name) : physical(relation);
}
