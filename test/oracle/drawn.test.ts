// Whether the oracle draws every word of the evolution language (docs/evolution-file.md). The JSON
// Schema says what words and options there are; it is compared with the parser by another test.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { caseFrom, GROUPS, SHAPE_NAMES } from './cases.js';
import { evolutionOf } from './plain.js';
import { randomFrom } from './random.js';

/** Kinds that may have changes of single columns beside their own (beside.ts). */
const BESIDE = [
  ...['elements', 'slots', 'moved', 'extracted', 'inlined', 'rekeyed'],
  ...['labels', 'kept', 'excluded'],
];

/** Which kinds of case have the word; what is inferred has none: partitions, exclusions, enums. */
const DRAWN: Readonly<Record<string, readonly string[]>> = {
  keys: ['keyed'],
  rename_table: ['split', 'elements', 'slots'],
  rename_column: ['split', 'merged', 'partitioned', ...BESIDE],
  rename_label: ['labels'],
  convert_column: ['split', 'merged', 'dirty', ...BESIDE],
  add_column: ['kept'],
  drop_column: BESIDE,
  split_table: ['split'],
  merge_tables: ['split', 'merged'],
  extract_table: ['extracted'],
  inline_table: ['inlined'],
  unnest_column: ['elements', 'slots'],
  nest_table: ['elements', 'slots'],
  partition_rows: ['shares'],
  unite_tables: ['shares'],
  move_column: ['moved'],
  rekey_table: ['rekeyed'],
  custom: ['custom', 'keyed'],
  quarantine: ['dirty'],
  default: ['labels', 'dirty'],
  refuse: ['dirty'],
};

/** Options, with what tries them instead. */
const NOT_DRAWN: Readonly<Record<string, string>> = {
  'changes.split_table.into.generate': 'test/lifecycle/split.test.ts',
};

interface Schema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | false;
}

const FILE = new URL('../../packages/engine/schemas/evolution.schema.json', import.meta.url);
const LANGUAGE: Schema & { readonly $defs: Readonly<Record<string, Schema>> } = JSON.parse(
  readFileSync(FILE, 'utf8'),
);

/** So many cases of each kind show whatever it may draw. */
const CASES = 300;

describe('the oracle', () => {
  const drawn = new Map(SHAPE_NAMES.map((kind) => [kind, drawnBy(kind)]));
  const everything = pathsIn(LANGUAGE);

  it('draws every change, and every policy', () => {
    const words = everything.filter((path) => /^(changes|dirty)\.[^.]*$|^keys$/.test(path));
    const found = words.map((word) => [
      word.replace(/.*\./, ''),
      [...drawn].flatMap(([kind, paths]) => (paths.has(word) ? [kind] : [])).sort(),
    ]);
    const wanted = Object.entries(DRAWN).map(([word, kinds]) => [word, [...kinds].sort()]);
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(wanted));
    expect(found.filter(([, kinds]) => kinds?.length === 0)).toEqual([]);
  });

  it('draws every option but for a few', () => {
    const found = new Set(['from', ...[...drawn.values()].flatMap((one) => [...one])]);
    const left = everything.filter((path) => !found.has(path));
    expect(left).toEqual(Object.keys(NOT_DRAWN));
  });
});

describe('kinds that may come together', () => {
  it('have no table and no type in common', () => {
    const names = GROUPS.map((kinds) => new Set(kinds.flatMap(namesIn)));
    const all = names.flatMap((one) => [...one]);
    expect(all.filter((one, at) => all.indexOf(one) !== at)).toEqual([]);
  });
});

function namesIn(kind: string): string[] {
  return Array.from({ length: CASES }, (_, seed) => {
    const { old, new: fresh } = caseFrom(randomFrom(seed), [kind]).schemas;
    const made = `${old}\n${fresh}`.matchAll(/create (?:table|type|domain) (\w+)/g);
    return [...made].map(([, name = '']) => name);
  }).flat();
}

function drawnBy(kind: string): ReadonlySet<string> {
  const paths = Array.from({ length: CASES }, (_, seed) => {
    const text = evolutionOf(caseFrom(randomFrom(seed), [kind]));
    return text === null ? [] : pathsIn(LANGUAGE, parse(text));
  });
  return new Set(paths.flat());
}

/** The keys that a schema knows, without those that are names; with `data`, those that it has. */
function pathsIn(schema: Schema, ...data: unknown[]): string[] {
  const { $ref } = schema;
  const name = $ref?.replace('#/$defs/', '');
  if (name !== undefined) return pathsIn(LANGUAGE.$defs[name] as Schema, ...data);
  const { properties, items, additionalProperties } = schema;
  const isAll = data.length === 0;
  const [given] = data;
  if (properties !== undefined) {
    return Object.entries(properties).flatMap(([key, inner]) => {
      const value = (given as Record<string, unknown> | undefined)?.[key];
      if (!isAll && value === undefined) return [];
      return [key, ...pathsIn(inner, ...(isAll ? [] : [value])).map((one) => `${key}.${one}`)];
    });
  }
  const inner = items ?? (additionalProperties || undefined);
  if (inner === undefined) return [];
  if (isAll) return pathsIn(inner);
  return Object.values(given ?? {}).flatMap((value) => pathsIn(inner, value));
}
