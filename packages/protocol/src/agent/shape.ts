// How the messages of agents are stated: one shape gives the type, the check at the other end, and
// the document for people. Readers pass over fields that they do not know, so that a newer sender
// may add some; a field is never given another meaning.

import { type Static, type TEnum, type TLiteral, type TObject, type TSchema, Type } from 'typebox';
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
  Type.Enum(words) as unknown as TEnum<[...Words]>;

/** What a value is found to be: itself, or where and why it is not of its shape. */
export type Checked<Value> =
  | { readonly ok: true; readonly value: Value }
  | {
      readonly ok: false;
      readonly problems: readonly string[];
      /** Of a message: its type, where this side does not know it, and passes it over. */
      readonly unknownType?: string;
    };

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

/** A shape with the literal `type` by which a message says what it is. */
type TypedSchema = TObject<{ type: TLiteral<string> }>;

/** A check of messages of several shapes. Never throws. */
export function checkByType<const Schemas extends readonly TypedSchema[]>(
  schemas: Schemas,
): (value: unknown) => Checked<Static<Schemas[number]>> {
  const checks = new Map(
    schemas.map((schema) => [schema.properties.type.const, checkOf(schema)] as const),
  );
  return (value) => {
    const type = typeof value === 'object' && value !== null && 'type' in value ? value.type : null;
    if (typeof type !== 'string') return { ok: false, problems: ['/type must be a string'] };
    const check = checks.get(type);
    if (check === undefined) return { ok: false, problems: [], unknownType: type };
    return check(value) as Checked<Static<Schemas[number]>>;
  };
}
