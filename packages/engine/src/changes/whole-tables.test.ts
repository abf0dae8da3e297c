// What is wrong with changes of whole tables, where nothing else is at fault: columns that could
// come from two places, keys that get lost, tables whose rows cannot be told apart.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusal, type Stated, toldAtMark } from '../gate/testing/refused.js';
import { openReader, type Reader, WRITTEN_FILE } from '../gate/testing/written.js';

let reader: Reader;
beforeAll(async () => {
  reader = await openReader();
});
afterAll(() => reader.close());

const MERGE = 'merge_tables: { into: p, from: { p: {}, q: {} } }';
const SPLIT = 'split_table: { table: t, into: { t: {}, u: {} } }';
const P = 'create table p (id int primary key, a text, note text);';
const Q = 'create table q (id int primary key references p, b text, note text);';

interface Wrong extends Stated {
  readonly it: string;
  readonly code: `EVOLUTION_${'INVALID' | 'UNKNOWN_NAME' | 'INCOMPLETE' | 'UNSUPPORTED'}`;
  readonly message: string;
  readonly hint: string;
}

const INVALID = 'EVOLUTION_INVALID';
const UNKNOWN = 'EVOLUTION_UNKNOWN_NAME';
const INCOMPLETE = 'EVOLUTION_INCOMPLETE';
const UNSUPPORTED = 'EVOLUTION_UNSUPPORTED';
const MERGED_Q = MERGE.replace('q: {}', '‸q: {}');

const wrong: readonly Wrong[] = [
  {
    it: 'a column that could come from two tables',
    code: INCOMPLETE,
    message: 'column p.note could come from p or from q',
    hint: 'rename_column or drop_column: { table: q, column: note, … }',
    from: P + Q,
    to: 'create table p (id int primary key, a text, b text, note text);',
    changes: [`‸${MERGE}`],
  },
  {
    it: 'a merged table without a key',
    code: INCOMPLETE,
    message: 'table q has no unique key that stands for p(id) with the same types',
    hint: 'state it: q: { key: { <column of q>: id } }, and make it a primary or unique key',
    from: `${P}create table q (id int not null references p, b text);`,
    to: 'create table p (id int primary key, a text, note text, b text);',
    changes: [MERGED_Q],
  },
  {
    it: 'a merged table that may have rows of its own',
    code: UNSUPPORTED,
    message: 'table q may have rows without one of p, which would have none in p',
    hint: 'add a foreign key from q (id) to p (id) in a release before this one',
    from: `${P}create table q (id int primary key, b text);`,
    to: 'create table p (id int primary key, a text, note text, b text);',
    changes: [MERGED_Q],
  },
  {
    it: 'a not null column of a merged table that may have no row',
    code: INCOMPLETE,
    message: 'column p.b is not null, and nothing says what the new release reads there while q',
    hint: 'state it: q: { otherwise: { b: <constant> } }',
    from: `${P}create table q (id int primary key references p, b int not null);`,
    to: 'create table p (id int primary key, a text, note text, b int not null);',
    changes: [MERGED_Q],
  },
  {
    it: 'a condition that looks at what a merge does not have',
    code: UNKNOWN,
    message: 'column "bb" is not in table p of release 2.0; did you mean "b"?',
    hint: 'of the old release',
    from: P + Q.replace(', note text', ''),
    to: 'create table p (id int primary key, a text, note text, b text);',
    changes: [MERGE.replace('q: {}', 'q: { when: ‸bb is not null }')],
  },
  {
    it: 'a key that gets lost',
    code: INCOMPLETE,
    message: 'table t has no unique key that stands for t(id) with the same types',
    hint: 'state it: key: { <column of t>: id }, and make it a primary or unique key',
    from: 'create table t (id int primary key, a text, b text);',
    to: `create table t (code text primary key, a text);
      create table u (id int primary key, b text);`,
    changes: [SPLIT.replace('t: {}', '‸t: {}')],
  },
  {
    it: 'two splits into one table',
    code: INVALID,
    message: 'split_table changes table t of the new release, which split_table on line 3 changes',
    hint: 'every key',
    from: `create table t (id int primary key, a text, b text);
      create table s (id int primary key, c text, d text);`,
    to: `create table t (id int primary key, a text);
      create table u (id int primary key, b text);`,
    changes: [SPLIT, 'split_table: { table: s, into: { ‸t: {}, u: {} } }'],
  },
  {
    it: 'two renames to one table',
    code: INVALID,
    message:
      'rename_table changes table c of the new release, which rename_table on line 3 changes',
    hint: 'every key',
    from: 'create table a (id int primary key); create table b (id int primary key);',
    to: 'create table c (id int primary key);',
    changes: ['rename_table: { table: a, to: c }', 'rename_table: { table: b, to: ‸c }'],
  },
  {
    it: 'a column that two renames take',
    code: INVALID,
    message: 'rename_column changes column a.x of the old release, which rename_column on line 3',
    hint: 'every key',
    from: 'create table a (id int primary key, x text);',
    to: 'create table a (id int primary key, y text, z text);',
    changes: [
      'rename_column: { table: a, column: x, to: y }',
      'rename_column: { table: a, column: ‸x, to: z }',
    ],
  },
  {
    it: 'a rekey of a table that is gone',
    code: UNKNOWN,
    message: 'release 2.0 has no successor of table a: state a rename_table',
    hint: 'of the old release',
    from: 'create table a (id int primary key, x text);',
    to: 'create table b (id uuid primary key default gen_random_uuid(), x text);',
    changes: ['rekey_table: { table: ‸a, column: id }'],
  },
  {
    it: 'a conversion without the way back',
    code: INVALID,
    message: 'convert_column lacks "down"',
    hint: 'every key',
    from: 'create table a (id int primary key, x text);',
    to: 'create table a (id int primary key, n int);',
    changes: ['‸convert_column: { table: a, column: x, to: n, up: "x::int" }'],
  },
  {
    it: 'a conversion with a way back for something else',
    code: INVALID,
    message: 'unknown key "z" in "down" of convert_column; did you mean "x"?',
    hint: 'every key',
    from: 'create table a (id int primary key, x text, y text);',
    to: 'create table a (id int primary key, n text);',
    changes: [
      'convert_column: { table: a, columns: [x, y], to: n, up: "x || y", down: { x: n, ‸z: n } }',
    ],
  },
  {
    it: 'a generated column that a query fills',
    code: INVALID,
    message: 'column a.y is generated: nothing else can fill it',
    hint: 'leave y out',
    from: 'create table a (id int primary key, x text);',
    to: 'create table a (id int primary key, x text, y text generated always as (x) stored);',
    changes: [
      'custom: { from: { a: { slice: id, query: "select id, x from a" } }, into: { ‸a: { slice: ' +
        'id, query: "select id, x, x as y from a" } } }',
    ],
  },
];

describe('a wrong change of whole tables', () => {
  it.each(wrong.map((one) => [one.it, one] as const))('is refused: %s', async (_, one) => {
    const told = await toldAtMark(reader, one);
    expect(told).toMatchObject({
      code: one.code,
      message: expect.not.stringMatching(/^not at /),
      hint: expect.stringContaining(one.hint),
    });
    expect(told?.message).toContain(one.message);
  });

  it('is one where parts refer to each other: through a lens none can be first', async () => {
    const changes = [`‸${SPLIT}`];
    const from = 'create table t (id int primary key, a text, b text);';
    const to = `create table t (id int primary key, a text);
      create table u (id int primary key references t, b text);
      alter table t add foreign key (id) references u deferrable initially deferred;`;
    expect(await toldAtMark(reader, { from, to, changes })).toMatchObject({
      code: UNSUPPORTED,
      message: expect.stringContaining('through a lens neither can be written first'),
      hint: expect.stringMatching(/^leave \w+ out of the new release: a part without a condition/),
    });
  });

  it('is refused where a change is missing, at the list that it belongs to', async () => {
    const said = await refusal(reader, {
      from: 'create table t (id int primary key, a text);',
      to: 'create table t (id uuid primary key default gen_random_uuid(), a text);',
      changes: [],
    });
    expect(said).toMatchObject({
      code: INCOMPLETE,
      detail: { file: WRITTEN_FILE, line: 2, column: 1 },
      message: expect.stringContaining(
        `${WRITTEN_FILE}:2:1: table t has no unique key that stands`,
      ),
    });
  });
});
