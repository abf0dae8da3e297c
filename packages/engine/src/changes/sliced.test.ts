// What is wrong with changes whose rows hang together in slices, each with its place, and what to
// do instead.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusal as refusalOf, type Stated, toldAtMark } from '../gate/testing/refused.js';
import { openReader, type Reader } from '../gate/testing/written.js';

let reader: Reader;
beforeAll(async () => {
  reader = await openReader();
});
afterAll(() => reader.close());

const refusal = (from: string, to: string, changes: readonly string[]) =>
  refusalOf(reader, { from, to, changes });

interface Wrong extends Stated {
  readonly code: `EVOLUTION_${'INVALID' | 'UNKNOWN_NAME' | 'INCOMPLETE' | 'UNSUPPORTED'}`;
  readonly message: string;
  readonly hint?: string;
}

async function expectRefused({ code, message, hint = '', ...stated }: Wrong) {
  const told = await toldAtMark(reader, stated);
  expect(told).toMatchObject({ code, message: expect.not.stringMatching(/^not at /) });
  expect(told?.message).toContain(message);
  expect(told?.hint).toContain(hint);
  expect(told?.hint).not.toBe('');
}

const INVALID = 'EVOLUTION_INVALID';
const UNKNOWN = 'EVOLUTION_UNKNOWN_NAME';
const INCOMPLETE = 'EVOLUTION_INCOMPLETE';
const UNSUPPORTED = 'EVOLUTION_UNSUPPORTED';

const FLAT = `create table posts (id bigint primary key, title text,
  tags text[] not null default '{}', links text);`;
const PARENT = 'create table posts (id bigint primary key, title text, links text);';
const ROWS = `create table post_tags (post_id bigint references posts (id), place int,
  tag text not null, primary key (post_id, place));`;
const LIST = 'table: posts, column: tags, into: post_tags, value: tag, position: place';
const UNNEST = `unnest_column: { ${LIST} }`;
const unnest = (part: string, instead: string) => UNNEST.replace(part, instead);

describe('unnest_column', () => {
  const wrong = (to: string, change: string) => ({ from: FLAT, to, changes: [change] });
  const rows = (part: string, instead: string) => PARENT + ROWS.replace(part, instead);

  it('is compiled where all is well', async () => {
    expect(await refusal(FLAT, PARENT + ROWS, [UNNEST])).toBeNull();
  });

  it.each([
    ['a table', unnest('posts', '‸post'), 'no table "post"; did you mean "posts"?'],
    ['a column', unnest('tags,', '‸tag,'), 'column "tag" is not in table posts of release 1.0'],
    ['the rows', unnest('into: post_tags', 'into: ‸posttags'), 'did you mean "post_tags"?'],
    ['the value', unnest('value: tag', 'value: ‸tga'), 'did you mean "tag"?'],
    ['the position', unnest('position: place', 'position: ‸plce'), 'did you mean "place"?'],
    ['a key', unnest('place }', 'place, key: { ‸post: id } }'), 'did you mean "post_id"?'],
    ['its other side', unnest('place }', 'place, key: { post_id: ‸ids } }'), 'did you mean "id"?'],
  ])('shows where a name is not there: %s', (_, change, message) =>
    expectRefused({ ...wrong(PARENT + ROWS, change), code: UNKNOWN, message }),
  );

  it.each([
    ['‸unnest_column: { table: posts, into: post_tags, value: tag }', '"column" or "columns"'],
    [`unnest_column: { ${LIST}, ‸places: 1 }`, 'unknown key "places"'],
    [
      'unnest_column: { table: posts, columns: ‸[tags, links], into: post_tags, value: tag }',
      'state "position"',
    ],
    [unnest('tags,', '‸title,'), 'posts.title is text: unnest_column takes arrays, json, jsonb'],
    [unnest('place }', 'place, delimiter: ‸"," }'), 'posts.tags is text[], whose elements have'],
  ])('shows where it is stated wrongly: %s', (change, message) =>
    expectRefused({ ...wrong(PARENT + ROWS, change), code: INVALID, message }),
  );

  it('needs to know to which row each of the rows belongs', async () => {
    await expectRefused({
      ...wrong(rows('references posts (id)', ''), `‸${UNNEST}`),
      code: INCOMPLETE,
      message: 'it has no foreign key to posts (id)',
      hint: 'key: { <column of post_tags>: id }',
    });
    await expectRefused({
      ...wrong(PARENT + ROWS, unnest('place }', 'place, key: ‸{ post_id: title } }')),
      code: INCOMPLETE,
      message: '"key" must name all of its primary key (id), and nothing else',
    });
  });

  it.each([
    ['posts of release 1.0', FLAT.replace('primary key', ''), ROWS],
    ['post_tags of release 2.0', FLAT, ROWS.replace(', primary key (post_id, place)', '')],
  ])('needs keys that hold at once: %s', (message, from, table) =>
    expectRefused({
      from,
      to: PARENT + table,
      changes: [`‸${UNNEST}`],
      code: INCOMPLETE,
      message,
      hint: 'a primary key that is not deferrable',
    }),
  );

  it('refuses rows whose key is made up, and says why', () =>
    expectRefused({
      ...wrong(
        `${PARENT}create table post_tags (id bigserial primary key, place int not null,
          post_id bigint not null references posts (id), tag text, unique (post_id, place));`,
        `‸${UNNEST}`,
      ),
      code: INCOMPLETE,
      message: 'nothing says what post_tags.id is in rows that come from release 1.0',
      hint: 'one that is drawn would be another at each reading, but for custom, with a key map',
    }));

  it('needs an index by which it finds the rows, and says in which release', () =>
    expectRefused({
      ...wrong(rows('(post_id, place)', '(place, post_id)'), `‸${UNNEST}`),
      code: INCOMPLETE,
      message: 'no index of post_tags begins with post_id, by which unnest_column finds its rows',
      hint: 'create index on post_tags (post_id), in schema.sql of this release',
    }));

  it('needs a value for what is not null in the rows', () =>
    expectRefused({
      ...wrong(rows('place int,', 'place int, note text not null,'), `‸${UNNEST}`),
      code: INCOMPLETE,
      message: 'column post_tags.note is not null, has no default, and nothing says',
      hint: 'give post_tags.note a default, or state the change as custom',
    }));

  it('needs one for what is not null where the list was', () =>
    expectRefused({
      ...wrong(`${PARENT.replace('title', 'slug text not null, title')}${ROWS}`, `‸${UNNEST}`),
      code: INCOMPLETE,
      message: 'column posts.slug is not null, has no default, and nothing says',
      hint: 'add_column: { table: posts, column: slug',
    }));

  it('refuses a generated column for the value', () =>
    expectRefused({
      ...wrong(rows('tag text not null', 'tag text generated always as (1) stored'), `‸${UNNEST}`),
      code: INVALID,
      message: 'column post_tags.tag is generated',
    }));

  it('refuses to keep the list, or what is made from it, beside the rows', async () => {
    const stays = { ...wrong(FLAT + ROWS, `‸${UNNEST}`), code: UNSUPPORTED, message: 'posts.tags' };
    await expectRefused({ ...stays, hint: 'leave posts.tags out of that release' } as Wrong);
    await expectRefused({
      from: FLAT,
      to: PARENT.replace('title', 'count int, title') + ROWS,
      changes: [`‸${UNNEST}`, 'add_column: { table: posts, column: count, up: cardinality(tags) }'],
      code: UNSUPPORTED,
      message: 'column posts.count of release 2.0 follows from tags, whose elements are rows there',
    });
  });

  it('says that a change of one column of the rows has no effect', () =>
    expectRefused({
      from: FLAT,
      to: rows('place int,', 'place int, note text,'),
      changes: [UNNEST, '‸add_column: { table: post_tags, column: note, up: title }'],
      code: INVALID,
      message: 'add_column says nothing here: unnest_column on line 3 says what the rows of',
    }));

  it('looks for its table under the new name', async () => {
    const to = (PARENT + ROWS).replaceAll('posts', 'entries');
    expect(
      await refusal(FLAT, to, [UNNEST, 'rename_table: { table: posts, to: entries }']),
    ).toBeNull();
    await expectRefused({
      ...wrong(to, unnest('posts', '‸posts')),
      code: UNKNOWN,
      message: 'release 2.0 has no table "posts"',
    });
  });
});

describe('nest_table', () => {
  const NEST = 'nest_table: { table: post_tags, into: posts, column: tags, value: tag }';
  const KEYED = `create table post_tags (id serial primary key, tag text not null,
    post_id bigint references posts (id), unique (post_id, tag));`;
  const wrong = (table: string, change: string) => ({
    from: PARENT + table,
    to: FLAT,
    changes: [change],
  });

  it('is compiled where all is well', async () => {
    const plain = 'create index on post_tags (post_id);';
    expect(
      await refusal(PARENT + KEYED.replace('post_id bigint', 'post_id bigint not null'), FLAT, [
        NEST,
      ]),
    ).toBeNull();
    expect(
      await refusal(PARENT + ROWS + plain, FLAT, [NEST.replace(' }', ', position: place }')]),
    ).toBeNull();
  });

  it.each([
    [NEST.replace('post_tags', '‸posttags'), 'did you mean "post_tags"?'],
    [NEST.replace('into: posts', 'into: ‸post'), 'did you mean "posts"?'],
    [NEST.replace('column: tags', 'column: ‸tgas'), 'did you mean "tags"?'],
    [NEST.replace('value: tag', 'value: ‸tga'), 'did you mean "tag"?'],
  ])('shows where a name is not there: %s', (change, message) =>
    expectRefused({ ...wrong(ROWS, change), code: UNKNOWN, message }),
  );

  it('needs a unique key of the rows that follows from the list', () =>
    expectRefused({
      ...wrong(KEYED.replace(', unique (post_id, tag)', ''), `‸${NEST}`),
      code: INCOMPLETE,
      message: 'nothing says what post_tags.id is in rows that come from release 2.0',
      hint: 'give post_tags a unique key of columns that follow from the new release',
    }));

  it('needs an index of the old table, which an earlier release must make', () =>
    expectRefused({
      ...wrong(
        KEYED.replace('unique (post_id, tag)', 'unique (tag, post_id)').replace(
          'post_id bigint',
          'post_id bigint not null',
        ),
        `‸${NEST}`,
      ),
      code: INCOMPLETE,
      message: 'no index of post_tags begins with post_id, by which nest_table finds its rows',
      hint: 'create index on post_tags (post_id), in a release before this one',
    }));

  it('needs a default for what the list does not hold', () =>
    expectRefused({
      ...wrong(ROWS.replace('place int,', 'place int, weight int not null,'), `‸${NEST}`),
      code: INCOMPLETE,
      message: 'nothing says what post_tags.place is in rows that come from release 2.0',
    }));
});

const EVENTS = `create table events (id int primary key, kind text not null, who text,
  at timestamptz not null default now());`;
const SHARES = `create table logins (id int primary key, who text);
  create table errors (id int primary key, kind text not null, message text);`;
const LOGINS = `when: kind = 'login', values: { kind: "'login'" }`;
const ERRORS = `when: kind <> 'login'`;
const partition = (logins: string, errors = ERRORS) =>
  `partition_rows: { table: events, into: { logins: { ${logins} }, errors: { ${errors} } } }`;
const unite = (logins: string, errors = ERRORS) =>
  `unite_tables: { into: events, from: { logins: { ${logins} }, errors: { ${errors} } } }`;
const marked = (text: string) => text.replace('logins:', '‸logins:');

describe('partition_rows and unite_tables', () => {
  it('are compiled where all is well', async () => {
    expect(await refusal(EVENTS, SHARES, [partition(LOGINS)])).toBeNull();
    expect(await refusal(SHARES, EVENTS, [unite(LOGINS)])).toBeNull();
  });

  it.each([
    [partition(LOGINS).replace('table: events', 'table: ‸event'), 'did you mean "events"?'],
    [partition(LOGINS).replace('errors:', '‸error:'), 'did you mean "errors"?'],
    [
      partition(LOGINS.replace('kind =', '‸kid =')),
      'column "kid" is not in table events of release',
    ],
    [partition(LOGINS.replace('{ kind', '{ ‸knd')), 'did you mean "kind"?'],
  ])('show where a name is not there: %s', async (change, message) => {
    await expectRefused({ from: EVENTS, to: SHARES, changes: [change], code: UNKNOWN, message });
    const other = change
      .replace('partition_rows: { table:', 'unite_tables: { into:')
      .replace(', into: {', ', from: {');
    await expectRefused({ from: SHARES, to: EVENTS, changes: [other], code: UNKNOWN, message });
  });

  it.each([
    ['partition_rows: { table: events, into: ‸{ logins: { when: true } } }', 'two tables at least'],
    [partition('when: true', ''), 'lacks "when"'],
    [partition('when: kind = ‸max(kind)'), 'aggregate'],
    [partition('when: true, values: { kind: ‸who }'), 'so it takes no columns, found "who"'],
  ])('show where they are stated wrongly: %s', (change, message) => {
    const changes = [change.includes('‸') ? change : change.replace('errors: {', 'errors: ‸{')];
    return expectRefused({ from: EVENTS, to: SHARES, changes, code: INVALID, message });
  });

  it.each([
    [EVENTS, SHARES, partition],
    [SHARES, EVENTS, unite],
  ])('need a value for what one table lacks and the whole must have', (from, to, change) =>
    expectRefused({
      from,
      to,
      changes: [marked(change("when: kind = 'login'"))],
      code: INCOMPLETE,
      message: 'column events.kind is not null, and nothing says what it holds in rows of logins',
      hint: 'values: { kind: <a constant> }',
    }),
  );

  it.each([
    [EVENTS, SHARES.replace('logins (id', 'logins (nr'), partition],
    [SHARES.replace('logins (id', 'logins (nr'), EVENTS, unite],
  ])('need the key in every table', (from, to, change) =>
    expectRefused({
      from,
      to,
      changes: [marked(change(LOGINS))],
      code: INCOMPLETE,
      message: 'column events.id is the key, and nothing says what it holds in rows of logins',
      hint: 'call the key of logins id, or state a rename_column',
    }),
  );

  it('needs a value for what only the new table must have', () =>
    expectRefused({
      from: EVENTS,
      to: SHARES.replace('who text', 'who text, tries int not null'),
      changes: [marked(partition(LOGINS))],
      code: INCOMPLETE,
      message: 'column logins.tries is not null, has no default, and nothing says what it is',
      hint: 'add_column: { table: logins, column: tries',
    }));

  it('needs one for what only the old table must have', () =>
    expectRefused({
      from: EVENTS.replace(' default now()', ''),
      to: SHARES,
      changes: [`‸${partition(LOGINS)}`],
      code: INCOMPLETE,
      message: 'column events.at is not null, has no default, and nothing says what it is',
      hint: 'drop_column: { table: events, column: at, down',
    }));
});

describe('move_column', () => {
  const OLD = `create table centers (id int primary key, pool text not null default 'p');
    create table clusters (id int primary key, center int not null references centers (id));
    create index on clusters (center);`;
  const NEW = `create table centers (id int primary key);
    create table clusters (id int primary key, center int not null references centers (id),
      pool text not null);
    create index on clusters (center);`;
  const MOVE = 'move_column: { table: centers, column: pool, to: clusters }';

  it('is compiled where all is well', async () => {
    expect(await refusal(OLD, NEW, [MOVE])).toBeNull();
  });

  it.each([
    [MOVE.replace('centers', '‸center'), 'did you mean "centers"?'],
    [MOVE.replace('pool', '‸pol'), 'column "pol" is not in table centers of release 1.0'],
    [MOVE.replace('clusters', '‸cluster'), 'did you mean "clusters"?'],
    [MOVE.replace(' }', ', as: ‸pol }'), 'column "pol" is not in table clusters of release 2.0'],
  ])('shows where a name is not there: %s', (change, message) =>
    expectRefused({ from: OLD, to: NEW, changes: [change], code: UNKNOWN, message }),
  );

  it.each([
    ['no foreign key', OLD.replace(' references centers (id)', ''), NEW],
    ['one that may be null', OLD.replace('center int not null', 'center int'), NEW],
    ['none in the new release', OLD, NEW.replace(' references centers (id)', '')],
  ])('needs a row from which each gets its value: %s', (_, from, to) =>
    expectRefused({
      from,
      to,
      changes: [`‸${MOVE}`],
      code: INCOMPLETE,
      message: 'has no foreign key to centers (id) whose columns are not null',
      hint: 'state the change as custom',
    }),
  );

  it.each([
    ['in a release before', OLD.replace(/create index.*/, ''), NEW],
    ['in schema.sql of this release', OLD, NEW.replace(/create index.*/, '')],
  ])('needs an index on that foreign key, %s', (where, from, to) =>
    expectRefused({
      from,
      to,
      changes: [`‸${MOVE}`],
      code: INCOMPLETE,
      message: 'no index of clusters begins with center, by which move_column finds its rows',
      hint: `create index on clusters (center), in ${where.slice(3)}`,
    }),
  );

  it.each([
    ['stays', OLD, `${NEW}alter table centers add pool text;`, 'centers.pool of release 2.0'],
    ['was there', `${OLD}alter table clusters add pool text;`, NEW, 'clusters.pool of release 1.0'],
  ])('refuses a column that %s', (_, from, to, message) =>
    expectRefused({ from, to, changes: [`‸${MOVE}`], code: UNSUPPORTED, message }),
  );
});

const LISTED = `select id, title, links, array(select tag from post_tags t
  where t.post_id = p.id order by place) as tags from posts p`.replaceAll(/\s+/g, ' ');
const ELEMENTS =
  'select id as post_id, n as place, tag from posts, unnest(tags) with ordinality as u(tag, n)';
const custom = (elements: string, { listed = LISTED, slice = 'id' } = {}) => `custom:
      from:
        posts: { slice: id, query: "${listed}" }
      into:
        posts: { slice: ${slice}, query: "select id, title, links from posts" }
        post_tags: { slice: post_id, query: "${elements}" }`;

describe('custom', () => {
  const wrong = (change: string, to = PARENT + ROWS) => ({ from: FLAT, to, changes: [change] });
  const elements = (part: string, instead: string) => custom(ELEMENTS.replace(part, instead));
  const atRows = (change: string) => change.replace('        post_tags:', '        ‸post_tags:');

  it('is compiled where all is well', async () => {
    expect(await refusal(FLAT, PARENT + ROWS, [custom(ELEMENTS)])).toBeNull();
  });

  it.each([
    [custom('‸selec id'), 'syntax error at or near "selec"'],
    [
      elements('from posts', 'from ‸public.posts'),
      'public.posts: a table is named without a schema',
    ],
    [custom('select ‸* from posts'), '<expression> as <column>, and no *'],
    [elements('n as place', '‸n + 1'), 'each column that it yields needs a name'],
    [custom(`‸${ELEMENTS} for update`), 'it must only read'],
    [custom('‸with d as (delete from posts returning id) select id from d'), 'it must only read'],
    [custom('‸insert into posts values (1)'), 'it is not a single SELECT'],
    [custom('‸select 1 as post_id; select 2'), 'it is not a single SELECT'],
    [custom('select id as post_id, ‸n as post_id from posts'), 'it yields column "post_id" twice'],
    [
      custom('with ‸posts as (select id from posts) select id as post_id, 1 as place from posts'),
      '"posts" is a table of release 1.0: name it otherwise here',
    ],
    [custom('‸values (1, 2)'), 'each column that it yields needs a name'],
    [custom(ELEMENTS, { slice: '‸[id, title]' }), '"slice" of posts has 2 columns, that of posts'],
  ])('shows where it is stated wrongly, case %#', (change, message) =>
    expectRefused({ ...wrong(change), code: INVALID, message }),
  );

  it.each([
    [
      elements('from posts', 'from ‸post'),
      'release 1.0 has no table "post"; did you mean "posts"?',
    ],
    [elements('from posts', 'from ‸post_tags'), 'but a table of the old release is named here'],
    [
      elements('n as place', '‸n as plac'),
      'column "plac" is not in table post_tags of release 2.0',
    ],
    [custom(ELEMENTS, { slice: '‸idd' }), 'column "idd" is not in table posts of release 2.0'],
    [custom(ELEMENTS, { slice: '[‸idd]' }), 'column "idd" is not in table posts of release 2.0'],
    [
      custom(ELEMENTS).replace('        post_tags', '        ‸post_tgs'),
      'did you mean "post_tags"?',
    ],
    [
      custom(ELEMENTS, { listed: LISTED.replace('as tags', 'as tgs').replace('array', '‸array') }),
      'did you mean "tags"?',
    ],
  ])('shows where a name is not there, case %#', (change, message) =>
    expectRefused({ ...wrong(change), code: UNKNOWN, message }),
  );

  it.each([
    ['place', elements(', n as place', ''), ROWS, 'let its query yield place'],
    ['post_id', elements('id as post_id, ', ''), ROWS, 'let its query yield post_id'],
    [
      'note',
      custom(ELEMENTS),
      ROWS.replace('place int,', 'place int, note int not null,'),
      'let its query yield note, or give it a default',
    ],
  ])(
    'needs a query that yields key, slice and what is not null: %s',
    (column, change, table, hint) =>
      expectRefused({
        ...wrong(atRows(change), PARENT + table),
        code: INCOMPLETE,
        message: `post_tags.${column} is`,
        hint,
      }),
  );

  it('needs an index on each slice', () =>
    expectRefused({
      ...wrong(
        atRows(custom(ELEMENTS)),
        PARENT + ROWS.replace('(post_id, place)', '(place, post_id)'),
      ),
      code: INCOMPLETE,
      message: 'no index of post_tags begins with post_id, by which custom finds its rows',
    }));

  it('says that a change of one column has no effect beside it', () =>
    expectRefused({
      ...wrong(''),
      changes: [
        custom(ELEMENTS),
        '‸convert_column: { table: posts, column: title, up: upper(title), down: lower(title) }',
      ],
      code: INVALID,
      message: 'convert_column says nothing here: custom on line 3 says what the rows of posts',
    }));
});

describe('two changes of one table', () => {
  const SPLIT = 'split_table: { table: posts, into: { posts: {}, infos: {} } }';
  const INFOS = 'create table infos (id bigint primary key references posts (id), links text);';

  it('are compiled where both take lists of it apart', async () => {
    const links =
      'unnest_column: { table: posts, column: links, delimiter: " ", into: l, value: v }';
    const to = `${PARENT.replace(', links text', '')}${ROWS}
      create table l (post_id bigint references posts (id), v text, primary key (post_id, v));`;
    expect(await refusal(FLAT, to, [UNNEST, links])).toBeNull();
  });

  it.each([
    ['split_table and unnest_column', [SPLIT, `‸${UNNEST}`]],
    ['unnest_column and split_table', [UNNEST, `‸${SPLIT}`]],
  ])('are refused where the table would be made twice: %s', (what, changes) => {
    const [first, second] = what.split(' and ');
    return expectRefused({
      from: FLAT,
      to: PARENT.replace(', links text', '') + ROWS + INFOS,
      changes,
      code: UNSUPPORTED,
      message: `${second} works on table posts, as ${first} on line 3 does`,
      hint: 'state both as one custom change',
    });
  });

  it('are refused for merge_tables and nest_table', () =>
    expectRefused({
      from: PARENT.replace(', links text', '') + ROWS + INFOS,
      to: FLAT,
      changes: [
        'merge_tables: { into: posts, from: { posts: {}, infos: {} } }',
        '‸nest_table: { table: post_tags, into: posts, column: tags, value: tag, position: place }',
      ],
      code: UNSUPPORTED,
      message: 'nest_table works on table posts, as merge_tables on line 3 does',
    }));

  it('are refused for two that need slices of their own', () =>
    expectRefused({
      from: `${FLAT}create table notes (id int primary key, post_id bigint not null
        references posts (id)); create index on notes (post_id);`,
      to: `${PARENT.replace('title text, ', '')}${ROWS}create table notes (id int primary key,
        title text, post_id bigint not null references posts (id));
        create index on notes (post_id);`,
      changes: [UNNEST, '‸move_column: { table: posts, column: title, to: notes }'],
      code: UNSUPPORTED,
      message: 'move_column works on table posts, as unnest_column on line 3 does',
    }));

  it('are refused in the file where both claim the whole of it', () =>
    expectRefused({
      from: EVENTS,
      to: SHARES,
      changes: [
        partition(LOGINS),
        'split_table: { table: ‸events, into: { logins: {}, errors: {} } }',
      ],
      code: INVALID,
      message: 'which partition_rows on line 3 changes already',
    }));
});
