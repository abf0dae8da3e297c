// The YAML text of an evolution as nodes with positions, and the few ways in which the parser looks
// at them. Whatever is not as expected becomes a finding at its place and reads as null.
//
// Every scalar is text (YAML's failsafe schema): `from: 1.10` is not the number 1.1, `up: 0` is
// SQL.

import {
  type Document,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
} from 'yaml';
import type { Expression, Position, StatedQuery } from './evolution.js';
import { readExpression } from './expression.js';
import type { Finding } from './findings.js';
import { readQuery } from './query.js';
import { offsetInSource } from './scalar-offset.js';
import { didYouMean, suggest } from './suggest.js';

/** One entry of a mapping; `at` is where the key stands. */
export interface Field {
  readonly name: string;
  readonly at: Position;
  readonly value: Node | null;
  /** Where the value stands, or the key when there is none. */
  readonly valueAt: Position;
}

/** Which keys a mapping takes. */
export interface Shape {
  readonly required: readonly string[];
  readonly optional: readonly string[];
}

export class EvolutionSource {
  readonly findings: Finding[] = [];
  readonly root: Node | null;
  readonly #text: string;
  readonly #code: Finding['code'];
  readonly #lines = new LineCounter();

  constructor(text: string, code: Finding['code'] = 'EVOLUTION_INVALID') {
    this.#text = text;
    this.#code = code;
    const document: Document.Parsed = parseDocument(text, {
      schema: 'failsafe',
      lineCounter: this.#lines,
      prettyErrors: false,
    });
    this.root = document.contents;
    for (const error of document.errors) this.report(this.#position(error.pos[0]), error.message);
  }

  report(at: Position, message: string): null {
    this.findings.push({ code: this.#code, message, at });
    return null;
  }

  /** Where the content of a node begins; the start of the file for nothing. */
  at(node: Node | null): Position {
    return this.#position(node?.range?.[0] ?? 0);
  }

  /** The entries of a mapping in the order of the file. */
  entries(node: Node | null, at: Position, what: string): Field[] | null {
    if (!isMap(node)) return this.report(at, `${what} must be a mapping, found ${kindOf(node)}`);
    const fields: Field[] = [];
    for (const pair of node.items) {
      const field = this.#field(pair, what);
      if (field !== null) fields.push(field);
    }
    return fields;
  }

  /** The entries of a mapping with known keys, by key; null when a required one is missing. */
  fields(node: Node | null, at: Position, what: string, shape: Shape): Map<string, Field> | null {
    const entries = this.entries(node, at, what);
    if (entries === null) return null;
    const known = [...shape.required, ...shape.optional];
    const fields = new Map<string, Field>();
    for (const field of entries) {
      if (known.includes(field.name)) fields.set(field.name, field);
      else this.#unknownKey(field, what, known);
    }
    const missing = shape.required.filter((key) => !fields.has(key));
    if (missing.length === 0) return fields;
    // A key that is there with a slip of the pen is one mistake, not two.
    const slips = entries.map(({ name }) => suggest(name, known));
    if (missing.every((key) => slips.includes(key))) return null;
    return this.report(at, `${what} lacks ${missing.map((key) => `"${key}"`).join(', ')}`);
  }

  isMapping(node: Node | null): boolean {
    return isMap(node);
  }

  isList(node: Node | null): boolean {
    return isSeq(node);
  }

  /** `hosts:` without a value. */
  isNothing(node: Node | null): boolean {
    return node === null || (isScalar(node) && node.value === '');
  }

  /** The elements of a sequence. */
  items(node: Node | null, at: Position, what: string): Node[] | null {
    if (isSeq<Node>(node)) return node.items;
    return this.report(at, `${what} must be a list, found ${kindOf(node)}`);
  }

  /** Text that is not empty: a name, a version. */
  text(node: Node | null, at: Position, what: string): string | null {
    if (!isScalar(node) || typeof node.value !== 'string') {
      return this.report(at, `${what} must be text, found ${kindOf(node)}`);
    }
    return node.value === '' ? this.report(at, `${what} is empty`) : node.value;
  }

  /** A list of different names, at least one. */
  names(node: Node | null, at: Position, what: string): { name: string; at: Position }[] | null {
    const items = this.items(node, at, what);
    if (items === null) return null;
    if (items.length === 0) return this.report(at, `${what} is empty`);
    const found: { name: string; at: Position }[] = [];
    for (const item of items) {
      const name = this.text(item, this.at(item), `a name in ${what}`);
      if (name === null) return null;
      if (found.some((other) => other.name === name)) {
        return this.report(this.at(item), `${what} lists "${name}" twice`);
      }
      found.push({ name, at: this.at(item) });
    }
    return found;
  }

  /** An SQL expression that PostgreSQL's parser accepts. */
  expression(node: Node | null, at: Position, what: string): Expression | null {
    const sql = this.text(node, at, what)?.trim();
    if (sql === undefined) return null;
    const scalar = node as Scalar;
    const start = String(scalar.value).indexOf(sql);
    const reading = readExpression(sql);
    const place = (offset: number) => this.#inside(scalar, start + offset);
    if ('node' in reading) return { sql, at: place(0), place };
    const { offset, message } = reading.problem;
    return this.report(place(offset), `${what}: ${message}, in "${sql}"`);
  }

  /** A SELECT that PostgreSQL's parser accepts. */
  query(node: Node | null, at: Position, what: string): StatedQuery | null {
    const sql = this.text(node, at, what)?.trim();
    if (sql === undefined) return null;
    const scalar = node as Scalar;
    const start = String(scalar.value).indexOf(sql);
    const reading = readQuery(sql);
    const place = (offset: number) => this.#inside(scalar, start + offset);
    if ('query' in reading) return { query: reading.query, at: place(0), place };
    const { offset, message } = reading.problem;
    return this.report(place(offset), `${what}: ${message}`);
  }

  #field(pair: Pair, what: string): Field | null {
    const key = pair.key as Node;
    if (!isScalar(key)) return this.report(this.at(key), `a key of ${what} must be text`);
    const value = (pair.value ?? null) as Node | null;
    const at = this.at(key);
    return { name: String(key.value), at, value, valueAt: value === null ? at : this.at(value) };
  }

  #unknownKey(field: Field, what: string, known: readonly string[]): void {
    // `up: f(a, b)` between braces ends at the comma: what follows reads as a key without a value.
    const isRest = field.value === null;
    const advice = isRest
      ? '; an expression that holds a comma must be quoted between braces'
      : didYouMean(field.name, known);
    this.report(field.at, `unknown key "${field.name}" in ${what}${advice}`);
  }

  #inside(scalar: Scalar, offset: number): Position {
    return this.#position(offsetInSource(this.#text, scalar, offset));
  }

  #position(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }
}

function kindOf(node: Node | null): string {
  if (isMap(node)) return 'a mapping';
  if (isSeq(node)) return 'a list';
  if (isScalar(node)) return node.value === '' ? 'nothing' : `the text "${String(node.value)}"`;
  return node === null ? 'nothing' : 'an alias';
}
