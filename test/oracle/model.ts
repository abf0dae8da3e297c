// A random pair of releases: one table `items` of the one, its parts in the other, and how each
// column crosses. Every conversion here is exact, so that both releases can always be compared.
//
// The release with the one table is called the old one here, and mostly is the one in the field:
// its table is split. Reversed, the parts are in the field, and become one.

import { changesOf } from './changes.js';
import type { Random } from './random.js';

export interface Column {
  /** Name and type in each release; null where the release does not know it. */
  readonly old: { readonly name: string; readonly type: string } | null;
  readonly new: { readonly part: number; readonly name: string; readonly type: string } | null;
  /** Value of the new column over the old one, and back; null for the same value. */
  readonly up: string | null;
  readonly down: string | null;
  /** In the release that has it; the deciding column of a conditional part is so in the new one
    only. */
  readonly isRequired: boolean;
  readonly default: string | null;
  /** Stated for the old column while its part has no row. */
  readonly otherwise: string | null;
  readonly kind: Kind;
  /** Whether a row of the part is there when this column is not null. */
  readonly decides: boolean;
}

export interface Part {
  readonly table: string;
  /** New key columns, in the order of the old key. */
  readonly key: readonly string[];
  /** False: the part may lack a row only because the new release has deleted it. */
  readonly isConditional: boolean;
}

export interface Model {
  /** Whether the release with the parts is in the field. */
  readonly isReversed: boolean;
  readonly oldTable: string;
  readonly key: readonly { readonly name: string; readonly type: string }[];
  /** How key values come about: given by the writer, or by the database. */
  readonly generation: 'given' | 'identity' | 'always' | 'serial';
  readonly parts: readonly Part[];
  readonly columns: readonly Column[];
  /** A table that both releases share and that refers to the split one. */
  readonly hasChildren: boolean;
  readonly schemas: { readonly old: string; readonly new: string };
  readonly changes: string | null;
}

export interface Kind {
  readonly name: string;
  readonly type: string;
  readonly values: readonly string[];
  readonly conversions: readonly Conversion[];
  /** An expression that changes a value in a bulk update. */
  readonly bump: (column: string) => string;
}

interface Conversion {
  readonly type: string;
  readonly up: (column: string) => string;
  readonly down: (column: string) => string;
}

export const KINDS: readonly Kind[] = [
  {
    name: 'int',
    type: 'integer',
    values: ['0', '1', '-5', '42', '1000'],
    conversions: [
      { type: 'bigint', up: (c) => `${c}::bigint * 1000`, down: (c) => `(${c} / 1000)::integer` },
      { type: 'text', up: (c) => `${c}::text`, down: (c) => `${c}::integer` },
    ],
    bump: (column) => `${column} + 1`,
  },
  {
    name: 'text',
    type: 'text',
    values: [`''`, `'a'`, `'b c'`, `'ü''"'`, `E'\\\\x'`],
    conversions: [{ type: 'text', up: (c) => `'p:' || ${c}`, down: (c) => `substr(${c}, 3)` }],
    bump: (column) => `left(${column} || 'x', 12)`,
  },
  {
    name: 'bool',
    type: 'boolean',
    values: ['true', 'false'],
    conversions: [
      {
        type: 'text',
        up: (c) => `case ${c} when true then 'yes' when false then 'no' end`,
        down: (c) => `${c} = 'yes'`,
      },
    ],
    bump: (column) => `not ${column}`,
  },
  {
    name: 'numeric',
    type: 'numeric(10,2)',
    values: ['0', '1.5', '-2.25', '100'],
    conversions: [
      {
        type: 'bigint',
        up: (c) => `(${c} * 100)::bigint`,
        down: (c) => `(${c} / 100.0)::numeric(10,2)`,
      },
    ],
    bump: (column) => `${column} + 0.25`,
  },
  {
    name: 'time',
    type: 'timestamp with time zone',
    values: [`'2026-01-01 00:00Z'`, `'2026-06-15 12:30:00.5Z'`],
    conversions: [
      {
        type: 'timestamp without time zone',
        up: (c) => `${c} at time zone 'UTC'`,
        down: (c) => `${c} at time zone 'UTC'`,
      },
    ],
    bump: (column) => `${column} + interval '1 day'`,
  },
  {
    name: 'tags',
    type: 'text[]',
    values: [`'{}'`, `'{a,b}'`],
    conversions: [],
    bump: (column) => `(${column} || '{z}'::text[])[1:4]`,
  },
  {
    name: 'doc',
    type: 'jsonb',
    values: [`'{}'`, `'{"a": [1, null]}'`, `'"s"'`],
    conversions: [],
    bump: (column) => `jsonb_build_array(${column} -> 0, 1)`,
  },
];

const KEYS: readonly (readonly { readonly name: string; readonly type: string }[])[] = [
  [{ name: 'id', type: 'integer' }],
  [{ name: 'id', type: 'bigint' }],
  [{ name: 'code', type: 'text' }],
  [{ name: 'uid', type: 'uuid' }],
  [
    { name: 'shop', type: 'text' },
    { name: 'no', type: 'integer' },
  ],
];

export function modelFrom(random: Random): Model {
  const key = random.pick(KEYS);
  const isNumeric = key.length === 1 && /int/.test(key[0]?.type ?? '');
  const generation = isNumeric
    ? random.pick(['given', 'identity', 'always', 'serial'] as const)
    : 'given';
  const isReversed = random.percent(25);
  const isSplit = isReversed || random.percent(75);
  const oldTable = 'items';
  const base = !isSplit && random.percent(30) ? 'things' : oldTable;
  const keyNames = key.map((one) => (random.percent(25) ? `${one.name}_new` : one.name));
  const parts: Part[] = [{ table: base, key: keyNames, isConditional: false }];
  const count = isSplit ? 1 + random.below(2) : 0;
  for (let part = 1; part <= count; part += 1) {
    parts.push({
      table: `part_${part}`,
      key: random.percent(50) ? keyNames : key.map((one) => `item_${one.name}`),
      isConditional: isReversed || random.percent(55),
    });
  }
  const columns = parts.flatMap((part, index) => columnsOf(part, index, random));
  const dropped = random.percent(30) ? [droppedColumn(random)] : [];
  return modelOf({
    isReversed,
    oldTable,
    key,
    generation,
    parts,
    columns: random.shuffled([...columns, ...dropped]),
    hasChildren: key.length === 1 && random.percent(40),
  });
}

/** The releases and the evolution follow. */
export function modelOf(model: Bare): Model {
  return { ...model, schemas: schemasOf(model), changes: changesOf(model) };
}

export type Bare = Omit<Model, 'schemas' | 'changes'>;

function columnsOf(part: Part, index: number, random: Random): Column[] {
  const columns: Column[] = [];
  const count = 1 + random.below(3);
  for (let place = 0; place < count; place += 1) {
    const decides = part.isConditional && place === 0;
    columns.push(mapped(index, { name: `c${index}${place}`, decides }, random));
  }
  if (random.percent(30)) {
    const kind = random.pick(KINDS);
    const isRequired = random.percent(40);
    columns.push({
      old: null,
      new: { part: index, name: `extra_${index}`, type: kind.type },
      up: null,
      down: null,
      isRequired,
      default: isRequired || random.percent(50) ? (kind.values[0] ?? null) : null,
      otherwise: null,
      kind,
      decides: false,
    });
  }
  return columns;
}

function mapped(
  part: number,
  { name, decides }: { readonly name: string; readonly decides: boolean },
  random: Random,
): Column {
  const kind = random.pick(KINDS);
  const isConverted = kind.conversions.length > 0 && random.percent(25);
  const conversion = isConverted ? random.pick(kind.conversions) : null;
  const newName = isConverted || random.percent(30) ? `${name}_new` : name;
  const isRequired = !decides && random.percent(35);
  const isPart = part > 0;
  return {
    old: { name, type: kind.type },
    new: { part, name: newName, type: conversion?.type ?? kind.type },
    up: conversion?.up(name) ?? null,
    down: conversion?.down(newName) ?? null,
    isRequired,
    default:
      (isRequired && isPart) || random.percent(30)
        ? decides
          ? null
          : (kind.values[0] ?? null)
        : null,
    otherwise: isPart && !decides && random.percent(20) ? random.pick(kind.values) : null,
    kind,
    decides,
  };
}

function droppedColumn(random: Random): Column {
  const kind = random.pick(KINDS);
  const isRequired = random.percent(50);
  return {
    old: { name: 'gone', type: kind.type },
    new: null,
    up: null,
    down: null,
    isRequired,
    default: isRequired || random.percent(50) ? (kind.values[1] ?? null) : null,
    otherwise: null,
    kind,
    decides: false,
  };
}

function schemasOf(model: Bare): { old: string; new: string } {
  const { key, parts, columns, hasChildren } = model;
  const old = table(
    model.oldTable,
    key.map((one) => keyColumn(one.name, one.type, model)),
    columns.flatMap((one) =>
      one.old === null ? [] : [definition(one.old, one, one.isRequired, one.default)],
    ),
    [`primary key (${key.map((one) => one.name).join(', ')})`],
  );
  const fresh = parts.map((part, index) => {
    const keys = part.key.map((name, place) => {
      const type = key[place]?.type ?? '';
      return index === 0 ? keyColumn(name, type, model) : `${name} ${type}`;
    });
    const own = columns.filter((one) => one.new?.part === index);
    const base = parts[0];
    const reference =
      index === 0
        ? []
        : [
            `foreign key (${part.key.join(', ')})
references ${base?.table} (${base?.key.join(', ')}) on delete cascade on update cascade`,
          ];
    return table(
      part.table,
      keys,
      own.map((one) =>
        definition(
          one.new ?? { name: '', type: '' },
          one,
          one.isRequired || one.decides,
          newDefault(one),
        ),
      ),
      [`primary key (${part.key.join(', ')})`, ...reference],
    );
  });
  const children = (target: string, column: string) =>
    hasChildren
      ? `create table children (no int primary key,
        item ${key[0]?.type} references ${target} (${column})
  on delete cascade on update cascade, word text);`
      : '';
  return {
    old: `${old}\n${children(model.oldTable, key[0]?.name ?? '')}`,
    new: `${fresh.join('\n')}\n${children(parts[0]?.table ?? '', parts[0]?.key[0] ?? '')}`,
  };
}

/** The default in the new release's terms: converted columns have theirs converted too. */
function newDefault(column: Column): string | null {
  if (column.default === null || column.up === null || column.old === null) return column.default;
  return null;
}

function keyColumn(name: string, type: string, { generation }: Bare): string {
  switch (generation) {
    case 'given':
      return `${name} ${type}`;
    case 'identity':
      return `${name} ${type} generated by default as identity`;
    case 'always':
      return `${name} ${type} generated always as identity`;
    case 'serial':
      return `${name} ${type === 'bigint' ? 'bigserial' : 'serial'}`;
    default:
      return generation satisfies never;
  }
}

function definition(
  at: { readonly name: string; readonly type: string },
  column: Column,
  isRequired: boolean,
  value: string | null,
): string {
  const notNull = isRequired ? ' not null' : '';
  const text = value === null ? '' : ` default ${value}${column.up === null ? `::${at.type}` : ''}`;
  return `${at.name} ${at.type}${text}${notNull}`;
}

function table(
  name: string,
  keys: readonly string[],
  columns: readonly string[],
  constraints: readonly string[],
): string {
  return `create table ${name} (\n  ${[...keys, ...columns, ...constraints].join(',\n  ')}\n);`;
}
