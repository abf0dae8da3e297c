// What PostgreSQL refuses of changes whose rows hang together in slices is shown where it was
// written.

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

/** What the check answers: null where it accepts. */
async function refusal(from: string, to: string, change: string): Promise<HalflapError | null> {
  const pair = await reader.pair(from, to, [change]);
  try {
    await checkExpressions({ app: 'shop', ...pair }, { withDatabase });
    return null;
  } catch (error) {
    if (error instanceof HalflapError) return error;
    throw error;
  }
}

/** All that is refused; the mark shows where it must stand. */
async function expectRefused(from: string, to: string, change: string) {
  const before = `  - ${change.slice(0, change.indexOf('‸'))}`.split('\n');
  const error = await refusal(from, to, change.replace('‸', ''));
  const place = { line: before.length + 2, column: (before.at(-1)?.length ?? 0) + 1 };
  expect(error).toMatchObject({ code: 'EVOLUTION_INVALID', exitCode: 2, detail: place });
  expect(error?.detail.evidence).toHaveLength(1);
  expect(error?.message).toContain(`${WRITTEN_FILE}:${place.line}:${place.column}: `);
  return { message: error?.message ?? '', hint: error?.hint ?? '' };
}

const EVENTS = 'create table events (id int primary key, kind text not null, who text);';
const SHARES = `create table logins (id int primary key, who text);
  create table errors (id int primary key, kind text not null);`;
const shares = (key: string, when: string, kind: string) =>
  `${key} { logins: { when: ${when}, values: { kind: ${kind} } }, ` +
  "errors: { when: kind <> 'a' } } }";
const partition = (when: string, kind: string) =>
  shares('partition_rows: { table: events, into:', when, kind);
const unite = (when: string, kind: string) =>
  shares('unite_tables: { into: events, from:', when, kind);

describe('partition_rows and unite_tables', () => {
  it('are accepted where PostgreSQL can evaluate and assign what they say', async () => {
    expect(await refusal(EVENTS, SHARES, partition("kind = 'a'", '"\'a\'"'))).toBeNull();
    expect(await refusal(SHARES, EVENTS, unite("kind = 'a'", '"\'a\'"'))).toBeNull();
  });

  it.each([
    ['‸id', '1', 'argument of WHERE must be type boolean, not type integer, in "id"'],
    ['‸no_such(kind)', '1', '"when" of table "logins": function no_such(text) does not exist'],
    ['true', '1 ‸+ true', '"values" of events.kind: operator does not exist: integer + boolean'],
  ])('are asked about both: when %s, kind %s', async (when, kind, message) => {
    for (const found of [
      await expectRefused(EVENTS, SHARES, partition(when, kind)),
      await expectRefused(SHARES, EVENTS, unite(when, kind)),
    ]) {
      expect(found.message).toContain(message);
    }
  });

  it('are told which cast a value needs', async () => {
    const to = EVENTS.replace('kind text', 'kind int');
    const from = SHARES.replace('kind text', 'kind int');
    const change = unite('true', '‸now()').replace("kind <> 'a'", 'kind <> 1');
    expect(await expectRefused(from, to, change)).toMatchObject({
      message: expect.stringContaining('"kind" is of type integer but expression is of type time'),
      hint: 'write the cast into the expression: (…)::integer',
    });
  });

  it('are asked about conversions of their columns', async () => {
    const to = SHARES.replace('who text', 'who_id int');
    const convert = (up: string) =>
      `convert_column: { table: events, column: who, to: who_id, up: ${up}, down: who_id::text }`;
    const change = (up: string) => `${convert(up)}\n  - ${partition('true', '1')}`;
    expect(await refusal(EVENTS, to, change('length(who)'))).toBeNull();
    const found = await expectRefused(EVENTS, to, change('‸no_such(who)'));
    expect(found.message).toContain('"up" of logins.who_id: function no_such(text) does not exist');
  });

  it('are refused keys that cannot be compared', async () => {
    const to = SHARES.replace('logins (id int', 'logins (id text');
    const change = partition('true', '1').replace('logins:', '‸logins:');
    expect((await expectRefused(EVENTS, to, change)).message).toContain(
      'partition_rows cannot make the rows of logins: operator does not exist: text = integer',
    );
  });
});

describe('unnest_column', () => {
  const flat = (list: string) => `create table posts (id int primary key, list ${list});`;
  const rows = (value: string) => `create table posts (id int primary key);
    create table items (post_id int references posts (id), n int, v ${value},
      primary key (post_id, n));`;
  const UNNEST =
    'unnest_column: { table: posts, column: list, into: items, value: v, position: n }';

  it.each([
    ['text[]', 'varchar(20)'],
    ['int[]', 'bigint'],
    ['json', 'text'],
    ['jsonb', 'jsonb'],
    ['jsonb', 'int'],
  ])('is accepted for elements of %s as %s', async (list, value) => {
    expect(await refusal(flat(list), rows(value), UNNEST)).toBeNull();
  });

  it('is refused where no cast leads from the elements to the value', async () => {
    const error = await refusal(flat('date[]'), rows('bool'), UNNEST);
    expect(error).toMatchObject({ code: 'EVOLUTION_INVALID', detail: { line: 3, column: 5 } });
    expect(error?.detail.evidence).toEqual([
      expect.stringContaining(
        'cannot make the rows of posts: cannot cast type boolean[] to date[]',
      ),
      expect.stringContaining('cannot make the rows of items: cannot cast type date to boolean'),
    ]);
  });
});

describe('custom', () => {
  const FROM = "create table posts (id bigint primary key, tags text[] not null default '{}');";
  const TO = `create table posts (id bigint primary key);
    create table post_tags (post_id bigint references posts (id), tag varchar(20),
      primary key (post_id, tag));`;
  const TAGS = 'array(select tag from post_tags t where t.post_id = p.id order by 1)';
  const ROWS =
    'select distinct p.id as post_id, t.tag::varchar(20) as tag ' +
    'from named p, unnest(p.tags) as t(tag)';
  const custom = (rows: string, tags = TAGS) => `custom:
      from:
        posts: { slice: id, query: "select p.id, ${tags} as tags from posts p" }
      into:
        posts: { slice: id, query: select id from posts }
        post_tags:
          slice: post_id
          query: >-
            with named as (select * from posts where 'é' <> '')
            ${rows}`;

  it('is accepted where its queries fit both releases', async () => {
    expect(await refusal(FROM, TO, custom(ROWS))).toBeNull();
  });

  it.each([
    [ROWS.replace('unnest', '‸unest'), 'function unest(text[]) does not exist'],
    [ROWS.replace('p.id', '‸p.idd'), 'column p.idd does not exist'],
    [ROWS.replace('p.id', '‸q.id'), 'missing FROM-clause entry for table "q"'],
    [ROWS.replace('p.id as', '‸now() as'), 'is of type bigint but expression is of type timestamp'],
    [`${ROWS} where p.id = ‸$1`, 'there is no parameter $1'],
    [`${ROWS}\n            union all select ‸1`, 'each UNION query must have the same number of'],
  ])('is shown what PostgreSQL refuses of %s', async (rows, message) => {
    const found = await expectRefused(FROM, TO, custom(rows));
    expect(found.message).toContain('"query" of table "post_tags": ');
    expect(found.message).toContain(message);
  });

  it('is told that a key is taken with the type that it has', async () => {
    const found = await expectRefused(
      FROM,
      TO,
      custom(ROWS.replace('t.tag::varchar(20)', '‸t.tag')),
    );
    expect(found).toMatchObject({
      message: expect.stringContaining('key column "tag" is character varying(20), not text'),
      hint: expect.stringContaining(
        'write the cast into the query: (…)::character varying(20) as tag',
      ),
    });
  });

  it('is shown it in queries for the old release, over the new one', async () => {
    const wrong = custom(ROWS, TAGS.replace('t.post_id', '‸t.post'));
    expect(await expectRefused(FROM, TO, wrong)).toMatchObject({
      message: expect.stringContaining('"query" of table "posts": column t.post does not exist'),
      hint: 'it sees the tables of the new release',
    });
    const number = await expectRefused(FROM, TO, custom(ROWS, '‸p.id'));
    expect(number).toMatchObject({
      message: expect.stringContaining('"tags" is of type text[] but expression is of type bigint'),
      hint: 'write the cast into the query: (…)::<type of the column>',
    });
  });

  it('finds functions and types of its release, and no table of the other', async () => {
    const types = "create type colour as enum ('red'); create table colours (c colour);";
    const rows = ROWS.replace('t.tag from', "'red'::colour::text as tag from");
    expect(await refusal(FROM, `${types}${TO}`, custom(rows))).toBeNull();
  });

  it('is refused slices that cannot be compared', async () => {
    const to = TO.replace('post_id bigint references posts (id)', 'post_id text');
    const change = custom(
      ROWS.replace('p.id as', 'p.id::text as'),
      TAGS.replace('t.post_id', 't.post_id::bigint'),
    ).replace('        post_tags:', '        ‸post_tags:');
    expect((await expectRefused(FROM, to, change)).message).toContain(
      'custom cannot make the rows of post_tags: operator does not exist: text = bigint',
    );
  });
});
