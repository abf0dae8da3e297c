// Shapes where queries of the author read a map of keys that are drawn: custom with `keys`.

import type { Random } from './random.js';
import { type Field, KEYS, type Shape, type ShapedTable, type Side, shape } from './shapes.js';
import { asked, changeOf } from './shapes-custom.js';

const MAP = 'code_ids';
const CODES = [`'a'`, `'b'`, `'c'`, `'d'`, `'e'`, `'f'`];
const UUIDS = [1, 2, 3].map((one) => `'00000000-0000-4000-8000-00000000000${one}'`);
const NOBODY = `'00000000-0000-4000-8000-000000000999'`;
const ID: Field = { name: 'id', values: KEYS };
const CUSTOMER: Field = { name: 'customer', values: [`'x'`, `'y'`] };

/** A part of a row becomes a row with a key of its own, and what refers refers to it. */
export function keyed(random: Random): Shape {
  const isOptional = random.percent(40);
  const join = isOptional ? 'left join' : 'join';
  const queries = {
    whole: `select v.id, c.code from vouchers v ${join} codes c on c.voucher_id = v.id
      and c.id in (select k.new_id from ${MAP} k where k.old_id = v.id)`,
    vouchers: 'select id from vouchers',
    codes: `select k.new_id as id, v.id as voucher_id, v.code
      from vouchers v join ${MAP} k on k.old_id = v.id where v.code is not null`,
    usedVouchers: `select k.old_id as voucher_id, u.customer
      from used_codes u join ${MAP} k on k.new_id = u.code_id`,
    usedCodes: `select k.new_id as code_id, u.customer
      from used_vouchers u join ${MAP} k on k.old_id = u.voucher_id`,
  };
  const of = (text: string, side: 'LIST' | 'ROWS') =>
    asked(text, {
      [MAP]: 'maps',
      vouchers: side,
      codes: side,
      used_codes: side,
      used_vouchers: side,
    });
  const list: Side = {
    schema: `create table vouchers (id int primary key, code text
        ${isOptional ? '' : 'not null'} unique);
      ${isOptional ? '' : usedOf('vouchers', 'voucher_id', 'int')}`,
    tables: [
      {
        name: 'vouchers',
        isMovable: true,
        key: [ID],
        columns: [{ name: 'code', values: isOptional ? ['null', ...CODES] : CODES }],
        from: [{ columns: ['id', 'code'], query: of(queries.whole, 'ROWS') }],
      },
      ...(isOptional
        ? []
        : [
            used('used_vouchers', {
              key: { name: 'voucher_id', values: ['999'], refersTo: 'vouchers' },
              query: of(queries.usedVouchers, 'ROWS'),
            }),
          ]),
    ],
  };
  const rows: Side = {
    schema: `create table vouchers (id int primary key);
      create table codes (id uuid primary key default gen_random_uuid(),
        voucher_id int not null references vouchers (id) on delete cascade on update cascade,
        code text not null unique);
      create index on codes (voucher_id);
      ${isOptional ? '' : usedOf('codes', 'code_id', 'uuid')}`,
    tables: [
      {
        name: 'vouchers',
        isMovable: true,
        fixed: ['id'],
        key: [ID],
        columns: [],
        from: [{ columns: ['id'], query: of(queries.vouchers, 'LIST') }],
      },
      codesOf(of(queries.codes, 'LIST'), isOptional),
      ...(isOptional
        ? []
        : [
            used('used_codes', {
              key: { name: 'code_id', values: [NOBODY], refersTo: 'codes' },
              query: of(queries.usedCodes, 'LIST'),
            }),
          ]),
    ],
  };
  const from = [{ table: 'vouchers', slice: 'id', query: queries.whole }];
  const into = [
    { table: 'vouchers', slice: 'id', query: queries.vouchers },
    { table: 'codes', slice: 'voucher_id', query: queries.codes },
  ];
  if (!isOptional) {
    from.push({ table: 'used_vouchers', slice: 'voucher_id', query: queries.usedVouchers });
    into.push({ table: 'used_codes', slice: `{ ${MAP}: code_id }`, query: queries.usedCodes });
  }
  return {
    ...shape({ LIST: list, ROWS: rows }, false, changeOf(from, into)),
    head: `keys:\n  ${MAP}: { from: vouchers, into: codes, column: id, key: { voucher_id: id } }\n`,
    needsPrepared: true,
    twins: [{ old: 'vouchers', new: 'vouchers' }],
    maps: [
      {
        name: MAP,
        old: { table: 'vouchers', column: 'id', type: 'int' },
        new: { table: 'codes', column: 'id', type: 'uuid' },
        told: 'voucher_id',
      },
    ],
  };
}

function codesOf(query: string, isOptional: boolean): ShapedTable {
  return {
    name: 'codes',
    isMovable: true,
    fixed: ['id', 'voucher_id'],
    key: [{ name: 'id', values: UUIDS }],
    drawn: { type: 'uuid', tells: ['code'] },
    columns: [
      { name: 'voucher_id', values: KEYS, refersTo: 'vouchers' },
      { name: 'code', values: CODES },
    ],
    // A voucher without a code is none in the old release.
    ...(isOptional ? {} : { parent: { table: 'vouchers', column: 'voucher_id', values: KEYS } }),
    from: [{ columns: ['id', 'voucher_id', 'code'], query }],
  };
}

function usedOf(table: string, column: string, type: string): string {
  return `create table used_${table} (${column} ${type}
    references ${table} (id) on delete cascade on update cascade,
    customer text, primary key (${column}, customer));`;
}

function used(
  name: string,
  { key, query }: { readonly key: Field; readonly query: string },
): ShapedTable {
  return {
    name,
    key: [key, CUSTOMER],
    columns: [],
    from: [{ columns: [key.name, 'customer'], query }],
  };
}
