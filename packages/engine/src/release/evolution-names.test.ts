// Every name in an evolution must be in the release it belongs to.

import { HalflapError } from '@halflap/protocol';
import { beforeAll, describe, expect, it } from 'vitest';
import { withSession } from '../pg.js';
import { withDatabase } from '../testing/index.js';
import type { Catalog } from './catalog.js';
import { checkNames } from './evolution-names.js';
import { parseEvolution } from './evolution-parser.js';
import { newTablesOf, oldTablesOf } from './evolution-tables.js';
import { loadParser } from './expression.js';
import { introspect } from './introspect.js';

const OLD = `
create table hosts (
  id int primary key, memory_mb int, last_seen timestamptz, status text, gone int
);
create type mood as enum ('sad', 'glad'); create type hue as enum ('red');
create table tellers (tid int primary key, first text, last text);
create table owners (id int primary key);
`;
const NEW = `
create table hosts (id int primary key, memory_bytes bigint);
create table host_heartbeats (host_id int primary key, last_seen timestamptz);
create table host_status (id serial primary key, host_id int unique, status text);
create type mood as enum ('sad', 'happy'); create type tone as enum ('loud');
create table clerks (clerk_id int primary key, full_name text, kind text);
create table rooms (id int primary key, size int);
`;

let from: Catalog;
let to: Catalog;

beforeAll(async () => {
  await loadParser();
  [from, to] = await Promise.all([catalogOf(OLD), catalogOf(NEW)]);
});

function catalogOf(text: string): Promise<Catalog> {
  return withDatabase((url) =>
    withSession(url, 'test', async (session) => {
      await session.query(text);
      return introspect(session, 'public');
    }),
  );
}

const RIGHT: readonly string[] = [
  'rename_table: { table: tellers, to: clerks }',
  'rename_column: { table: tellers, column: tid, to: clerk_id }',
  `convert_column: { table: tellers, columns: [first, last], to: full_name,
      up: "tellers.first || ' ' || last",
      down: { first: "split_part(full_name, ' ', 1)", last: full_name } }`,
  'add_column: { table: clerks, column: kind, up: upper(first) }',
  `convert_column: { table: hosts, column: memory_mb, to: memory_bytes,
      up: memory_mb * 1048576::bigint, down: memory_bytes / 1048576 }`,
  'drop_column: { table: hosts, column: gone, down: memory_bytes::int }',
  `split_table:
      table: hosts
      into:
        hosts: {}
        host_heartbeats: { key: { host_id: id }, when: last_seen is not null }
        host_status:
          { key: { host_id: id }, otherwise: { status: upper('new') }, generate: [id] }`,
  'rename_label: { type: mood, label: glad, to: happy }',
  'rename_label: { type: hue, label: red, to: loud }',
];

function fileOf(changes: readonly string[]): string {
  return `from: "1.0"\nchanges:\n${changes.map((change) => `  - ${change}\n`).join('')}`;
}

function check(text: string): void {
  checkNames(parseEvolution(text, { file: 'evolution.yaml', to: '2.0' }), from, to);
}

function refusal(text: string): HalflapError {
  try {
    check(text);
  } catch (error) {
    if (error instanceof HalflapError) return error;
    throw error;
  }
  throw new Error(`accepted:\n${text}`);
}

describe('checkNames', () => {
  it('accepts names that exist where they belong', () => {
    expect(() => check(fileOf(RIGHT))).not.toThrow();
  });

  // The mark shows where the finding must stand; the rest of the file is as above.
  it.each([
    [0, 'rename_table: { table: ‸teller, to: clerks }', 'did you mean "tellers"?'],
    [0, 'rename_table: { table: tellers, to: ‸clerk }', 'did you mean "clerks"?'],
    [0, 'rename_table: { table: ‸clerks, to: clerks }', 'release 2.0 has it'],
    [0, 'rename_table: { table: tellers, to: ‸tellers }', 'release 1.0 has it'],
    [1, 'rename_column: { table: tellers, column: ‸tyd, to: clerk_id }', 'did you mean "tid"?'],
    [1, 'rename_column: { table: tellers, column: tid, to: ‸clrk_id }', 'mean "clerk_id"?'],
    [
      4,
      'convert_column: { table: hosts, column: ‸memory, to: memory_bytes, up: 1, down: 1 }',
      'memory_mb',
    ],
    [
      4,
      'convert_column: { table: hosts, column: memory_mb, to: ‸memory, up: 1, down: 1 }',
      'none of',
    ],
    [4, converted('2 * ‸memry_mb', '1'), 'memory_mb'],
    [4, converted('1', '‸memory_mb'), 'release 2.0'],
    [4, converted('1', '‸last_seen'), 'hosts'],
    [4, converted('‸owners.id', '1'), 'out of reach'],
    [3, 'add_column: { table: ‸tellers, column: kind, up: 1 }', 'release 1.0 has it'],
    [3, 'add_column: { table: clerks, column: ‸knd, up: 1 }', 'did you mean "kind"?'],
    [3, 'add_column: { table: clerks, column: kind, up: upper(‸full_name) }', 'release 1.0'],
    [3, 'add_column: { table: ‸rooms, column: size, up: 1 }', 'no predecessor'],
    [5, 'drop_column: { table: hosts, column: ‸goone, down: 1 }', 'did you mean "gone"?'],
    [5, 'drop_column: { table: hosts, column: gone, down: ‸gone }', 'in none of'],
    [5, 'drop_column: { table: ‸owners, column: id, down: 1 }', 'no successor'],
    [6, 'split_table: { table: ‸host, into: { hosts: {}, rooms: {} } }', 'did you mean "hosts"?'],
    [
      6,
      'split_table: { table: hosts, into: { hosts: {}, ‸host_heartbeat: {} } }',
      'host_heartbeats',
    ],
    [6, splitWith('key: { ‸host: id }'), 'did you mean "host_id"?'],
    [6, splitWith('key: { host_id: ‸idd }'), 'did you mean "id"?'],
    [6, splitWith('when: "1 = 1 and ‸last_sen > now()"'), 'did you mean "last_seen"?'],
    [6, splitWith('otherwise: { ‸state: 1 }'), 'did you mean "status"?'],
    [6, splitWith('generate: [‸ids]'), 'did you mean "id"?'],
    [7, 'rename_label: { type: ‸moods, label: glad, to: happy }', 'did you mean "mood"?'],
    [7, 'rename_label: { type: mood, label: ‸happy, to: happy }', 'not in mood of release 1.0'],
    [7, 'rename_label: { type: mood, label: glad, to: ‸hapy }', 'did you mean "happy"?'],
    [8, 'rename_label: { type: hue, label: red, to: ‸quiet }', 'in mood, tone of release 2.0'],
  ])('refuses in change %i: %s', (index, change, message) => {
    const marked = fileOf(RIGHT.map((right, at) => (at === index ? change : right)));
    const before = marked.slice(0, marked.indexOf('‸')).split('\n');
    const error = refusal(marked.replace('‸', ''));
    expect(error.code).toBe('EVOLUTION_UNKNOWN_NAME');
    const line = before.length;
    const column = (before.at(-1)?.length ?? 0) + 1;
    const finding = error.detail.evidence?.find((one) => one.includes(`:${line}:${column}: `));
    expect(finding, error.detail.evidence?.join('\n')).toContain(message);
  });

  it('lists all findings in the order of the file', () => {
    const error = refusal(
      fileOf([
        'rename_table: { table: x, to: y }',
        'drop_column: { table: hosts, column: z, down: 1 }',
      ]),
    );
    expect(error.detail.evidence).toHaveLength(3);
    expect(error.detail).toMatchObject({ file: 'evolution.yaml', line: 3 });
    expect(error.hint).toContain('old release');
  });
});

describe('newTablesOf and oldTablesOf', () => {
  it('follow renames, splits and merges in both directions', () => {
    const { changes } = parseEvolution(
      fileOf([
        'rename_table: { table: a, to: b }',
        'rename_table: { table: b, to: c }',
        'split_table: { table: d, into: { e: {}, f: {} } }',
        'merge_tables: { into: m, from: { g: {}, h: {} } }',
      ]),
      { file: 'evolution.yaml', to: '2.0' },
    );
    expect(['a', 'b', 'c', 'd', 'h', 'x'].map((table) => newTablesOf(changes, table))).toEqual([
      ['b'],
      ['c'],
      [],
      ['e', 'f'],
      ['m'],
      ['x'],
    ]);
    const names = ['a', 'b', 'c', 'd', 'e', 'm', 'h', 'x'];
    expect(names.map((table) => oldTablesOf(changes, table))).toEqual([
      [],
      ['a'],
      ['b'],
      [],
      ['d'],
      ['g', 'h'],
      [],
      ['x'],
    ]);
  });
});

/** A conversion of hosts.memory_mb. */
function converted(up: string, down: string): string {
  return `convert_column:
      { table: hosts, column: memory_mb, to: memory_bytes, up: ${up}, down: ${down} }`;
}

function splitWith(keys: string): string {
  return `split_table: { table: hosts, into: { hosts: {}, host_status: { ${keys} } } }`;
}
