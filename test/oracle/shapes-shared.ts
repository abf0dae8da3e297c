// Shapes where a table stays, partitioned or with an exclusion constraint, as one table for both
// releases or as two.

import { withBeside } from './beside.js';
import type { Random } from './random.js';
import {
  type Field,
  KEYS,
  type Shape,
  type ShapedTable,
  type Side,
  shape,
  TITLE,
} from './shapes.js';

/** A partitioned table that gains, loses and renames columns, whichever partition a row is in. */
export function partitioned(random: Random): Shape {
  const isRenaming = random.percent(50);
  const isDropping = random.percent(30);
  const isAdding = random.percent(50);
  const isRange = random.percent(50);
  const to = isRenaming ? 'sort' : 'kind';
  const kind = (name: string): Field => ({ name, values: [`'a'`, `'b'`] });
  const key: Field[] = [
    { name: 'id', values: KEYS },
    { name: 'at', values: ['1', '5', '15', '99'] },
  ];
  const table = (name: string, more: readonly Field[], query: string): ShapedTable => ({
    name: 'logs',
    isMovable: true,
    key,
    columns: [TITLE, kind(name), ...more],
    from: [{ columns: ['id', 'at', 'title', name], query }],
  });
  const schema = (columns: readonly string[]) =>
    `create table logs (id int, at int, title text, ${columns.join(', ')}, primary key (id, at))
      partition by ${isRange ? RANGES : LISTS}`;
  const gone = isDropping ? [{ name: 'gone', values: ['null', `'g'`] }] : [];
  const extra = isAdding ? [{ name: 'extra', values: ['null', '7', '8'], beside: '7' }] : [];
  const from = (name: string, as: string, side: string) =>
    `select id, at, title, ${name} as ${as} from ${side}.logs`;
  const sides = {
    LIST: {
      schema: schema(['kind text not null', ...gone.map(() => 'gone text')]),
      tables: [table('kind', gone, from(to, 'kind', 'ROWS'))],
    },
    ROWS: {
      schema: schema([`${to} text not null`, ...extra.map(() => 'extra int default 7')]),
      tables: [table(to, extra, from('kind', to, 'LIST'))],
    },
  };
  return {
    ...shape(sides, false, ''),
    changes: isRenaming ? '  - rename_column: { table: logs, column: kind, to: sort }\n' : '',
    twins: [{ old: 'logs', new: 'logs' }],
  };
}

const RANGES = `range (at);
  create table logs_low partition of logs for values from (0) to (10);
  create table logs_mid partition of logs for values from (10) to (50) partition by list (id);
  create table logs_mid_1 partition of logs_mid for values in (1, 2, 3);
  create table logs_mid_rest partition of logs_mid default;
  create table logs_rest partition of logs default;`;

const LISTS = `list (at);
  create table logs_low partition of logs for values in (1, 5);
  create table logs_mid partition of logs for values in (15);
  create table logs_rest partition of logs default;`;

/** Ranges of one table that may not overlap: for one release, or for both. */
export function excluded(random: Random): Shape {
  const by = random.pick(['old', 'new', 'both'] as const);
  const ranges = ['[1,3)', '[2,4)', '[5,9)', '[8,20)', '[30,31)', 'empty'].map((one) => `'${one}'`);
  const columns = [TITLE, { name: 'during', values: ranges }];
  const rule = ', constraint once exclude using gist (during with &&)';
  const side = (release: 'old' | 'new', other: string): Side => {
    const query = `select id, title, during from ${other}.bookings as b`;
    const clean = by === 'new' && release === 'new' ? ` where not (${OVERLAPS})` : '';
    return {
      schema: `create table bookings (id int primary key, title text, during int4range not null
        ${by === release || by === 'both' ? rule : ''});`,
      tables: [
        {
          name: 'bookings',
          isMovable: true,
          ...(by === 'old' && release === 'new' && { isBarredByOther: true }),
          key: [{ name: 'id', values: KEYS }],
          columns,
          from: [{ columns: ['id', 'title', 'during'], query: `${query}${clean}` }],
        },
      ],
    };
  };
  const sides = { LIST: side('old', 'ROWS'), ROWS: side('new', 'LIST') };
  const whole = { ...shape(sides, false, ''), changes: '' };
  if (by !== 'new') return withBeside(random, whole, 'bookings');
  return {
    ...whole,
    twins: [{ old: 'bookings', new: 'bookings' }],
    held: [
      {
        table: 'bookings',
        when: OVERLAPS.replaceAll('b.', 'bookings.'),
        cure: 'during = int4range(id * 100, id * 100 + 1)',
        isRefused: false,
        isUnreadable: false,
        between: 'bookings.during && was.during',
      },
    ],
  };
}

/** Of two, either may be the one that waits. */
const OVERLAPS = `exists (select from old.bookings as other
  where other.id <> b.id and other.during && b.during)`;
