// Shapes where tables of which none has all rows become one: merge_tables with a `when` for the
// first table.

import type { Random } from './random.js';
import {
  type Field,
  KEYS,
  type Shape,
  type ShapedTable,
  type Side,
  shape,
  WORDS,
} from './shapes.js';

const ID: Field = { name: 'id', values: KEYS };
const AMOUNTS = ['0', '1', '2.5'];
const NOTE: Field = { name: 'note', values: ['null', ...WORDS] };
const STATES = [`'open'`, `'closed'`, `'unknown'`, `'planned'`];

/** Whether what is spent comes with a state that has to be there, and a third table is merged. */
interface Drawing {
  readonly hasState: boolean;
  readonly hasThird: boolean;
  readonly hasCheck: boolean;
  /** What the old release calls the key of the second table. */
  readonly key: string;
  /** Which rows of the whole are plans. */
  readonly when: string;
}

export function merged(random: Random): Shape {
  const drawing: Drawing = {
    hasState: random.percent(50),
    hasThird: random.percent(30),
    hasCheck: random.percent(50),
    key: random.pick(['id', 'year']),
    when: random.pick(['budget is not null', 'budget is not null and budget >= 0']),
  };
  const { hasState, hasThird, key, when } = drawing;
  const lines = [
    `      into: years\n      from:\n        plans: { when: ${when} }`,
    `        actuals: { ${hasState ? `otherwise: { state: "'planned'" }` : ''} }`,
    ...(hasThird ? ['        reviews: { when: grade is not null }'] : []),
    '  - rename_column: { table: plans, column: note, to: plan_note }',
    ...(key === 'id' ? [] : [`  - rename_column: { table: actuals, column: ${key}, to: id }`]),
    ...(hasState ? [CONVERTED] : []),
  ];
  const sides = { LIST: wholeSide(drawing), ROWS: tablesSide(drawing) };
  return shape(sides, true, `merge_tables:\n${lines.join('\n')}`);
}

const UP = `case when closed then 'closed' when not closed then 'open' else 'unknown' end`;
const DOWN = `case state when 'closed' then true when 'open' then false end`;
const CONVERTED = `  - convert_column: { table: actuals, column: closed, to: state,
      up: ${JSON.stringify(UP)}, down: ${JSON.stringify(DOWN)} }`;

function tablesSide({ hasState, hasThird, key, when }: Drawing): Side {
  const closed = hasState ? [{ name: 'closed', values: ['null', 'true', 'false'] }] : [];
  const state = hasState ? `, ${DOWN} as closed` : '';
  const budgets = when.includes('>=') ? AMOUNTS : [...AMOUNTS, '-1'];
  return {
    schema: `create table plans (id int primary key, budget numeric not null
        ${when.includes('>=') ? 'check (budget >= 0)' : ''}, note text);
      create table actuals (${key} int primary key, spent numeric not null, note text
        ${hasState ? ', closed boolean' : ''});
      ${hasThird ? 'create table reviews (id int primary key, grade int not null);' : ''}`,
    tables: [
      tableOf('plans', ID, {
        columns: [{ name: 'budget', values: budgets }, NOTE],
        query: `select id, budget, plan_note as note from LIST.years where ${when}`,
      }),
      tableOf(
        'actuals',
        { ...ID, name: key },
        {
          columns: [{ name: 'spent', values: AMOUNTS }, NOTE, ...closed],
          query: `select id as ${key}, spent, note ${state} from LIST.years
          where spent is not null`,
        },
      ),
      ...(hasThird
        ? [
            tableOf('reviews', ID, {
              columns: [{ name: 'grade', values: ['1', '2'] }],
              query: 'select id, grade from LIST.years where grade is not null',
            }),
          ]
        : []),
    ],
  };
}

function wholeSide({ hasState, hasThird, hasCheck, key }: Drawing): Side {
  const maybe = (name: string): Field => ({ name, values: ['null', ...AMOUNTS, '-1'] });
  const third = hasThird ? [{ name: 'grade', values: ['null', '1', '2'] }] : [];
  const state = hasState ? [{ name: 'state', values: STATES }] : [];
  const present = ['budget', 'spent', ...third.map((one) => one.name)];
  const check = present.map((one) => `${one} is not null`).join(' or ');
  const values = [
    'p.budget',
    'p.note as plan_note',
    'a.spent',
    'a.note',
    ...(hasState ? [`case when a.${key} is null then 'planned' else ${UP} end as state`] : []),
    ...(hasThird ? ['r.grade'] : []),
  ];
  const keys = `select id from ROWS.plans union select ${key} from ROWS.actuals
    ${hasThird ? 'union select id from ROWS.reviews' : ''}`;
  return {
    schema: `create table years (id int primary key, budget numeric, plan_note text,
      spent numeric, note text ${hasState ? ', state text not null' : ''}
      ${hasThird ? ', grade int' : ''} ${hasCheck ? `, check (${check})` : ''});`,
    tables: [
      tableOf('years', ID, {
        columns: [
          maybe('budget'),
          { ...NOTE, name: 'plan_note' },
          maybe('spent'),
          NOTE,
          ...state,
          ...third,
        ],
        query: `select k.id, ${values.join(', ')} from (${keys}) as k
          left join ROWS.plans as p on p.id = k.id
          left join ROWS.actuals as a on a.${key} = k.id
          ${hasThird ? 'left join ROWS.reviews as r on r.id = k.id' : ''}`,
      }),
    ],
  };
}

function tableOf(
  name: string,
  key: Field,
  { columns, query }: { readonly columns: readonly Field[]; readonly query: string },
): ShapedTable {
  return {
    name,
    isMovable: true,
    fixed: [key.name],
    key: [key],
    columns,
    from: [{ columns: [key.name, ...columns.map((one) => one.name)], query }],
  };
}
