// What is wrong with keys that are drawn, stated as maps or as rekey_table, each with its place,
// and what to do instead.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusal as refusalOf, type Stated, toldAtMark } from '../gate/testing/refused.js';
import { openReader, type Reader } from '../gate/testing/written.js';

let reader: Reader;
beforeAll(async () => {
  reader = await openReader();
});
afterAll(() => reader.close());

const FROM = `create table vouchers (id serial primary key, code text not null unique);
  create table uses (voucher_id int references vouchers (id), who text,
    primary key (voucher_id, who));`;
const TO = `create table vouchers (id serial primary key);
  create table codes (id uuid primary key default gen_random_uuid(), code text not null unique,
    voucher_id int not null references vouchers (id));
  create index on codes (voucher_id);
  create table uses (code_id uuid references codes (id), who text, primary key (code_id, who));`;
const MAP = 'ids: { from: vouchers, into: codes, column: id, key: { voucher_id: id } }';
const VOUCHERS = 'select v.id, c.code from vouchers v join codes c on c.voucher_id = v.id';
const CODES = `select k.new_id as id, v.id as voucher_id, v.code
  from vouchers v join ids k on k.old_id = v.id`.replaceAll(/\n\s*/g, ' ');
const CUSTOM = `custom: { from: { vouchers: { slice: id, query: "${VOUCHERS}" },
  uses: { slice: voucher_id, query: "select k.old_id as voucher_id, u.who
    from uses u join ids k on k.new_id = u.code_id" } },
  into: { vouchers: { slice: id, query: "select id from vouchers" },
    codes: { slice: voucher_id, query: "${CODES}" },
    uses: { slice: { ids: code_id }, query: "select k.new_id as code_id, u.who
      from uses u join ids k on k.old_id = u.voucher_id" } } }`.replaceAll(/\n\s*/g, ' ');

const ALL: Stated = { from: FROM, to: TO, keys: [MAP], changes: [CUSTOM] };

const refusal = (stated: Partial<Stated>) => refusalOf(reader, { ...ALL, ...stated });

async function expectRefused(
  stated: Partial<Stated>,
  code: string,
  ...[message, hint = '']: [string, string?]
) {
  const told = await toldAtMark(reader, { ...ALL, ...stated });
  expect(told).toMatchObject({ code, message: expect.not.stringMatching(/^not at /) });
  expect(told?.message).toContain(message);
  expect(told?.hint).toContain(hint);
  expect(told?.hint).not.toBe('');
}

const INVALID = 'EVOLUTION_INVALID';
const UNKNOWN = 'EVOLUTION_UNKNOWN_NAME';
const INCOMPLETE = 'EVOLUTION_INCOMPLETE';

describe('a key map', () => {
  const map = (part: string, instead: string) => [MAP.replace(part, instead)];

  it('is compiled where all is well', async () => {
    expect(await refusal({})).toBeNull();
  });

  it.each([
    ['the old table', map('from: vouchers', 'from: ‸voucher'), 'did you mean "vouchers"?'],
    ['the new table', map('into: codes', 'into: ‸code'), 'did you mean "codes"?'],
    ['what is drawn', map('column: id', 'column: ‸idd'), 'did you mean "id"?'],
    ['a key', map('voucher_id: id', '‸voucher: id'), 'did you mean "voucher_id"?'],
    ['its other side', map('voucher_id: id', 'voucher_id: ‸code_id'), 'not in table vouchers'],
    [
      'a table of a query',
      map('{ voucher_id: id }', '"select 1 as new_id, 1 as old_id from ‸cods"'),
      'release 2.0 has no table "cods"',
    ],
  ])('shows where a name is not there: %s', (_, keys, message) =>
    expectRefused({ keys }, UNKNOWN, message),
  );

  it('shows where a slice leads through none', () =>
    expectRefused(
      { changes: [CUSTOM.replace('{ ids: code_id }', '‸{ idz: code_id }')] },
      UNKNOWN,
      '"slice" leads through "idz", which "keys" does not name; did you mean "ids"?',
    ));

  it.each([
    [['‸codes: { from: vouchers, into: codes, column: id }'], 'is a table of release 2.0'],
    [['ids: ‸{ from: vouchers, column: id }'], 'key map "ids" lacks "into"'],
    [map('key: {', '‸keys: {'), 'unknown key "keys"'],
    [map('{ voucher_id: id }', '"‸delete from codes"'), 'it is not a single SELECT'],
  ])('shows where it is stated wrongly: %s', (keys, message) =>
    expectRefused({ keys }, INVALID, message),
  );

  it('is of rows that can be told apart', () =>
    expectRefused(
      {
        from: FROM.replace(' references vouchers (id)', '').replace(' key,', ' key deferrable,'),
        keys: map('from: vouchers', 'from: ‸vouchers'),
      },
      INCOMPLETE,
      'vouchers has no primary key that holds at once',
      'not deferrable',
    ));

  it('is of keys that something draws', () =>
    expectRefused(
      {
        to: TO.replace(' default gen_random_uuid()', ''),
        keys: map('column: id', 'column: ‸id'),
      },
      INCOMPLETE,
      'nothing draws codes.id for rows that come from the old release',
      'give it a default',
    ));

  it('is of keys that are unique', () =>
    expectRefused(
      { keys: map('column: id', 'column: ‸voucher_id') },
      INCOMPLETE,
      'codes (voucher_id) is not unique',
    ));

  it('needs a way back where nothing draws the old key', () =>
    expectRefused(
      {
        from: FROM.replace('id serial', 'id int'),
        keys: ['‸ids: { from: vouchers, into: codes, column: id }'],
      },
      INCOMPLETE,
      'nothing draws vouchers.id for rows that come from the new release',
      'key: { <column>: id }',
    ));

  it('needs the whole of the old key, with its types', async () => {
    const message = 'its "key" must hold the whole primary key of vouchers (id)';
    const keys = map('{ voucher_id: id }', '‸{ code: id }');
    await expectRefused({ keys }, INCOMPLETE, message, 'key: { <column>: id }');
    await expectRefused(
      { keys: map('{ voucher_id: id }', '‸"select id as new_id from codes"') },
      INCOMPLETE,
      'the query of "key" yields new_id instead of old_id, new_id',
      'select … as old_id',
    );
  });
});

describe('rekey_table', () => {
  const USERS = `create table users (id serial primary key, name text not null unique);
    create table mails (id int primary key, user_id int references users (id));`;
  const UUIDS = `create table users (id uuid primary key default gen_random_uuid(),
      name text not null unique);
    create table mails (id int primary key, user_id uuid references users (id));`;
  const REKEY = 'rekey_table: { table: users, column: id }';
  const wrong = (change: string, from = USERS, to = UUIDS): Stated => ({
    from,
    to,
    keys: [],
    changes: [change],
  });

  it('is compiled where all is well', async () => {
    expect(await refusal(wrong(REKEY))).toBeNull();
  });

  it.each([
    ['a table', REKEY.replace('users', '‸user'), 'no table "user"; did you mean "users"?'],
    ['a column', REKEY.replace('id', '‸idd'), 'column "idd" is not in table users of release 2.0'],
  ])('shows where a name is not there: %s', (_, change, message) =>
    expectRefused(wrong(change), UNKNOWN, message),
  );

  it('shows where two changes speak of the same key', () =>
    expectRefused(
      { ...wrong(REKEY), changes: [REKEY, REKEY.replace('users', '‸users')] },
      INVALID,
      'the key of users',
    ));

  it('asks which reference follows from which', () => {
    const other = ', creator int references users (id), editor int references users (id));';
    const next = ', made_by uuid references users (id), changed_by uuid references users (id));';
    return expectRefused(
      wrong(`‸${REKEY}`, USERS.replace(/\);$/, other), UUIDS.replace(/\);$/, next)),
      INCOMPLETE,
      'mails (creator) refers to users, and nothing tells which key of mails follows from it',
      'call the columns alike',
    );
  });

  it('refuses a key of which a part is lost', () =>
    expectRefused(
      wrong(
        `‸${REKEY}`,
        'create table users (realm text, id int, name text, primary key (realm, id));',
        `create table users (id uuid primary key default gen_random_uuid(), realm text,
          name text);`,
      ),
      INCOMPLETE,
      'nothing of users tells users.id, a part of the old key',
      'keep the column',
    ));
});
