// Reads a host's policy file. A file that is not there means the default; one with a mistake, or
// one that somebody else may write, allows nothing, and says why with line and column.

import * as fs from 'node:fs/promises';
import { ORDER_KINDS, PACKAGE_ACTIONS, SERVICE_ACTIONS } from '@halflap/protocol/agent';
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLMap } from 'yaml';
import { codeOf } from '../durable.js';
import { type Pattern, pathPatternOf, patternOf } from './pattern.js';
import { ANYTHING, DEFAULT_POLICY, NOTHING, type Policy, unitOf } from './policy.js';

export interface ReadPolicy {
  readonly policy: Policy;
  /** `FILE:LINE:COLUMN: what is wrong`; null when nothing is. */
  readonly mistake: string | null;
}

const MAX_BYTES = 256 * 1024;
/** The write bits of everybody but the owner. */
const WRITABLE_BY_OTHERS = 0o022;

/** What is in each kind's section: a key, and what its list holds. */
const KEYS: Readonly<Record<keyof Policy, Readonly<Record<string, (text: string) => unknown>>>> = {
  packages: { names: patternOf, actions: oneOf(PACKAGE_ACTIONS) },
  service: { names: unitPattern, actions: oneOf(SERVICE_ACTIONS) },
  command: { programs: absolute, users: (text) => text, environment: patternOf },
  file: { paths: absolute },
};

/** The keys that a policy file may have, by section. A test holds the documentation to them. */
export const POLICY_KEYS: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  ORDER_KINDS.map((kind) => [kind, Object.keys(KEYS[kind])]),
);

/** Never throws. */
export async function readPolicyFile(file: string): Promise<ReadPolicy> {
  try {
    const stats = await fs.stat(file);
    const own = process.getuid?.() ?? 0;
    if (stats.uid !== 0 && stats.uid !== own) return nothing(`${file} belongs to another user`);
    if ((stats.mode & WRITABLE_BY_OTHERS) !== 0) return nothing(`others may write ${file}`);
    if (stats.size > MAX_BYTES) return nothing(`${file} is longer than ${MAX_BYTES} bytes`);
    return parsePolicy(await fs.readFile(file, 'utf8'), file);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return { policy: DEFAULT_POLICY, mistake: null };
    return nothing(`${file} cannot be read: ${(error as Error).message}`);
  }
}

/** @param file for messages only. */
export function parsePolicy(text: string, file: string): ReadPolicy {
  const lines = new LineCounter();
  try {
    return { policy: read(text, lines), mistake: null };
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
    const { line, col } = lines.linePos(error.offset);
    return nothing(`${file}:${line}:${col}: ${error.message}`);
  }
}

const nothing = (mistake: string): ReadPolicy => ({ policy: NOTHING, mistake });

class Mistake extends Error {
  readonly offset: number;

  constructor(node: unknown, message: string) {
    super(message);
    this.offset = (node as { range?: readonly number[] | null } | null)?.range?.[0] ?? 0;
  }
}

function read(text: string, lines: LineCounter): Policy {
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) {
    throw new Mistake({ range: problem.pos }, `not valid YAML: ${problem.message}`);
  }
  const root = mapping(document.contents, 'the policy');
  allowKeys(root, ['allow']);
  const allow = mapping(nodeAt(root, 'allow') ?? root, 'allow');
  if (allow === root) throw new Mistake(root, 'the key allow is missing');
  allowKeys(allow, ORDER_KINDS);
  const sections = ORDER_KINDS.map((kind) => [kind, section(kind, nodeAt(allow, kind))]);
  return Object.fromEntries(sections) as Policy;
}

/** `true`, `false`, or a mapping of lists. */
function section(kind: keyof Policy, node: Node | undefined): object | null {
  if (node === undefined) return null;
  if (isScalar(node) && typeof node.value === 'boolean') return node.value ? ANYTHING[kind] : null;
  const map = mapping(node, kind, 'true, false or ');
  const keys = KEYS[kind];
  allowKeys(map, Object.keys(keys));
  const lists = Object.entries(keys).flatMap(([key, one]) => {
    const found = nodeAt(map, key);
    return found === undefined ? [] : [[key, list(found, key, one)] as const];
  });
  // Who restricts the programs means what they do, and variables change that.
  const isRestricted = kind === 'command' && map.has('programs');
  const none = isRestricted ? { environment: [] } : {};
  return { ...ANYTHING[kind], ...none, ...Object.fromEntries(lists) };
}

function list(node: Node, key: string, one: (text: string) => unknown): unknown[] {
  if (!isSeq(node)) throw new Mistake(node, `${key} takes a list`);
  return node.items.map((item) => {
    const text = isScalar(item) ? item.value : undefined;
    if (typeof text !== 'string' || text === '') {
      throw new Mistake(item, `${key} takes texts that are not empty`);
    }
    try {
      return one(text);
    } catch (error) {
      throw new Mistake(item, `${key}: ${(error as Error).message}`);
    }
  });
}

function mapping(node: unknown, what: string, others = ''): YAMLMap {
  if (isMap(node)) return node;
  throw new Mistake(node, `${what} takes ${others}keys and values`);
}

function allowKeys(map: YAMLMap, keys: readonly string[]): void {
  for (const { key } of map.items) {
    const name = isScalar(key) ? String(key.value) : '';
    if (!keys.includes(name)) {
      throw new Mistake(key, `unknown key "${name}"; there is ${keys.join(', ')}`);
    }
  }
}

const nodeAt = (map: YAMLMap, key: string) => map.get(key, true) as Node | undefined;

function oneOf(words: readonly string[]): (text: string) => string {
  return (text) => {
    if (words.includes(text)) return text;
    throw new Error(`"${text}" is none of ${words.join(', ')}`);
  };
}

function absolute(text: string): Pattern {
  if (text.startsWith('/')) return pathPatternOf(text);
  throw new Error(`"${text}" does not begin with a slash`);
}

function unitPattern(text: string): Pattern {
  return patternOf(unitOf(text));
}
