// What a statement on the tables of a shape should be answered, and what it leaves in the model.
//
// | the new release writes | its rows must be held                    | keys that others know by |
// |------------------------|------------------------------------------|--------------------------|
// | a lens                 | after each row, in whatever order        | stay: HL003              |
// | its own tables         | after the statement                      | may change               |
//
// Where one order of the rows would do and another would not, either answer is right.

import { stateOf } from '../evolving/databases.js';
import { type Outcome, outcomeOf, UNHELD } from './outcome.js';
import { type Asked, OTHER, type Statement } from './plain.js';
import { noteHeld } from './shape-held.js';
import { followUnwritten, forget, moveInMaps, moveInMemory, remember } from './shape-keys.js';
import { type Both, become, columnsOf, follow, isHeld } from './shape-model.js';
import type { ShapedTable, Twin } from './shapes.js';

/** SQLSTATE of ON CONFLICT that meets a row of its own. */
const TWICE = '21000';

const FIXED: Outcome = { ...UNHELD, state: 'HL003' };

/** The client is in a transaction; after a refusal it has to go back. */
export async function answersTo(both: Both, given: Asked): Promise<Outcome[]> {
  const { release, found, isAlone } = given;
  const isLens = release === 'new' && !given.isNative;
  const text = withDrawn(given.statement, found);
  await become(both.client, release);
  const statement = await withLiteralMove(both, given.statement);
  const asked = { ...given, statement };
  const isTruncate = release === 'new' && text.startsWith('truncate');
  const table = both.shape[release].tables.find((one) => one.name === statement.table);
  if (table === undefined) throw new Error(`no table ${statement.table}`);
  if (isAlone) {
    if (!asked.isContracting) return [await outcomeOf(both.client, text)];
    const { plainly, isStill } = await outcomeOn(both, text, release === 'new' ? table : null);
    if (plainly.state !== null) return [plainly];
    if (!isStill) return [plainly, UNHELD];
    return isTruncate ? [plainly, FIXED] : [plainly, ...(await refusedStill(both, asked, plainly))];
  }
  if (isTruncate) return [FIXED];
  const tried = isLens ? await throughLens(both, { ...asked, text, table }) : [];
  if (tried.some((one) => one.state !== null)) {
    if (tried.length === 1 || found.state !== null) return tried;
  }
  const { plainly, isStill } = await outcomeOn(both, text, release === 'new' ? table : null);
  if (plainly.state !== null) return [plainly];
  if (!isStill) return [UNHELD];
  const carried = await carry(both, asked, plainly.count);
  if (carried === null) return [plainly];
  // What one table of the old release keeps unique is its own key.
  return statement.move === null
    ? toldAs(carried)
    : [...toldAs(carried), { ...UNHELD, state: '23505' }];
}

/** A rule of the other release tells of itself, or of what does not come back because of it. */
function toldAs(refusal: Outcome): Outcome[] {
  return refusal.state === UNHELD.state ? [refusal] : [refusal, UNHELD];
}

/** What the plain database answers, and whether columns that may not change yet have not. */
async function outcomeOn(both: Both, text: string, table: ShapedTable | null) {
  const still = table?.still ?? [];
  const rows = async () =>
    table === null || still.length === 0 ? new Map() : await rowsOf(both, table);
  const before = await rows();
  const plainly = await outcomeOf(both.client, text);
  if (plainly.state !== null) return { plainly, isStill: true };
  return { plainly, isStill: !differsIn(still, { before, after: await rows() }) };
}

/** Until contract has come to its end, what is written may be carried back still. */
async function refusedStill(both: Both, asked: Asked, { count }: Outcome): Promise<Outcome[]> {
  await both.client.query('savepoint still');
  const refusal = await carry(both, asked, count);
  if (refusal === null) return [];
  await both.client.query('rollback to savepoint still');
  return toldAs(refusal);
}

/** With the key that the shard has drawn; whatever the model draws will do where it was refused. */
function withDrawn({ text, withKey }: Statement, { keys: [key] }: Outcome): string {
  return withKey === null || key === undefined ? text : withKey([`'${key}'`]);
}

/** What names the row that moves does not find it any more when it has moved. */
async function withLiteralMove({ client }: Both, statement: Statement): Promise<Statement> {
  const { move } = statement;
  if (move === null) return statement;
  const values = move.from.map((one, at) => `quote_nullable(${one}) as "${at}"`);
  const { rows } = await client.query(`select ${values.join(', ')}`);
  const from = move.from.map((_, at) => String(rows[0]?.[at]));
  return { ...statement, move: { ...move, from } };
}

/** The other release's rows follow. @returns the refusal, if there is one. */
async function carry(
  both: Both,
  { release, statement, isBehindOwn }: Pick<Asked, 'release' | 'statement' | 'isBehindOwn'>,
  count: number,
): Promise<Outcome | null> {
  try {
    const { move, table } = statement;
    if (move !== null && count > 0) {
      const [from, to] = [move.from[0] ?? '', move.to[0] ?? ''];
      await moveInMaps(both, release, { table, from, to });
      for (const twin of both.shape.twins ?? []) {
        if (twin[release] !== table) continue;
        const other = twin[OTHER[release]];
        await moveTwin(both, { at: `${OTHER[release]}.${other}`, twin }, statement);
        await moveInMaps(both, OTHER[release], { table: other, from, to });
        await moveInMemory(both, from, to);
      }
    }
    if (isBehindOwn && (await isKeptBeside(both))) return UNHELD;
    await follow(both, OTHER[release]);
    await noteHeld(both);
    if (release === 'new') {
      await followUnwritten(both, isBehindOwn);
      await (isBehindOwn ? forget : remember)(both);
    }
    const isRight = release === 'old' || (await isHeld(both, 'new'));
    await remember(both);
    return isRight ? null : UNHELD;
  } catch (error) {
    const state = stateOf(error);
    if (release === 'old' || !state.startsWith('23')) throw error;
    return { ...UNHELD, state, message: String(error) };
  }
}

/** The same row of the other release. */
async function moveTwin(
  { client, shape }: Both,
  { at, twin }: { readonly at: string; readonly twin: Twin },
  { table, move }: Statement,
): Promise<void> {
  const tables = [...shape.old.tables, ...shape.new.tables];
  const { key = [] } = tables.find((one) => one.name === table) ?? {};
  const { from = [], to = [] } = move ?? {};
  const pairs = (values: readonly string[], joint: string) =>
    key.map(({ name }, place) => `${name} = ${values[place]}`).join(joint);
  const isFree =
    twin.isOneOf === true ? ` and not exists (select from ${at} where ${pairs(to, ' and ')})` : '';
  await client.query(`update ${at} set ${pairs(to, ', ')} where ${pairs(from, ' and ')}${isFree}`);
}

/** What only the new release knows, and nobody keeps for a lens of a session. */
async function isKeptBeside({ client, shape }: Both): Promise<boolean> {
  const found = shape.new.tables.flatMap((table) =>
    table.columns.flatMap(({ name, beside }) =>
      beside === undefined
        ? []
        : [`exists (select from new.${table.name} where ${name} is distinct from ${beside})`],
    ),
  );
  const { rows } = await client.query(`select ${['false', ...found].join(' or ')} as is_kept`);
  return rows[0]?.is_kept === 't';
}

interface Lensed extends Asked {
  readonly text: string;
  readonly table: ShapedTable;
}

/** The answers that a lens may give, as far as they are refusals; the client is where it was. */
async function throughLens(both: Both, lensed: Lensed): Promise<Outcome[]> {
  const { statement, table, text } = lensed;
  const { client } = both;
  const before = await rowsOf(both, table);
  await client.query('savepoint lens');
  const plainly = await outcomeOf(client, text);
  const after = plainly.state === null ? await rowsOf(both, table) : before;
  await client.query('rollback to savepoint lens');
  const isMoved = movesFixed(lensed, { before, after });
  if (plainly.state === TWICE && statement.rows !== null) {
    // A lens looks at the rules of a row before it meets the row again.
    const refusal = await oneByOne(both, lensed, statement.rows);
    return refusal === null ? [plainly] : [plainly, refusal];
  }
  // Of several reasons for a refusal any may come first.
  if (plainly.state !== null) return isMoved || setsFixed(lensed) ? [plainly, FIXED] : [plainly];
  if (isMoved) return plainly.count > 0 ? [FIXED] : [];
  if (statement.move !== null) return [];
  const steps = statement.rows ?? stepsBetween(table, before, after);
  if (steps.length < 2) return [];
  const orders = statement.rows === null ? ordersOf(steps) : [steps];
  const answers: (Outcome | null)[] = [];
  for (const order of orders) answers.push(await oneByOne(both, lensed, order));
  const refusals = answers.filter((one) => one !== null);
  if (refusals.length === 0) return [];
  return refusals.length === answers.length ? refusals.slice(0, 1) : [plainly, ...refusals];
}

async function oneByOne(
  both: Both,
  asked: Lensed,
  steps: readonly string[],
): Promise<Outcome | null> {
  await both.client.query('savepoint steps');
  let answer: Outcome | null = null;
  for (const step of steps) {
    await become(both.client, 'new');
    const plainly = await outcomeOf(both.client, step);
    answer = plainly.state === null ? await carry(both, asked, plainly.count) : plainly;
    if (answer !== null) break;
  }
  await both.client.query('rollback to savepoint steps');
  return answer;
}

/** Rows by key: each column as an SQL literal. */
type Literals = ReadonlyMap<string, Readonly<Record<string, string>>>;

async function rowsOf({ client }: Both, table: ShapedTable): Promise<Literals> {
  const names = columnsOf(table);
  const { rows } = await client.query<Record<string, string>>(
    `select ${names.map((one) => `quote_nullable(${one}::text) as ${one}`).join(', ')}
     from ${table.name}`,
  );
  return new Map(rows.map((row) => [table.key.map((one) => row[one.name]).join(), row]));
}

interface Change {
  readonly before: Literals;
  readonly after: Literals;
}

function movesFixed({ statement, table }: Lensed, { before, after }: Change): boolean {
  const { move } = statement;
  const fixed = table.fixed ?? [];
  const bare = (literal: string | undefined) => literal?.replace(/^'|'$/g, '');
  if (move !== null) {
    return table.key.some(
      ({ name }, at) => fixed.includes(name) && bare(move.from[at]) !== bare(move.to[at]),
    );
  }
  return differsIn(fixed, { before, after });
}

function differsIn(columns: readonly string[], { before, after }: Change): boolean {
  return [...after].some(([key, row]) => {
    const old = before.get(key);
    return old !== undefined && columns.some((name) => old[name] !== row[name]);
  });
}

function setsFixed({ text, table }: Lensed): boolean {
  const [, set = ''] = /^update \w+ set (.*?) where /.exec(text) ?? [];
  return (table.fixed ?? []).some((name) => new RegExp(`\\b${name} =`).test(set));
}

/** What a statement has done to each row. */
function stepsBetween(table: ShapedTable, before: Literals, after: Literals): string[] {
  const names = columnsOf(table);
  const where = (row: Readonly<Record<string, string>>) =>
    table.key.map(({ name }) => `${name} = ${row[name]}`).join(' and ');
  const gone = [...before].filter(([key]) => !after.has(key));
  const changed = [...after].filter(([key, row]) => {
    const old = before.get(key);
    return old !== undefined && names.some((name) => old[name] !== row[name]);
  });
  return [
    ...gone.map(([, row]) => `delete from ${table.name} where ${where(row)}`),
    ...changed.map(([, row]) => {
      const set = table.columns.map(({ name }) => `${name} = ${row[name]}`);
      return `update ${table.name} set ${set.join(', ')} where ${where(row)}`;
    }),
  ];
}

/** All orders of up to three; of more, the one and its reverse. */
function ordersOf(steps: readonly string[]): string[][] {
  const [a, b, c] = steps;
  if (steps.length !== 3 || a === undefined || b === undefined || c === undefined) {
    return [[...steps], [...steps].reverse()];
  }
  return [
    [a, b, c],
    [a, c, b],
    [b, a, c],
    [b, c, a],
    [c, a, b],
    [c, b, a],
  ];
}
