// Columns that move between one table and its parts, for the player: a plain database of each
// release, and the rows that a statement has changed are written into the other one.

import type { Bundle } from '@halflap/engine';
import { freshDatabase } from '@halflap/engine/testing';
import { type Client, openClient } from '../evolving/databases.js';
import { computedCopy } from './copying.js';
import { type Model, modelOf } from './model.js';
import { type Outcome, outcomeOf, UNHELD } from './outcome.js';
import type { Asked, Pair, Place, Plain, Release, Statement } from './plain.js';
import {
  carryBackward,
  carryForward,
  keyNames,
  linesOf,
  type Moved,
  type NewState,
  type OldState,
  readNew,
  readOld,
  unheldRows,
} from './rows.js';
import { statementOf } from './statements.js';
import { beginAgain, isKeyFixed, unheldOf } from './unheld.js';

/** The model calls the release with the one table the old one, whichever is in the field. */
type Side = 'old' | 'new';

interface Split {
  readonly model: Model;
  readonly bundle: Bundle;
  readonly plain: Readonly<Record<Side, Client>>;
}

export function splitPair(model: Model): Pair {
  const { old, new: fresh } = model.schemas;
  return {
    name: 'split',
    schemas: model.isReversed ? { old: fresh, new: old } : { old, new: fresh },
    changes: model.changes ?? '',
    head: '',
    needsPrepared: false,
    open: (bundle) => openSplit(model, bundle),
    smaller: (statements) => smaller(model, statements).map(splitPair),
  };
}

/** Without a column, or the table that refers, of which no statement speaks. */
function smaller(model: Model, statements: readonly string[]): Model[] {
  const isNamed = (name: string) =>
    statements.some((text) => new RegExp(`\\b${name}\\b`).test(text));
  const spare = model.columns.filter(
    (one) => !one.decides && ![one.old?.name, one.new?.name].some((name) => name && isNamed(name)),
  );
  const left = spare.map((one) => model.columns.filter((other) => other !== one));
  const without = model.hasChildren && !isNamed('children') ? [{ hasChildren: false }] : [];
  return [...left.map((columns) => ({ columns })), ...without].map((change) =>
    modelOf({ ...model, ...change }),
  );
}

async function openSplit(model: Model, bundle: Bundle): Promise<Plain> {
  const databases = [await freshDatabase(), await freshDatabase()] as const;
  const plain = {
    old: await openClient(databases[0].url),
    new: await openClient(databases[1].url),
  };
  await plain.old.query(model.schemas.old);
  await plain.new.query(model.schemas.new);
  const split: Split = { model, bundle, plain };
  const clients = [plain.old, plain.new];
  const tables = [model.oldTable, ...model.parts.map((one) => one.table), 'children'];
  const read = async (client: Client, release: Release) => {
    const isOld = sideOf(split, release) === 'old';
    return linesOf(isOld ? await readOld(client, model) : await readNew(client, model));
  };
  return {
    tables: new Set(tables),
    say: async (text) => {
      for (const client of clients) await client.query(text);
    },
    draw: (random, place) => draw(split, random, place),
    answersTo: (asked) => answersTo(split, asked),
    isRefusedAtCommit: async ({ isBehindOwn, release }) =>
      isBehindOwn && (await unheldOf({ ...split, coming: sideOf(split, release) })).isRowImplied,
    cures: async () => [],
    read,
    lines: (release) => read(plain[sideOf(split, release)], release),
    beginAgain: () => beginAgain(split),
    close: async () => {
      await Promise.all(clients.map((client) => client.end()));
      await Promise.all(databases.map((database) => database.drop()));
    },
  };
}

function sideOf({ model }: Pick<Split, 'model'>, release: Release): Side {
  if (!model.isReversed) return release;
  return release === 'old' ? 'new' : 'old';
}

async function draw(
  split: Split,
  random: Parameters<Plain['draw']>[0],
  { release, isNative, isAlone }: Place,
): Promise<Statement> {
  const { model } = split;
  const side = sideOf(split, release);
  const isTable = release === 'old' || isAlone || !isOverlay(split);
  const { given, ...statement } = statementOf(side, {
    random,
    model,
    keys: await keysOf(split, side),
    isInField: release === 'old',
    isNative: isNative && isTable,
  });
  // Not even by triggers does the view of an overlay take it.
  if (given === null || !isTable || random.percent(80)) return statement;
  const text = statement.text.replace(/ returning [^)]*$/, '');
  return { ...statement, text, copy: await computedCopy(split.plain[side], given) };
}

async function answersTo(split: Split, asked: Asked): Promise<Outcome[]> {
  const { model, plain } = split;
  const { statement, release, found, isAlone, isBehindOwn } = asked;
  const side = sideOf(split, release);
  const before = { old: await readOld(plain.old, model), new: await readNew(plain.new, model) };
  const text = statement.withKey === null ? statement.text : withMade(statement, found);
  const plainly = await outcomeOf(plain[side], text);
  const attempt = { statement, before, plainly, isOpen: asked.isOpen };
  const wanted = isBehindOwn
    ? await wantedBehindOwn(split, side, attempt)
    : (await isUnheld(split, asked))
      ? UNHELD
      : plainly;
  if (wanted.state === null && !isAlone) await carry(split, side, attempt);
  // Until contract has come to its end, what is written may be carried back still.
  const isRefusedStill =
    asked.isContracting && (await isUnheld(split, { ...asked, isAlone: false }));
  return isRefusedStill ? [wanted, UNHELD] : [wanted];
}

/** A statement that the plain database of its release has carried out. */
interface Attempt {
  readonly statement: Statement;
  readonly before: { readonly old: OldState; readonly new: NewState };
  readonly plainly: Outcome;
  readonly isOpen: boolean;
}

/** The other release's plain database gets what the statement has changed. */
async function carry({ plain, model }: Split, side: Side, attempt: Attempt): Promise<void> {
  const { statement, before, plainly } = attempt;
  const moved = plainly.count > 0 ? movedBy(statement) : null;
  if (side === 'old') {
    const after = await readOld(plain.old, model);
    await carryForward(plain.new, model, { before: before.old, after, moved });
  } else {
    const after = await readNew(plain.new, model);
    await carryBackward(plain.old, model, { before: before.new, after, moved });
  }
}

function movedBy({ move }: Statement): Moved | null {
  if (move === null) return null;
  const text = (key: readonly string[]) =>
    JSON.stringify(key.map((literal) => literal.replace(/^'|'$/g, '')));
  return { from: text(move.from), to: text(move.to), values: move };
}

/** Nothing is kept beside the tables of the release in the field. */
async function wantedBehindOwn(split: Split, side: Side, attempt: Attempt): Promise<Outcome> {
  const { plainly, statement, isOpen } = attempt;
  if (statement.move !== null && isKeyFixed(split.model, split.bundle)) return KEY_FIXED;
  if (plainly.state !== null) return plainly;
  const other = split.plain[side === 'old' ? 'new' : 'old'];
  await other.query('savepoint trial');
  await carry(split, side, attempt);
  const unheld = await unheldOf({ ...split, coming: side });
  await other.query('rollback to savepoint trial');
  return unheld.isValueLost || (!isOpen && unheld.isRowImplied) ? UNHELD : plainly;
}

/** As PostgreSQL says that a column of a view cannot be updated. */
const KEY_FIXED: Outcome = { ...UNHELD, state: '0A000' };

/**
 * Where tables become one: a value that belongs to a row which, by another column of the same
 * table, is not there. All rows were held before the statement.
 */
async function isUnheld({ model, plain }: Split, { release, isAlone }: Place): Promise<boolean> {
  if (!model.isReversed || release === 'old' || isAlone) return false;
  // In a transaction whose statement has failed nothing can be asked, and nothing was written.
  const { rows } = await plain.old
    .query(`select exists (select from ${model.oldTable} where ${unheldRows(model)}) as is_unheld`)
    .catch(() => ({ rows: [] }));
  return rows[0]?.is_unheld === 't';
}

/** The plain database is told the key that the shard has made; a refused row has none. */
function withMade({ withKey }: Statement, found: Outcome): string {
  const keys = found.keys.length > 0 ? found.keys.map((key) => `'${key}'`) : ["'-1'"];
  return withKey?.(keys) ?? '';
}

async function keysOf({ plain, model }: Split, side: Side): Promise<string[][]> {
  const rows =
    side === 'old'
      ? (await readOld(plain.old, model)).items
      : ((await readNew(plain.new, model)).parts[0] ?? new Map());
  const names = side === 'old' ? keyNames(model) : (model.parts[0]?.key ?? []);
  return [...rows.values()].map((row) => names.map((name) => `'${row[name]}'`));
}

function isOverlay({ bundle, model }: Split): boolean {
  const own = new Set([model.oldTable, ...model.parts.map((one) => one.table)]);
  return bundle.relations
    .filter((one) => own.has(one.new ?? one.old ?? ''))
    .every((one) => !one.isLensWithoutOnConflict);
}
