// Types that have the same name in both releases and are not the same: enums with other labels,
// domains with another definition, and domains over such types. Each release has its own, in a
// schema of its own until contract (the new one in the release schema, the old one at home), so the
// catalogue of the old release names its own with the schema. From there on they are two types.
//
// Invariant: no type in a release's catalogue stands with a schema, unless it was put apart here.

import { HOME_SCHEMA } from '@halflap/protocol';
import type { Catalog, Column, Domain, Enum, Table } from './catalog.js';

const HOME = `${HOME_SCHEMA}.`;

/** The old catalogue with its own types by their qualified names; the same where none differs. */
export function typesApart(from: Catalog, to: Catalog): Catalog {
  const changed = changedTypes(from, to);
  if (changed.length === 0) return from;
  const inText = namesInCasts(changed);
  const isChanged = new Set(changed.map(printed));
  const type = (text: string) => (isChanged.has(elementOf(text)) ? `${HOME}${text}` : text);
  const own = (name: string) => (isChanged.has(printed(name)) ? `${HOME}${printed(name)}` : name);
  const definition = (text: string) => {
    const base = typeUnder(text);
    return type(base) + inText(text.slice(base.length));
  };
  return {
    ...from,
    tables: from.tables.map((table) => tableApart(table, type, inText)),
    enums: from.enums.map((one) => ({ ...one, name: own(one.name) })),
    domains: from.domains.map((one) => ({
      name: own(one.name),
      definition: definition(one.definition),
    })),
  };
}

/** Names, as the catalogue has them, of types that mean something else in each release. */
export function changedTypes(from: Catalog, to: Catalog): string[] {
  const said = ({ enums, domains }: Catalog) =>
    new Map([
      ...enums.map(({ name, labels }) => [name, JSON.stringify(labels)] as const),
      ...domains.map(({ name, definition }) => [name, definition] as const),
    ]);
  const [before, after] = [said(from), said(to)];
  const changed = new Set(
    [...before].flatMap(([name, text]) =>
      after.has(name) && after.get(name) !== text ? [name] : [],
    ),
  );
  // A domain over a type that changes is another domain, whatever it says.
  const both = from.domains.filter(({ name }) => after.has(name));
  for (const _ of both) {
    for (const { name, definition } of both) {
      const base = elementOf(typeUnder(definition));
      const isOver = [...changed].some((one) => printed(one) === base);
      if (isOver || mentionsType(definition, [...changed])) changed.add(name);
    }
  }
  return [...changed];
}

/** Whether SQL as PostgreSQL prints it casts to one of the types. */
export function mentionsType(text: string, types: readonly string[]): boolean {
  return types.length > 0 && namesInCasts(types)(text) !== text;
}

/** The name without the schema that tells it from the new release's type. */
export function plainType(type: string): string {
  return type.startsWith(HOME) ? type.slice(HOME.length) : type;
}

/** Whether it is a type of the old release that the new one has in another form. */
export function isApart(type: string): boolean {
  return type.startsWith(HOME);
}

/**
 * The type that a domain is over, which may be a domain itself: a definition begins with it, as
 * catalog-objects.sql puts it together.
 */
export function typeUnder(definition: string): string {
  return definition.split(/ (?:collate |default |not null\b|constraint )/)[0] ?? definition;
}

/** The type of the elements, of whatever depth; a type that is no array as it is. */
export function elementOf(type: string): string {
  return type.replace(/(\[\])+$/, '');
}

/** A name of the catalogue as format_type prints it; one that is qualified already as it is. */
export function printed(name: string): string {
  if (isApart(name) || /^[a-z_][a-z0-9_$]*$/.test(name)) return name;
  return `"${name.replaceAll('"', '""')}"`;
}

/** Enums and domains that `one` has and `other` has not, in this form, as types are printed. */
export function typesOnlyIn(one: Catalog, other: Catalog): ReadonlySet<string> {
  const known = new Set(typesOf(other).map(({ name }) => name));
  return new Set(typesOf(one).flatMap(({ name }) => (known.has(name) ? [] : [printed(name)])));
}

function typesOf({ enums, domains }: Catalog): (Enum | Domain)[] {
  return [...enums, ...domains];
}

/** Puts the schema before the names of types in casts, wherever they are no part of a text. */
function namesInCasts(types: readonly string[]): (text: string) => string {
  const literally = (name: string) => printed(name).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const cast = `::(?=(?:${types.map(literally).join('|')})(?![\\w$]))`;
  const pattern = new RegExp(`'(?:[^']|'')*'|"(?:[^"]|"")*"|${cast}`, 'g');
  return (text) => text.replace(pattern, (found) => (found === '::' ? `::${HOME}` : found));
}

function tableApart(
  table: Table,
  type: (text: string) => string,
  inText: (text: string) => string,
): Table {
  const optional = (text: string | null) => (text === null ? null : inText(text));
  return {
    ...table,
    columns: table.columns.map(
      (column): Column => ({
        ...column,
        type: type(column.type),
        default: optional(column.default),
        generated: optional(column.generated),
      }),
    ),
    checks: table.checks.map((check) => ({ ...check, expression: inText(check.expression) })),
    exclusions: table.exclusions.map((one) => ({
      ...one,
      elements: one.elements.map((element) => ({
        ...element,
        expression: inText(element.expression),
      })),
      predicate: optional(one.predicate),
      definition: inText(one.definition),
    })),
    indexes: table.indexes.map((index) => ({ ...index, definition: inText(index.definition) })),
  };
}
