// A YAML document read key by key, so that every complaint has its file, line and column.
//
// Invariant: no message quotes a value of the file. A value may be a secret, or what somebody took
// for the place to put one; keys and positions are enough to find it.

import { didYouMean } from '@halflap/engine/suggest';
import { HalflapError } from '@halflap/protocol';
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLMap } from 'yaml';
import type { SecretSource } from './secrets.js';

/** A mapping whose keys have been checked, with what is needed to complain about it. */
export interface Section {
  readonly map: YAMLMap;
  readonly file: string;
  readonly lines: LineCounter;
  /** What it is, for messages: `halflap.yaml`, `shard 2`. */
  readonly what: string;
}

const FORM = 'write one "key: value" a line; docs/cli.md lists the keys';
const LIST_FORM = 'write one "- name: NAME" for each, with its other keys below it';

/** @throws CONFIG_INVALID with the position when the text is not a YAML mapping. */
export function parseSection(text: string, file: string, what: string): Section {
  const lines = new LineCounter();
  // Pretty errors quote the line, and the line may hold a password.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const problem = document.errors[0];
  const offset = problem?.pos[0] ?? 0;
  if (problem !== undefined) {
    const code = problem.code.toLowerCase().replaceAll('_', ' ');
    const isTab = problem.code === 'TAB_AS_INDENT';
    const hint = isTab ? 'indent with spaces' : 'look at this line and at the one before it';
    throw invalid({ file, lines }, offset, `not valid YAML: ${code}`, hint);
  }
  const map = document.contents;
  if (!isMap(map)) throw invalid({ file, lines }, 0, `${what}: expected keys and values`, FORM);
  return { map, file, lines, what };
}

/**
 * @throws CONFIG_INVALID when the section has a key that is not listed; suggests the nearest one.
 */
export function allowKeys(section: Section, keys: readonly string[]): void {
  for (const pair of section.map.items) {
    const key = isScalar(pair.key) ? String(pair.key.value) : '';
    if (keys.includes(key)) continue;
    // A URL that stands where a key should be is a value all the same.
    const shown = /^[\w-]{1,40}$/.test(key) ? ` "${key}"${didYouMean(key, keys)}` : '';
    const message = `${section.what}: unknown key${shown}`;
    throw invalid(section, offsetOf(pair.key), message, `known keys: ${keys.join(', ')}`);
  }
}

/** The text under a key; undefined when the key is absent. Numbers count as text: `app: 1`. */
export function optionalText(section: Section, key: string): string | undefined {
  const node = section.map.get(key, true) as Node | undefined;
  if (node === undefined) return undefined;
  const value = isScalar(node) ? node.value : undefined;
  if (typeof value === 'string' && value !== '') return value;
  if (typeof value === 'number') return String(value);
  const message = `${section.what}: ${key} takes a text that is not empty`;
  throw invalid(section, offsetOf(node), message, `${key}: TEXT`);
}

/** @throws CONFIG_INVALID when the key is absent. */
export function requiredText(section: Section, key: string): string {
  const value = optionalText(section, key);
  if (value !== undefined) return value;
  const message = `${section.what}: ${key} is missing`;
  throw invalid(section, offsetOf(section.map), message, `add ${key}: TEXT`);
}

/** The mappings listed under a key, in order; an absent or empty key is an empty list. */
export function sections(parent: Section, key: string, one: string): Section[] {
  const node = parent.map.get(key, true) as Node | undefined;
  if (node === undefined || (isScalar(node) && node.value === null)) return [];
  if (!isSeq(node)) {
    throw invalid(parent, offsetOf(node), `${parent.what}: ${key} takes a list`, LIST_FORM);
  }
  return node.items.map((item, index) => {
    const what = `${one} ${index + 1}`;
    if (isMap(item)) return { ...parent, map: item, what };
    throw invalid(parent, offsetOf(item), `${what}: expected keys and values`, LIST_FORM);
  });
}

/** The mapping under a key; undefined when the key is absent. */
export function section(parent: Section, key: string): Section | undefined {
  const node = parent.map.get(key, true) as Node | undefined;
  if (node === undefined) return undefined;
  if (isMap(node)) return { ...parent, map: node, what: key };
  throw invalid(parent, offsetOf(node), `${parent.what}: ${key} takes keys and values`, FORM);
}

/** What each text of a list must be, and the same in words. */
export interface TextRule {
  readonly holds: (text: string) => boolean;
  readonly form: string;
}

/** The texts listed under a key, in order; an absent key is an empty list. */
export function texts(parent: Section, key: string, rule?: TextRule): string[] {
  const node = parent.map.get(key, true) as Node | undefined;
  if (node === undefined) return [];
  const items = isSeq(node) ? node.items : [];
  const found = items.flatMap((item) => (isScalar(item) ? [String(item.value ?? '')] : ['']));
  const odd = rule === undefined ? -1 : found.findIndex((text) => !rule.holds(text));
  if (rule !== undefined && odd >= 0) {
    const message = `${parent.what}: ${key} takes ${rule.form}`;
    throw invalid(parent, offsetOf(items[odd]), message, `${key}: [ONE, OTHER]`);
  }
  if (isSeq(node) && found.every((text) => text !== '')) return found;
  const message = `${parent.what}: ${key} takes a list of texts`;
  throw invalid(parent, offsetOf(node), message, `${key}: [ONE, OTHER]`);
}

/**
 * Where a secret is, of keys that end in `_env` and `_file`, of which at most one may stand.
 * @param at makes a path absolute
 */
export function source(
  parent: Section,
  keys: readonly string[],
  at: (path: string) => string,
): SecretSource | undefined {
  const [key, second] = keys.filter((one) => parent.map.has(one));
  if (key === undefined) return undefined;
  if (second !== undefined) {
    const problem = `${key} and ${second} exclude each other`;
    throw invalidAt(parent, second, problem, 'keep one of them');
  }
  const value = requiredText(parent, key);
  if (key.endsWith('_env')) return { env: value };
  return key.endsWith('_file') ? { file: at(value) } : { literal: value };
}

/** An error at a key of the section, or at its beginning when the key is absent. */
export function invalidAt(section: Section, key: string, problem: string, hint: string) {
  return invalid(section, offsetAt(section, key), `${section.what}: ${problem}`, hint);
}

/** `FILE:LINE:COLUMN` of a key's value. */
export function placeOf(section: Section, key: string): string {
  const { line, col } = section.lines.linePos(offsetAt(section, key));
  return `${section.file}:${line}:${col}`;
}

function offsetAt(section: Section, key: string): number {
  return offsetOf(section.map.get(key, true) ?? section.map);
}

function invalid(
  place: { readonly file: string; readonly lines: LineCounter },
  offset: number,
  problem: string,
  hint: string,
): HalflapError {
  const { line, col } = place.lines.linePos(offset);
  return new HalflapError('CONFIG_INVALID', `${place.file}:${line}:${col}: ${problem}`, {
    detail: { file: place.file, line, column: col },
    hint,
  });
}

function offsetOf(node: unknown): number {
  const range = (node as { range?: readonly number[] | null } | null)?.range;
  return range?.[0] ?? 0;
}
