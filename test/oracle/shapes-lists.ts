// Shapes where the elements of a column are rows of the other release: unnest_column, nest_table.

import { withBeside, withRenamed } from './beside.js';
import type { Random } from './random.js';
import {
  type Field,
  KEYS,
  type Shape,
  type ShapedTable,
  type Side,
  shape,
  TITLE,
  WORDS,
} from './shapes.js';

/** How a list column is written, taken apart, and put together. */
interface Form {
  readonly type: string;
  readonly delimiter: string | null;
  /** A list of the elements, each an SQL literal. */
  readonly literal: (elements: readonly string[]) => string;
  /** The elements as rows `e (v, place)`. */
  readonly apart: (column: string) => string;
  /** An aggregate over `v` in the given order. */
  readonly together: (order: string) => string;
  readonly empty: string;
}

const FORMS: readonly Form[] = [
  {
    type: 'text[]',
    delimiter: null,
    literal: (elements) => `array[${elements.join(', ')}]::text[]`,
    apart: (column) => `unnest(${column}) with ordinality as e (v, place)`,
    together: (order) => `array_agg(v order by ${order})`,
    empty: `'{}'`,
  },
  {
    type: 'text',
    delimiter: ' ',
    literal: (elements) => (elements.length === 0 ? `''` : elements.join(` || ' ' || `)),
    apart: (column) => `unnest(string_to_array(${column}, ' ')) with ordinality as e (v, place)`,
    together: (order) => `string_agg(v, ' ' order by ${order})`,
    empty: `''`,
  },
  {
    type: 'jsonb',
    delimiter: null,
    literal: (elements) => `jsonb_build_array(${elements.map((one) => `${one}::text`).join(', ')})`,
    apart: (column) =>
      `jsonb_array_elements_text(case jsonb_typeof(${column}) when 'array' then ${column} end)
       with ordinality as e (v, place)`,
    together: (order) => `jsonb_agg(v order by ${order})`,
    empty: `'[]'`,
  },
];

/** unnest_column of a list with or without places, and nest_table of a set. */
export function elements(random: Random): Shape {
  const form = random.pick(FORMS);
  const isNested = random.percent(40);
  const isPlaced = !isNested && random.percent(50);
  const order = isPlaced ? 'place' : 'v collate "C"';
  const reference = 'references posts (id) on delete cascade on update cascade';
  const lists = isPlaced
    ? [[], [`'b'`], [`'b'`, `'a'`], [`'a'`, `'a'`], [`'c'`, `'a'`, `'b'`]]
    : [[], [`'a'`], [`'a'`, `'b'`], [`'b'`, `'c'`], [`'a'`, `'b'`, `'c'`]];
  // What rows cannot give is only for the release that comes: it is refused there.
  const unheld = isNested
    ? [
        [`'b'`, `'a'`],
        [`'a'`, `'a'`],
      ]
    : [];
  const listed: Side = {
    schema: `create table posts (id int primary key, title text,
      list ${form.type} not null default ${form.empty});`,
    tables: [
      {
        name: 'posts',
        isMovable: true,
        fixed: ['id'],
        key: [{ name: 'id', values: KEYS }],
        columns: [TITLE, { name: 'list', values: [...lists, ...unheld].map(form.literal) }],
        from: [
          {
            columns: ['id', 'title', 'list'],
            query: `select id, title, coalesce((select ${form.together(order)}
              from ROWS.elements as i where i.post = p.id), ${form.empty}) as list
              from ROWS.posts as p`,
          },
        ],
      },
    ],
  };
  const value: Field = { name: 'v', values: WORDS.slice(0, 3) };
  const place: Field = { name: 'place', values: ['1', '2', '3', '4'] };
  const apart = `from LIST.posts as p cross join lateral ${form.apart('p.list')}`;
  const rows: Side = {
    schema: `create table posts (id int primary key, title text);
      create table elements (post int ${reference}, ${isPlaced ? 'place int,' : ''} v text not null,
      primary key (post, ${isPlaced ? 'place' : 'v'}));`,
    tables: [
      {
        name: 'posts',
        isMovable: true,
        fixed: ['id'],
        key: [{ name: 'id', values: KEYS }],
        columns: [TITLE],
        from: [{ columns: ['id', 'title'], query: 'select id, title from LIST.posts' }],
      },
      {
        name: 'elements',
        key: [{ name: 'post', values: KEYS }, isPlaced ? place : value],
        columns: isPlaced ? [value] : [],
        from: [
          isPlaced
            ? {
                columns: ['post', 'place', 'v'],
                query: `select p.id as post, e.place::int as place, e.v ${apart}`,
              }
            : { columns: ['post', 'v'], query: `select distinct p.id as post, e.v ${apart}` },
        ],
      },
    ],
  };
  const stated = random.percent(25) ? ', key: { post: id }' : '';
  const delimiter = `${form.delimiter === null ? '' : `, delimiter: "${form.delimiter}"`}${stated}`;
  const change = isNested
    ? `nest_table: { table: elements, into: posts, column: list, value: v${delimiter} }`
    : `unnest_column: { table: posts, column: list, into: elements, value: v${delimiter}` +
      `${isPlaced ? ', position: place' : ''} }`;
  const sides = { LIST: listed, ROWS: rows };
  const whole = random.percent(25)
    ? shape(withMarks(sides), isNested, `${change}\n  - ${isNested ? MARKS.nest : MARKS.unnest}`)
    : shape(sides, isNested, change);
  return maybeRenamed(random, withBeside(random, whole, 'posts'));
}

function maybeRenamed(random: Random, whole: Shape): Shape {
  return random.percent(15) ? withRenamed(whole, 'posts', 'articles') : whole;
}

const MARKS = {
  nest: 'nest_table: { table: marks, into: posts, column: marks, value: v }',
  unnest: 'unnest_column: { table: posts, column: marks, into: marks, value: v }',
};

/** A second list of the same table. */
function withMarks({ LIST, ROWS }: Readonly<Record<'LIST' | 'ROWS', Side>>) {
  const lists = [`'{}'`, `'{a}'`, `'{a,b}'`];
  const column: Field = { name: 'marks', values: lists };
  const from = {
    columns: ['id', 'marks'],
    query: `select id, coalesce((select array_agg(m.v order by m.v collate "C")
      from ROWS.marks as m where m.post = p.id), '{}') as marks from ROWS.posts as p`,
    isMore: true,
  };
  const marks: ShapedTable = {
    name: 'marks',
    key: [
      { name: 'post', values: KEYS },
      { name: 'v', values: WORDS.slice(0, 3) },
    ],
    columns: [],
    from: [
      {
        columns: ['post', 'v'],
        query: `select distinct p.id as post, e.v from LIST.posts as p
          cross join lateral unnest(p.marks) as e (v)`,
      },
    ],
  };
  return {
    LIST: {
      schema: LIST.schema.replace(
        ', title text',
        `, title text, marks text[] not null default '{}'`,
      ),
      tables: LIST.tables.map((table) => ({
        ...table,
        columns: [...table.columns, column],
        from: [...table.from, from],
      })),
    },
    ROWS: {
      schema: `${ROWS.schema}
      create table marks (post int references posts (id) on delete cascade on update cascade,
      v text not null, primary key (post, v));`,
      tables: [...ROWS.tables, marks],
    },
  };
}

/** unnest_column and nest_table of columns that hold one element each. */
export function slots(random: Random): Shape {
  const isNested = random.percent(50);
  const word = (name: string): Field => ({ name, values: ['null', ...WORDS] });
  const listed: Side = {
    schema: 'create table posts (id int primary key, title text, one text, two text);',
    tables: [
      {
        name: 'posts',
        isMovable: true,
        fixed: ['id'],
        key: [{ name: 'id', values: KEYS }],
        columns: [TITLE, word('one'), word('two')],
        from: [
          {
            columns: ['id', 'title', 'one', 'two'],
            query: `select p.id, p.title, max(i.v) filter (where i.place = 1) as one,
              max(i.v) filter (where i.place = 2) as two
              from ROWS.posts as p left join ROWS.elements as i on i.post = p.id
              group by p.id, p.title`,
          },
        ],
      },
    ],
  };
  const rows: Side = {
    schema: `create table posts (id int primary key, title text);
      create table elements (post int references posts (id) on delete cascade on update cascade,
      place int ${isNested ? 'check (place in (1, 2))' : ''}, v text not null,
      primary key (post, place));`,
    tables: [
      {
        name: 'posts',
        isMovable: true,
        fixed: ['id'],
        key: [{ name: 'id', values: KEYS }],
        columns: [TITLE],
        from: [{ columns: ['id', 'title'], query: 'select id, title from LIST.posts' }],
      },
      {
        name: 'elements',
        key: [
          { name: 'post', values: KEYS },
          { name: 'place', values: ['1', '2', '1', '2', '3'] },
        ],
        columns: [{ name: 'v', values: WORDS }],
        from: [
          {
            columns: ['post', 'place', 'v'],
            query: `select p.id as post, e.place, e.v from LIST.posts as p
              cross join lateral (values (1, p.one), (2, p.two)) as e (place, v)
              where e.v is not null`,
          },
        ],
      },
    ],
  };
  const change = isNested
    ? 'nest_table: { table: elements, into: posts, columns: [one, two], value: v, position: place }'
    : `unnest_column: { table: posts, columns: [one, two], into: elements, value: v,
      position: place }`;
  const whole = shape({ LIST: listed, ROWS: rows }, isNested, change);
  return maybeRenamed(random, withBeside(random, whole, 'posts'));
}
