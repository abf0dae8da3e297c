// Key maps through an evolution (changes/key-map.ts): the table that holds one, the triggers of the
// old table that see to it that every row has an entry before sync looks for it, and the step that
// fills it. What rows of the new release do to a map is in key-maps-new.ts.
//
// | a row                       | its entry                                                     |
// |-----------------------------|---------------------------------------------------------------|
// | of the old release comes    | gets a new key drawn                                          |
// | of the new release comes    | gets an old key drawn; or the key that it tells has its own   |
// |                             | from now on, unless another row of the new release stands for |
// |                             | that key                                                      |
// | gets another key            | follows it                                                    |
// | goes                        | stays: who comes back under its key is the same row           |
// | of the new release is given | what is left of the row that had it before gets another new   |
// | a key that it did not have  | key                                                           |
//
// Both keys are drawn by defaults of the map's own columns, which know the sequences of the tables
// whatever those are called meanwhile.

import type { KeyMap, MapColumn } from '../changes/key-map.js';
import type { SplitCluster } from '../changes/split-table.js';
import { generatedName } from '../names.js';
import { joined, literal, name, names, type Sql, sql, trusted } from '../sql.js';
import type { BackfillStep, Statement } from './bundle.js';
import { anyDiffers, sameKey, typesOf } from './compared.js';
import { floorTable, keyMapTable, type Places, stateTable, work } from './places.js';
import { routine } from './routine.js';
import { drawDefault, drawsFromSequence, sequenceOf, sharedSequenceSource } from './sequences.js';
import { type Lock, statement } from './statement.js';
import { quarantineCount, quarantineKey, ROWS, type SyncPlan } from './sync-plan.js';
import { keyColumns, typeOf } from './tables.js';

export function functionName({ stated }: KeyMap, places: Places, what: string): Sql {
  return work(places, 'keys', stated.name, what);
}

/** Before those of sync, in the order of the alphabet. */
export function triggerName({ stated }: KeyMap, what: string): Sql {
  return name(generatedName('halflap_keys', stated.name, what));
}

/** The map, empty, beside the new tables. */
export function createKeyMap(
  map: KeyMap,
  clusters: readonly { readonly cluster: SplitCluster }[],
  places: Places,
): Statement[] {
  const { oldKey, newKey, old, table } = map;
  const at = keyMapTable(places, map.stated.name);
  const columns = [...oldKey, ...newKey].map(
    (one) => sql`${name(one.name)} ${typeOf(one.column)} not null`,
  );
  const keys = [sql`primary key (${listOf(oldKey)})`, sql`unique (${listOf(newKey)})`];
  const own = map.told === null ? oldKey : [];
  return [
    statement(sql`create table ${at} (${[...columns, ...keys]})`),
    ...own.map((one) => drawn(at, one, floorTable(old.name))),
    ...newKey.map((one) => {
      // Beside rows that keep their keys, no other may have one of those.
      const source = clusters
        .flatMap(({ cluster }) => cluster.parts.map((part) => ({ cluster, part })))
        .filter(({ part }) => part.table === table)
        .map(({ cluster, part }) => sharedSequenceSource(cluster, part, one.column))[0];
      return source == null
        ? drawn(at, one, work(places, table.name))
        : setDefault(at, one, drawDefault(places, source));
    }),
  ];
}

export function listOf(columns: readonly MapColumn[]): Sql[] {
  return names(columns.map((one) => one.name));
}

/** Of the table's own sequence, where it has one. */
function drawn(at: Sql, one: MapColumn, table: Sql): Statement {
  const { name: called, column } = one;
  if (!drawsFromSequence(column)) return setDefault(at, one, trusted(column.default ?? 'null'));
  const set = sql`alter table ${at} alter column ${name(called)} set default`;
  const draw = literal(`${set.text} nextval(%L::regclass)`);
  return statement(sql`do $halflap$
begin
  execute format(${draw}, ${sequenceOf(table, column.name)});
end
$halflap$`);
}

function setDefault(at: Sql, { name: called }: MapColumn, value: Sql): Statement {
  return statement(sql`alter table ${at} alter column ${name(called)} set default ${value}`);
}

/** On the old table, from the time that its shard is being prepared. */
export function oldKeyTriggers(map: KeyMap, plan: SyncPlan): Statement[] {
  const { old, oldKey } = map;
  const { places } = plan;
  const lock: Lock = { mode: 'SHARE ROW EXCLUSIVE', relation: old.name };
  const at = floorTable(old.name);
  const columns = oldKey.map((one) => one.column.name);
  const changed = anyDiffers('old', 'new', columns, typesOf(old));
  return [
    statement(comeFunction(map, plan)),
    statement(
      sql`create trigger ${triggerName(map, 'come')} after insert on ${at}
referencing new table as h_new
for each statement execute function ${functionName(map, places, 'come')}()`,
      lock,
    ),
    statement(followFunction(map, plan)),
    statement(
      sql`create trigger ${triggerName(map, 'follow')} after update of ${names(columns)} on ${at}
for each row when (${changed}) execute function ${functionName(map, places, 'follow')}()`,
      lock,
    ),
  ];
}

/** The names of those triggers. */
export function oldKeyTriggerNames(map: KeyMap): Sql[] {
  return (['come', 'follow'] as const).map((what) => triggerName(map, what));
}

/** Fills the map for the rows that are there. */
export function fillKeyMap(map: KeyMap, places: Places): BackfillStep {
  const { old, stated } = map;
  const source = floorTable(old.name);
  const rows = sql`(select source.* from ${source} as source where ${trusted('{{range:source}}')})`;
  const draw = drawMissing(map, places, rows).text;
  return {
    kind: 'backfill',
    id: `prepare/keys/${stated.name}`,
    title: `draw keys of ${map.table.name} for the rows of ${old.name}`,
    relation: old.name,
    source: source.text,
    key: keyColumns(old, old.primaryKey?.columns ?? []),
    batch: [draw],
    // Of a key that was taken, the next one need not be.
    oneByOne: [draw],
  };
}

/** Entries for rows of the old table that have none. */
export function drawMissing({ stated, oldKey }: KeyMap, places: Places, rows: Sql): Sql {
  const at = keyMapTable(places, stated.name);
  const columns = oldKey.map((one) => one.column.name);
  const called = oldKey.map((one) => one.name);
  return sql`insert into ${at} as k (${names(called)})
    select ${columns.map((one) => name('r', one))} from ${rows} as r
    where not exists (select from ${at} as k where ${sameKey('k', called, 'r', columns)})
    on conflict (${names(called)}) do nothing`;
}

function comeFunction(map: KeyMap, plan: SyncPlan): Sql {
  const { places } = plan;
  return routine(places, {
    at: functionName(map, places, 'come'),
    returns: 'trigger',
    about: `rows of ${map.old.name} come, and get keys of ${map.table.name}`,
    body: [
      orQuarantine(map, plan, {
        work: [drawMissing(map, places, ROWS.new)],
        rows: sql`${ROWS.new} as n`,
        row: 'n',
      }),
      sql`return null;`,
    ],
  });
}

/** What is left of a row that had the key before makes room. */
function followFunction(map: KeyMap, plan: SyncPlan): Sql {
  const { places } = plan;
  const at = keyMapTable(places, map.stated.name);
  const called = map.oldKey.map((one) => one.name);
  const columns = map.oldKey.map((one) => one.column.name);
  const set = columns.map((one, place) => sql`${name(called[place] ?? '')} = ${name('new', one)}`);
  return routine(places, {
    at: functionName(map, places, 'follow'),
    returns: 'trigger',
    about: `a key of ${map.old.name} changes`,
    settings: [PATIENCE],
    body: [
      orQuarantine(map, plan, {
        work: [
          sql`delete from ${at} as k where ${sameKey('k', called, 'new', columns)}`,
          sql`update ${at} as k set ${set} where ${sameKey('k', called, 'old', columns)}`,
        ],
        rows: sql`(select) as one`,
        row: 'new',
      }),
      sql`return null;`,
    ],
  });
}

/** How long a statement of the old release waits for an entry of the map. */
const PATIENCE = sql`set lock_timeout = '200ms'`;

interface Attempt {
  readonly work: readonly Sql[];
  /** FROM of the rows that go to quarantine, and what one of them is called. */
  readonly rows: Sql;
  readonly row: string;
}

/**
 * Nothing of ours may fail a statement of the old release: such a row goes to quarantine, and gets
 * its entry when it is carried again.
 */
function orQuarantine(map: KeyMap, plan: SyncPlan, { work, rows, row }: Attempt): Sql {
  const { places, cluster } = plan;
  const old = cluster.olds.find((one) => one.table === map.old);
  const key = quarantineKey(
    plan,
    (old?.key ?? []).map((one) => name(row, one)),
  );
  return sql`begin
    ${joined(
      work.map((one) => sql`${one};`),
      '\n    ',
    )}
  exception when others then
    perform nextval(${literal(quarantineCount(places).text)}::regclass);
    insert into ${stateTable('quarantine')} (evolution, relation, key, sqlstate, reason)
    select ${literal(places.evolution)}, ${literal(cluster.id)}, ${key}, sqlstate, sqlerrm
    from ${rows}
    on conflict do nothing;
  end;`;
}
