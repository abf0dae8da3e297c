// What is printed is what is read.

import { beforeAll, describe, expect, it } from 'vitest';
import { parseEvolution } from './evolution-parser.js';
import { changeText } from './evolution-text.js';
import { loadParser } from './expression.js';

beforeAll(() => loadParser());

describe('changeText', () => {
  it.each([
    '- rename_table: { table: hosts, to: two words }',
    '- rename_column: { table: hosts, column: "null", to: "2" }',
    '- rename_label: { type: mood, label: glad, to: "2" }',
    '- convert_column: { table: hosts, column: load, up: load::real, down: load::int }',
    '- convert_column: { table: hosts, column: mb, to: bytes, up: mb * 1048576, down: bytes / 1 }',
    `- convert_column:
    table: people
    columns: [ first, last ]
    to: full_name
    up: { full_name: first || ' ' || last }
    down: { first: "split_part(full_name, ' ', 1)", last: "split_part(full_name, ' ', 2)" }`,
    `- convert_column:
    table: people
    column: full_name
    to: [ first, last ]
    up: { first: "split_part(full_name, ' ', 1)", last: "split_part(full_name, ' ', 2)" }
    down: { full_name: first || ' ' || last }`,
    `- add_column: { table: hosts, column: slug, up: "''" }`,
    '- drop_column: { table: hosts, column: rack, down: "0" }',
    `- split_table:
    table: users
    into:
      people: {}
      logins: { key: { person_id: id }, when: is_local, otherwise: { a: "''" }, generate: [ id ] }`,
    `- merge_tables:
    into: people
    from:
      people: {}
      logins: { key: { person_id: id }, when: a is not null, otherwise: { a: "false" } }`,
  ])('prints what was read: %s', (text) => {
    const { changes } = parseEvolution(`from: "1.0"\nchanges:\n${text}\n`, { file: 'e', to: '2' });
    expect(changes.map(changeText)).toEqual([text]);
  });
});
