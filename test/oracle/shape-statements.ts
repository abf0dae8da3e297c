// Random statements on the tables of a shape: single and bulk, of values and of keys.

import type { Random } from './random.js';
import type { ShapedTable } from './shapes.js';

export interface ShapedStatement {
  readonly text: string;
  /** Whether a lens, which takes the rows one by one, may refuse what all of them together may. */
  readonly isStepwise: boolean;
  readonly isMove?: boolean;
}

export interface ShapedSituation {
  readonly random: Random;
  readonly table: ShapedTable;
  /** Keys of rows that are there, as SQL literals. */
  readonly keys: readonly (readonly string[])[];
  /** Keys of new rows are none of these. */
  readonly taken: readonly (readonly string[])[];
  readonly isInField: boolean;
}

export function shapedStatement(situation: ShapedSituation): ShapedStatement {
  const { random, table, isInField } = situation;
  const kind = random.below(100);
  if (kind < 40) return { text: insert(situation), isStepwise: table.isStepwise === true };
  const where = predicate(situation);
  if (kind < 62) {
    return { text: `delete from ${table.name} where ${where}`, isStepwise: isMany(table) };
  }
  if (kind < 72 && table.isMovable)
    return { text: move(situation), isStepwise: isMany(table), isMove: true };
  if (kind < 74 && isInField) {
    return { text: `truncate ${table.name} cascade`, isStepwise: false };
  }
  const text = `update ${table.name} set ${assignments(situation)} where ${where}`;
  return { text: `${text}${returning(situation)}`, isStepwise: isMany(table) };
}

function isMany(table: ShapedTable): boolean {
  return table.isStepwise === true;
}

function insert(situation: ShapedSituation): string {
  const { random, table } = situation;
  const count = random.percent(30) ? 2 : 1;
  const names = [...table.key, ...table.columns].map((one) => one.name);
  const rows = Array.from({ length: count }, () => {
    const values = table.columns.map((one) => random.pick(one.values));
    return `(${[...newKey(situation), ...values].join(', ')})`;
  });
  const text = `insert into ${table.name} (${names.join(', ')}) values ${rows.join(', ')}`;
  return `${text}${returning(situation)}`;
}

function assignments({ random, table }: ShapedSituation): string {
  const some = random.shuffled(table.columns).slice(0, 1 + random.below(2));
  const set = some.map((one) => `${one.name} = ${random.pick(one.values)}`);
  const [key] = table.key;
  return set.length > 0 ? set.join(', ') : `${key?.name} = ${key?.name}`;
}

function move(situation: ShapedSituation): string {
  const { random, table, keys } = situation;
  const to = newKey(situation);
  const from = keys.length > 0 ? random.pick(keys) : to;
  const set = table.key.map(({ name }, at) => `${name} = ${to[at]}`).join(', ');
  return `update ${table.name} set ${set} where ${keyIs(table, from)}`;
}

function newKey({ random, table, taken }: ShapedSituation): string[] {
  const isTaken = (key: readonly string[]) =>
    taken.some((one) => one.every((value, at) => value === `'${key[at]}'`));
  const draw = () => table.key.map((one) => random.pick(one.values));
  let key = draw();
  for (let turn = 0; turn < 20 && isTaken(key); turn += 1) key = draw();
  return isTaken(key) ? table.key.map(() => `${100 + random.below(1000)}`) : key;
}

function predicate({ random, table, keys }: ShapedSituation): string {
  const [column] = random.shuffled(table.columns);
  if (column !== undefined && random.percent(25)) {
    const value = random.pick(column.values);
    return value === 'null' ? `${column.name} is null` : `${column.name} = ${value}`;
  }
  const [first] = table.key;
  if (first !== undefined && random.percent(20)) {
    return `${first.name} = ${random.pick(first.values)}`;
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
