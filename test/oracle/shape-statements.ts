// Random statements on the tables of a shape: single and bulk, of values and of keys.

import { copyOf, copyOut } from './copying.js';
import type { Statement } from './plain.js';
import type { Random } from './random.js';
import type { Field, ShapedTable } from './shapes.js';

export interface ShapedSituation {
  readonly random: Random;
  readonly table: ShapedTable;
  /** Keys of rows that are there, as SQL literals, by table. */
  readonly keys: ReadonlyMap<string, readonly (readonly string[])[]>;
  /** Keys of new rows are none of these. */
  readonly taken: readonly (readonly string[])[];
  /** Whether what is written is a table and not a lens. */
  readonly isTable: boolean;
  /** Whether it takes COPY … FROM. */
  readonly takesCopy: boolean;
}

export function shapedStatement(situation: ShapedSituation): Statement {
  const { random, table } = situation;
  const kind = random.below(100);
  const plain = { table: table.name, withKey: null, rows: null, copy: null, move: null };
  if (kind < 15 && table.parent !== undefined) return withParent(situation, table.parent);
  if (kind < 40) return insert(situation);
  const where = predicate(situation);
  if (kind < 62) return { ...plain, text: `delete from ${table.name} where ${where}` };
  if (kind < 72 && table.isMovable) return move(situation);
  if (kind < 74 && (situation.isTable || table.isTruncateRefused === true)) {
    return { ...plain, text: `truncate ${table.name} cascade` };
  }
  if (kind < 77) {
    const names = [...table.key, ...table.columns].map((one) => one.name);
    return { ...plain, text: copyOut(table.name, names, situation.isTable) };
  }
  const text = `update ${table.name} set ${assignments(situation)} where ${where}`;
  return { ...plain, text: `${text}${returning(situation)}` };
}

function insert(situation: ShapedSituation): Statement {
  const { random, table, takesCopy } = situation;
  const left = table.columns.filter((one) => one.values.includes('null') && random.percent(20));
  const given = table.columns.filter((one) => !left.includes(one));
  if (table.drawn !== undefined && random.percent(70)) return insertDrawn(situation, given);
  const count = random.percent(30) ? 2 + random.below(2) : 1;
  const rows = Array.from({ length: count }, () => [
    ...newKey(situation),
    ...given.map((one) => literalFor(situation, one)),
  ]);
  const names = [...table.key, ...given].map((one) => one.name);
  const into = (some: readonly (readonly string[])[]) => insertInto(table.name, names, some);
  const end = random.percent(20) ? onConflict(situation, given) : '';
  const isCopied = takesCopy && end === '' && random.percent(15);
  return {
    table: table.name,
    text: `${into(rows)}${end}${isCopied ? '' : returning(situation)}`,
    withKey: null,
    rows: rows.map((row) => `${into([row])}${end}`),
    copy: isCopied ? copyOf({ table: table.name, names, rows }) : null,
    move: null,
  };
}

/** The key is left to the database. */
function insertDrawn(situation: ShapedSituation, given: readonly Field[]): Statement {
  const { table } = situation;
  const row = given.map((one) => literalFor(situation, one));
  const names = given.map((one) => one.name);
  const keys = table.key.map((one) => one.name);
  const end = ` returning ${[...table.key, ...table.columns].map((one) => one.name).join(', ')}`;
  const text =
    names.length === 0
      ? `insert into ${table.name} default values`
      : insertInto(table.name, names, [row]);
  return {
    table: table.name,
    text: `${text}${end}`,
    withKey: (key) => `${insertInto(table.name, [...keys, ...names], [[...key, ...row]])}${end}`,
    rows: null,
    copy: null,
    move: null,
  };
}

function insertInto(
  table: string,
  names: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const values = rows.map((row) => `(${row.join(', ')})`).join(', ');
  return `insert into ${table} (${names.join(', ')}) overriding system value values ${values}`;
}

function onConflict({ random, table }: ShapedSituation, given: readonly Field[]): string {
  if (table.isBarredByOther !== true && random.percent(20)) return ' on conflict do nothing';
  const set = given.map(({ name }) => `${name} = excluded.${name}`);
  const action =
    set.length === 0 || random.percent(30) ? 'nothing' : `update set ${set.join(', ')}`;
  return ` on conflict (${table.key.map((one) => one.name).join(', ')}) do ${action}`;
}

/** Two tables in one statement. */
function withParent(
  situation: ShapedSituation,
  parent: NonNullable<ShapedTable['parent']>,
): Statement {
  const { random, table } = situation;
  const key = random.pick(parent.values);
  const columns = table.columns.filter((one) => one.name !== parent.column);
  const names = [...table.key, ...columns].map((one) => one.name);
  const values = [...newKey(situation), ...columns.map((one) => literalFor(situation, one))];
  const first = `insert into ${parent.table} (id) values (${key})`;
  const second = `insert into ${table.name} (${[...names, parent.column].join(', ')})`;
  return {
    table: table.name,
    text: `with p as (${first} returning id) ${second} select ${values.join(', ')}, id from p`,
    withKey: null,
    copy: null,
    rows: [first, `${second} values (${[...values, key].join(', ')})`],
    move: null,
  };
}

function literalFor({ random, keys }: ShapedSituation, field: Field): string {
  const there = field.refersTo === undefined ? [] : (keys.get(field.refersTo) ?? []);
  if (there.length > 0 && random.percent(85)) return random.pick(there)[0] ?? 'null';
  return random.pick(field.values);
}

function assignments(situation: ShapedSituation): string {
  const { random, table } = situation;
  const some = random.shuffled(table.columns).slice(0, 1 + random.below(2));
  const set = some.map((one) => `${one.name} = ${literalFor(situation, one)}`);
  const [key] = table.key;
  return set.length > 0 ? set.join(', ') : `${key?.name} = ${key?.name}`;
}

function move(situation: ShapedSituation): Statement {
  const { random, table } = situation;
  const to = newKey(situation);
  const keys = keysOf(situation);
  const from = keys.length > 0 ? random.pick(keys) : to;
  const set = table.key.map(({ name }, at) => `${name} = ${to[at]}`).join(', ');
  return {
    table: table.name,
    text: `update ${table.name} set ${set} where ${keyIs(table, from)}`,
    withKey: null,
    rows: null,
    copy: null,
    move: { from, to },
  };
}

function newKey(situation: ShapedSituation): string[] {
  const { random, table, taken } = situation;
  const isTaken = (key: readonly string[]) =>
    taken.some((one) => one.every((value, at) => value === `'${key[at]}'`));
  const draw = () => table.key.map((one) => literalFor(situation, one));
  let key = draw();
  for (let turn = 0; turn < 20 && isTaken(key); turn += 1) key = draw();
  return isTaken(key) ? table.key.map(() => `${100 + random.below(1000)}`) : key;
}

function keysOf({ table, keys }: ShapedSituation): readonly (readonly string[])[] {
  return keys.get(table.name) ?? [];
}

function predicate(situation: ShapedSituation): string {
  const { random, table } = situation;
  const keys = keysOf(situation);
  const [column] = random.shuffled(table.columns);
  if (column !== undefined && random.percent(25)) {
    const value = literalFor(situation, column);
    return value === 'null' ? `${column.name} is null` : `${column.name} = ${value}`;
  }
  const [first] = table.key;
  if (first !== undefined && random.percent(20)) {
    return `${first.name} = ${literalFor(situation, first)}`;
  }
  if (keys.length === 0) return 'true';
  const some = random.shuffled(keys).slice(0, 1 + random.below(3));
  return some.map((key) => `(${keyIs(table, key)})`).join(' or ');
}

function keyIs(table: ShapedTable, key: readonly string[]): string {
  return table.key.map(({ name }, at) => `${name} = ${key[at]}`).join(' and ');
}

function returning({ random, table }: ShapedSituation): string {
  if (!random.percent(30)) return '';
  return ` returning ${[...table.key, ...table.columns].map((one) => one.name).join(', ')}`;
}
