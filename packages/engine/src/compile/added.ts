// What only the new release has: enums, sequences and whole tables. They are made when a shard is
// prepared, empty, in the release schema, where no session of the old release looks.

import type { Enum, Sequence, Table } from '../release/catalog.js';
import { literal, name, type Sql, sql, trusted } from '../sql.js';
import type { Statement } from './bundle.js';
import type { Evolving } from './compile.js';
import { copyRights, usageOfSequence } from './grants.js';
import { floorTable, inRelease } from './places.js';
import { inheritedSequences } from './sequences.js';
import { statement } from './statement.js';
import { createTable } from './tables.js';

export function newTypes(evolving: Evolving): Statement[] {
  const at = (object: string) => inRelease(evolving.places, object);
  return [
    ...newEnums(evolving).map((one) =>
      statement(
        sql`create type ${at(one.name)} as enum (${one.labels.map((label) => literal(label))})`,
      ),
    ),
    ...newSequences(evolving).flatMap((one) => [
      statement(
        sql`create sequence ${at(one.name)} as ${trusted(one.type)}
start ${trusted(one.start)} increment ${trusted(one.increment)}${optionsOf(one)}`,
      ),
      usageOfSequence(at(one.name)),
    ]),
  ];
}

export function newEnums({ from, to }: Evolving): Enum[] {
  return to.enums.filter((one) => !from.enums.some((other) => other.name === one.name));
}

/** New sequences that do not go wherever an added table goes. */
export function ownSequences(evolving: Evolving): Sequence[] {
  const prefixes = evolving.layout.added.map((table) => `${table.name}.`);
  return newSequences(evolving).filter(
    ({ ownedBy }) => !prefixes.some((prefix) => ownedBy?.startsWith(prefix)),
  );
}

function newSequences({ from, to, clusters, shared }: Evolving): Sequence[] {
  const inherited = inheritedSequences(
    clusters.flatMap(({ cluster }) => cluster.parts),
    shared.map((one) => one.pair),
    to,
  );
  return to.sequences.filter((one) =>
    one.ownedBy === null
      ? !from.sequences.some((other) => other.name === one.name)
      : !inherited.has(one.name),
  );
}

function optionsOf({ options }: Sequence): Sql {
  return options === null ? sql`` : sql` ${trusted(options)}`;
}

export function addedTable(table: Table, { places, from, to }: Evolving): Statement[] {
  const at = inRelease(places, table.name);
  const prefix = `${table.name}.`;
  const owned = to.sequences.flatMap(({ name: sequence, ownedBy }) =>
    ownedBy?.startsWith(prefix) === true
      ? [{ sequence, column: ownedBy.slice(prefix.length) }]
      : [],
  );
  const [first] = from.tables;
  return [
    ...createTable(at, table, { withoutDefault: new Set(), uniques: table.uniques }),
    ...owned.map(({ sequence, column }) =>
      statement(sql`alter sequence ${inRelease(places, sequence)} owned by ${at}.${name(column)}`),
    ),
    ...table.indexes.map((index) => {
      const unique = index.isUnique ? sql`unique ` : sql``;
      return statement(
        sql`create ${unique}index ${name(index.name)} on ${at} using ${trusted(index.definition)}`,
      );
    }),
    ...(first === undefined ? [] : [copyRights(places, floorTable(first.name), at)]),
  ];
}
