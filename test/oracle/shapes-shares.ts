// Shapes where rows are shared out among tables, or a value among rows: partition_rows,
// unite_tables, move_column.

import { withBeside } from './beside.js';
import type { Random } from './random.js';
import { type Field, KEYS, type Shape, type Side, shape, TITLE, WORDS } from './shapes.js';

/** partition_rows, and unite_tables. */
export function shares(random: Random): Shape {
  const isUnited = random.percent(50);
  const key: Field = { name: 'id', values: [...KEYS, '7', '8'] };
  const who: Field = { name: 'who', values: ['null', ...WORDS] };
  const message: Field = { name: 'message', values: ['null', ...WORDS] };
  const kinds = [`'login'`, `'error'`, `'other'`];
  const whole: Side = {
    schema: `create table events (id int primary key, kind text not null, who text, message text);`,
    tables: [
      {
        name: 'events',
        isMovable: true,
        fixed: ['id'],
        key: [key],
        columns: [{ name: 'kind', values: kinds }, who, message],
        from: isUnited
          ? [
              {
                columns: ['id', 'kind', 'who', 'message'],
                query: `select id, 'login' as kind, who, null::text as message from ROWS.logins
                  union all select id, kind, null::text as who, message from ROWS.notes
                  where kind <> 'login'`,
              },
            ]
          : [
              {
                columns: ['id', 'kind', 'who'],
                query: `select id, 'login' as kind, who from ROWS.logins`,
              },
              {
                columns: ['id', 'kind', 'message'],
                query: 'select id, kind, message from ROWS.notes',
              },
            ],
      },
    ],
  };
  const noteKinds = isUnited ? kinds.slice(1) : kinds;
  const rows: Side = {
    schema: `create table logins (id int primary key, who text);
      create table notes (id int primary key,
      kind text not null ${isUnited ? `check (kind <> 'login')` : ''}, message text);`,
    tables: [
      {
        name: 'logins',
        key: [key],
        isKeyApart: isUnited,
        isMovable: true,
        fixed: ['id'],
        columns: [who],
        from: [
          { columns: ['id', 'who'], query: `select id, who from LIST.events where kind = 'login'` },
        ],
      },
      {
        name: 'notes',
        key: [key],
        isKeyApart: isUnited,
        isMovable: true,
        fixed: ['id'],
        columns: [{ name: 'kind', values: noteKinds }, message],
        from: [
          {
            columns: ['id', 'kind', 'message'],
            query: `select id, kind, message from LIST.events where kind <> 'login'`,
          },
        ],
      },
    ],
  };
  const change = isUnited
    ? `unite_tables:
      into: events
      from:
        logins: { when: kind = 'login' and message is null, values: { kind: "'login'" } }
        notes: { when: kind <> 'login' and who is null }`
    : `partition_rows:
      table: events
      into:
        logins: { when: kind = 'login', values: { kind: "'login'" } }
        notes: { when: kind <> 'login' }`;
  const twins = ['logins', 'notes'].map((part) =>
    isUnited
      ? { old: part, new: 'events', isOneOf: true }
      : { old: 'events', new: part, isOneOf: true },
  );
  return { ...shape({ LIST: whole, ROWS: rows }, isUnited, change), twins };
}

/** move_column. */
export function moved(random: Random): Shape {
  const isRequired = random.percent(50);
  const rule = isRequired ? `not null default 'd'` : '';
  const as = random.percent(30) ? 'basin' : 'pool';
  const stated = as === 'pool' ? '' : `, as: ${as}`;
  const pool = (name: string): Field => ({ name, values: isRequired ? WORDS : ['null', ...WORDS] });
  const clusters = (extra: string) => `create table clusters (id int primary key,
    center int not null references centers (id) on delete cascade on update cascade${extra});
    create index on clusters (center);`;
  const key: Field = { name: 'id', values: KEYS };
  const center: Field = { name: 'center', values: KEYS };
  const before: Side = {
    schema: `create table centers (id int primary key, title text, pool text ${rule});
      ${clusters('')}`,
    tables: [
      {
        name: 'centers',
        key: [key],
        columns: [TITLE, pool('pool')],
        from: [
          { columns: ['id', 'title'], query: 'select id, title from ROWS.centers' },
          {
            columns: ['id', 'pool'],
            query: `select distinct on (center) center as id, ${as} as pool from ROWS.clusters
              order by center, id`,
          },
        ],
      },
      {
        name: 'clusters',
        isMovable: true,
        key: [key],
        columns: [center],
        from: [{ columns: ['id', 'center'], query: 'select id, center from ROWS.clusters' }],
      },
    ],
  };
  const after: Side = {
    schema: `create table centers (id int primary key, title text);
      ${clusters(`, ${as} text ${isRequired ? 'not null' : ''}`)}`,
    tables: [
      {
        name: 'centers',
        key: [key],
        columns: [TITLE],
        from: [{ columns: ['id', 'title'], query: 'select id, title from LIST.centers' }],
      },
      {
        name: 'clusters',
        key: [key],
        columns: [center, pool(as)],
        from: [
          {
            columns: ['id', 'center', as],
            query: `select r.id, r.center, c.pool as ${as} from LIST.clusters as r
              join LIST.centers as c on c.id = r.center`,
          },
        ],
      },
    ],
  };
  const whole = shape(
    { LIST: before, ROWS: after },
    false,
    `move_column: { table: centers, column: pool, to: clusters${stated} }`,
  );
  return withBeside(random, whole, random.pick(['centers', 'clusters']));
}
