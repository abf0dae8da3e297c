// Changes of single columns beside the change of a whole table: rename_column, convert_column,
// and what is found by comparing, a column that only one of the releases has.

import type { Random } from './random.js';
import type { Field, Shape, ShapedTable, Side, Source } from './shapes.js';

/** A column of the table in either release. */
interface Extra {
  readonly old: Field & { readonly type: string };
  readonly new: Field & { readonly type: string };
  readonly up: string;
  readonly down: string;
  readonly change: string;
}

const MOODS = ['null', `'m'`, `'n'`];

const RENAMED: Extra = {
  old: { name: 'mood', type: 'text', values: MOODS },
  new: { name: 'spirit', type: 'text', values: MOODS },
  up: 'mood',
  down: 'spirit',
  change: '  - rename_column: { table: TABLE, column: mood, to: spirit }\n',
};

const CONVERTED: Extra = {
  old: { name: 'size', type: 'int', values: ['null', '1', '20'] },
  new: { name: 'bytes', type: 'bigint', values: ['null', '1024', '20480'] },
  up: 'size::bigint * 1024',
  down: '(bytes / 1024)::int',
  change:
    '  - convert_column: { table: TABLE, column: size, to: bytes, ' +
    'up: "size::bigint * 1024", down: "(bytes / 1024)::int" }\n',
};

const DROPPED: Field = { name: 'gone', values: ['null', `'g'`, `'h'`] };
/** What the old release reads in rows that the new one has made. */
const STATED = {
  name: 'gone',
  values: [`'g'`, `'h'`],
  change: `  - drop_column: { table: TABLE, column: gone, down: "'none'" }\n`,
  setup: `alter table old.TABLE alter column gone set default 'none';`,
};
const ADDED: Field = { name: 'extra', values: ['null', '7', '8'], beside: '7' };

/** Some of them, for a table that is in both releases under one name and with one key, `id`. */
export function withBeside(random: Random, shape: Shape, table: string): Shape {
  const extras = [RENAMED, CONVERTED].filter(() => random.percent(25));
  const isDropping = random.percent(20);
  const isStated = isDropping && random.percent(50);
  const isAdding = random.percent(20);
  const old = sideWith(shape.old, table, {
    texts: [
      ...extras.map((one) => `${one.old.name} ${one.old.type}`),
      ...(isDropping ? [`gone text ${isStated ? 'not null' : ''}`] : []),
    ],
    fields: [...extras.map((one) => one.old), ...(isDropping ? [isStated ? STATED : DROPPED] : [])],
    from: extras.map(({ old: { name }, down }) => ({
      columns: ['id', name],
      query: `select id, ${down} as ${name} from new.${table}`,
      isMore: true,
    })),
  });
  const fresh = sideWith(shape.new, table, {
    texts: [
      ...extras.map((one) => `${one.new.name} ${one.new.type}`),
      ...(isAdding ? ['extra int default 7'] : []),
    ],
    fields: [...extras.map((one) => one.new), ...(isAdding ? [ADDED] : [])],
    from: extras.map(({ new: { name }, up }) => ({
      columns: ['id', name],
      query: `select id, ${up} as ${name} from old.${table}`,
      isMore: true,
    })),
  });
  const all = [...extras, ...(isStated ? [STATED] : [])];
  const changes = all.map((one) => one.change.replace('TABLE', table)).join('');
  const setup = isStated ? STATED.setup.replace('TABLE', table) : '';
  return {
    ...shape,
    setup: `${shape.setup ?? ''}${setup}`,
    old,
    new: fresh,
    changes: `${changes}${shape.changes}`,
    ...(changes === '' && !isDropping && !isAdding ? {} : { bare: shape }),
    twins: [...(shape.twins ?? []), { old: table, new: table }],
  };
}

interface Added {
  readonly texts: readonly string[];
  readonly fields: readonly Field[];
  readonly from: readonly Source[];
}

function sideWith(side: Side, name: string, { texts, fields, from }: Added): Side {
  const head = new RegExp(`create table ${name} \\(id [^,]*primary key`);
  if (!head.test(side.schema)) throw new Error(`no table ${name} in ${side.schema}`);
  const grown = (table: ShapedTable): ShapedTable =>
    table.name === name
      ? { ...table, columns: [...table.columns, ...fields], from: [...table.from, ...from] }
      : table;
  return {
    schema: side.schema.replace(head, (all) => [all, ...texts].join(', ')),
    tables: side.tables.map(grown),
  };
}

/** The table is called otherwise in the new release. */
export function withRenamed(shape: Shape, table: string, to: string): Shape {
  const renamed = (text: string) => text.replace(new RegExp(`\\b${table}\\b`, 'g'), to);
  const ofNew = (text: string) =>
    text.replace(new RegExp(`\\bnew\\.${table}\\b`, 'g'), `new.${to}`);
  const reading = (one: ShapedTable): ShapedTable => ({
    ...one,
    from: one.from.map((source) => ({ ...source, query: ofNew(source.query) })),
  });
  return {
    ...shape,
    old: { ...shape.old, tables: shape.old.tables.map(reading) },
    new: {
      schema: renamed(shape.new.schema),
      tables: shape.new.tables.map((one) => ({ ...reading(one), name: renamed(one.name) })),
    },
    changes:
      `  - rename_table: { table: ${table}, to: ${to} }\n` +
      shape.changes.replaceAll(`into: ${table},`, `into: ${to},`),
    twins: (shape.twins ?? []).map((one) => (one.new === table ? { ...one, new: to } : one)),
    bare: shape,
  };
}
