// servers.yaml → DeclaredServers, with the place of everything that may be wrong later. Reads with
// the same eyes as an evolution: every scalar is text, every expression passes PostgreSQL's parser.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type BehaviourDeclaration,
  compareVersions,
  FEATURE_PHASES,
  type FeatureDeclaration,
  type FieldShape,
  type FieldType,
  PLAIN_TYPES,
  type PlainType,
  type RecordShape,
} from '@halflap/protocol';
import type { Node } from 'yaml';
import type { Position } from './evolution.js';
import { EvolutionSource, type Field } from './evolution-source.js';
import { loadParser } from './expression.js';
import { refuseFindings } from './findings.js';
import type { DeclaredMessage, DeclaredServers } from './servers.js';
import { messageChanges } from './servers-changes.js';
import { didYouMean } from './suggest.js';

export const SERVERS_FILE = 'servers.yaml';

export const FILE_SHAPE = {
  required: [],
  optional: ['features', 'messages', 'changes', 'behaviours'],
} as const;
export const FEATURE_SHAPE = {
  required: ['about'],
  optional: ['since', 'shards', 'reversible'],
} as const;
export const BEHAVIOUR_SHAPE = { required: ['about', 'changed'], optional: ['expires'] } as const;

/** A name in code, in a table and on a command line. */
const NAME = /^[a-z][a-z0-9_]{0,62}$/;
const DATE = /^\d{4}-\d{2}-\d{2}$/;
/** Records within records; deeper ones are better two messages. */
const DEEPEST = 8;

/** What a release states; nothing where it has no such file. @throws SERVERS_INVALID */
export async function loadServers(directory: string, version: string): Promise<DeclaredServers> {
  const file = join(directory, SERVERS_FILE);
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (text === null) return nothingStated(version);
  await loadParser();
  return parseServers(text, { file, version });
}

export function nothingStated(version: string): DeclaredServers {
  return { version, file: null, features: {}, behaviours: {}, messages: {}, changes: [] };
}

/**
 * Reads the text of a servers file. Needs loadParser() to have been called.
 * @throws SERVERS_INVALID with every finding as evidence; line and column are those of the first.
 */
export function parseServers(
  text: string,
  { file, version }: { readonly file: string; readonly version: string },
): DeclaredServers {
  const source = new EvolutionSource(text, 'SERVERS_INVALID');
  refuseFindings(source.findings, file);
  const start = { line: 1, column: 1 };
  const fields = source.isNothing(source.root)
    ? new Map<string, Field>()
    : source.fields(source.root, start, 'the file', FILE_SHAPE);
  const declared = {
    version,
    file,
    features: named(source, fields?.get('features'), (one) => feature(source, one, version)),
    behaviours: named(source, fields?.get('behaviours'), (one) => behaviour(source, one, version)),
    messages: named(source, fields?.get('messages'), (one) => message(source, one)),
    changes: messageChanges(source, fields?.get('changes')),
  };
  refuseFindings(source.findings, file);
  return declared;
}

/** The entries of a section, by their names. */
function named<Value>(
  source: EvolutionSource,
  section: Field | undefined,
  read: (entry: Field) => Value | null,
): Record<string, Value> {
  if (section === undefined || source.isNothing(section.value)) return {};
  const entries = source.entries(section.value, section.valueAt, `"${section.name}"`) ?? [];
  const found: Record<string, Value> = {};
  for (const entry of entries) {
    if (!NAME.test(entry.name)) {
      source.report(entry.at, `"${entry.name}" is no name: a lower-case letter, then a–z, 0–9, _`);
    } else if (Object.hasOwn(found, entry.name)) {
      source.report(entry.at, `"${entry.name}" is stated twice`);
    } else {
      const value = read(entry);
      if (value !== null) found[entry.name] = value;
    }
  }
  return found;
}

function feature(source: EvolutionSource, entry: Field, version: string) {
  const what = `feature "${entry.name}"`;
  const fields = source.fields(entry.value, entry.valueAt, what, FEATURE_SHAPE);
  if (fields === null) return null;
  const declaration: FeatureDeclaration = {
    about: textIn(source, fields.get('about'), what) ?? '',
    since: releaseIn(source, fields.get('since'), { what, version }) ?? version,
    shards: wordIn(source, fields.get('shards'), { what, words: FEATURE_PHASES }) ?? 'dual',
    isReversible:
      wordIn(source, fields.get('reversible'), { what, words: ['true', 'false'] }) === 'true',
  };
  return declaration;
}

function behaviour(source: EvolutionSource, entry: Field, version: string) {
  const what = `behaviour "${entry.name}"`;
  const fields = source.fields(entry.value, entry.valueAt, what, BEHAVIOUR_SHAPE);
  if (fields === null) return null;
  const expires = fields.get('expires');
  const date = textIn(source, expires, what);
  if (expires && date !== null && (!DATE.test(date) || Number.isNaN(Date.parse(date)))) {
    source.report(expires.valueAt, `"expires" of ${what} is a date like 2031-12-31, not "${date}"`);
  }
  const declaration: BehaviourDeclaration = {
    about: textIn(source, fields.get('about'), what) ?? '',
    changed: releaseIn(source, fields.get('changed'), { what, version }) ?? version,
    expires: date,
  };
  return declaration;
}

function message(source: EvolutionSource, entry: Field): DeclaredMessage | null {
  const shape = record(source, entry, 1);
  return shape === null ? null : { at: entry.at, shape };
}

function record(
  source: EvolutionSource,
  { name, value, valueAt }: { name: string; value: Node | null; valueAt: Position },
  depth: number,
): RecordShape | null {
  if (depth > DEEPEST) return source.report(valueAt, `"${name}" is more than ${DEEPEST} deep`);
  if (source.isNothing(value)) return {};
  const entries = source.entries(value, valueAt, `"${name}"`);
  if (entries === null) return null;
  const shape: Record<string, FieldShape> = {};
  for (const entry of entries) {
    const isOptional = entry.name.endsWith('?');
    const field = isOptional ? entry.name.slice(0, -1) : entry.name;
    const type = fieldType(source, { ...entry, name: field }, depth);
    if (!/^(?!__)[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(field)) {
      source.report(entry.at, `"${entry.name}" is no name of a field`);
    } else if (Object.hasOwn(shape, field)) {
      source.report(entry.at, `"${field}" is stated twice`);
    } else if (type !== null) {
      shape[field] = { type, isOptional };
    }
  }
  return shape;
}

/** `text`; `[text]` for a list of it; a mapping for a record. */
function fieldType(
  source: EvolutionSource,
  field: { name: string; value: Node | null; valueAt: Position },
  depth: number,
): FieldType | null {
  const { name, value, valueAt } = field;
  if (source.isMapping(value)) {
    const shape = record(source, field, depth + 1);
    return shape === null ? null : { record: shape };
  }
  if (source.isList(value)) {
    const [item, ...more] = source.items(value, valueAt, `"${name}"`) ?? [];
    if (item === undefined || more.length > 0) {
      return source.report(
        valueAt,
        `a list is stated by the type of its elements: "${name}: [text]"`,
      );
    }
    const type = fieldType(source, { name, value: item, valueAt: source.at(item) }, depth + 1);
    return type === null ? null : { list: type };
  }
  const word = source.text(value, valueAt, `the type of "${name}"`);
  if (word === null || isPlain(word)) return word as PlainType | null;
  return source.report(valueAt, `unknown type "${word}"${didYouMean(word, PLAIN_TYPES)}`);
}

function isPlain(word: string): word is PlainType {
  return (PLAIN_TYPES as readonly string[]).includes(word);
}

function textIn(source: EvolutionSource, field: Field | undefined, what: string): string | null {
  if (field === undefined) return null;
  return source.text(field.value, field.valueAt, `"${field.name}" of ${what}`);
}

/** A release that is not after this one. */
function releaseIn(
  source: EvolutionSource,
  field: Field | undefined,
  { what, version }: { readonly what: string; readonly version: string },
): string | null {
  const text = textIn(source, field, what);
  if (field === undefined || text === null || compareVersions(text, version) <= 0) return text;
  const problem = `is ${text}, which is after release ${version}`;
  return source.report(field.valueAt, `"${field.name}" of ${what} ${problem}`);
}

function wordIn<Word extends string>(
  source: EvolutionSource,
  field: Field | undefined,
  { what, words }: { readonly what: string; readonly words: readonly Word[] },
): Word | null {
  const text = textIn(source, field, what);
  const word = words.find((one) => one === text);
  if (field === undefined || text === null || word !== undefined) return word ?? null;
  const expected = words.join(', ');
  return source.report(field.valueAt, `"${field.name}" of ${what} is one of ${expected}`);
}
