// A catalogue as a flat list of named objects with comparable facts, in a fixed order.

import type { Catalog, Column, ForeignKey, Key, Sequence, Table } from './catalog.js';
import { readBack } from './read-back.js';

export interface Described {
  readonly kind: 'table' | 'column' | 'constraint' | 'index' | 'sequence' | 'type' | 'other';
  readonly table: string | null;
  readonly object: string;
  /** By what the fact is called; the empty name is what the object itself is. */
  readonly facts: Readonly<Record<string, string | null>>;
}

/** Each table is followed by its columns, constraints and indexes; then come the other objects. */
export function describeCatalog(catalog: Catalog): Described[] {
  return [
    ...catalog.tables.flatMap(describeTable),
    ...catalog.sequences.map(describeSequence),
    ...catalog.enums.map(({ name, labels }) =>
      one('type', `enum ${name}`, { '': labels.map((label) => `'${label}'`).join(', ') }),
    ),
    ...catalog.domains.map(({ name, definition }) =>
      one('type', `domain ${name}`, { '': definition }),
    ),
    ...catalog.others.map(({ kind, name, definition }) =>
      one('other', `${kind} ${name}`, { definition }),
    ),
  ];
}

function one(kind: Described['kind'], object: string, facts: Described['facts']): Described {
  return { kind, table: null, object, facts };
}

/** A serial column's sequence belongs to its table. */
function describeSequence({ name, type, start, increment, options, ownedBy }: Sequence): Described {
  const table = ownedBy === null ? null : ownedBy.slice(0, ownedBy.lastIndexOf('.'));
  const facts = { type, start, increment, options, owner: ownedBy };
  return { kind: 'sequence', table, object: `sequence ${name}`, facts };
}

function describeTable(table: Table): Described[] {
  const of = (kind: Described['kind'], object: string, facts: Described['facts']): Described => ({
    kind,
    table: table.name,
    object,
    facts,
  });
  const { primaryKey } = table;
  return [
    of('table', `table ${table.name}`, {
      'row security': rowSecurityText(table),
      partitioning: table.partitionedBy === null ? 'off' : `by ${table.partitionedBy}`,
    }),
    ...table.columns.map((column) => of('column', `column ${column.name}`, columnFacts(column))),
    ...(primaryKey === null ? [] : [primaryKey]).map((key) =>
      of('constraint', `primary key ${key.name}`, keyFacts(key)),
    ),
    ...table.uniques.map((key) => of('constraint', `unique key ${key.name}`, keyFacts(key))),
    ...table.checks.map((check) =>
      of('constraint', `check ${check.name}`, { '': readBack(check.expression) }),
    ),
    ...table.exclusions.map(({ name, definition }) =>
      of('constraint', `exclusion constraint ${name}`, { '': readBack(definition) }),
    ),
    ...table.foreignKeys.map((key) =>
      of('constraint', `foreign key ${key.name}`, { '': foreignKeyText(key) }),
    ),
    ...table.indexes.map((index) =>
      of('index', `index ${index.name}`, {
        '': `${index.isUnique ? 'unique ' : ''}${readBack(index.definition)}`,
      }),
    ),
  ];
}

function rowSecurityText({ rowSecurity, rowSecurityForced }: Table): string {
  if (!rowSecurity) return 'off';
  return rowSecurityForced ? 'on, for the owner too' : 'on';
}

function columnFacts(column: Column): Described['facts'] {
  return {
    '': column.type,
    nullability: column.notNull ? 'not null' : 'null',
    default: column.default,
    identity: column.identity,
    'options of identity': column.identityOptions,
    generation: column.generated,
    collation: column.collation,
  };
}

function keyFacts(key: Key): Described['facts'] {
  return { '': key.definition };
}

function foreignKeyText(key: ForeignKey): string {
  const columns = key.columns.join(', ');
  const referenced = `${key.referencedTable} (${key.referencedColumns.join(', ')})`;
  const match = key.match === 'full' ? ' match full' : '';
  const deferrable = key.deferrable === 'no' ? '' : ` deferrable ${key.deferrable}`;
  const actions = ` on delete ${key.onDelete} on update ${key.onUpdate}`;
  return `(${columns}) references ${referenced}${match}${actions}${deferrable}`;
}
