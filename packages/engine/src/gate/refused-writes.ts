// Which rows the new release cannot write as long as the old one is in service. They are tried on
// a prepared shard, through the lens; what is refused with HL001 is made as small as it can be.

import type { CompileInput } from '../compile/compile.js';
import { type Bind, bindWith, type Relation } from '../compile/mapping.js';
import type { Rebuilt } from '../compile/rebuilt.js';
import { messageOf, type Session, sqlStateOf } from '../pg.js';
import type { Column, Table } from '../release/catalog.js';
import { releasePath, set } from '../shard/settings.js';
import { joined, literal, name, names, type Sql, sql, trusted } from '../sql.js';
import {
  type CounterExample,
  counterExample,
  type Shown,
  type ShownRow,
} from './counter-example.js';
import { inTrial, labelsOf } from './examine.js';
import { ask, type Ground, lensOf, madeAgain, readAgain, rowsOf } from './hops.js';
import { hintsFor } from './sample-hints.js';
import { type Sampler, samplerOf } from './sample-values.js';
import { type Filled, fillable, hinted, keysApart } from './samples.js';
import { SIMPLEST } from './shrink.js';

const NOT_REPRESENTABLE = 'HL001';

/** So many rows of each table, each beginning with another of its columns' values. */
const ROWS = 3;

/** Beyond the keys that rows of the old release have. */
const FIRST_KEYS = 500;

/** A value for each column that is given one. */
type Row = ReadonlyMap<Column, string>;

/**
 * For each table the smallest row of those that are refused; the shard stays as it is.
 * @param asking another session of the shard, to find values by: most answers are errors.
 */
export async function refusedWrites(
  ground: Ground,
  asking: Session,
  input: CompileInput,
): Promise<CounterExample[]> {
  const found: CounterExample[] = [];
  await set(asking, 'search_path', releasePath(ground.bundle));
  const sampler = samplerOf(asking, input.to.catalog);
  await inTrial(ground, async () => {
    for (const one of ground.evolving.clusters) {
      for (const { table } of one.cluster.parts) {
        const refused = await firstRefused(ground, sampler, { input, table });
        if (refused !== null) found.push(await exampleOf(ground, one, { table, row: refused }));
      }
    }
  });
  return found;
}

/** Rows that are taken stay, for those that refer to them. */
async function firstRefused(
  ground: Ground,
  values: Sampler,
  { input, table }: { readonly input: CompileInput; readonly table: Table },
): Promise<Row | null> {
  const { session } = ground;
  await ask(ground, sql`select`);
  const hints = hintsFor(input, 'to');
  const number = FIRST_KEYS + input.to.catalog.tables.indexOf(table);
  const sampler = hinted(keysApart(values, number), hints);
  const at = (one: string) => name(one);
  const taking = table.columns.filter((one) => one.generated === null && one.identity !== 'always');
  const filled = await fillable({ session, table, sampler, hints, at }, taking);
  let refused: Row | null = null;
  for (let start = 0; start < ROWS; start++) {
    const row = rowFrom(filled, start);
    if ((await write(ground, table, row)) === NOT_REPRESENTABLE) refused ??= row;
  }
  return refused;
}

function rowFrom(filled: readonly Filled[], start: number): Row {
  return new Map(
    filled.map(({ column, values }) => [column, values[start % values.length] as string]),
  );
}

/** The SQLSTATE by which it is refused; null where it is taken. */
async function write({ session }: Ground, table: Table, row: Row): Promise<string | null> {
  const columns = names([...row.keys()].map((one) => one.name));
  const values = [...row].map(([column, text]) => literalOf(column, text));
  await session.query('savepoint written');
  try {
    await session.query(sql`insert into ${name(table.name)} (${columns}) values (${values})`.text);
    await session.query('set constraints all immediate; release written');
    return null;
  } catch (error) {
    const state = sqlStateOf(error);
    if (state === undefined) throw error;
    await session.query('rollback to savepoint written; release written');
    return state;
  }
}

function literalOf(column: Column, text: string): Sql {
  return sql`${literal(text)}::${trusted(column.type)}`;
}

async function exampleOf(
  ground: Ground,
  one: Rebuilt,
  { table, row }: { readonly table: Table; readonly row: Row },
): Promise<CounterExample> {
  const { places, evolution } = ground.evolving;
  const smallest = await smaller(ground, table, row);
  const about = { table: table.name, columns: [...smallest.keys()].map((column) => column.name) };
  return counterExample(
    {
      kind: 'refused',
      message: `${places.to} cannot write this row of ${table.name} before contract (HL001)`,
      shown: await shownOf(ground, one, { table, row: smallest }),
    },
    one,
    { ...about, isOfQuery: false },
    { evolution, labels: labelsOf(ground) },
  );
}

/** With fewer columns, and simpler values, as long as it is refused for the same reason. */
async function smaller(ground: Ground, table: Table, row: Row): Promise<Row> {
  let smallest = row;
  // What refers to other rows, and what may not be missing, is not what it is about.
  const fixed = [table.primaryKey, ...table.foreignKeys].flatMap((key) => key?.columns ?? []);
  for (const [column, text] of row) {
    if (fixed.includes(column.name)) continue;
    const isNeeded = column.notNull && column.default === null;
    const fewer = isNeeded ? [] : [new Map([...smallest].filter(([other]) => other !== column))];
    const simpler = SIMPLEST.filter((one) => one !== text).map((one) =>
      new Map(smallest).set(column, one),
    );
    for (const candidate of [...fewer, ...simpler]) {
      await ground.session.query('savepoint smaller');
      const isRefused = (await write(ground, table, candidate)) === NOT_REPRESENTABLE;
      await ground.session.query('rollback to savepoint smaller; release smaller');
      if (!isRefused) continue;
      smallest = candidate;
      break;
    }
  }
  return smallest;
}

/** What would become of the row, were it written. */
async function shownOf(
  ground: Ground,
  one: Rebuilt,
  { table, row }: { readonly table: Table; readonly row: Row },
): Promise<Shown[]> {
  const { from, to } = ground.evolving.places;
  const lens = lensOf(ground);
  const given = new Map([...row].map(([column, text]) => [column.name, literalOf(column, text)]));
  const values = table.columns.map((column) => {
    const value = given.get(column.name) ?? trusted(column.default ?? 'null');
    return sql`${value}::${trusted(column.type)} as ${name(column.name)}`;
  });
  const part = one.cluster.parts.find((other) => other.table === table);
  if (part === undefined) throw new TypeError(`no part ${table.name}`);
  const written = sql`(select ${values})`;
  const lensRows = sql`select ${names(table.columns.map((column) => column.name))}
from ${lens(part.relation)}`;
  const news: Bind = bindWith(part.relation, sql`(${lensRows} union all select ${values})`, lens);
  const olds = madeAgain(one, news);
  const shown: Shown[] = [{ said: `${to} wrote`, rows: await rowsOf(ground, table, written) }];
  await ground.session.query('savepoint shown');
  try {
    const read: ShownRow[] = [];
    for (const old of one.cluster.olds) {
      // Of a drawn key nothing is known yet: what 1.0 has no row of is what would come.
      const rows =
        part.mapping.via === null
          ? sql`(select a.* from ${olds(old.relation)} as a join ${written} as w
on ${isSame('a', sliceOf(one, old.relation), 'w', part.mapping.slice)})`
          : sql`(select a.* from ${olds(old.relation)} as a where a::text not in (
select b::text from ${lens(old.relation)} as b))`;
      read.push(...(await rowsOf(ground, old.table, rows)));
    }
    const back = readAgain(one, olds);
    const { key } = part.mapping;
    const own = sql`(select c.* from ${back(part.relation)} as c join ${written} as w
on ${isSame('c', key, 'w', key)})`;
    shown.push({ said: `${from} would read`, rows: read });
    shown.push({ said: 'comes back', rows: await rowsOf(ground, table, own) });
  } catch (error) {
    // What cannot even be computed is told by PostgreSQL's own words.
    if (sqlStateOf(error) === undefined) throw error;
    await ground.session.query('rollback to savepoint shown');
    shown.push({ said: messageOf(error), rows: [] });
  }
  return shown;
}

/** The columns of an old table by which its rows hang together. */
function sliceOf({ cluster }: Rebuilt, relation: Relation): readonly string[] {
  return cluster.backward.find((one) => one.target === relation)?.slice ?? [];
}

/** By text: keys of two releases may be of two types. */
function isSame(
  left: string,
  leftKey: readonly string[],
  right: string,
  rightKey: readonly string[],
) {
  const same = leftKey.map((column, place) => {
    const other = name(right, rightKey[place] ?? '');
    return sql`${name(left, column)}::text = ${other}::text`;
  });
  return joined(same, ' and ');
}
