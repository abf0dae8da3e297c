// Walking PostgreSQL's syntax tree without knowing every one of its node types.

import type { Node } from 'libpg-query';

export type ColumnRefNode = Extract<Node, { ColumnRef: unknown }>['ColumnRef'];

/** The nodes directly below a node, in the order of the tree. */
export function childNodes(node: Node): Node[] {
  return Object.values(node).flatMap(nodesIn);
}

/** The name and the content of a node: `FuncCall`, `{ funcname, args }`. */
export function contentOf(node: Node): { kind: string; content: Record<string, unknown> } {
  const [entry] = Object.entries(node);
  const content: unknown = entry?.[1];
  return { kind: entry?.[0] ?? '', content: isRecord(content) ? content : {} };
}

/** How many UTF-16 units the first `bytes` bytes of the text are: the parser counts UTF-8 bytes. */
export function lengthOfBytes(text: string, bytes: number): number {
  return Buffer.from(text).subarray(0, bytes).toString().length;
}

function nodesIn(value: unknown): Node[] {
  if (Array.isArray(value)) return value.flatMap(nodesIn);
  if (!isRecord(value)) return [];
  if (isNode(value)) return [value];
  return Object.values(value).flatMap(nodesIn);
}

/** A node is an object with one key, its type in Pascal case; plain members are in snake case. */
function isNode(value: Record<string, unknown>): value is Record<string, unknown> & Node {
  const keys = Object.keys(value);
  return keys.length === 1 && /^[A-Z]/.test(keys[0] ?? '');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
