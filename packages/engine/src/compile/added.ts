// What only the new release has: enums, sequences and whole tables. They are made when a shard is
// prepared, empty, in the release schema, where no session of the old release looks.

import type { Enum, Sequence, Table } from '../release/catalog.js';
import { literal, name, sql, trusted } from '../sql.js';
import type { Statement } from './bundle.js';
import type { Evolving } from './compile.js';
import { copyRights } from './grants.js';
import { floorTable, inRelease } from './places.js';
import { newSequences } from './sequence-plan.js';
import { createSequence } from './sequences.js';
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
    ...newSequences(evolving.sequences).flatMap((one) => createSequence(at(one.name), one)),
  ];
}

export function newEnums({ from, to }: Evolving): Enum[] {
  return to.enums.filter((one) => !from.enums.some((other) => other.name === one.name));
}

/** New sequences that do not go wherever an added table goes. */
export function ownSequences(evolving: Evolving): Sequence[] {
  const prefixes = evolving.layout.added.map((table) => `${table.name}.`);
  return newSequences(evolving.sequences).filter(
    ({ ownedBy }) => !prefixes.some((prefix) => ownedBy?.startsWith(prefix)),
  );
}

export function addedTable(table: Table, { places, from, sequences }: Evolving): Statement[] {
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
