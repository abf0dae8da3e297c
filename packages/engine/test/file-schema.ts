// What editors accept of a file (a JSON Schema of packages/engine/schemas) against what its parser
// accepts: for tests, which want the same of both.

import { readFile } from 'node:fs/promises';
import { HalflapError } from '@halflap/protocol';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'vitest';
import { parse } from 'yaml';
import type { Shape } from '../src/release/evolution-source.js';
import { loadParser } from '../src/release/expression.js';

export interface Definition {
  readonly properties?: Readonly<Record<string, { readonly enum?: readonly string[] }>>;
  readonly required?: readonly string[];
  readonly oneOf?: readonly { readonly enum?: readonly string[] }[];
  readonly description?: string;
}

export interface FileSchema {
  readonly schema: Definition & { readonly $defs: Readonly<Record<string, Definition>> };
  /** Expects the same answer of both: that the text is accepted, or that it is not. */
  expectBoth(answer: 'accept' | 'refuse', text: string): void;
  /** Expects that each definition has the keys of its shape, and wants the same of them. */
  expectShapes(shapes: Readonly<Record<string, Shape>>): void;
}

/** @param read parses a text, and throws a HalflapError when it is wrong */
export async function openFileSchema(
  name: string,
  read: (text: string) => unknown,
): Promise<FileSchema> {
  await loadParser();
  const file = new URL(`../schemas/${name}`, import.meta.url);
  const schema = JSON.parse(await readFile(file, 'utf8')) as FileSchema['schema'];
  const validate = new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(schema);
  const isRead = (text: string) => {
    try {
      read(text);
      return true;
    } catch (error) {
      if (error instanceof HalflapError) return false;
      throw error;
    }
  };
  return {
    schema,
    expectBoth(answer, text) {
      expect(isRead(text), text).toBe(answer === 'accept');
      const isValid = validate(parse(text));
      if (answer === 'accept') expect(validate.errors ?? [], text).toEqual([]);
      expect(isValid, text).toBe(answer === 'accept');
    },
    expectShapes(shapes) {
      for (const [kind, { required, optional }] of Object.entries(shapes)) {
        const keys = Object.keys(schema.$defs[kind]?.properties ?? {});
        expect(keys.sort(), kind).toEqual([...required, ...optional].sort());
        expect(schema.$defs[kind]?.required ?? [], kind).toEqual(required);
      }
    },
  };
}
