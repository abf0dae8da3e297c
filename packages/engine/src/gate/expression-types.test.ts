import { HalflapError } from '@halflap/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withDatabase } from '../testing/index.js';
import { checkExpressions } from './expression-types.js';
import { openReader, type Reader, WRITTEN_FILE } from './testing/written.js';

let reader: Reader;
beforeAll(async () => {
  reader = await openReader();
});
afterAll(() => reader.close());

type Written = Parameters<Reader['pair']>;

/** What the check answers: null where it accepts. */
async function refusal(...written: Written): Promise<HalflapError | null> {
  const pair = await reader.pair(...written);
  try {
    await checkExpressions({ app: 'shop', ...pair }, { withDatabase });
    return null;
  } catch (error) {
    if (error instanceof HalflapError) return error;
    throw error;
  }
}

const OLD = `
create table hosts (id int primary key, memory text, seen timestamptz, state int not null);`;
const NEW = `
create table hosts (id int primary key, bytes bigint, kind int);
create table visits (host_id int primary key, seen timestamptz not null);
create table states (host_id int primary key, state int not null);`;
const SPLIT = (when: string, otherwise: string) =>
  'split_table: { table: hosts, into: { hosts: {}, ' +
  `visits: { key: { host_id: id }, when: ${when} }, ` +
  `states: { key: { host_id: id }, otherwise: { state: ${otherwise} } } } }`;
const CONVERT = (up: string, down: string) =>
  `convert_column: { table: hosts, column: memory, to: bytes, up: ${up}, down: ${down} }`;
const KIND = 'add_column: { table: hosts, column: kind, up: hosts.state + 1 }';
const RIGHT = [
  CONVERT('"nullif(memory, \'\')::bigint -- exact\\n"', 'hosts.bytes::text'),
  KIND,
  SPLIT('seen is not null', '"0"'),
];

describe('checkExpressions', () => {
  it('accepts what PostgreSQL can evaluate and assign', async () => {
    expect(await refusal(OLD, NEW, RIGHT)).toBeNull();
  });

  // The mark shows where the finding must stand.
  it.each([
    [0, CONVERT('length(‸no_such(memory))', '"1"'), 'function no_such(text) does not exist'],
    [0, CONVERT('‸memory', 'bytes::text'), 'of type bigint but expression is of type text'],
    [0, CONVERT('1', 'bytes ‸+ true'), 'operator does not exist: bigint + boolean'],
    [0, CONVERT('"‸\'many\'"', '"1"'), 'invalid input syntax for type bigint: "many"'],
    [0, CONVERT('‸1 / 0', '"1"'), 'division by zero'],
    [0, CONVERT('"\'é\\u0301\' ‸+ memory"', '"1"'), 'operator does not exist: unknown + text'],
    [1, 'add_column: { table: hosts, column: kind, up: ‸seen is null }', 'is of type boolean'],
    [2, SPLIT('‸id', '"0"'), 'must be type boolean, not type integer'],
    [2, SPLIT('seen ‸> 5', '"0"'), 'operator does not exist'],
    [2, SPLIT('seen is not null', '‸now()'), 'but expression is of type timestamp'],
  ])('refuses in change %i: %s', async (index, change, message) => {
    const marked = RIGHT.map((right, at) => (at === index ? change : right));
    const before = ['from: "1.0"', 'changes:', ...marked.map((one) => `  - ${one}`)].join('\n');
    const lines = before.slice(0, before.indexOf('‸')).split('\n');
    const error = await refusal(
      OLD,
      NEW,
      marked.map((one) => one.replace('‸', '')),
    );
    const place = `${WRITTEN_FILE}:${lines.length}:${(lines.at(-1)?.length ?? 0) + 1}: `;
    expect(error).toMatchObject({ code: 'EVOLUTION_INVALID', exitCode: 2 });
    expect(error?.message.slice(0, place.length)).toBe(place);
    expect(error?.message).toContain(message);
    expect(error?.hint).toBeTruthy();
  });

  it('lists all of them, and says which cast to write', async () => {
    const error = await refusal(OLD, NEW, [CONVERT('memory', 'bytes = 0'), ...RIGHT.slice(1)]);
    const found = await refusal(OLD, NEW, [
      CONVERT('memory', 'bytes + true'),
      KIND,
      SPLIT('id', '1'),
    ]);
    expect(error?.hint).toBe('write the cast into the expression: (…)::bigint');
    expect(found?.detail.evidence).toEqual([
      expect.stringContaining('"up" of hosts.bytes: column "bytes" is of type bigint but'),
      expect.stringContaining('"down" of hosts.memory: operator does not exist'),
      expect.stringContaining('"when" of part "visits": argument of WHERE must be'),
    ]);
  });

  it('says which table a value is made from, where a split has more', async () => {
    const error = await refusal(OLD, NEW, [CONVERT('1', 'seen::text'), ...RIGHT.slice(1)]);
    expect(error).toMatchObject({
      message: expect.stringContaining('column "seen" does not exist'),
      hint: 'it sees the columns of hosts of the new release',
    });
  });

  it('names the types of the new release, which the old one lacks', async () => {
    const add = (up: string) => [`add_column: { table: t, column: mood, up: ${up} }`];
    const written = (up: string) =>
      refusal(
        'create table t (id int primary key, ok bool);',
        "create type mood as enum ('fine', 'sad');" +
          'create table t (id int primary key, ok bool, mood mood);',
        add(up),
      );
    expect(await written("case when ok then 'fine'::mood end")).toBeNull();
    expect(await written('"\'bad\'"')).toMatchObject({
      message: expect.stringContaining('invalid input value for enum mood'),
    });
  });

  it('refuses the type of an extension that only the new release has', async () => {
    const after = `create extension ltree;
      create table hosts (id int primary key, path ltree not null);`;
    const path = 'add_column: { table: hosts, column: path, up: text2ltree(id::text) }';
    expect(await refusal('create table hosts (id int primary key);', after, [path])).toMatchObject({
      code: 'EVOLUTION_UNSUPPORTED',
      message: expect.stringContaining('type "ltree" does not exist in release 1.0'),
      hint: expect.stringContaining('extension'),
    });
  });

  it('refuses a lookup that no value can be found by, either way round', async () => {
    const flat = 'create table orders (id int primary key, customer varchar(60));';
    const listed = `create table customers (id serial primary key, name date not null unique);
      create table orders (id int primary key, customer_id int references customers);`;
    const extract =
      'extract_table: { table: orders, columns: { customer: name }, into: customers, ' +
      'reference: customer_id }';
    const inline =
      'inline_table: { table: customers, columns: { name: customer }, into: orders, ' +
      'reference: customer_id }';
    expect(await refusal(flat, listed, [extract])).toMatchObject({
      code: 'EVOLUTION_INVALID',
      message: expect.stringContaining(
        `${WRITTEN_FILE}:3:48: extract_table finds orders.customer, character varying(60), ` +
          'by customers.name, date: operator does not exist: date = character varying',
      ),
      hint: expect.stringContaining('give both the same type'),
    });
    expect(await refusal(listed, flat, [inline])).toMatchObject({
      message: expect.stringContaining(`${WRITTEN_FILE}:3:50: inline_table finds orders.customer`),
    });
  });

  it('asks for a statement where no cast leads from one type to the other', async () => {
    const error = await refusal(
      'create table t (id int primary key, a bool, b varchar(9));',
      'create table t (id int primary key, a date, b varchar(3));',
    );
    expect(error).toMatchObject({
      code: 'EVOLUTION_INCOMPLETE',
      message: expect.stringContaining('t.a is date in release 2.0: cannot cast type boolean to'),
      hint: expect.stringContaining('- convert_column: { table: t, column: a, up: <'),
    });
    expect(error?.detail.evidence).toHaveLength(2);
  });
});
