// Does what one release writes come back from the other? Asked of the rows on a prepared shard, by
// the same queries that lens and sync are made of; what does not is made as small as it can be.
//
// | kind             | asked                                                                    |
// |------------------|--------------------------------------------------------------------------|
// | not kept         | of changes that share out rows: is each old row made again?              |
// | not stable       | is what the new release reads the same when it has gone back and forth?  |
// | beyond its slice | does each query give the same when it sees the rows of one slice alone?  |
// | breaks a rule    | does what the new release reads keep the rules of its tables?            |

import type { Mapping } from '../compile/mapping.js';
import type { Rebuilt } from '../compile/rebuilt.js';
import { sqlStateOf } from '../pg.js';
import type { Table } from '../release/catalog.js';
import { columnsOf } from '../release/expression.js';
import { literal, name, sql } from '../sql.js';
import { type CounterExample, counterExample, type Labels } from './counter-example.js';
import type { Doubt } from './doubt.js';
import { ask, type Ground, lensOf, notKept, rowsOf } from './hops.js';
import { keptDoubt, stableDoubt } from './round-trip-doubts.js';
import { ruleDoubts } from './rule-doubts.js';
import { shrink } from './shrink.js';
import { sliceDoubts } from './slice-doubts.js';

/** What rows break of the new release's rules, by the name of the rule. */
export type BrokenRules = ReadonlyMap<string, CounterExample>;

/** Such rows go to quarantine, or stop expand: whoever finds them there can say why. */
export async function brokenRules(ground: Ground): Promise<BrokenRules> {
  const found = new Map<string, CounterExample>();
  for (const one of ground.evolving.clusters) {
    for (const { rule, doubt } of ruleDoubts(ground, one)) {
      const example = await inTrial(ground, () => exampleOf(ground, one, doubt));
      if (example !== null) found.set(rule, example);
    }
  }
  return found;
}

/** The first thing of each cluster that is wrong; the rows stay as they are. */
export async function examine(ground: Ground): Promise<CounterExample[]> {
  const found: CounterExample[] = [];
  for (const one of ground.evolving.clusters) {
    for (const doubt of doubtsOf(ground, one)) {
      const example = await inTrial(ground, () => exampleOf(ground, one, doubt));
      if (example === null) continue;
      found.push(example);
      break;
    }
  }
  return found;
}

/** Whether the clusters of an old table are held by the new release; null where reading fails. */
export async function lostRows(ground: Ground, table: Table): Promise<number | null> {
  let lost = 0;
  for (const one of ground.evolving.clusters) {
    if (!one.cluster.olds.some((old) => old.table.name === table.name)) continue;
    try {
      lost += await countLost(ground, one);
    } catch (error) {
      if (sqlStateOf(error) === undefined) throw error;
      return null;
    }
  }
  return lost;
}

async function countLost(ground: Ground, one: Rebuilt): Promise<number> {
  const lens = lensOf(ground);
  let lost = 0;
  for (const { mapping, table } of one.cluster.parts) {
    // Every value is computed, as whoever reads the row has it computed.
    await rowsOf(ground, table, lens(mapping.target));
  }
  for (const mapping of keptOf(one)) {
    const [row] = await ask<{ lost: number }>(
      ground,
      sql`select count(*)::int as lost ${notKept(mapping, lens)}`,
    );
    lost += row?.lost ?? 0;
  }
  return lost;
}

/** As verify looks for rows that nothing else would find (compile/verify.ts). */
function keptOf({ cluster }: Rebuilt): readonly Mapping[] {
  return cluster.sliced === null ? [] : cluster.backward;
}

/**
 * Whatever `body` does is undone. Null where PostgreSQL refuses a question: then nothing is claimed
 * here, and the verbs that follow say what is wrong.
 */
export async function inTrial<Result>(
  { session }: Ground,
  body: () => Promise<Result>,
): Promise<Result | null> {
  await session.query('begin');
  try {
    return await body();
  } catch (error) {
    if (sqlStateOf(error) === undefined) throw error;
    return null;
  } finally {
    await session.query('rollback');
  }
}

async function exampleOf(
  ground: Ground,
  one: Rebuilt,
  doubt: Doubt,
): Promise<CounterExample | null> {
  const { session, evolving } = ground;
  const { kind, table, isWrong, columns, message, shown } = doubt;
  if (!(await isWrong()) && !(await isProvoked(ground, one, doubt))) return null;
  const tables = one.cluster.olds.map((old) => old.table);
  const others = evolving.from.tables.filter((other) => !tables.includes(other));
  await shrink({ session, tables: [...tables].reverse(), others, isStillWrong: isWrong });
  const differing = await columns();
  return counterExample(
    { kind, message: message(differing), shown: await shown() },
    one,
    { table: table.name, columns: differing, isOfQuery: kind === 'beyond its slice' },
    { evolution: evolving.evolution, labels: labelsOf(ground) },
  );
}

/** Values for what is computed: of a small number a wrong factor may not show. */
const TELLING = [
  '-1',
  '10',
  '1000',
  '12345',
  '1.5',
  'A b',
  ' a',
  '',
  '2026-03-04 05:06:07.89',
] as const;

/** Whether it becomes wrong with one of them in a row; the row is then left as it is. */
async function isProvoked(ground: Ground, one: Rebuilt, { kind, isWrong }: Doubt) {
  if (kind !== 'not stable') return false;
  const { session } = ground;
  const computed = one.cluster.parts.flatMap(({ mapped }) =>
    mapped.flatMap(({ source, up, lookup }) =>
      source === null && up !== null && lookup === undefined ? columnsOf(up) : [],
    ),
  );
  for (const column of new Set(computed)) {
    for (const text of TELLING) {
      await session.query('savepoint telling');
      const isFound = await session
        .query(tellingRow(one, column, text))
        .then(isWrong)
        .catch((error: unknown) => {
          if (sqlStateOf(error) === undefined) throw error;
          return false;
        });
      if (isFound) return true;
      await session.query('rollback to savepoint telling');
    }
  }
  return false;
}

function tellingRow({ cluster }: Rebuilt, called: string, text: string): string {
  const [own] = cluster.olds.flatMap(({ table, names }) =>
    [...names].flatMap(([column, name]) => (name === called ? [{ table, column }] : [])),
  );
  if (own === undefined) return 'select';
  const at = name('public', own.table.name);
  return sql`update ${at} set ${name(own.column)} = ${literal(text)}
where ctid = (select ctid from ${at} limit 1)`.text;
}

export function labelsOf({ bundle }: Ground): Labels {
  return new Map(
    bundle.relations.flatMap((one) => (one.new === null ? [] : [[one.new, one.label] as const])),
  );
}

function doubtsOf(ground: Ground, one: Rebuilt): Doubt[] {
  return [
    ...keptOf(one).map((mapping) => keptDoubt(ground, one, mapping)),
    ...(one.cluster.sliced?.kind === 'custom' ? sliceDoubts(ground, one) : []),
    ...one.cluster.parts.map(({ mapping, table }) => stableDoubt(ground, one, { mapping, table })),
  ];
}
