// Fields of a request's body, each with the type that the API promises; anything else is a 400.

import { HttpError } from './router.js';

type Body = Readonly<Record<string, unknown>>;

export function text(body: Body, field: string): string {
  const value = optionalText(body, field);
  if (value === null || value === '') throw new HttpError(400, `${field}: a text is required`);
  return value;
}

/** Null where the field is absent, which means: leave it as it is. */
export function optionalText(body: Body, field: string): string | null {
  const value = body[field] ?? null;
  if (value !== null && typeof value !== 'string') {
    throw new HttpError(400, `${field}: expected a text`);
  }
  return value;
}

export function optionalNumber(body: Body, field: string): number | null {
  const value = body[field] ?? null;
  if (value !== null && typeof value !== 'number') {
    throw new HttpError(400, `${field}: expected a number`);
  }
  return value;
}

export function optionalTexts(body: Body, field: string): string[] | null {
  const value = body[field] ?? null;
  if (value === null) return null;
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
    throw new HttpError(400, `${field}: expected a list of texts`);
  }
  return value;
}

const DEFAULT_PAGE = 100;
const LONGEST_PAGE = 5_000;

/** `?after=NAME&limit=N`: a list is read page by page, in order of names. */
export function page(query: URLSearchParams): { after: string; limit: number } {
  const limit = Number(query.get('limit') ?? DEFAULT_PAGE);
  if (!Number.isInteger(limit) || limit < 1 || limit > LONGEST_PAGE) {
    throw new HttpError(400, `limit: expected 1 to ${LONGEST_PAGE}`);
  }
  return { after: query.get('after') ?? '', limit };
}
