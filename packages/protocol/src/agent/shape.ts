// How the messages of agents are stated: one shape gives the type, the check at the other end, and
// the document for people. Readers pass over fields that they do not know, so that a newer sender
// may add some; a field is never given another meaning.

import { type Static, type TSchema, Type } from 'typebox';
import { Compile } from 'typebox/compile';

/** Longest name of a host, a package, a service, a label. */
export const MAX_NAME = 255;

export const name = (maxLength = MAX_NAME) => Type.String({ minLength: 1, maxLength });
export const uuid = () =>
  Type.String({ pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' });
export const count = (maximum = Number.MAX_SAFE_INTEGER) => Type.Integer({ minimum: 0, maximum });
/** A time, ISO 8601 in UTC. */
export const time = () =>
  Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,9})?Z$' });
export const nullable = <Schema extends TSchema>(schema: Schema) =>
  Type.Union([schema, Type.Null()]);
export const oneOf = <const Words extends readonly string[]>(words: Words) =>
  Type.Union(words.map((word) => Type.Literal(word)) as unknown as LiteralsOf<Words>);

type LiteralsOf<Words extends readonly string[]> = {
  -readonly [At in keyof Words]: ReturnType<typeof Type.Literal<Words[At]>>;
};

/** What a value is found to be: itself, or where and why it is not of its shape. */
export type Checked<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly problems: readonly string[] };

/** As many problems of one message as are told. */
const TOLD = 5;

/** A check of one shape, compiled when it is first used. Never throws. */
export function checkOf<Schema extends TSchema>(
  schema: Schema,
): (value: unknown) => Checked<Static<Schema>> {
  let compiled: ReturnType<typeof Compile<Schema>> | undefined;
  return (value) => {
    compiled ??= Compile(schema);
    if (compiled.Check(value)) return { ok: true, value: value as Static<Schema> };
    const problems = [...compiled.Errors(value)]
      .slice(0, TOLD)
      .map(({ instancePath, message }) => `${instancePath === '' ? '/' : instancePath} ${message}`);
    return { ok: false, problems };
  };
}
