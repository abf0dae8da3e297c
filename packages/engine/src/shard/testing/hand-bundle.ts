// A bundle written by hand, for tests of the runner alone: a table whose column is renamed goes to
// a table of the new release, kept up to date by a plain row trigger in one direction.

import { BUNDLE_FORMAT, type Bundle, type KeyColumn, type Step } from '../../compile/bundle.js';
import { bundleHash } from '../../compile/bundle-hash.js';
import { type Session, withSession } from '../../pg.js';
import type { Catalog, Index } from '../../release/catalog.js';
import { introspect } from '../../release/introspect.js';
import { name } from '../../sql.js';

export interface HandOptions {
  /** Columns of the key with their types; default: id bigint. */
  readonly key?: readonly KeyColumn[];
  /** Inserted between the barrier and the backfill. */
  readonly extra?: readonly Step[];
  readonly offenders?: readonly { readonly rule: string; readonly sql: string }[];
}

const OLD = '{{floor:items}}';
const NEW = '"shop_2_0"."items"';
export const ID_KEY: readonly KeyColumn[] = [{ name: 'id', type: 'bigint' }];

/** Makes the old table (`key`, name, qty) with rows, and the bundle that leads it to 2.0. */
export async function installByHand(
  url: string,
  options: HandOptions & { readonly rows?: string } = {},
): Promise<Bundle> {
  const key = options.key ?? ID_KEY;
  return withSession(url, 'test', async (session) => {
    const columns = key.map((column) => `${quoted(column)} ${column.type} not null`).join(', ');
    const names = key.map(quoted).join(', ');
    await session.query(
      `create table items (${columns}, name text not null, qty int, primary key (${names}))`,
    );
    if (options.rows !== undefined) await session.query(`insert into items ${options.rows}`);
    return handBundle(await introspect(session, 'public'), options);
  });
}

const LABEL_INDEX: Index = {
  name: 'items_label',
  isUnique: false,
  columns: ['label'],
  mentions: ['label'],
  definition: 'btree (label)',
};

/** As the new release has it: by another name for one column, with an index on it. */
function renamed(catalog: Catalog): Catalog {
  const called = (name: string) => (name === 'name' ? 'label' : name);
  const tables = catalog.tables.map((table) => ({
    ...table,
    columns: table.columns.map((column) => ({ ...column, name: called(column.name) })),
    indexes: [...table.indexes, LABEL_INDEX],
  }));
  return { ...catalog, tables };
}

export function handBundle(catalog: Catalog, options: HandOptions = {}): Bundle {
  const key = options.key ?? ID_KEY;
  const names = key.map(quoted).join(', ');
  const bundle = {
    format: BUNDLE_FORMAT,
    app: 'shop',
    from: { version: '1.0', fingerprint: 'one', catalog },
    to: { version: '2.0', fingerprint: 'two', catalog: renamed(catalog) },
    releaseSchema: 'shop_2_0',
    workSchema: 'halflap_shop_2_0',
    relations: [],
    steps: {
      prepare: [transaction('prepare/lens', [lens(names)], 'prepared')],
      expand: [...expansion(key, names), ...(options.extra ?? []), ...filling(key, names, options)],
      verify: [verification('verify/items', key, names, options)],
      contract: [
        transaction('contract/fence', [`drop trigger halflap_items on ${OLD}`], 'contracting'),
        { kind: 'barrier', id: 'contract/barrier', title: 'Wait for open transactions' },
        transaction('contract/drop', [`drop table ${OLD}`], 'settled', 'to'),
      ],
      abort: [
        transaction(
          'abort/all',
          [
            `drop trigger if exists halflap_items on ${OLD}`,
            'drop schema shop_2_0 cascade',
            'drop schema if exists halflap_shop_2_0 cascade',
          ],
          'settled',
          'from',
        ),
      ],
    },
    evidence: { oldTables: ['items'], oldWrites: null },
    sessionLens: { statements: [], impossible: null },
  } satisfies Omit<Bundle, 'hash'>;
  return { ...bundle, hash: bundleHash(bundle) };
}

function quoted(column: KeyColumn): string {
  return name(column.name).text;
}

function lens(names: string): string {
  return `create schema shop_2_0;
create view ${NEW} as select ${names}, name as label, qty from ${OLD}`;
}

function expansion(key: readonly KeyColumn[], names: string): Step[] {
  const columns = key.map((column) => `${quoted(column)} ${column.type} not null`).join(', ');
  const values = key.map((column) => `new.${quoted(column)}`).join(', ');
  const same = (row: string) =>
    key.map((column) => `i.${quoted(column)} = ${row}.${quoted(column)}`).join(' and ');
  return [
    transaction(
      'expand/sync',
      [
        'create schema halflap_shop_2_0',
        `create table halflap_shop_2_0.items
        (${columns}, label text not null, qty int, primary key (${names}))`,
        `create function halflap_shop_2_0.items_sync() returns trigger
      language plpgsql security definer set search_path = pg_catalog, pg_temp as $sync$
      begin
        if tg_op <> 'INSERT' then
          delete from halflap_shop_2_0.items i where ${same('old')};
        end if;
        if tg_op <> 'DELETE' then
          insert into halflap_shop_2_0.items (${names}, label, qty)
          values (${values}, new.name, new.qty)
          on conflict (${names}) do update set label = excluded.label, qty = excluded.qty;
        end if;
        return null;
      end $sync$`,
        `create trigger halflap_items after insert or update or delete on ${OLD}
      for each row execute function halflap_shop_2_0.items_sync()`,
      ],
      'expanding',
    ),
    { kind: 'barrier', id: 'expand/barrier', title: 'Wait for open transactions' },
  ];
}

function filling(key: readonly KeyColumn[], names: string, options: HandOptions): Step[] {
  return [
    {
      kind: 'backfill',
      id: 'expand/fill-items',
      title: 'Fill items',
      relation: 'items',
      source: OLD,
      key,
      batch: [
        `with locked as materialized (
          select * from ${OLD} source where {{range:source}} order by ${names} for share
        )
        insert into halflap_shop_2_0.items (${names}, label, qty)
        select ${names}, name, qty from locked
        on conflict (${names}) do nothing`,
      ],
      oneByOne: [],
    },
    {
      kind: 'index',
      id: 'expand/index-label',
      title: 'Index items by label',
      schema: 'halflap_shop_2_0',
      index: 'items_label',
      statement: statement(
        'create index concurrently items_label on halflap_shop_2_0.items (label)',
      ),
    },
    transaction('expand/nothing', ['select 1']),
    verification('expand/verify-items', key, names, options),
    transaction(
      'expand/switch',
      [
        // No writer may be between its row and its trigger while the trigger's target moves.
        `lock table ${OLD} in share row exclusive mode`,
        `drop view ${NEW}`,
        'alter table halflap_shop_2_0.items set schema shop_2_0',
        redirect(),
      ],
      'dual',
    ),
  ];
}

/** The trigger's function follows its table into the release schema. */
function redirect(): string {
  return `do $do$ begin execute replace(
    pg_get_functiondef('halflap_shop_2_0.items_sync'::regproc), 'halflap_shop_2_0.items ',
    'shop_2_0.items '); end $do$`;
}

function verification(
  id: string,
  key: readonly KeyColumn[],
  names: string,
  options: HandOptions,
): Step & { kind: 'verify' } {
  const table = id.startsWith('expand') ? 'halflap_shop_2_0.items' : 'shop_2_0.items';
  return {
    kind: 'verify',
    id,
    title: 'Compare items',
    relation: 'items',
    expected: `select ${names}, name as label, qty from ${OLD}`,
    actual: `select ${names}, label, qty from ${table}`,
    key,
    offenders: options.offenders ?? [],
    retry: null,
  };
}

export function transaction(
  id: string,
  statements: readonly string[],
  entersPhase: Extract<Step, { kind: 'transaction' }>['entersPhase'] = null,
  settles: 'from' | 'to' | null = null,
): Step & { kind: 'transaction' } {
  const list = statements.map(statement);
  return { kind: 'transaction', id, title: id, statements: list, entersPhase, settles };
}

/** The bundle with a first step of expand in which somebody pauses the shard. */
export function pausedAfterFirstStep(bundle: Bundle): Bundle {
  const expand = bundle.steps.expand.map((step, index) =>
    index === 0 && step.kind === 'transaction'
      ? {
          ...step,
          statements: [...step.statements, statement('update halflap.shard set paused = true')],
        }
      : step,
  );
  return { ...bundle, steps: { ...bundle.steps, expand } };
}

/** The bundle with a contract that fails between the fence and the end. */
export function failingAfterFence(bundle: Bundle): Bundle {
  const [fence, ...others] = bundle.steps.contract;
  const contract = fence === undefined ? [] : [fence, transaction('contract/no', ['select 1/0'])];
  return { ...bundle, steps: { ...bundle.steps, contract: [...contract, ...others] } };
}

function statement(text: string) {
  const usesOld = text.includes(OLD) && !text.startsWith('create schema');
  const lock = usesOld ? { mode: 'ACCESS EXCLUSIVE' as const, relation: 'public.items' } : null;
  return { sql: text, lock };
}

/** Both layouts must hold the same rows; gives what differs. */
export function divergence(session: Session, names = 'id'): Promise<object[]> {
  return session.query(
    `(select ${names}, name as label, qty from items except table shop_2_0.items)
     union all (table shop_2_0.items except select ${names}, name, qty from items)`,
  );
}
