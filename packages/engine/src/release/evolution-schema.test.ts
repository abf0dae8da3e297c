// What editors accept (schemas/evolution.schema.json) and what the parser accepts is the same.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { type FileSchema, openFileSchema } from '../../test/file-schema.js';
import { CHANGE_SHAPES } from './evolution-changes.js';
import { CUSTOM_SHAPE } from './evolution-custom.js';
import { DIRTY_SHAPES } from './evolution-dirty.js';
import { KEY_MAP_SHAPE } from './evolution-keys.js';
import { MERGED_SHAPE } from './evolution-merge.js';
import { FILE_SHAPE, parseEvolution } from './evolution-parser.js';
import { SHARE_SHAPE } from './evolution-shares.js';
import { PART_SHAPE } from './evolution-split.js';

const EXAMPLES = fileURLToPath(new URL('../../../../examples', import.meta.url));

let file: FileSchema;

beforeAll(async () => {
  file = await openFileSchema('evolution.schema.json', (text) =>
    parseEvolution(text, { file: 'evolution.yaml', to: '9999' }),
  );
});

const ACCEPTED: readonly string[] = [
  '{ rename_table: { table: a, to: b } }',
  '{ rename_column: { table: a, column: b, to: c } }',
  '{ rename_label: { type: a, label: b, to: c } }',
  '{ convert_column: { table: a, column: b, up: b + 1, down: b - 1 } }',
  '{ convert_column: { table: a, column: b, to: c, up: 0, down: true } }',
  '{ convert_column: { table: a, columns: [b], to: [c], up: { c: b }, down: { b: c } } }',
  '{ add_column: { table: a, column: b, up: null } }',
  '{ add_column: { table: a, column: b, up: c, keep: true } }',
  '{ convert_column: { table: a, column: b, up: b, down: b, keep: false } }',
  '{ drop_column: { table: a, column: b, down: 1.5 } }',
  '{ split_table: { table: a, into: { b: , c: {} } } }',
  `{ split_table: { table: a, into: { b: {}, c: { key: { k: id }, when: x > 1,
     otherwise: { y: 1 }, generate: [z] } } } }`,
  '{ merge_tables: { into: a, from: { b: , c: {} } } }',
  `{ merge_tables: { into: a, from: { b: { key: { id: id } },
     c: { key: { k: id }, when: x > 1, otherwise: { y: 1 } } } } }`,
  '{ extract_table: { table: a, columns: { b: c, d: e }, into: f, reference: f_id } }',
  '{ inline_table: { table: a, columns: { b: c }, into: d, reference: a_id } }',
  '{ unnest_column: { table: a, column: b, into: c, value: d } }',
  `{ unnest_column: { table: a, columns: [b, c], into: d, value: e, position: f,
     key: { a_id: id } } }`,
  `{ nest_table: { table: a, column: b, into: c, value: d, position: e, delimiter: "," } }`,
  '{ partition_rows: { table: a, into: { b: { when: x }, c: { when: y, values: { z: 1 } } } } }',
  '{ unite_tables: { into: a, from: { b: { when: x }, c: { when: y, values: { z: 1 } } } } }',
  '{ move_column: { table: a, column: b, to: c } }',
  '{ move_column: { table: a, column: b, to: c, as: d } }',
  '{ rekey_table: { table: a, column: id } }',
  '{ rekey_table: { table: a, column: [id, part] } }',
  `{ custom: { from: { a: { slice: id, query: select id from b } },
     into: { b: { slice: [id], query: select id from a } } } }`,
  `{ custom: { from: { a: { slice: id, query: select id from b } },
     into: { b: { slice: { m: id }, query: select id from a } } } }`,
];

const REFUSED: readonly string[] = [
  'rename_table',
  '{}',
  '{ rename_tables: { table: a, to: b } }',
  '{ rename_table: { table: a, to: b }, rename_column: { table: c, column: b, to: c } }',
  '{ rename_table: { table: a } }',
  '{ rename_table: { table: a, to: b, from: c } }',
  '{ rename_table: { table: [a], to: b } }',
  '{ rename_table: { table: "", to: b } }',
  '{ convert_column: { table: a, up: b, down: b } }',
  '{ convert_column: { table: a, column: b, columns: [b], up: b, down: b } }',
  '{ convert_column: { table: a, columns: [], up: b, down: b } }',
  '{ convert_column: { table: a, columns: [b, b], to: c, up: b, down: b } }',
  '{ convert_column: { table: a, columns: b, to: c, up: b, down: b } }',
  '{ convert_column: { table: a, column: b, up: [b], down: b } }',
  '{ add_column: { table: a, column: b } }',
  '{ add_column: { table: a, column: b, up: c, keep: always } }',
  '{ drop_column: { table: a, column: b, down: c, keep: true } }',
  '{ add_column: { table: a, column: b, up: { c: 1 } } }',
  '{ split_table: { table: a, into: [b, c] } }',
  '{ split_table: { table: a, into: { b: {} } } }',
  '{ split_table: { table: a, into: { b: {}, c: { keys: {} } } } }',
  '{ split_table: { table: a, into: { b: {}, c: { key: {} } } } }',
  '{ split_table: { table: a, into: { b: {}, c: { generate: z } } } }',
  '{ merge_tables: { from: { b: {}, c: {} } } }',
  '{ merge_tables: { into: a, from: [b, c] } }',
  '{ merge_tables: { into: a, from: { b: {} } } }',
  '{ merge_tables: { into: a, from: { b: {}, c: { generate: [k] } } } }',
  '{ merge_tables: { into: a, from: { b: {}, c: { key: {} } } } }',
  '{ extract_table: { table: a, columns: {}, into: f, reference: f_id } }',
  '{ extract_table: { table: a, columns: [b], into: f, reference: f_id } }',
  '{ inline_table: { table: a, columns: { b: c }, into: d } }',
  '{ unnest_column: { table: a, into: c, value: d } }',
  '{ unnest_column: { table: a, column: b, columns: [b], into: c, value: d, position: e } }',
  '{ unnest_column: { table: a, columns: [b, c], into: d, value: e } }',
  '{ nest_table: { table: a, column: b, into: c } }',
  '{ partition_rows: { table: a, into: { b: { when: x } } } }',
  '{ partition_rows: { table: a, into: { b: { when: x }, c: {} } } }',
  '{ unite_tables: { into: a, from: { b: { when: x }, c: { when: y, value: 1 } } } }',
  '{ move_column: { table: a, column: b } }',
  '{ rekey_table: { table: a } }',
  '{ rekey_table: { table: a, column: [] } }',
  '{ custom: { from: {}, into: { b: { slice: id, query: select id from a } } } }',
  `{ custom: { from: { a: { slice: [], query: select id from b } },
     into: { b: { slice: [], query: select id from a } } } }`,
  `{ custom: { from: { a: { slice: id, query: select id from b } },
     into: { b: { slice: { m: id, n: id }, query: select id from a } } } }`,
];

const ACCEPTED_KEYS: readonly string[] = [
  '{}',
  '{ m: { from: a, into: b, column: id } }',
  '{ m: { from: a, into: b, column: [id, part], key: { a_id: id } } }',
  `{ m: { from: a, into: b, column: id, key: 'select id as new_id, a as old_id from b' } }`,
];

const REFUSED_KEYS: readonly string[] = [
  '[]',
  '{ m: { from: a, into: b } }',
  '{ m: { from: a, into: b, column: [] } }',
  '{ m: { from: a, into: b, column: id, key: {} } }',
  '{ m: { from: a, into: b, column: id, draw: x } }',
];

const ACCEPTED_DIRTY: readonly string[] = [
  '[]',
  '',
  '[{ default: { table: a, column: b, value: 0 } }]',
  `[{ default: { table: a, constraint: c, values: { b: 0, d: "e || ''" } } }]`,
  '[{ refuse: { table: a, column: b } }, { quarantine: { table: a, constraint: c } }]',
];

const REFUSED_DIRTY: readonly string[] = [
  '{ default: { table: a, column: b, value: 0 } }',
  '[{ ignore: { table: a, column: b } }]',
  '[{ refuse: { table: a } }]',
  '[{ refuse: { table: a, column: b, constraint: c } }]',
  '[{ refuse: { table: a, column: b, value: 0 } }]',
  '[{ refuse: { table: a, column: b }, default: { table: a, column: b, value: 0 } }]',
  '[{ default: { table: a, column: b } }]',
  '[{ default: { table: a, column: b, values: { b: 0 } } }]',
  '[{ default: { table: a, column: b, value: 0, values: { b: 0 } } }]',
  '[{ default: { table: a, constraint: b, value: 0 } }]',
  '[{ default: { table: a, constraint: b, values: {} } }]',
];

const fileWith = (change: string) => `from: "1.0"\nchanges:\n  - ${change}\n`;

async function evolutionsIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true }).catch(() => []);
  return entries
    .filter((entry) => /(?:^|\/)evolution\.yaml$/.test(entry) && !entry.includes('node_modules'))
    .map((entry) => join(directory, entry));
}

describe('evolution.schema.json', () => {
  it('is a valid schema of draft 2020-12', () => {
    expect(new Ajv2020().validateSchema(file.schema)).toBe(true);
  });

  it('has the same keys as the parser', () => {
    file.expectShapes({
      ...CHANGE_SHAPES,
      part: PART_SHAPE,
      merged: MERGED_SHAPE,
      share: SHARE_SHAPE,
      queried: CUSTOM_SHAPE,
      key_map: KEY_MAP_SHAPE,
      ...DIRTY_SHAPES,
    });
    const { $defs, properties, required } = file.schema;
    expect(Object.keys($defs.change?.properties ?? {})).toEqual(Object.keys(CHANGE_SHAPES));
    expect(Object.keys($defs.policy?.properties ?? {})).toEqual(Object.keys(DIRTY_SHAPES));
    expect(Object.keys(properties ?? {})).toEqual([...FILE_SHAPE.required, ...FILE_SHAPE.optional]);
    expect(required).toEqual(FILE_SHAPE.required);
  });

  it('describes every key to the person at the editor', () => {
    const described = (one: unknown): boolean =>
      typeof one === 'object' && one !== null && ('description' in one || '$ref' in one);
    for (const [name, definition] of Object.entries(file.schema.$defs)) {
      if (name === 'names') continue;
      expect(definition.description, name).toBeTruthy();
      for (const [key, property] of Object.entries(definition.properties ?? {})) {
        expect(described(property), `${name}.${key}`).toBe(true);
      }
    }
  });

  it.each(ACCEPTED)('accepts, as the parser does: %s', (change) => {
    file.expectBoth('accept', fileWith(change));
  });

  it.each(REFUSED)('refuses, as the parser does: %s', (change) => {
    file.expectBoth('refuse', fileWith(change));
  });

  it.each(ACCEPTED_KEYS)('accepts keys, as the parser does: %s', (keys) => {
    file.expectBoth('accept', `from: "1.0"\nkeys: ${keys}\n`);
  });

  it.each(REFUSED_KEYS)('refuses keys, as the parser does: %s', (keys) => {
    file.expectBoth('refuse', `from: "1.0"\nkeys: ${keys}\n`);
  });

  it.each(ACCEPTED_DIRTY)('accepts dirty, as the parser does: %s', (dirty) => {
    file.expectBoth('accept', `from: "1.0"\ndirty: ${dirty}\n`);
  });

  it.each(REFUSED_DIRTY)('refuses dirty, as the parser does: %s', (dirty) => {
    file.expectBoth('refuse', `from: "1.0"\ndirty: ${dirty}\n`);
  });

  it.each([...['', 'changes: []', 'from: 1.0\nchange: []', 'from: 1.0\nchanges: 1', 'from: [1]']])(
    'refuses a file that the parser refuses: %j',
    (text) => {
      file.expectBoth('refuse', text);
    },
  );

  it('accepts a list whose lines are all commented out', () => {
    file.expectBoth('accept', 'from: "1.0"\nchanges:\n  # - rename_table: { table: a, to: b }\n');
  });

  it('accepts every example, as the parser does', async () => {
    for (const path of await evolutionsIn(EXAMPLES)) {
      file.expectBoth('accept', await readFile(path, 'utf8'));
    }
  });
});
