// What only the new release has: enums, sequences and whole tables. They are made when a shard is
// prepared, empty, in the release schema, where no session of the old release looks.

import type { Sequence, Table } from '../release/catalog.js';
import { literal, name, type Sql, sql, trusted } from '../sql.js';
import type { Statement } from './bundle.js';
import type { Evolving } from './compile.js';
import { copyRights, usageOfSequence } from './grants.js';
import { floorTable, inRelease } from './places.js';
import { inheritedSequences } from './sequences.js';
import { statement } from './statement.js';
import { createTable } from './tables.js';

export function newTypes({ from, to, places, clusters, shared }: Evolving): Statement[] {
  const inherited = inheritedSequences(
    clusters.flatMap(({ cluster }) => cluster.parts),
    shared.map((one) => one.pair),
    to,
  );
  const isNew = (list: readonly { name: string }[], one: { name: string }) =>
    !list.some((other) => other.name === one.name);
  const at = (object: string) => inRelease(places, object);
  return [
    ...to.enums
      .filter((one) => isNew(from.enums, one))
      .map((one) =>
        statement(
          sql`create type ${at(one.name)} as enum (${one.labels.map((label) => literal(label))})`,
        ),
      ),
    ...to.sequences
      .filter((one) =>
        one.ownedBy === null ? isNew(from.sequences, one) : !inherited.has(one.name),
      )
      .flatMap((one) => [
        statement(
          sql`create sequence ${at(one.name)} as ${trusted(one.type)}
start ${trusted(one.start)} increment ${trusted(one.increment)}${optionsOf(one)}`,
        ),
        usageOfSequence(at(one.name)),
      ]),
  ];
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
