// Shapes where a type changes: labels of an enum that come, go, get another name or become one,
// alone, in arrays and under domains; domains that get another base or another rule.
//
// Several labels may become one. Then the old release keeps the one that it has written for as long
// as the new release has not written another.

import { withBeside } from './beside.js';
import type { Random } from './random.js';
import { type Field, KEYS, type Shape, type Side, shape, TITLE } from './shapes.js';

/** What becomes of the labels of the old release, and which of them the new ones stand for. */
interface Labels {
  readonly old: readonly string[];
  readonly new: readonly string[];
  readonly up: Readonly<Record<string, string>>;
  /** A label that only the new release has leads to one from which it does not come back. */
  readonly down: Readonly<Record<string, string>>;
  /** What the new release calls the type. */
  readonly type: string;
}

/** Of no use for the new release: a default stands for what holds it. */
const LOST = 'gone';

type Pairs = Readonly<Record<string, string | null>>;

/** A column that holds labels. */
interface Holder {
  readonly name: string;
  readonly type: (of: string) => string;
  readonly rule: string;
  /** What the new release has in place of what holds the lost label. */
  readonly instead: string;
  readonly values: (labels: readonly string[]) => readonly string[];
  /** Each label of `value`, a text, by the pairs; null in place of what has the lost one. */
  readonly mapped: (value: string, pairs: Pairs) => string;
}

const HOLDERS: readonly Holder[] = [
  {
    name: 'state',
    type: (of) => of,
    rule: 'not null',
    instead: 'closed',
    values: (labels) => labels.map((one) => `'${one}'`),
    mapped: eachOf,
  },
  {
    name: 'past',
    type: (of) => `${of}[]`,
    rule: `not null default '{}'`,
    instead: '{}',
    values: (labels) => [
      `'{}'`,
      `'{null}'`,
      ...labels.map((one, at) => `'{${one},${labels[(at + 1) % labels.length]}}'`),
    ],
    mapped: (value, pairs) => `case when not '${LOST}' = any (array_remove(${value}::text[], null))
      then (select coalesce(array_agg(${eachOf('e', pairs)} order by at), '{}')
        from unnest(${value}::text[]) with ordinality as u (e, at))::text end`,
  },
  {
    name: 'tone',
    type: () => 'tone',
    rule: '',
    instead: 'in_work',
    values: (labels) => ['null', ...labels.map((one) => `'${one}'`)],
    mapped: eachOf,
  },
];

/** How a share of 100 is kept in either release. */
interface Share {
  readonly old: string;
  readonly new: string;
  readonly values: readonly string[];
  readonly newValues: readonly string[];
  /** The new release has 50 in place of more. */
  readonly isCapped: boolean;
}

const SHARES: readonly Share[] = [
  {
    old: 'percent: int check (value between 0 and 100)',
    new: 'percent: numeric(5, 2) check (value between 0 and 100)',
    values: ['0', '1', '100', '-1'],
    newValues: ['0', '1', '50.5', '99.99', '100', '100.5'],
    isCapped: false,
  },
  {
    old: 'percent: int check (value between 0 and 100)',
    new: 'percent: int check (value between 0 and 200)',
    values: ['0', '1', '100', '101'],
    newValues: ['0', '100', '101', '150', '201'],
    isCapped: false,
  },
  {
    old: 'percent: int check (value between 0 and 100)',
    new: 'percent: int check (value between 0 and 50)',
    values: ['0', '50', '60', '101'],
    newValues: ['0', '1', '50', '60'],
    isCapped: true,
  },
  {
    old: 'int',
    new: 'share: int check (value <= 50)',
    values: ['0', '50', '60'],
    newValues: ['0', '1', '50', '60'],
    isCapped: true,
  },
  {
    old: 'percent: int check (value between 0 and 100)',
    new: 'int',
    values: ['0', '1', '100', '101'],
    newValues: ['0', '1', '100', '101'],
    isCapped: false,
  },
];

export function labels(random: Random): Shape {
  const drawn: Tickets = {
    labels: labelsFrom(random),
    share: random.pick(SHARES),
    holders: random.shuffled(HOLDERS).slice(0, 1 + random.below(3)),
  };
  const renamed = Object.entries(drawn.labels.up).filter(([from, to]) => from !== to);
  const changes = renamed.map(
    ([label, to]) => `rename_label: { type: state, label: ${label}, to: ${to} }`,
  );
  const sides = { LIST: sideOf(drawn, 'old'), ROWS: sideOf(drawn, 'new') };
  const whole = { ...shape(sides, false, changes.join('\n  - ')), head: headOf(drawn) };
  return withBeside(random, whole, 'tickets');
}

interface Tickets {
  readonly labels: Labels;
  readonly share: Share;
  readonly holders: readonly Holder[];
}

function labelsFrom(random: Random): Labels {
  const lost = random.percent(30) ? [LOST] : [];
  const [parked, back] = random.pick([
    ['waiting', { waiting: 'parked' }],
    ['in_work', {}],
    ['closed', {}],
  ] as const);
  const gained = random.percent(50) ? { archived: 'closed' } : {};
  // Where two have become one, the first of the old release stands for it, or that of its name.
  const old = random.shuffled(['new', 'open', 'parked', 'closed', ...lost]);
  const isParkedFirst = parked === 'in_work' && old.indexOf('parked') < old.indexOf('open');
  const first = isParkedFirst ? 'parked' : 'open';
  const down = { new: 'new', closed: 'closed', in_work: first, ...back, ...gained };
  return {
    old,
    new: random.shuffled(Object.keys(down)),
    up: { open: 'in_work', parked },
    down,
    type: random.percent(25) ? 'stage' : 'state',
  };
}

function headOf({ labels: { old }, share, holders }: Tickets): string {
  const entries = [
    ...(old.includes(LOST) ? holders.map(({ name, instead }) => [name, `'${instead}'`]) : []),
    ...(share.isCapped ? [['done', '50']] : []),
  ];
  const lines = entries.map(
    ([column, value]) =>
      `  - default: { table: tickets, column: ${column}, value: ${JSON.stringify(value)} }\n`,
  );
  return lines.length === 0 ? '' : `dirty:\n${lines.join('')}`;
}

function sideOf(tickets: Tickets, side: 'old' | 'new'): Side {
  const { labels: drawn, share, holders } = tickets;
  const of = side === 'old' ? 'state' : drawn.type;
  const names = drawn[side].map((one) => `'${one}'`);
  const [kind = '', base] = share[side].split(': ');
  const columns = holders.map(({ name, type, rule }) => `${name} ${type(of)} ${rule}`);
  const fields = holders.map(({ name, values }): Field => ({ name, values: values(drawn[side]) }));
  const done = side === 'old' ? share.values : share.newValues;
  return {
    schema: `create type ${of} as enum (${names.join(', ')});
      create domain tone as ${of} check (value <> 'new');
      ${base === undefined ? '' : `create domain ${kind} as ${base};`}
      create table tickets (id int primary key, title text,
        ${[`done ${kind} not null`, ...columns].join(', ')});`,
    tables: [
      {
        name: 'tickets',
        isMovable: true,
        key: [{ name: 'id', values: KEYS }],
        columns: [TITLE, { name: 'done', values: done }, ...fields],
        from: [
          {
            columns: ['id', 'title', 'done', ...holders.map((one) => one.name)],
            query: side === 'old' ? backward(tickets) : forward(tickets),
          },
        ],
      },
    ],
  };
}

function forward({ labels: { up, type }, share, holders }: Tickets): string {
  const values = holders.map((one) => {
    const value = upOf(one, `o.${one.name}`, up);
    return `(${value})::${one.type(`new.${type}`).replace(/^tone$/, 'new.tone')} as ${one.name}`;
  });
  const done = share.isCapped ? 'least(o.done, 50)' : 'o.done';
  return `select ${['o.id', 'o.title', `${done} as done`, ...values].join(', ')}
    from old.tickets as o`;
}

function backward({ labels: { up, down }, share, holders }: Tickets): string {
  const kept = (of: string, value: string, back: string) =>
    `case when o.id is not null and ${of} is not distinct from ${value} then ${back}`;
  const values = holders.map((one) => {
    const { name } = one;
    const value = `n.${name}::text`;
    const stays = kept(upOf(one, `o.${name}`, up), value, `o.${name}::text`);
    const type = one.type('old.state').replace(/^tone$/, 'old.tone');
    return `(${stays} else ${one.mapped(value, down)} end)::${type} as ${name}`;
  });
  const capped = `${kept('least(o.done, 50)', 'n.done', 'o.done')} else n.done end`;
  const done = share.isCapped ? capped : 'n.done';
  return `select ${['n.id', 'n.title', `${done} as done`, ...values].join(', ')}
    from new.tickets as n left join old.tickets as o on o.id = n.id`;
}

/** As text: the value of the new release for a value of the old one. */
function upOf(holder: Holder, column: string, up: Labels['up']): string {
  const value = `${column}::text`;
  return `case when ${column} is not null
    then coalesce(${holder.mapped(value, { ...up, [LOST]: null })}, '${holder.instead}') end`;
}

function eachOf(value: string, pairs: Pairs): string {
  const cases = Object.entries(pairs).map(
    ([from, to]) => `when '${from}' then ${to === null ? 'null' : `'${to}'`}`,
  );
  return `case ${value} ${cases.join(' ')} else ${value} end`;
}
