// What stands under a type: a domain holds values of another type, which may be a domain again.

import type { Catalog } from './catalog.js';

/** The type under each domain, by the domain's name; never a domain itself. */
export type BaseTypes = ReadonlyMap<string, string>;

export function baseTypes(...catalogs: readonly Catalog[]): BaseTypes {
  const direct = new Map(
    catalogs.flatMap((one) => one.domains).map((one) => [one.name, typeUnder(one.definition)]),
  );
  const resolve = (type: string): string => {
    const under = direct.get(type);
    return under === undefined ? type : resolve(under);
  };
  return new Map([...direct.keys()].map((domain) => [domain, resolve(domain)]));
}

/**
 * The type that a domain is over, which may be a domain itself: a definition begins with it, as
 * catalog-objects.sql puts it together.
 */
export function typeUnder(definition: string): string {
  return definition.split(/ (?:default |not null\b|constraint )/)[0] ?? definition;
}
