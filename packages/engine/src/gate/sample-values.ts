// Values to try a column with. PostgreSQL itself says which texts are values of a type, so that
// domains, enums, arrays, ranges and types of extensions need no list of their own: every text that
// comes into question is read as the type, and what is refused is left out.

import { type Session, sqlStateOf } from '../pg.js';
import type { Catalog, Column, Table } from '../release/catalog.js';
import { typeUnder } from '../release/types-apart.js';
import { literal, type Sql, sql, trusted } from '../sql.js';

/** Texts that are values of one type or another; the first that fits is a type's first sample. */
const TEXTS: readonly string[] = [
  'a',
  '{}',
  '1',
  '2',
  '0',
  '2026-01-01 12:00',
  '2026-01-02 12:00',
  '12:00',
  '00000000-0000-4000-8000-000000000001',
  '00000000-0000-4000-8000-000000000002',
  '127.0.0.1',
  '127.0.0.0/8',
  '08:00:2b:01:02:03',
  '08:00:2b:01:02:03:04:05',
  '(1,1)',
  '((0,0),(1,1))',
  '<(0,0),1>',
  '{1,1,0}',
  '[1,2)',
  '[2026-01-01,2026-01-02)',
  'empty',
  '0/1',
  'a@example.org',
  'https://example.org',
];

/** Longer texts are not made for a rule such as `length(code) = 8`. */
const MAX_REPEATED = 100;

/**
 * Gives the values that a column may take, as PostgreSQL prints them, each once; perhaps none.
 * `more` are texts to try as well.
 */
export type Sampler = (
  column: Column,
  table: Table,
  more?: readonly string[],
) => Promise<readonly string[]>;

/** Asks on `session`, outside of a transaction: most answers are errors. */
export function samplerOf(session: Session, catalog: Catalog): Sampler {
  const known = new Map<string, Promise<string | null>>();
  const read = (value: Sql) => {
    const answer = known.get(value.text) ?? textOf(session, value);
    known.set(value.text, answer);
    return answer;
  };
  return async (column, table, more = []) => {
    const type = trusted(column.type);
    const candidates = [
      ...[...textsFor(column, table, catalog), ...more].map(
        (text) => sql`${literal(text)}::${type}`,
      ),
      // How many fields a row has nobody need know.
      sql`pg_catalog.jsonb_populate_record(null::${type}, '{}')`,
    ];
    const values = new Set<string>();
    for (const candidate of candidates) {
      const value = await read(candidate);
      if (value !== null) values.add(value);
    }
    return [...values];
  };
}

/** What PostgreSQL makes of the value; null where it is none. */
async function textOf(session: Session, value: Sql): Promise<string | null> {
  try {
    const [row] = await session.query<{ text: string | null }>(
      sql`select (${value})::text as text`.text,
    );
    return row?.text ?? null;
  } catch (error) {
    if (sqlStateOf(error) === undefined) throw error;
    return null;
  }
}

/** Constants of the rules come first where they are texts, and last where they are numbers. */
function textsFor(column: Column, table: Table, catalog: Catalog): string[] {
  const { rules: typeRules, base } = domainsUnder(column.type, catalog);
  const own = table.checks.filter((one) => one.columns.includes(column.name));
  const rules = [...own.map((one) => one.expression), ...typeRules];
  const element = unquoted(base.replace(/(\[\])+$/, ''));
  const texts = [
    ...rules.flatMap(textsIn),
    ...(catalog.enums.find((one) => one.name === element)?.labels ?? []),
    ...TEXTS,
    ...rules.flatMap(numbersIn).flatMap(around),
  ];
  const isArray = base.endsWith('[]');
  return isArray ? [...texts.map((text) => `{${JSON.stringify(text)}}`), ...texts] : texts;
}

/** The definitions of a domain and of those under it, and the type under them all. */
function domainsUnder(type: string, catalog: Catalog): { rules: string[]; base: string } {
  const domain = catalog.domains.find((one) => one.name === unquoted(type));
  if (domain === undefined) return { rules: [], base: type };
  const { rules, base } = domainsUnder(typeUnder(domain.definition), catalog);
  return { rules: [domain.definition, ...rules], base };
}

/** The string constants of a rule as PostgreSQL prints it. */
function textsIn(rule: string): string[] {
  return [...rule.matchAll(STRING)].map(([, text = '']) => text.replaceAll("''", "'"));
}

function numbersIn(rule: string): number[] {
  return [...rule.replace(STRING, '').matchAll(/\b\d+(?:\.\d+)?\b/g)].map(([text]) => Number(text));
}

const STRING = /'((?:[^']|'')*)'/g;

/** A rule that compares with a number holds on one side of it, or speaks of a text's length. */
function around(limit: number): string[] {
  const near = [0, 1, -1, 2, -2].map((distance) => limit + distance);
  const lengths = near.filter((one) => Number.isInteger(one) && one > 0 && one <= MAX_REPEATED);
  return [...near.map(String), ...lengths.map((length) => 'a'.repeat(length))];
}

/** Catalogues name types as they are, format_type as SQL writes them. */
function unquoted(type: string): string {
  return type.startsWith('"') ? type.slice(1, -1).replaceAll('""', '"') : type;
}
