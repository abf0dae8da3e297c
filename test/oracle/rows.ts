// What a plain database of each release holds, as text, and how a change of the one is written
// into the other: the model's own idea of the evolution, said once more and in another way than
// the engine.

import type { Client } from '../evolving/databases.js';
import type { Column, Model, Part } from './model.js';

export type Row = Readonly<Record<string, string | null>>;

/** Rows by key. */
export type Rows = ReadonlyMap<string, Row>;

export interface OldState {
  readonly items: Rows;
  readonly children: Rows;
}

export interface NewState {
  readonly parts: readonly Rows[];
  readonly children: Rows;
}

export async function readOld(client: Client, model: Model): Promise<OldState> {
  const names = [...keyNames(model), ...oldColumns(model).map((one) => one.old?.name ?? '')];
  return {
    items: await readTable(client, model.oldTable, { key: keyNames(model), names }),
    children: await readChildren(client, model),
  };
}

export async function readNew(client: Client, model: Model): Promise<NewState> {
  const parts: Rows[] = [];
  for (const [index, part] of model.parts.entries()) {
    const names = [...part.key, ...columnsOf(model, index).map((one) => one.new?.name ?? '')];
    parts.push(await readTable(client, part.table, { key: part.key, names }));
  }
  return { parts, children: await readChildren(client, model) };
}

async function readTable(
  client: Client,
  table: string,
  { key, names }: { readonly key: readonly string[]; readonly names: readonly string[] },
): Promise<Rows> {
  const list = names.map((name) => `${name}::text as ${name}`).join(', ');
  const { rows } = await client.query<Row>(`select ${list} from ${table}`);
  const found = new Map(rows.map((row) => [keyOf(row, key), row]));
  if (found.size < rows.length) throw new Error(`${table} holds a key twice`);
  return found;
}

async function readChildren(client: Client, model: Model): Promise<Rows> {
  if (!model.hasChildren) return new Map();
  return readTable(client, 'children', { key: ['no'], names: ['no', 'item', 'word'] });
}

/** The state as sorted lines, for comparison. */
export function linesOf(state: OldState | NewState): string[] {
  const tables: Record<string, Rows> =
    'items' in state ? { items: state.items } : Object.fromEntries(state.parts.entries());
  return Object.entries({ ...tables, children: state.children }).flatMap(([name, rows]) =>
    [...rows.values()].map((row) => `${name}: ${JSON.stringify(row)}`).sort(),
  );
}

/** Writes what the old release has changed into the plain database of the new one. */
export async function carryForward(
  client: Client,
  model: Model,
  { before, after, moved }: Carried<OldState>,
): Promise<void> {
  if (moved !== null) {
    const base = model.parts[0] as Part;
    await client.query(moveOf(base.table, base.key, moved));
  }
  const start = movedRows(before.items, moved);
  await removeGone(client, 'children', { before: before.children, after: after.children });
  for (const [key, row] of start) {
    if (!after.items.has(key)) await remove(client, model, { part: 0, row });
  }
  for (const [key, row] of after.items) {
    if (!isSame(start.get(key), row)) await put(client, model, { row, isNew: !start.has(key) });
  }
  await writeChildren(client, before.children, after.children);
}

export interface Carried<State> {
  readonly before: State;
  readonly after: State;
  /** A key that has changed; everything else about that row is compared under its new key. */
  readonly moved: Moved | null;
}

export interface Moved {
  readonly from: string;
  readonly to: string;
  /** The same as SQL literals. */
  readonly values: { readonly from: readonly string[]; readonly to: readonly string[] };
}

async function put(
  client: Client,
  model: Model,
  { row, isNew }: { readonly row: Row; readonly isNew: boolean },
): Promise<void> {
  const values = await evaluate(client, row, {
    types: typesOfOld(model),
    expressions: model.columns.flatMap((one) =>
      one.old === null || one.new === null
        ? []
        : [[`${one.new.part}.${one.new.name}`, one.up ?? one.old.name] as const],
    ),
  });
  for (const [index, part] of model.parts.entries()) {
    const key = keyNames(model).map((name) => row[name] ?? null);
    const mapped = columnsOf(model, index).filter((one) => one.old !== null);
    const own = mapped.map((one) => one.new?.name ?? '');
    const isThere = await exists(client, part, key);
    if (!(await belongs(client, model, { index, row, isThere, isNew }))) {
      if (isThere) await remove(client, model, { part: index, row });
      continue;
    }
    await upsert(client, part, {
      key,
      names: own,
      values: own.map((name) => values[`${index}.${name}`] ?? null),
      isThere,
    });
  }
}

/** Whether the old row has a row in the part. */
async function belongs(
  client: Client,
  model: Model,
  asked: { index: number; row: Row; isThere: boolean; isNew: boolean },
): Promise<boolean> {
  const { index, row, isThere, isNew } = asked;
  const mapped = columnsOf(model, index).filter((one) => one.old !== null);
  const decider = mapped.find((one) => one.decides);
  if (decider !== undefined) return row[decider.old?.name ?? ''] !== null;
  if (index === 0 || isThere || isNew) return true;
  const absent = await missing(client, mapped);
  return mapped.some((one) => row[one.old?.name ?? ''] !== absent[one.old?.name ?? '']);
}

/** Writes what the new release has changed into the plain database of the old one. */
export async function carryBackward(
  client: Client,
  model: Model,
  { before, after, moved }: Carried<NewState>,
): Promise<void> {
  if (moved !== null) await client.query(moveOf(model.oldTable, keyNames(model), moved));
  const starts = before.parts.map((rows) => movedRows(rows, moved));
  const [base, baseBefore] = [after.parts[0] as Rows, starts[0] as Rows];
  await removeGone(client, 'children', { before: before.children, after: after.children });
  for (const [key, row] of baseBefore) {
    const values = (model.parts[0] as Part).key.map((name) => row[name] ?? null);
    if (!base.has(key)) await removeRow(client, model.oldTable, { key: keyNames(model), values });
  }
  for (const [key, row] of base) {
    const isNew = !baseBefore.has(key);
    const changed = model.parts.flatMap((_, index) =>
      isNew || !isSame(starts[index]?.get(key), after.parts[index]?.get(key)) ? [index] : [],
    );
    if (changed.length === 0) continue;
    const values: Record<string, string | null> = {};
    for (const index of changed) {
      Object.assign(
        values,
        await backwardOf(client, model, { index, row: after.parts[index]?.get(key) }),
      );
    }
    const part = { table: model.oldTable, key: keyNames(model), isConditional: false };
    const own = Object.keys(values);
    await upsert(client, part, {
      key: (model.parts[0] as Part).key.map((name) => row[name] ?? null),
      names: own,
      values: own.map((name) => values[name] ?? null),
      isThere: !isNew,
    });
  }
  await writeChildren(client, before.children, after.children);
}

async function backwardOf(
  client: Client,
  model: Model,
  { index, row }: { readonly index: number; readonly row: Row | undefined },
): Promise<Row> {
  const mapped = columnsOf(model, index).filter((one) => one.old !== null);
  if (row === undefined) return missing(client, mapped);
  return evaluate(client, row, {
    types: new Map(
      columnsOf(model, index).map((one) => [one.new?.name ?? '', one.new?.type ?? '']),
    ),
    expressions: mapped.map(
      (one) => [one.old?.name ?? '', one.down ?? one.new?.name ?? ''] as const,
    ),
  });
}

/** What the old release reads while a part has no row. */
async function missing(client: Client, mapped: readonly Column[]): Promise<Row> {
  return evaluate(
    client,
    {},
    {
      types: new Map(),
      expressions: mapped.map((one) => [one.old?.name ?? '', missingValue(one)]),
    },
  );
}

/** Rows of the one table with a value of a part that has no row: a condition. */
export function unheldRows(model: Model): string {
  const conditions = model.parts.flatMap((_, index) => {
    const mapped = columnsOf(model, index).filter((one) => one.old !== null);
    const decider = mapped.find((one) => one.decides);
    if (decider === undefined) return [];
    const others = mapped
      .filter((one) => one !== decider)
      .map((one) => `${one.old?.name} is distinct from ${missingValue(one)}`);
    return others.length === 0 ? [] : [`${decider.old?.name} is null and (${others.join(' or ')})`];
  });
  return ['false', ...conditions].join(' or ');
}

function missingValue({ isRequired, default: value, otherwise, old }: Column): string {
  if (otherwise !== null) return `(${otherwise})::${old?.type}`;
  return isRequired ? `(${value})::${old?.type}` : 'null';
}

interface Evaluation {
  readonly types: ReadonlyMap<string, string>;
  readonly expressions: readonly (readonly [string, string])[];
}

/** PostgreSQL itself computes the expressions over the values of a row. */
async function evaluate(
  client: Client,
  row: Row,
  { types, expressions }: Evaluation,
): Promise<Row> {
  if (expressions.length === 0) return {};
  const names = Object.keys(row).filter((name) => types.has(name));
  const given = names.map((name, at) => `$${at + 1}::${types.get(name)} as ${name}`);
  const wanted = expressions.map(([name, text]) => `(${text})::text as "${name}"`);
  const { rows } = await client.query<Row>(
    `select ${wanted.join(', ')} from (select ${given.length > 0 ? given.join(', ') : '1'}) as o`,
    names.map((name) => row[name]),
  );
  return rows[0] ?? {};
}

interface Put {
  readonly key: readonly (string | null)[];
  readonly names: readonly string[];
  readonly values: readonly (string | null)[];
  readonly isThere: boolean;
}

async function upsert(client: Client, part: Part, put: Put): Promise<void> {
  const { key, names, values, isThere } = put;
  const all = [...key, ...values];
  if (!isThere) {
    const list = [...part.key, ...names];
    await client.query(
      `insert into ${part.table} (${list.join(', ')}) overriding system value
       values (${list.map((_, at) => `$${at + 1}`).join(', ')})`,
      all,
    );
  } else if (names.length > 0) {
    const set = names.map((name, at) => `${name} = $${key.length + at + 1}`);
    await client.query(
      `update ${part.table} set ${set.join(', ')} where ${whereOf(part.key)}`,
      all,
    );
  }
}

async function exists(
  client: Client,
  part: Part,
  key: readonly (string | null)[],
): Promise<boolean> {
  const found = await client.query(`select from ${part.table} where ${whereOf(part.key)}`, [
    ...key,
  ]);
  return found.rows.length > 0;
}

async function remove(
  client: Client,
  model: Model,
  { part, row }: { readonly part: number; readonly row: Row },
): Promise<void> {
  const { table, key } = model.parts[part] as Part;
  const values = keyNames(model).map((name) => row[name] ?? null);
  await removeRow(client, table, { key, values });
}

async function removeRow(
  client: Client,
  table: string,
  { key, values }: { readonly key: readonly string[]; readonly values: readonly (string | null)[] },
): Promise<void> {
  await client.query(`delete from ${table} where ${whereOf(key)}`, [...values]);
}

async function removeGone(
  client: Client,
  table: string,
  { before, after }: { readonly before: Rows; readonly after: Rows },
): Promise<void> {
  for (const [key, row] of before) {
    if (!after.has(key)) await removeRow(client, table, { key: ['no'], values: [row.no ?? null] });
  }
}

async function writeChildren(client: Client, before: Rows, after: Rows): Promise<void> {
  for (const [key, row] of after) {
    if (isSame(before.get(key), row)) continue;
    await client.query(
      `insert into children (no, item, word) values ($1, $2, $3)
       on conflict (no) do update set item = excluded.item, word = excluded.word`,
      [row.no, row.item, row.word],
    );
  }
}

function moveOf(table: string, key: readonly string[], { values }: Moved): string {
  const pairs = (list: readonly string[], joint: string) =>
    key.map((name, at) => `${name} = ${list[at]}`).join(joint);
  return `update ${table} set ${pairs(values.to, ', ')} where ${pairs(values.from, ' and ')}`;
}

/** Rows under the key that they have moved to. */
function movedRows(rows: Rows, moved: Moved | null): Rows {
  if (moved === null) return rows;
  return new Map([...rows].map(([key, row]) => [key === moved.from ? moved.to : key, row]));
}

function whereOf(key: readonly string[]): string {
  return key.map((name, at) => `${name} = $${at + 1}`).join(' and ');
}

function isSame(left: Row | undefined, right: Row | undefined): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

function keyOf(row: Row, key: readonly string[]): string {
  return JSON.stringify(key.map((name) => row[name]));
}

export function keyNames(model: Model): string[] {
  return model.key.map((one) => one.name);
}

export function oldColumns(model: Model): Column[] {
  return model.columns.filter((one) => one.old !== null);
}

export function columnsOf(model: Model, part: number): Column[] {
  return model.columns.filter((one) => one.new?.part === part);
}

function typesOfOld(model: Model): Map<string, string> {
  return new Map(oldColumns(model).map((one) => [one.old?.name ?? '', one.old?.type ?? '']));
}
