// evolution.yaml: what it says is read with its place, what is wrong is shown with its place.

import { HalflapError } from '@halflap/protocol';
import { beforeAll, describe, expect, it } from 'vitest';
import type { SplitTable } from './evolution.js';
import { parseEvolution } from './evolution-parser.js';
import { loadParser } from './expression.js';

beforeAll(loadParser);

const EVERYTHING = `# yaml-language-server: $schema=../evolution.schema.json
from: 1.10
changes:
  - rename_table: { table: tellers, to: clerks }
  - rename_column: { table: tellers, column: tid, to: clerk_id }
  - convert_column: { table: hosts, column: memory_mb, to: memory_bytes,
      up: memory_mb * 1048576::bigint, down: memory_bytes / 1048576 }
  - convert_column:
      table: people
      columns: [first, last]
      to: [full_name]
      up: { full_name: "first || ' ' || last" }
      down: { first: "split_part(full_name, ' ', 1)", last: "split_part(full_name, ' ', 2)" }
  - add_column: { table: hosts, column: kind, up: "'physical'" }
  - add_column: { table: hosts, column: weight, up: 0 }
  - drop_column: { table: hosts, column: legacy, down: "''" }
  - split_table:
      table: hosts
      into:
        hosts: {}
        host_heartbeats: { key: { host_id: id }, when: last_seen is not null }
        host_status: { key: { host_id: id }, otherwise: { status: "'unknown'" }, generate: [id] }
`;

const read = (text: string) => parseEvolution(text, { file: 'evolution.yaml', to: '2.0' });

describe('parseEvolution', () => {
  const evolution = () => read(EVERYTHING);

  it('reads every change kind', () => {
    expect(evolution().changes.map((change) => change.kind)).toEqual([
      'rename_table',
      'rename_column',
      'convert_column',
      'convert_column',
      'add_column',
      'add_column',
      'drop_column',
      'split_table',
    ]);
    expect(evolution().changes[0]).toMatchObject({ table: 'tellers', to: 'clerks' });
    expect(evolution().changes[1]).toMatchObject({ column: 'tid', to: 'clerk_id' });
    expect(evolution().changes[6]).toMatchObject({ column: 'legacy', down: { sql: "''" } });
  });

  it('keeps versions as they are written', () => {
    expect(evolution()).toMatchObject({ from: '1.10', to: '2.0', file: 'evolution.yaml' });
  });

  it('gives the short and the general form of a conversion the same shape', () => {
    expect(evolution().changes[2]).toMatchObject({
      columns: ['memory_mb'],
      to: ['memory_bytes'],
      up: { memory_bytes: { sql: 'memory_mb * 1048576::bigint' } },
      down: { memory_mb: { sql: 'memory_bytes / 1048576' } },
    });
    expect(evolution().changes[3]).toMatchObject({
      columns: ['first', 'last'],
      to: ['full_name'],
      up: { full_name: { sql: "first || ' ' || last" } },
      down: { first: { sql: "split_part(full_name, ' ', 1)" } },
    });
  });

  it('takes a list whose lines are all commented out for an empty one', () => {
    const text = 'from: "1.0"\nchanges:\n  # - rename_table: { table: a, to: b }\n';
    expect(parseEvolution(text, { file: 'e.yaml', to: '2.0' }).changes).toEqual([]);
  });

  it('converts in place when no new name is given', () => {
    const [change] = read(
      only('convert_column: { table: t, column: c, up: c::int, down: c::text }'),
    ).changes;
    expect(change).toMatchObject({ columns: ['c'], to: ['c'] });
  });

  it('keeps the parts of a split in the order of the file', () => {
    const split = evolution().changes.at(-1) as SplitTable;
    expect(split.into.map((part) => part.table)).toEqual([
      'hosts',
      'host_heartbeats',
      'host_status',
    ]);
    expect(split.into[0]).toMatchObject({ key: null, when: null, otherwise: {}, generate: [] });
    expect(split.into[1]).toMatchObject({
      key: { host_id: 'id' },
      when: { sql: 'last_seen is not null' },
    });
    expect(split.into[2]).toMatchObject({
      otherwise: { status: { sql: "'unknown'" } },
      generate: ['id'],
    });
  });

  it('says where each thing stands', () => {
    const [rename, , convert] = evolution().changes;
    expect(rename?.at).toEqual({ line: 4, column: 5 });
    expect(rename?.places?.to).toEqual({ line: 4, column: 41 });
    expect(convert).toMatchObject({ up: { memory_bytes: { at: { line: 7, column: 11 } } } });
  });

  it('takes numbers, booleans and null as SQL', () => {
    const values = ['0', 'true', 'null'].map((up) => {
      const text = `from: "1"\nchanges:\n  - add_column: { table: t, column: c, up: ${up} }\n`;
      return read(text).changes[0];
    });
    expect(values).toMatchObject([
      { up: { sql: '0' } },
      { up: { sql: 'true' } },
      { up: { sql: 'null' } },
    ]);
  });

  it('takes a file that only names its predecessor', () => {
    expect(read('from: "1.0"\n').changes).toEqual([]);
  });
});

/** One change as the only one of a file. */
const only = (change: string) => `from: "1.0"\nchanges:\n  - ${change}\n`;

/** Takes out the mark: what is left is the file, the mark is where it is wrong. */
function marked(text: string): { text: string; line: number; column: number } {
  const before = text.slice(0, text.indexOf('‸')).split('\n');
  return {
    text: text.replace('‸', ''),
    line: before.length,
    column: (before.at(-1)?.length ?? 0) + 1,
  };
}

describe('parseEvolution refuses', () => {
  it.each([
    ['an empty file', '‸', 'the file must be a mapping'],
    ['broken YAML', 'from: "1.0‸', 'Missing closing'],
    ['no predecessor', '‸changes: []\n', 'lacks "from"'],
    ['a newer predecessor', 'from: ‸"2.0"\n', 'not older'],
    ['an unknown key of the file', 'from: "1"\n‸chnages: []\n', 'did you mean "changes"?'],
    ['changes that are no list', 'from: "1"\nchanges: ‸3\n', 'must be a list'],
    ['a key twice', 'from: "1"\n‸from: "1"\n', 'unique'],
    ['a change that is text', only('‸rename'), 'a change must be a mapping'],
    ['an unknown change', only('‸rename_colum: {}'), 'did you mean "rename_column"?'],
    ['two kinds in one', only('add_column: {}\n    ‸drop_column: {}'), 'one kind'],
    ['an unknown key', only('rename_table: { ‸tabel: a, to: b }'), 'did you mean "table"?'],
    ['a missing key', only('‸rename_table: { table: a }'), 'lacks "to"'],
    ['a list for a name', only('rename_table: { table: ‸[a], to: b }'), 'must be text'],
    ['an empty name', only('rename_table: { table: ‸"", to: b }'), 'is empty'],
    ['an alias', only('rename_table: { table: &x a, to: ‸*x }'), 'found an alias'],
    ['an unquoted comma', only('add_column: { table: a, column: b, up: f(x‸, y) }'), 'syntax'],
    ['column and columns', convert('column: a, columns: [b], up: a, down: a', '‸'), 'either'],
    ['neither of them', convert('to: a, up: a, down: a', '‸'), 'either'],
    ['a name twice', convert('columns: [a, ‸a], to: b, up: a, down: b'), 'twice'],
    ['no columns', convert('columns: ‸[], to: b, up: a, down: b'), 'empty'],
    ['a value for nothing', convert('column: a, to: bcd, up: { ‸bce: a }, down: b'), 'mean "bcd"'],
    ['a missing value', convert('columns: [a, b], to: c, up: a, down: ‸{ a: c }'), 'lacks "b"'],
    ['one part', split('a: {}', '‸'), 'two parts'],
    ['a condition first', split('a: { when: ‸x > 1 }, b: {}'), 'takes no "when"'],
    ['a wrong part', split('a: {}, b: { ‸wenn: x }'), 'did you mean "when"?'],
    ['no key', split('a: {}, b: { key: ‸{} }'), 'empty'],
    ['a generated key', split('a: {}, b: { key: { k: id }, generate: [‸k] }'), 'both'],
    ['a value for no row', split("a: {}, b: { otherwise: { c: '''x'' || ‸d' } }"), 'no columns'],
    ['a plain expression', added('up: a + ‸max(b)'), 'aggregate'],
    ['one in single quotes', added("up: '''é'' || ‸max(b)'"), 'aggregate'],
    ['one in double quotes', added('up: "\'\\\\x\' || \\u0062 || ‸max(b)"'), 'aggregate'],
    ['one folded over lines', added('up: a +\n          b + ‸max(c)'), 'aggregate'],
    ['one in a literal block', added('up: |\n        a +\n          ‸max(b)'), 'aggregate'],
    ['one in a folded block', added('up: >-\n        a +\n        ‸max(b)'), 'aggregate'],
    ['an unfinished one', added("up: 'a +‸'"), 'syntax error'],
  ])('%s', (_, wrong, message) => {
    const { text, ...place } = marked(wrong);
    const error = refusal(text);
    expect(error.code).toBe('EVOLUTION_INVALID');
    expect(error.message).toContain(message);
    expect(error.detail).toMatchObject({ file: 'evolution.yaml', ...place });
    expect(error.hint).toBeTruthy();
  });

  it.each([
    ['a table twice', ['rename_table: { table: a, to: b }', 'rename_table: { table: a, to: c }']],
    [
      'a new table twice',
      ['rename_table: { table: a, to: c }', 'rename_table: { table: b, to: c }'],
    ],
    [
      'a renamed and split table',
      ['rename_table: { table: a, to: b }', 'split_table: { table: a, into: { c: {}, d: {} } }'],
    ],
    [
      'a column twice',
      [
        'rename_column: { table: a, column: b, to: c }',
        'drop_column: { table: a, column: b, down: 1 }',
      ],
    ],
    [
      'a new column twice',
      [
        'rename_column: { table: a, column: b, to: c }',
        'add_column: { table: a, column: c, up: 1 }',
      ],
    ],
    [
      'a label twice',
      ['rename_label: { type: a, label: b, to: c }', 'rename_label: { type: a, label: b, to: d }'],
    ],
    [
      'a converted column twice',
      [
        'convert_column: { table: a, columns: [x, b], to: c, up: b, down: { x: c, b: c } }',
        'rename_column: { table: a, column: b, to: d }',
      ],
    ],
  ])('%s', (_, changes) => {
    const text = `from: "1.0"\nchanges:\n${changes.map((change) => `  - ${change}\n`).join('')}`;
    const error = refusal(text);
    expect(error.code).toBe('EVOLUTION_INVALID');
    expect(error.message).toMatch(/changes already/);
    expect(error.detail.line).toBe(4);
  });

  it('one name for two columns of a split, without saying which part has it', () => {
    const error = refusal(
      only(
        `split_table: { table: people, into: { customers: {}, letters: {} } }
  - rename_column: { table: people, column: subject, to: topic }
  - rename_column: { table: people, column: heading, to: topic }`,
      ),
    );
    expect(error.message).toBe(
      'evolution.yaml:5:58: rename_column changes column topic of the new release, ' +
        'in customers or letters, which rename_column on line 4 changes already',
    );
  });

  it('two tables that are split into each other', () => {
    const error = refusal(
      only(
        `split_table: { table: a, into: { b: {}, a: {} } }
  - split_table: { table: b, into: { a: {}, b: {} } }`,
      ),
    );
    expect(error.detail.evidence).toEqual([
      'evolution.yaml:4:38: split_table changes table a of the new release, ' +
        'which split_table on line 3 changes already',
      'evolution.yaml:4:45: split_table changes table b of the new release, ' +
        'which split_table on line 3 changes already',
    ]);
  });

  it('everything at once, in the order of the file', () => {
    const error = refusal(
      only('rename_tabel: {}\n  - add_column: { table: t, column: c, up: a + }'),
    );
    expect(error.detail.evidence).toHaveLength(2);
    expect(error.detail.evidence?.[0]).toMatch(/^evolution\.yaml:3:5: /);
    expect(error.detail.evidence?.[1]).toMatch(/^evolution\.yaml:4:\d+: .*syntax error/);
    expect(error.message).toContain('(and 1 more)');
  });
});

function convert(rest: string, mark = ''): string {
  return only(`${mark}convert_column: { table: t, ${rest} }`);
}

function split(parts: string, mark = ''): string {
  return only(`split_table: { table: t, into: ${mark}{ ${parts} } }`);
}

function added(up: string): string {
  return `from: "1"\nchanges:\n  - add_column:\n      ${up}\n      table: t\n      column: c\n`;
}

function refusal(text: string): HalflapError {
  try {
    read(text);
  } catch (error) {
    if (error instanceof HalflapError) return error;
    throw error;
  }
  throw new Error(`accepted:\n${text}`);
}
