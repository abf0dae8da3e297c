// How the catalogue that was found differs from the one that was expected, in words: an operator
// reads them and knows what somebody changed by hand.
//
// Comments and settings are not among them: they change nothing that an application can do, and
// customers tune them. Whether a table is as a fresh install has it is another question, with an
// answer of its own (settingDifferences).

import { allSettings, type Catalog, findTable, type Table } from './catalog.js';
import { type Described, describeCatalog } from './describe.js';

export interface Difference {
  /** `extra …` for what only the found side has; the caller may leave out what it does not mind. */
  readonly kind: Described['kind'] | 'extra table' | 'extra object';
  /** The table that the object belongs to; null for an object of its own. */
  readonly table: string | null;
  /** `column owner`, `index hosts_by_name`, `view live_hosts`, or the table itself. */
  readonly object: string;
  /** What differs, as each side has it; null for a side that lacks the object. */
  readonly expected: string | null;
  readonly found: string | null;
  /** `table hosts: column owner is text, release 1.0 has character varying(40)` */
  readonly text: string;
}

/** Longer definitions, such as a view's or a function's, do not help in one line of text. */
const MAX_SHOWN_LENGTH = 160;

/**
 * Tables first, by name, then the rest; empty when both are the same. `expectedName` stands in the
 * texts for the expected side: `release 1.0`.
 */
export function differences(
  expected: Catalog,
  found: Catalog,
  expectedName = 'the release',
): Difference[] {
  const wanted = describeCatalog(expected);
  const present = new Map(describeCatalog(found).map((item) => [keyOf(item), item]));
  const known = new Set(wanted.map(keyOf));
  const extra = [...present].filter(([key]) => !known.has(key)).map(([, item]) => item);
  const all = [
    ...wanted.flatMap((item) => compare(item, present.get(keyOf(item)), expectedName)),
    ...expected.tables.flatMap((table) => compareOrder(table, found, expectedName)),
    ...extra.map((item) => unexpected(item, expectedName)),
  ];
  // A table that only one side has says it all; its columns and indexes need no lines of their own.
  const whole = new Set(all.filter(isWholeTable).map(({ table }) => table));
  const told = all.filter((one) => isWholeTable(one) || !whole.has(one.table));
  return told.sort((left, right) => rank(left) - rank(right) || byTable(left, right));
}

/** How tables that both sides have are kept and described otherwise; empty where they are not. */
export function settingDifferences(
  expected: Catalog,
  found: Catalog,
  expectedName = 'the release',
): string[] {
  return expected.tables.flatMap((table) => {
    const other = findTable(found, table.name);
    if (other === undefined) return [];
    const [wanted, present] = [settingsByName(table), settingsByName(other)];
    return [...new Set([...wanted.keys(), ...present.keys()])].flatMap((key) => {
      const [want, have] = [wanted.get(key) ?? 'none', present.get(key) ?? 'none'];
      return want === have
        ? []
        : [`table ${table.name}: ${key} is ${have}, ${expectedName} has ${want}`];
    });
  });
}

/** `statistics target of column note` → `200` */
function settingsByName(table: Table): Map<string, string> {
  return new Map(
    allSettings(table).map(({ of, name, key, value }) => [
      of === 'table' ? key : `${key} of ${of} ${name}`,
      value,
    ]),
  );
}

function compare(expected: Described, found: Described | undefined, name: string): Difference[] {
  const { kind, table, object } = expected;
  const where = table === null || kind === 'table' ? '' : `table ${table}: `;
  if (found === undefined) {
    const text = `${where}${object} is missing, ${name} has it`;
    return [{ kind, table, object, expected: summary(expected), found: null, text }];
  }
  const facts = Object.keys({ ...expected.facts, ...found.facts });
  return facts.flatMap((fact) => {
    const [wanted, actual] = [expected.facts[fact] ?? null, found.facts[fact] ?? null];
    if (wanted === actual) return [];
    const subject = fact === '' ? object : `${fact} of ${object}`;
    const isShort = [wanted, actual].every(isShown);
    const text = isShort
      ? `${where}${subject} is ${actual ?? 'none'}, ${name} has ${wanted ?? 'none'}`
      : `${where}${subject} is not that of ${name}`;
    return [{ kind, table, object, expected: wanted, found: actual, text }];
  });
}

/** Only where both sides have the same columns: else the columns themselves say it. */
function compareOrder(expected: Table, catalog: Catalog, name: string): Difference[] {
  const found = findTable(catalog, expected.name);
  const wanted = expected.columns.map((column) => column.name);
  const actual = found?.columns.map((column) => column.name) ?? [];
  const isSameSet = [...wanted].sort().join() === [...actual].sort().join();
  const order = { expected: wanted.join(', '), found: actual.join(', ') };
  if (!isSameSet || order.expected === order.found) return [];
  const object = `table ${expected.name}`;
  const text = `${object}: order of columns is ${order.found}, ${name} has ${order.expected}`;
  return [{ kind: 'table', table: expected.name, object, ...order, text }];
}

function isShown(fact: string | null): boolean {
  return fact === null || (fact.length <= MAX_SHOWN_LENGTH && !fact.includes('\n'));
}

function unexpected(found: Described, name: string): Difference {
  const { kind, table, object } = found;
  const where = table === null || kind === 'table' ? '' : `table ${table}: `;
  return {
    kind: kind === 'table' ? 'extra table' : table === null ? 'extra object' : kind,
    table,
    object,
    expected: null,
    found: summary(found),
    text: `${where}${object} is there, ${name} has none of that name`,
  };
}

function isWholeTable({ kind, expected, found }: Difference): boolean {
  return kind === 'extra table' || (kind === 'table' && (expected === null || found === null));
}

/** What belongs to tables comes first. */
function rank({ table }: Difference): number {
  return table === null ? 1 : 0;
}

function byTable(left: Difference, right: Difference): number {
  const [one, other] = [left.table ?? '', right.table ?? ''];
  return one === other ? 0 : one < other ? -1 : 1;
}

function summary({ facts, object }: Described): string {
  const known = Object.values(facts).filter((fact) => fact !== null);
  return known.length === 0 ? object : known.join(' ');
}

/** A sequence keeps its identity when its owner changes. */
function keyOf({ kind, table, object }: Described): string {
  return JSON.stringify([kind === 'sequence' ? null : table, object]);
}
