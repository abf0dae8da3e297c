// From the errors of a shape to the fields of a request and the rules that they break.

import type { FieldProblem, HalflapError } from '@halflap/protocol';
import { invalid } from './problem.js';

/** What TypeBox says of a value; its `params` depend on the keyword. */
interface ShapeError {
  readonly keyword?: string;
  readonly instancePath?: string;
  readonly message?: string | undefined;
  readonly params?: Readonly<Record<string, unknown>>;
}

/** Names of fastify for the parts of a request, and ours. */
const PARTS: Readonly<Record<string, string>> = {
  querystring: 'query',
  params: 'path',
  headers: 'headers',
  body: 'body',
};

export function invalidRequest(errors: readonly ShapeError[], part: string): HalflapError {
  const place = PARTS[part] ?? part;
  const fields = errors.flatMap((error) => fieldsOf(error, place));
  return invalid(fields.length > 0 ? fields : [{ field: place, rule: 'must fit its shape' }]);
}

function fieldsOf(error: ShapeError, place: string): FieldProblem[] {
  const path = [place, ...(error.instancePath ?? '').split('/').slice(1)].join('.');
  const named = (key: string) => (error.params?.[key] as readonly string[] | undefined) ?? [];
  switch (error.keyword) {
    case 'required':
      return named('requiredProperties').map((name) => ({
        field: `${path}.${name}`,
        rule: 'must be given',
      }));
    case 'additionalProperties':
      return named('additionalProperties').map((name) => ({
        field: `${path}.${name}`,
        rule: 'there is no such field',
      }));
    // Says of an unknown field what additionalProperties says better.
    case 'boolean':
      return [];
    case 'enum': {
      const words = named('allowedValues').join(', ');
      return [{ field: path, rule: `must be one of ${words}` }];
    }
    default:
      return [{ field: path, rule: error.message ?? 'must fit its shape' }];
  }
}
