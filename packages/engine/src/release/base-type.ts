// What stands under a type: a domain holds values of another type, which may be a domain again.

import type { Catalog } from './catalog.js';
import { elementOf, isApart, plainType, printed, typeUnder } from './types-apart.js';

/** The type under each domain, by the domain as it is printed; never a domain itself. */
export interface BaseTypes extends ReadonlyMap<string, string> {
  /** What a column of the domain holds where it has no default of its own. */
  readonly defaults: ReadonlyMap<string, string>;
}

/** Where only columns are spoken of that are of no domain. */
export const NO_DOMAINS: BaseTypes = Object.assign(new Map<string, string>(), {
  defaults: new Map<string, string>(),
});

/** Stands under an enum that has other labels in each release, and under what is made of it. */
export const OTHER_LABELS = 'anyenum';

export function baseTypes(...catalogs: readonly Catalog[]): BaseTypes {
  const domains = catalogs.flatMap((one) => one.domains);
  const direct = new Map(
    domains.map((one) => [printed(one.name), typeUnder(one.definition)] as const),
  );
  const apart = catalogs.flatMap((one) => one.enums).filter(({ name }) => isApart(name));
  const labelled = new Set(apart.flatMap(({ name }) => [name, plainType(name)]));
  const resolve = (type: string): string => {
    if (labelled.has(elementOf(type))) return OTHER_LABELS;
    const under = direct.get(type);
    return under === undefined ? type : resolve(under);
  };
  const bases = new Map([...direct.keys(), ...labelled].map((type) => [type, resolve(type)]));
  const defaults = domains.flatMap(({ name, definition }) => {
    const given = defaultIn(definition);
    return given === null ? [] : [[printed(name), given] as const];
  });
  return Object.assign(bases, { defaults: new Map(defaults) });
}

/** What stands between `default` and what follows it, texts taken as a whole. */
function defaultIn(definition: string): string | null {
  const text = "'(?:[^']|'')*'";
  const pattern = `^(?:${text}|[^'])*? default ((?:${text}|[^'])+?)(?: not null| constraint |$)`;
  return new RegExp(pattern).exec(definition)?.[1] ?? null;
}
