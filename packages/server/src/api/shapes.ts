// Shapes that many routes share.

import { type Static, type TSchema, Type } from 'typebox';

export const id = (description?: string) =>
  Type.String({
    pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
    ...(description === undefined ? {} : { description }),
  });
/** A time in an answer; ISO 8601 in UTC. */
export const instant = () => Type.String({ format: 'date-time' });
/** Something that people named. */
export const name = (maxLength = 255) => Type.String({ minLength: 1, maxLength });
export const count = (maximum = Number.MAX_SAFE_INTEGER) => Type.Integer({ minimum: 0, maximum });
export const nullable = <Schema extends TSchema>(schema: Schema) =>
  Type.Union([schema, Type.Null()]);
export const oneOf = <const Words extends readonly string[]>(words: Words) =>
  Type.Unsafe<Words[number]>({ type: 'string', enum: [...words] });

/** What is refused or fails, as RFC 9457 has it. */
export const Problem = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  /** Of the request; the server's log has it too. */
  instance: Type.String(),
  code: Type.String({ description: 'One of docs/errors.md.' }),
  hint: Type.Optional(Type.String()),
  retryable: Type.Boolean(),
  evidence: Type.Optional(
    Type.Array(Type.String(), { description: 'Of CAMPAIGN_REFUSED and FEATURE_REFUSED.' }),
  ),
  fields: Type.Optional(
    Type.Array(Type.Object({ field: Type.String(), rule: Type.String() }), {
      description: 'Of API_INVALID: which fields break which rules.',
    }),
  ),
});
export type Problem = Static<typeof Problem>;

/** How one shard answered, in a list that is gathered from all of them. */
export const ShardAnswer = Type.Object({
  shard: Type.String(),
  ok: Type.Boolean(),
  error: Type.Optional(Type.String({ description: 'Why its hosts are missing from the list.' })),
});
export type ShardAnswer = Static<typeof ShardAnswer>;

const MAX_LIMIT = 200;
const DEFAULT_LIMIT = 50;

const cursor = Type.Optional(
  Type.String({ maxLength: 2048, description: '`next` of the page before.' }),
);

/** What every list takes. */
export const paging = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT })),
  cursor,
};

/** The `limit` of a request, or the default. */
export function limitOf(query: { readonly limit?: number }): number {
  return query.limit ?? DEFAULT_LIMIT;
}

const next = () =>
  nullable(Type.String({ description: 'The cursor of the next page; null: there is none.' }));

/** A page of a list that one shard has. */
export const pageOf = <Item extends TSchema>(item: Item) =>
  Type.Object({ items: Type.Array(item), next: next() });

/** A page of a list from all shards. */
export const fleetPageOf = <Item extends TSchema>(item: Item) =>
  Type.Object({
    items: Type.Array(item),
    next: next(),
    total: nullable(
      Type.Integer({ description: 'Of the shards that answered; null unless asked for.' }),
    ),
    shards: Type.Array(ShardAnswer),
  });
