// Shapes that their author states by queries: custom.

import type { Random } from './random.js';
import { type Field, KEYS, type Shape, type Side, shape, WORDS } from './shapes.js';

export function custom(random: Random): Shape {
  return random.pick([halves, joined])(random);
}

export interface Query {
  readonly table: string;
  readonly slice: string;
  readonly query: string;
}

export function changeOf(from: readonly Query[], into: readonly Query[]): string {
  const side = (all: readonly Query[]) =>
    all
      .map(
        ({ table, slice, query }) =>
          `        ${table}:\n          slice: ${slice}\n` +
          `          query: ${JSON.stringify(query)}\n`,
      )
      .join('');
  return `custom:\n      from:\n${side(from)}      into:\n${side(into)}`;
}

/** A query of the evolution file as the model asks it: by the schemas of the releases. */
export function asked(query: string, tables: Readonly<Record<string, string>>): string {
  return Object.entries(tables).reduce(
    (text, [name, side]) =>
      text.replace(new RegExp(`\\b(from|join) ${name}\\b`, 'g'), `$1 ${side}.${name}`),
    query,
  );
}

/** Columns of a row become rows. */
function halves(): Shape {
  const sensor: Field = { name: 'sensor', values: ['1', '2'] };
  const day: Field = { name: 'day', values: [`'2026-06-01'`, `'2026-06-02'`, `'2026-06-03'`] };
  const value = (name: string): Field => ({ name, values: ['null', '1', '2.5'] });
  const back = `select sensor, day, max(value) filter (where half = 'am') as morning,
    max(value) filter (where half = 'pm') as evening from measurements group by sensor, day`;
  const forth = `select r.sensor, r.day, v.half, v.value from readings r
    cross join lateral (values ('am', r.morning), ('pm', r.evening)) as v(half, value)
    where v.value is not null`;
  const list: Side = {
    schema: `create table readings (sensor int, day date, morning numeric, evening numeric,
      primary key (sensor, day), check (morning is not null or evening is not null));`,
    tables: [
      {
        name: 'readings',
        isMovable: true,
        key: [sensor, day],
        columns: [value('morning'), value('evening')],
        from: [
          {
            columns: ['sensor', 'day', 'morning', 'evening'],
            query: asked(back, { measurements: 'ROWS' }),
          },
        ],
      },
    ],
  };
  const rows: Side = {
    schema: `create table measurements (sensor int, day date,
      half text check (half in ('am', 'pm')),
      value numeric not null, primary key (sensor, day, half));`,
    tables: [
      {
        name: 'measurements',
        isMovable: true,
        key: [sensor, day, { name: 'half', values: [`'am'`, `'pm'`] }],
        columns: [{ name: 'value', values: ['1', '2.5', '3'] }],
        from: [
          {
            columns: ['sensor', 'day', 'half', 'value'],
            query: asked(forth, { readings: 'LIST' }),
          },
        ],
      },
    ],
  };
  const slice = '[sensor, day]';
  const change = changeOf(
    [{ table: 'readings', slice, query: back }],
    [{ table: 'measurements', slice, query: forth }],
  );
  return shape({ LIST: list, ROWS: rows }, false, change);
}

/** Two tables of which either may have the row become one, or one becomes two. */
function joined(random: Random): Shape {
  const isTurned = random.percent(50);
  const key: Field = { name: 'id', values: KEYS };
  const word = (name: string): Field => ({ name, values: WORDS });
  const maybe = (name: string): Field => ({ name, values: ['null', ...WORDS] });
  const whole = `select coalesce(a.id, b.id) as id, a.x, b.y
    from lefts as a full join rights as b on b.id = a.id`;
  const left = 'select id, x from pairs where x is not null';
  const right = 'select id, y from pairs where y is not null';
  const list: Side = {
    schema: `create table pairs (id int primary key, x text, y text,
      check (x is not null or y is not null));`,
    tables: [
      {
        name: 'pairs',
        isMovable: true,
        fixed: ['id'],
        key: [key],
        columns: [maybe('x'), maybe('y')],
        from: [
          {
            columns: ['id', 'x', 'y'],
            query: asked(whole, { lefts: 'ROWS', rights: 'ROWS' }),
          },
        ],
      },
    ],
  };
  const half = (name: string, column: string, query: string) => ({
    name,
    isMovable: true,
    fixed: ['id'],
    key: [key],
    columns: [word(column)],
    from: [{ columns: ['id', column], query: asked(query, { pairs: 'LIST' }) }],
  });
  const rows: Side = {
    schema: `create table lefts (id int primary key, x text not null);
      create table rights (id int primary key, y text not null);`,
    tables: [half('lefts', 'x', left), half('rights', 'y', right)],
  };
  const one = [{ table: 'pairs', slice: 'id', query: whole }];
  const two = [
    { table: 'lefts', slice: 'id', query: left },
    { table: 'rights', slice: 'id', query: right },
  ];
  const change = isTurned ? changeOf(two, one) : changeOf(one, two);
  return shape({ LIST: list, ROWS: rows }, isTurned, change);
}
