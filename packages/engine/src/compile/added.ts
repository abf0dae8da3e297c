// What only the new release has: types, sequences and whole tables. They are made when a shard is
// prepared, empty, in the release schema, where no session of the old release looks.

import type { Catalog, Sequence, Table } from '../release/catalog.js';
import { elementOf, printed, typeUnder } from '../release/types-apart.js';
import { literal, name, type Sql, sql, trusted } from '../sql.js';
import type { Statement } from './bundle.js';
import type { Evolving } from './compile.js';
import { copyRights } from './grants.js';
import { floorTable, inRelease } from './places.js';
import { newSequences } from './sequence-plan.js';
import { createSequence } from './sequences.js';
import { indexSettings } from './settings.js';
import { statement } from './statement.js';
import { createPartitions, createTable } from './tables.js';

export function newTypes(evolving: Evolving): Statement[] {
  const at = (object: string) => inRelease(evolving.places, object);
  return [
    ...typesOf(evolving.to, evolving.from).map((one) => statement(one.create(at(one.name)))),
    ...newSequences(evolving.sequences).flatMap((one) => createSequence(at(one.name), one)),
  ];
}

export interface NewType {
  readonly name: string;
  readonly create: (at: Sql) => Sql;
}

/**
 * Enums and domains that `of` has and `besides` has not, each after those that it is over.
 * @param besides with its own types put apart.
 */
export function typesOf(of: Catalog, besides: Catalog): NewType[] {
  const known = new Set([...besides.enums, ...besides.domains].map((one) => one.name));
  const domains = of.domains.filter((one) => !known.has(one.name));
  const depth = (type: string): number => {
    const under = domains.find((one) => printed(one.name) === elementOf(type));
    return under === undefined ? 0 : 1 + depth(typeUnder(under.definition));
  };
  return [
    ...of.enums
      .filter((one) => !known.has(one.name))
      .map(({ name: type, labels }) => ({
        name: type,
        create: (at: Sql) => sql`create type ${at} as enum (${labels.map(literal)})`,
      })),
    ...domains
      .map((one) => ({ ...one, depth: depth(printed(one.name)) }))
      .sort((left, right) => left.depth - right.depth)
      .map(({ name: type, definition }) => ({
        name: type,
        create: (at: Sql) => sql`create domain ${at} as ${trusted(definition)}`,
      })),
  ];
}

/** New sequences that do not go wherever an added table goes. */
export function ownSequences(evolving: Evolving): Sequence[] {
  const prefixes = evolving.layout.added.map((table) => `${table.name}.`);
  return newSequences(evolving.sequences).filter(
    ({ ownedBy }) => !prefixes.some((prefix) => ownedBy?.startsWith(prefix)),
  );
}

export function addedTable(table: Table, { places, from, to, sequences }: Evolving): Statement[] {
  const at = inRelease(places, table.name);
  const prefix = `${table.name}.`;
  const owned = newSequences(sequences).flatMap(({ name: sequence, ownedBy }) =>
    ownedBy?.startsWith(prefix) === true
      ? [{ sequence, column: ownedBy.slice(prefix.length) }]
      : [],
  );
  const [first] = from.tables;
  return [
    ...createTable(at, table, { withoutDefault: new Set(), uniques: table.uniques }),
    ...createPartitions(to, table, (name) => inRelease(places, name)),
    ...owned.map(({ sequence, column }) =>
      statement(sql`alter sequence ${inRelease(places, sequence)} owned by ${at}.${name(column)}`),
    ),
    ...table.indexes.map((index) => {
      const unique = index.isUnique ? sql`unique ` : sql``;
      return statement(
        sql`create ${unique}index ${name(index.name)} on ${at} using ${trusted(index.definition)}`,
      );
    }),
    ...indexSettings(at, table),
    ...(first === undefined ? [] : [copyRights(places, floorTable(first.name), at)]),
  ];
}
