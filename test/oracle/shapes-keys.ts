// Shapes where rows get another key, which the new release draws: rekey_table.

import { withBeside } from './beside.js';
import type { Random } from './random.js';
import {
  type DrawnType,
  type Field,
  KEYS,
  type Shape,
  type ShapedMap,
  type ShapedTable,
  type Side,
  shape,
  WORDS,
} from './shapes.js';

/** Where both releases know a row by its name, or the new one keeps the old key beside. */
export function rekeyed(random: Random): Shape {
  const isKept = random.percent(50);
  const type: DrawnType = random.pick(['int', 'uuid']);
  const isOldDrawn = !isKept || random.percent(50);
  const drawn: Drawing = {
    isKept,
    type,
    isOldDrawn,
    isReferenceOptional: random.percent(50),
    isInKey: random.percent(40),
    isBoth: random.percent(30),
  };
  const change = `rekey_table: { table: users, column: ${keyOf(drawn)} }`;
  const second = drawn.isBoth ? '\n  - rekey_table: { table: emails, column: id }' : '';
  const whole = shape({ LIST: oldSide(drawn), ROWS: newSide(drawn) }, false, `${change}${second}`);
  return {
    ...(drawn.isBoth ? whole : withBeside(random, whole, 'emails')),
    needsPrepared: true,
    maps: [
      ...(drawn.isBoth ? [EMAILS] : []),
      {
        name: 'users',
        old: { table: 'users', column: 'id', type: 'int' },
        new: { table: 'users', column: keyOf(drawn), type },
        told: isKept ? 'id' : null,
      },
    ],
  };
}

interface Drawing {
  readonly isKept: boolean;
  readonly type: DrawnType;
  readonly isOldDrawn: boolean;
  readonly isReferenceOptional: boolean;
  readonly isInKey: boolean;
  /** Whether the rows that refer get other keys too. */
  readonly isBoth: boolean;
}

const NAME: Field = { name: 'name', values: [...WORDS, `'d'`, `'e'`, `'f'`] };
const BODY: Field = { name: 'body', values: ['null', `'t'`, `'u'`] };
const NUMBERS = ['1001', '1002', '1003'];
const UUIDS = [1, 2, 3].map((one) => `'00000000-0000-4000-8000-00000000000${one}'`);

const EMAILS: ShapedMap = {
  name: 'emails',
  old: { table: 'emails', column: 'id', type: 'int' },
  new: { table: 'emails', column: 'id', type: 'uuid' },
  told: null,
};
const ADDRESS: Field = { name: 'address', values: [1, 2, 3, 4, 5, 6].map((one) => `'at ${one}'`) };

/** What refers to the users. */
function emailsOf({ isBoth }: Drawing, side: 'old' | 'new', user: Field): ShapedTable {
  const other = side === 'old' ? 'new' : 'old';
  const rows = side === 'old' ? 'ROWS' : 'LIST';
  const id = isBoth ? `m.${side}_id` : 'o.id';
  const own = isBoth ? `join maps.emails as m on m.${other}_id = o.id` : '';
  const columns = ['user_id', 'body', ...(isBoth ? ['address'] : [])];
  const type: DrawnType = side === 'old' ? 'int' : 'uuid';
  return {
    name: 'emails',
    isMovable: true,
    fixed: ['id'],
    key: [{ name: 'id', values: isBoth ? (side === 'old' ? NUMBERS : UUIDS) : KEYS }],
    ...(isBoth ? { drawn: { type, tells: ['address'] } } : {}),
    columns: [user, BODY, ...(isBoth ? [ADDRESS] : [])],
    from: [
      {
        columns: ['id', ...columns],
        query: `select ${id} as id, k.${side}_id as user_id, o.body
          ${isBoth ? ', o.address' : ''} from ${rows}.emails as o ${own}
          left join maps.users as k on k.${other}_id = o.user_id`,
      },
    ],
  };
}

function emailsTable({ isBoth }: Drawing, side: 'old' | 'new', reference: string): string {
  const drawn = side === 'old' ? 'serial' : 'uuid default gen_random_uuid()';
  const id = isBoth ? drawn : 'int';
  return `create table emails (id ${id} primary key, user_id ${reference}, body text
      ${isBoth ? ', address text not null unique' : ''});
    create index on emails (user_id);`;
}

function keyOf({ isKept }: Drawing): string {
  return isKept ? 'key' : 'id';
}

const REFERENCE = 'references users (KEY) on delete cascade on update cascade';

function oldSide(drawing: Drawing): Side {
  const { isKept, isOldDrawn, isReferenceOptional, isInKey } = drawing;
  const key = keyOf(drawing);
  const rule = isReferenceOptional ? '' : 'not null';
  const reference = `int ${rule} ${REFERENCE.replace('KEY', 'id')}`;
  const user: Field = {
    name: 'user_id',
    values: ['999', ...(isReferenceOptional ? ['null'] : [])],
    refersTo: 'users',
  };
  const users: ShapedTable = {
    name: 'users',
    isMovable: true,
    key: [{ name: 'id', values: isOldDrawn ? NUMBERS : KEYS }],
    ...(isOldDrawn ? { drawn: { type: 'int', tells: ['name'] } } : {}),
    columns: [NAME],
    from: [
      {
        columns: ['id', 'name'],
        query: `select k.old_id as id, n.name from ROWS.users as n
          join maps.users as k on k.new_id = n.${key} ${isKept ? 'and k.old_id = n.id' : ''}`,
      },
    ],
  };
  return {
    schema: `create table users (id ${isOldDrawn ? 'serial' : 'int'} primary key,
        name text not null unique);
      ${emailsTable(drawing, 'old', reference)}
      ${isInKey ? badges('int', 'id') : ''}`,
    tables: [
      users,
      emailsOf(drawing, 'old', user),
      ...(isInKey
        ? [
            badgesOf(
              user,
              `select k.old_id as user_id, n.badge, n.body from ROWS.badges as n
               join maps.users as k on k.new_id = n.user_id`,
            ),
          ]
        : []),
    ],
  };
}

function newSide(drawing: Drawing): Side {
  const { isKept, type, isOldDrawn, isReferenceOptional, isInKey } = drawing;
  const key = keyOf(drawing);
  const whole =
    type === 'uuid'
      ? 'uuid primary key default gen_random_uuid()'
      : 'int generated by default as identity primary key';
  const rule = isReferenceOptional ? '' : 'not null';
  const reference = `${type} ${rule} ${REFERENCE.replace('KEY', key)}`;
  const none = type === 'uuid' ? `'00000000-0000-4000-8000-000000000999'` : '999';
  const user: Field = {
    name: 'user_id',
    values: [none, ...(isReferenceOptional ? ['null'] : [])],
    refersTo: 'users',
  };
  return {
    schema: `create table users (${key} ${whole}, name text not null unique
        ${isKept ? ', id int not null unique' : ''});
      ${emailsTable(drawing, 'new', reference)}
      ${isInKey ? badges(type, key) : ''}`,
    tables: [
      {
        name: 'users',
        isMovable: true,
        fixed: isKept ? [key, 'id'] : [key],
        still: ['id'].filter((one) => one !== key),
        key: [{ name: key, values: type === 'uuid' ? UUIDS : NUMBERS }],
        drawn: { type, tells: ['name'] },
        columns: [NAME, ...(isKept ? [{ name: 'id', values: isOldDrawn ? NUMBERS : KEYS }] : [])],
        from: [
          {
            columns: [key, 'name', ...(isKept ? ['id'] : [])],
            query: `select k.new_id as ${key}, o.name ${isKept ? ', o.id' : ''}
              from LIST.users as o join maps.users as k on k.old_id = o.id`,
          },
        ],
      },
      emailsOf(drawing, 'new', user),
      ...(isInKey
        ? [
            badgesOf(
              user,
              `select k.new_id as user_id, o.badge, o.body from LIST.badges as o
               join maps.users as k on k.old_id = o.user_id`,
            ),
          ]
        : []),
    ],
  };
}

function badges(type: string, key: string): string {
  return `create table badges (user_id ${type} ${REFERENCE.replace('KEY', key)}, badge text,
    body text, primary key (user_id, badge));`;
}

function badgesOf(user: Field, query: string): ShapedTable {
  return {
    name: 'badges',
    key: [
      { ...user, values: user.values.filter((one) => one !== 'null') },
      { name: 'badge', values: WORDS.slice(0, 2) },
    ],
    columns: [BODY],
    from: [{ columns: ['user_id', 'badge', 'body'], query }],
  };
}
