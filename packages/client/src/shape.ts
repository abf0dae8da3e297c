// Is a body of the shape that its release states? Finds every field that is not, by its path, and
// gives the body as the release knows it: without what it does not know, and without null.

import type { FieldProblem, FieldType, RecordShape } from '@halflap/protocol';

export type Body = Readonly<Record<string, unknown>>;

/** At most so many problems are told: the first ones say what is wrong. */
const TOLD = 20;

/** The fields that the shape knows, or what is wrong with them. */
export function fit(
  body: unknown,
  shape: RecordShape,
): { readonly body: Body } | { readonly problems: readonly FieldProblem[] } {
  const problems: FieldProblem[] = [];
  const fitted = fitRecord(body, shape, { path: '', problems });
  return problems.length === 0 ? { body: fitted } : { problems: problems.slice(0, TOLD) };
}

interface Place {
  readonly path: string;
  readonly problems: FieldProblem[];
}

function fitRecord(value: unknown, shape: RecordShape, place: Place): Body {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return told(place, 'is a record of fields') ?? {};
  }
  const fields: Record<string, unknown> = {};
  for (const [name, { type, isOptional }] of Object.entries(shape)) {
    const found: unknown = Object.hasOwn(value, name) ? (value as Body)[name] : undefined;
    const inner = { path: place.path === '' ? name : `${place.path}.${name}`, ...rest(place) };
    if (found !== undefined && found !== null) fields[name] = fitValue(found, type, inner);
    else if (!isOptional) told(inner, 'is required');
  }
  return fields;
}

function fitValue(value: unknown, type: FieldType, place: Place): unknown {
  if (typeof type === 'object') {
    if ('record' in type) return fitRecord(value, type.record, place);
    if (!Array.isArray(value)) return told(place, 'is a list');
    return value.map((one, at) =>
      fitValue(one, type.list, { path: `${place.path}[${at}]`, ...rest(place) }),
    );
  }
  switch (type) {
    case 'text':
      return typeof value === 'string' ? value : told(place, 'is text');
    case 'integer':
      return Number.isSafeInteger(value) ? value : told(place, 'is an integer below 2^53');
    case 'number':
      return Number.isFinite(value) ? value : told(place, 'is a number');
    case 'boolean':
      return typeof value === 'boolean' ? value : told(place, 'is true or false');
    case 'json':
      return value;
    default:
      return type satisfies never;
  }
}

function rest({ problems }: Place) {
  return { problems };
}

function told({ path, problems }: Place, rule: string): undefined {
  problems.push({ field: path === '' ? 'body' : path, rule });
}

/** Problems in one line: `team is required; disks[0].bytes is an integer below 2^53`. */
export function problemsText(problems: readonly FieldProblem[]): string {
  return problems.map(({ field, rule }) => `${field} ${rule}`).join('; ');
}
