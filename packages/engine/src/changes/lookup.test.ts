// What is wrong with extract_table and inline_table, each with its place, and what to do instead.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusal as refusalOf, type Stated, toldAtMark } from '../gate/testing/refused.js';
import { openReader, type Reader } from '../gate/testing/written.js';

let reader: Reader;
beforeAll(async () => {
  reader = await openReader();
});
afterAll(() => reader.close());

interface Wrong extends Stated {
  readonly code: `EVOLUTION_${'INVALID' | 'UNKNOWN_NAME' | 'INCOMPLETE' | 'UNSUPPORTED'}`;
  readonly message: string;
  readonly hint: string;
}

async function expectRefused({ code, message, hint, ...stated }: Wrong) {
  const told = await toldAtMark(reader, stated);
  expect(told).toMatchObject({ code, message: expect.not.stringMatching(/^not at /) });
  expect(told?.message).toContain(message);
  expect(told?.hint).toContain(hint);
}

const INVALID = 'EVOLUTION_INVALID';
const UNKNOWN = 'EVOLUTION_UNKNOWN_NAME';
const INCOMPLETE = 'EVOLUTION_INCOMPLETE';

const NAMED = `create table orders (id int primary key, customer varchar(60), town text,
  amount int);`;
const REFERRING = `create table customers (id int generated always as identity primary key,
    name text not null unique, note text);
  create table orders (id int primary key, customer_id int references customers, town text,
    amount int); create index on orders (customer_id);`;
const LISTED =
  'table: orders, columns: { customer: name }, into: customers, reference: customer_id';
const EXTRACT = `extract_table: { ${LISTED} }`;
const INLINE =
  'inline_table: { table: customers, columns: { name: customer }, into: orders, ' +
  'reference: customer_id }';

/** The releases of extract_table; those of inline_table are the same, the other way round. */
const extracted = (change: string, part = '', instead = '') => ({
  from: NAMED,
  to: REFERRING.replace(part, instead),
  changes: [change],
});
const inlined = (change: string, part = '', instead = '') => ({
  from: REFERRING.replace(part, instead),
  to: NAMED,
  changes: [change],
});

describe('extract_table and inline_table', () => {
  it('are compiled where all is well', async () => {
    expect(await refusalOf(reader, extracted(EXTRACT))).toBeNull();
    expect(await refusalOf(reader, inlined(INLINE))).toBeNull();
  });

  it.each([
    ['table: orders', 'table: ‸order', 'no table "order"; did you mean "orders"?'],
    ['customer:', '‸custmer:', 'column "custmer" is not in table orders of release 1.0'],
    ['name }', '‸nam }', 'column "nam" is not in table customers of release 2.0'],
    ['into: customers', 'into: ‸customer', 'did you mean "customers"?'],
    ['customer_id', '‸custumer_id', 'did you mean "customer_id"?'],
  ])('show where a name is not there: extract_table, %s', (part, instead, message) =>
    expectRefused({
      ...extracted(EXTRACT.replace(part, instead)),
      code: UNKNOWN,
      message,
      hint: 'of the old release',
    }),
  );

  it.each([
    ['table: customers', 'table: ‸customer', 'no table "customer"; did you mean "customers"?'],
    ['name:', '‸nam:', 'column "nam" is not in table customers of release 1.0'],
    [': customer }', ': ‸custmer }', 'column "custmer" is not in table orders of release 2.0'],
    ['into: orders', 'into: ‸order', 'did you mean "orders"?'],
    ['customer_id', '‸customers_id', 'did you mean "customer_id"?'],
  ])('show where a name is not there: inline_table, %s', (part, instead, message) =>
    expectRefused({
      ...inlined(INLINE.replace(part, instead)),
      code: UNKNOWN,
      message,
      hint: 'of the old release',
    }),
  );

  it.each([
    [`extract_table: { ${LISTED}, ‸vaule: 1 }`, 'unknown key "vaule" in extract_table'],
    ['‸extract_table: { table: orders, columns: { customer: name }, into: customers }', 'lacks "r'],
    [EXTRACT.replace('{ customer: name }', '‸{}'), '"columns" of extract_table is empty'],
    [EXTRACT.replace('{ customer: name }', '‸customer'), 'must be a mapping, found the text'],
    [EXTRACT.replace('name }', '‸[name] }'), 'must be text, found a list'],
  ])('show where they are stated wrongly: %s', (change, message) =>
    expectRefused({ ...extracted(change), code: INVALID, message, hint: 'every key' }),
  );

  it.each([
    [
      'a value that may have several rows',
      'name text not null unique',
      'name text not null',
      'customers (name) is not unique, so a value may have several rows',
      'give customers a unique key on (name)',
    ],
    [
      'a value that is missing',
      'name text not null unique',
      'name text unique',
      'column customers.name may be null, so its row cannot be found by it',
      'make customers.name not null',
    ],
    [
      'a reference to nothing',
      'customer_id int references customers',
      'customer_id bigint',
      'orders.customer_id does not refer to customers: it has no foreign key to it, or another',
      'give it one: foreign key (customer_id) references customers',
    ],
    [
      'a key that nothing generates',
      'id int generated always as identity primary key',
      'id int primary key',
      'column customers.id is not null, has no default, and nothing says what it is',
      'let customers.id be generated: as identity, or by a default',
    ],
    [
      'a column that must be filled',
      'note text',
      'note text not null',
      'column customers.note is not null, has no default, and nothing says what it is',
      'give customers.note a default',
    ],
  ])('are refused with %s', async (...[, part, instead, message, hint]) => {
    const said = { code: INCOMPLETE, message, hint } as const;
    await expectRefused({ ...extracted(`‸${EXTRACT}`, part, instead), ...said });
    await expectRefused({ ...inlined(`‸${INLINE}`, part, instead), ...said });
  });

  it('refuse values of which one may be missing beside the others', () =>
    expectRefused({
      from: NAMED,
      to: REFERRING.replace('name text not null unique', 'name text not null, town text not null')
        .replace('note text', 'unique (name, town)')
        .replace(
          'customer_id int references customers, town text',
          'customer_id int references customers',
        ),
      changes: [`‸${EXTRACT.replace('name }', 'name, town: town }')}`],
      code: INCOMPLETE,
      message:
        'column orders.customer may be null beside values that are not, and such a row has none',
      hint: 'make orders.customer not null in a release before this one, or extract it alone',
    }));

  it('are refused beside another change of the same column', () =>
    expectRefused({
      ...extracted(EXTRACT),
      changes: [EXTRACT, 'drop_column: { table: orders, column: ‸customer, down: town }'],
      code: INVALID,
      message: 'drop_column changes column orders.customer of the old release, which extract_table',
      hint: 'every key',
    }));
});
