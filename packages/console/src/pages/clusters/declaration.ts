// What somebody has written to declare a cluster, YAML or JSON, which is YAML too → what is sent,
// and where in the text the server finds fault.

import type { Problem } from '@halflap/server';
import { LineCounter, parseDocument, stringify } from 'yaml';

type FieldProblem = NonNullable<Problem['fields']>[number];

export interface Fault {
  /** From 1; null: of the whole. */
  readonly line: number | null;
  readonly field: string;
  readonly rule: string;
}

export interface Written {
  /** Undefined where the text is no YAML, or not one object. */
  readonly body: object | undefined;
  readonly faults: readonly Fault[];
  /** Where a field of the body is in the text. */
  faultOf(problem: FieldProblem): Fault;
}

/** Aliases that a text may repeat itself by; nobody needs more in a declaration. */
const MOST_ALIASES = 100;

export function readDeclaration(text: string): Written {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const faults = document.errors.map(({ pos: [start], message }) => ({
    ...{ line: lineCounter.linePos(start).line, field: '', rule: message },
  }));
  const faultOf = ({ field, rule }: FieldProblem): Fault => {
    const path = field.split('.').slice(1);
    // What is missing has no place; what it is missing in has.
    for (let length = path.length; length > 0; length -= 1) {
      const keys = path.slice(0, length).map((key) => (/^\d+$/.test(key) ? Number(key) : key));
      const node = document.getIn(keys, true);
      const start = (node as { range?: readonly number[] } | undefined)?.range?.[0];
      if (start !== undefined) {
        return { line: lineCounter.linePos(start).line, field: path.join('.'), rule };
      }
    }
    return { line: null, field: path.join('.'), rule };
  };
  if (faults.length > 0) return { body: undefined, faults, faultOf };
  const body: unknown = document.toJS({ maxAliasCount: MOST_ALIASES });
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) {
    return { body, faults: [], faultOf };
  }
  const fault = { line: null, field: '', rule: 'name, app, servers and shards, as in the example' };
  return { body: undefined, faults: [fault], faultOf };
}

export function declarationText(declaration: object): string {
  return stringify(declaration);
}

export const EXAMPLE = `name: shop
app: shop
servers:
  hosts: role=shop-server
package: shop-server
releases:
  - { release: "1.0", version: 1.0.4-1 }
  - { release: "2.0", version: 2.0.0-1 }
service: shop.service
commands:
  drain: { run: [/usr/sbin/shopctl, drain] }
  health: { run: [/usr/sbin/shopctl, health, "--release", "{release}"] }
  undrain: { run: [/usr/sbin/shopctl, undrain] }
shards:
  - { name: eu1, url: "postgres://USER:PASSWORD@db1/shop", canary: true }
  - { name: eu2, url: "postgres://USER:PASSWORD@db2/shop" }
`;
