// Random statements of either release, as text: single and bulk, with and without RETURNING, some
// of which must fail.

import { copyOut, type Given } from './copying.js';
import type { Column, Model } from './model.js';
import type { Statement } from './plain.js';
import type { Random } from './random.js';
import { columnsOf, keyNames, oldColumns } from './rows.js';

/** A table of a release, as its writers know it. */
interface Table {
  readonly name: string;
  readonly key: readonly string[];
  readonly columns: readonly {
    readonly name: string;
    readonly type: string;
    readonly of: Column;
  }[];
  /** Whether keys of new rows are made by the database. */
  readonly isGenerating: boolean;
}

export interface Situation {
  readonly random: Random;
  readonly model: Model;
  /** Keys that are there, as SQL literals. */
  readonly keys: readonly (readonly string[])[];
  /** Whether the release is the one in the field. */
  readonly isInField: boolean;
  /** Whether the release writes its own tables and not a lens. */
  readonly isNative: boolean;
}

/** A statement with what it writes, where that can be copied as well. */
export interface Drawn extends Statement {
  readonly given: Given | null;
}

export function statementOf(release: 'old' | 'new', situation: Situation): Drawn {
  const { random, model } = situation;
  if (model.hasChildren && random.percent(15)) {
    return plain('children', childStatement(situation, release));
  }
  const tables = release === 'old' ? [oldTable(model)] : newTables(model);
  const index = random.below(tables.length);
  const table = tables[index] as Table;
  const kind = random.below(100);
  const some = (text: string) => plain(table.name, text, { situation, table });
  if (kind < 3) return copyTo(situation, table);
  if (kind < 28) return insert(situation, table);
  if (kind < 50) {
    return some(`${update(situation, table)} where ${keyIs(table, someKey(situation))}`);
  }
  if (kind < 68) return some(`${update(situation, table)} where ${predicate(situation, table)}`);
  if (kind < 78) return some(`delete from ${table.name} where ${keyIs(table, someKey(situation))}`);
  if (kind < 83) return some(`delete from ${table.name} where ${predicate(situation, table)}`);
  if (kind < 90 && index === 0 && model.generation === 'given') return move(situation, table);
  if (kind < 92 && situation.isInField) {
    return plain(table.name, `truncate ${table.name} cascade`);
  }
  return plain(table.name, upsert(situation, table));
}

interface Written {
  readonly situation: Situation;
  readonly table: Table;
}

function copyTo({ isNative, isInField }: Situation, { name, key, columns }: Table): Drawn {
  const names = [...key, ...columns.map((one) => one.name)];
  return plain(name, copyOut(name, names, isNative || isInField));
}

function plain(name: string, text: string, written?: Written): Drawn {
  const isReturning = written?.situation.random.percent(40) === true;
  // By name: a star gives the old release also the columns that the new one has added beside.
  const { key = [], columns = [] } = written?.table ?? {};
  const names = [...key, ...columns.map((one) => one.name)];
  const returning = isReturning ? ` returning ${names.join(', ')}` : '';
  return {
    table: name,
    text: `${text}${returning}`,
    withKey: null,
    rows: null,
    copy: null,
    move: null,
    given: null,
  };
}

function oldTable(model: Model): Table {
  return {
    name: model.oldTable,
    key: keyNames(model),
    columns: oldColumns(model).map((of) => ({ ...side(of.old), of })),
    isGenerating: model.generation !== 'given',
  };
}

function newTables(model: Model): Table[] {
  return model.parts.map((part, index) => ({
    name: part.table,
    key: part.key,
    columns: columnsOf(model, index).map((of) => ({ ...side(of.new), of })),
    isGenerating: index === 0 && model.generation !== 'given',
  }));
}

function side(at: { readonly name: string; readonly type: string } | null) {
  return { name: at?.name ?? '', type: at?.type ?? '' };
}

function insert(situation: Situation, table: Table): Drawn {
  const { random } = situation;
  if (table.isGenerating && random.percent(85)) {
    const given = chosen(situation, table);
    const values = given.map((one) => value(random, one));
    const names = given.map((one) => one.name);
    const head =
      names.length === 0 ? 'default values' : `(${names.join(', ')}) values (${values.join(', ')})`;
    const returning = `returning ${table.key.join(', ')}`;
    return {
      table: table.name,
      text: `insert into ${table.name} ${head} ${returning}`,
      withKey: (key) =>
        `insert into ${table.name} (${[...table.key, ...names].join(', ')}) overriding system value
         values (${[...key, ...values].join(', ')}) ${returning}`,
      rows: null,
      copy: null,
      move: null,
      given: null,
    };
  }
  const given = chosen(situation, table);
  const count = random.percent(25) ? 2 + random.below(2) : 1;
  const rows = Array.from({ length: count }, () => {
    // Parts need a row of the base; new rows mostly a key that is free.
    const key = random.percent(table.name.startsWith('part') ? 85 : 25)
      ? someKey(situation)
      : poolKey(situation);
    return [...key, ...given.map((one) => value(random, one))];
  });
  const names = [...table.key, ...given.map((one) => one.name)];
  const values = rows.map((row) => `(${row.join(', ')})`).join(', ');
  const text = `insert into ${table.name} (${names.join(', ')}) overriding system value
    values ${values}`;
  return {
    ...plain(table.name, text, { situation, table }),
    given: { table: table.name, names, rows },
  };
}

function upsert(situation: Situation, table: Table): string {
  const given = chosen(situation, table);
  const row = [...someKey(situation), ...given.map((one) => value(situation.random, one))];
  const names = [...table.key, ...given.map((one) => one.name)];
  const set = given.map((one) => `${one.name} = excluded.${one.name}`);
  const action = set.length === 0 ? 'nothing' : `update set ${set.join(', ')}`;
  return `insert into ${table.name} (${names.join(', ')}) overriding system value
    values (${row.join(', ')}) on conflict (${table.key.join(', ')}) do ${action}`;
}

function update(situation: Situation, table: Table): string {
  const { random } = situation;
  const some = random.shuffled(table.columns).slice(0, 1 + random.below(2));
  const set = some.map((one) => {
    const isBumping = one.of.up === null && random.percent(50);
    return `${one.name} = ${isBumping ? one.of.kind.bump(one.name) : value(random, one)}`;
  });
  const list = set.length > 0 ? set : [`${table.key[0]} = ${table.key[0]}`];
  return `update ${table.name} set ${list.join(', ')}`;
}

function move(situation: Situation, table: Table): Drawn {
  const [from, to] = [someKey(situation), poolKey(situation)];
  const set = table.key.map((name, at) => `${name} = ${to[at]}`).join(', ');
  return {
    table: table.name,
    text: `update ${table.name} set ${set} where ${keyIs(table, from)}`,
    withKey: null,
    rows: null,
    copy: null,
    move: { from, to },
    given: null,
  };
}

/** Required columns without a default, and some others. */
function chosen({ random }: Situation, table: Table) {
  const isRelease = (one: Column) =>
    one.isRequired || (one.decides && table.name.startsWith('part'));
  return table.columns.filter(
    (one) =>
      (isRelease(one.of) && (one.of.default === null || one.of.up !== null)) || random.percent(60),
  );
}

/** In the terms of the table's own release; a required column now and then gets a null,
  which fails. */
function value(random: Random, at: { readonly name: string; readonly of: Column }): string {
  const { of } = at;
  const isStrict =
    of.isRequired || (of.decides && at.name === of.new?.name && of.old?.name !== at.name);
  if (random.percent(isStrict ? 2 : 25)) return 'null';
  const plainValue = `${random.pick(of.kind.values)}::${of.kind.type}`;
  if (of.up === null || of.old === null || at.name !== of.new?.name) return plainValue;
  return `(select ${of.up} from (select ${plainValue} as ${of.old.name}) as v)`;
}

function predicate({ random, keys }: Situation, table: Table): string {
  const [one] = random.shuffled(table.columns);
  if (one !== undefined && random.percent(60)) {
    return random.percent(40)
      ? `${one.name} is ${random.percent(50) ? 'not ' : ''}null`
      : `${one.name} = ${value(random, one)}`;
  }
  const some = random.shuffled(keys).slice(0, 4);
  if (some.length === 0) return 'true';
  const list = some.map((key) => `(${key.join(', ')})`);
  return `(${table.key.join(', ')}) in (${list.join(', ')})`;
}

function childStatement(situation: Situation, release: 'old' | 'new'): string {
  const { random } = situation;
  const no = random.below(12);
  const salt = release === 'old' ? 'o' : 'n';
  const [key] = someKey(situation);
  switch (random.below(4)) {
    case 0:
      return `delete from children where no = ${no}`;
    case 1:
      return `update children set item = ${key} where no = ${no}`;
    default:
      return `insert into children (no, item, word) values (${no}, ${key}, '${salt}')`;
  }
}

function keyIs(table: Table, key: readonly string[]): string {
  return table.key.map((name, at) => `${name} = ${key[at]}`).join(' and ');
}

function someKey(situation: Situation): readonly string[] {
  const { random, keys } = situation;
  return keys.length > 0 && random.percent(85) ? random.pick(keys) : poolKey(situation);
}

function poolKey({ random, model }: Situation): string[] {
  return model.key.map((one) => {
    const number = 1 + random.below(14);
    if (one.type === 'text') return `'k${number}'`;
    if (one.type === 'uuid') return `'00000000-0000-4000-8000-0000000000${10 + number}'`;
    return String(number + (model.generation === 'given' ? 0 : 1000));
  });
}
