// Which values that an old column may hold `up` fails for. Each is put into a sample row of the old
// release, whose own rules refuse what they do not allow, and the value of the new column is made
// from that row. Such a row would go to quarantine, and reads of it through the lens would fail.

import { assigned } from '../compile/assigned.js';
import type { CompileInput } from '../compile/compile.js';
import { domainOf, messageOf, type Session, sqlStateOf, withSession } from '../pg.js';
import { type Column, findColumn } from '../release/catalog.js';
import { columnsOf } from '../release/expression.js';
import type { Scratch } from '../release/load.js';
import { typesApart } from '../release/types-apart.js';
import { installRelease } from '../shard/install.js';
import { literal, name, names, sql, trusted } from '../sql.js';
import { type Crossing, crossingsOf } from './crossings.js';
import { makeCopies } from './expression-types.js';
import { type Sampler, samplerOf } from './sample-values.js';
import { insertSamples } from './samples.js';

export interface Unconvertible {
  /** The new column. */
  readonly table: string;
  readonly column: string;
  /** The old column, and a value that it may hold. */
  readonly from: string;
  readonly value: string;
  /** What makes the new value, and whether the author stated it. */
  readonly up: string;
  readonly isStated: boolean;
  /** PostgreSQL's messages: the one about `value`, then those about others. */
  readonly reasons: readonly string[];
}

/** SQLSTATEs of class 22, "data exception" (manual, appendix A). */
const DATA_EXCEPTION = /^22/;

/** The ends of what types hold, where conversions break; the text is longer than most limits. */
const EXTREMES: readonly string[] = [
  '-32768',
  '32767',
  '-2147483648',
  '2147483647',
  '-9223372036854775808',
  '9223372036854775807',
  'a'.repeat(1000),
];

/** In the order of the tables; empty where every value that was tried converts. */
export async function findUnconvertible(
  input: CompileInput,
  scratch: Scratch,
): Promise<Unconvertible[]> {
  const ups = crossingsOf(input).filter(
    (one) => one.key === 'up' && columnsOf(one.made).length > 0 && !hasDefault(input, one),
  );
  if (ups.length === 0) return [];
  const { app, from, to } = input;
  const older = typesApart(from.catalog, to.catalog);
  return scratch.withDatabase(async (url) => {
    await installRelease({ url, app, release: from });
    return withSession(url, 'check/unconvertible', async (session) => {
      await insertSamples(session, from.catalog);
      await makeCopies(session, older, to.catalog);
      const sampler = samplerOf(session, older);
      const found: Unconvertible[] = [];
      for (const up of ups) found.push(...(await failuresOf(session, up, sampler)));
      return found;
    });
  });
}

/** Whether the author has said what the column holds where `up` fails. */
function hasDefault({ evolution }: CompileInput, { target, column }: Crossing): boolean {
  return evolution.dirty.some(
    (one) => one.kind === 'default' && one.table === target.name && one.column === column.name,
  );
}

async function failuresOf(
  session: Session,
  up: Crossing,
  sampler: Sampler,
): Promise<Unconvertible[]> {
  const { source, target, column, made, stated } = up;
  if (source === null) return [];
  const found: Unconvertible[] = [];
  for (const mentioned of columnsOf(made)) {
    const old = findColumn(source, mentioned);
    if (old === undefined || old.generated !== null) continue;
    const failures: { value: string; reason: string }[] = [];
    for (const value of await sampler(old, source, EXTREMES)) {
      const reason = await refusalOf(session, up, old, value);
      if (reason !== null) failures.push({ value, reason });
    }
    const [first] = failures;
    if (first === undefined) continue;
    found.push({
      table: target.name,
      column: column.name,
      from: old.name,
      value: first.value,
      up: made,
      isStated: stated !== null,
      reasons: [...new Set(failures.map((one) => one.reason))],
    });
  }
  return found;
}

/** What PostgreSQL says against the new value; null where it can be made, or the old one not be. */
async function refusalOf(
  session: Session,
  { source, column, made, bases }: Crossing,
  old: Column,
  value: string,
): Promise<string | null> {
  const at = name('public', source?.name ?? '');
  const mentioned = names(columnsOf(made));
  await session.query('begin');
  try {
    await session.query(
      sql`update ${at} set ${name(old.name)} = ${literal(value)}::${trusted(old.type)}
where ctid = (select ctid from ${at} order by num_nulls(${mentioned}) limit 1)
returning ${assigned(trusted(made), column, bases)}`.text,
    );
    return null;
  } catch (error) {
    const state = sqlStateOf(error);
    if (state === undefined) throw error;
    const isRefused = DATA_EXCEPTION.test(state) || domainOf(error) !== undefined;
    return isRefused ? messageOf(error) : null;
  } finally {
    await session.query('rollback');
  }
}
