// What editors accept (schemas/servers.schema.json) and what the parser accepts is the same.

import { FEATURE_PHASES, PLAIN_TYPES } from '@halflap/protocol';
import { beforeAll, describe, expect, it } from 'vitest';
import { type FileSchema, openFileSchema } from '../../test/file-schema.js';
import { MESSAGE_CHANGE_SHAPES, PART_SHAPE } from './servers-changes.js';
import { BEHAVIOUR_SHAPE, FEATURE_SHAPE, FILE_SHAPE, parseServers } from './servers-parser.js';

let file: FileSchema;

beforeAll(async () => {
  file = await openFileSchema('servers.schema.json', (text) =>
    parseServers(text, { file: 'servers.yaml', version: '9999' }),
  );
});

const ACCEPTED: readonly string[] = [
  '',
  'features:',
  'features: { a: { about: b } }',
  'features: { a: { about: b, since: "1.0", shards: settled, reversible: true } }',
  'behaviours: { a: { about: b, changed: 1.0, expires: 2031-06-30 } }',
  'messages: { a: , b: { id: integer, "note?": text, r: { x: [number] }, l: [{ y: json }] } }',
  'changes: []',
  'changes: [{ rename_message: { message: a, to: b } }]',
  'changes: [{ split_message: { message: a, into: { b: , c: { when: x > 1 } } } }]',
  'changes: [{ split_message: { message: a, into: { b: {}, c: { otherwise: { y: 1 } } } } }]',
  'changes: [{ rename_field: { message: a, field: b, to: c } }]',
  'changes: [{ convert_field: { message: a, field: b, up: b + 1, down: b - 1 } }]',
  'changes: [{ convert_field: { message: a, fields: [b, c], to: d, up: b, down: {b: d, c: d} } }]',
  'changes: [{ add_field: { message: a, field: b, up: null } }]',
  'changes: [{ drop_field: { message: a, field: b, down: 1.5 } }]',
  'changes: [{ nest_fields: { message: a, fields: [b, c], into: d } }]',
  'changes: [{ unnest_field: { message: a, field: b, into: [c, d] } }]',
];

const REFUSED: readonly string[] = [
  '[]',
  'feature: {}',
  'features: []',
  'features: { a: }',
  'features: { A: { about: b } }',
  'features: { a: { since: "1.0" } }',
  'features: { a: { about: b, shards: expanding } }',
  'features: { a: { about: b, reversible: perhaps } }',
  'behaviours: { a: { about: b } }',
  'behaviours: { a: { about: b, changed: "1.0", expires: soon } }',
  'messages: { a: [text] }',
  'messages: { a: { id: int } }',
  'messages: { a: { "i d": text } }',
  'messages: { a: { l: [text, text] } }',
  'changes: {}',
  'changes: [{}]',
  'changes: [rename_message]',
  'changes: [{ rename_messages: { message: a, to: b } }]',
  'changes: [{ rename_message: { message: a } }]',
  'changes: [{ rename_message: { message: a, to: b }, rename_field: { message: a } }]',
  'changes: [{ split_message: { message: a, into: { b: {} } } }]',
  'changes: [{ split_message: { message: a, into: { b: {}, c: { key: d } } } }]',
  'changes: [{ convert_field: { message: a, up: b, down: b } }]',
  'changes: [{ convert_field: { message: a, field: b, fields: [b], up: b, down: b } }]',
  'changes: [{ add_field: { message: a, field: b } }]',
  'changes: [{ drop_field: { message: a, field: b, down: [c] } }]',
  'changes: [{ nest_fields: { message: a, fields: [], into: d } }]',
];

describe('servers.schema.json', () => {
  it('has the same keys and words as the parser', () => {
    file.expectShapes({
      ...MESSAGE_CHANGE_SHAPES,
      ...{ part: PART_SHAPE, feature: FEATURE_SHAPE, behaviour: BEHAVIOUR_SHAPE },
    });
    const { $defs, properties } = file.schema;
    const kinds = Object.keys($defs.change?.properties ?? {});
    expect(kinds).toEqual(Object.keys(MESSAGE_CHANGE_SHAPES));
    expect(Object.keys(properties ?? {})).toEqual(FILE_SHAPE.optional);
    expect($defs.feature?.properties?.shards?.enum).toEqual(FEATURE_PHASES);
    expect($defs.type?.oneOf?.[0]?.enum).toEqual(PLAIN_TYPES);
  });

  it.each(ACCEPTED)('accepts, as the parser does: %s', (text) => {
    file.expectBoth('accept', text);
  });

  it.each(REFUSED)('refuses, as the parser does: %s', (text) => {
    file.expectBoth('refuse', text);
  });
});
