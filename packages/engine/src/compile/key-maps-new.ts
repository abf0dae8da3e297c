// What rows of the new release do to a key map: through the lens, and by triggers of the new table
// in dual. See the table in key-maps.ts.

import type { KeyMap, Told } from '../changes/key-map.js';
import type { Column } from '../release/catalog.js';
import { literal, name, names, type Sql, sql } from '../sql.js';
import type { Statement } from './bundle.js';
import { anyDiffers, sameKey, typesOf } from './compared.js';
import { functionName, listOf, triggerName } from './key-maps.js';
import type { Writing } from './lens-round-trip.js';
import { fixedColumns } from './lens-rows.js';
import { bindWith, newRelation } from './mapping.js';
import { inRelease, keyMapTable, lensBind, type Places, work } from './places.js';
import { routine } from './routine.js';
import { sequenceOf } from './sequences.js';
import { statement } from './statement.js';
import { ROWS, type SyncPlan } from './sync-plan.js';

/** Under the triggers of the new table. */
export function newKeyFunctions(map: KeyMap, plan: SyncPlan): Statement[] {
  const { places } = plan;
  const echo = sql`coalesce(current_setting('halflap.echo', true), '')`;
  const trigger = (what: 'made' | 'moved', about: string, work: readonly Sql[]) =>
    statement(
      routine(places, {
        at: functionName(map, places, what),
        returns: 'trigger',
        about,
        body: [
          sql`if ${echo} = ${literal(plan.cluster.id)} then return null; end if;`,
          ...work.map((one) => sql`${one};`),
          sql`return null;`,
        ],
      }),
    );
  const { table } = map;
  return [
    trigger('made', `rows of ${table.name} come, and stand for rows of ${map.old.name}`, [
      ...made(map, places, ROWS.new, true),
    ]),
    trigger('moved', `a key of ${table.name} changes`, moved(map, places)),
  ];
}

/** On the new table, on which nobody else works while the switch makes them. */
export function newKeyTriggers(map: KeyMap, { places }: SyncPlan): Statement[] {
  const { table } = map;
  const at = inRelease(places, table.name);
  const columns = watched(map);
  const changed = anyDiffers('old', 'new', columns, typesOf(table));
  return [
    statement(sql`create trigger ${triggerName(map, 'made')} after insert on ${at}
referencing new table as h_new
for each statement execute function ${functionName(map, places, 'made')}()`),
    statement(sql`create trigger ${triggerName(map, 'moved')}
after update of ${names(columns)} on ${at}
for each row when (${changed}) execute function ${functionName(map, places, 'moved')}()`),
  ];
}

/** Columns of the new table on which an entry hangs. */
function watched({ newKey, told }: KeyMap): readonly string[] {
  return told?.watches ?? newKey.map((one) => one.column.name);
}

export function dropNewKeyFunctions(map: KeyMap, places: Places): Statement[] {
  return (['made', 'moved'] as const).map((what) =>
    statement(sql`drop function ${functionName(map, places, what)}() cascade`, {
      mode: 'ACCESS EXCLUSIVE',
      relation: `${places.releaseSchema}.${map.table.name}`,
    }),
  );
}

/**
 * Entries for rows of the new table.
 *
 * @param isThere whether the rows are in it already, so that nobody else has their keys.
 */
export function made(map: KeyMap, places: Places, rows: Sql, isThere: boolean): Sql[] {
  const { stated, oldKey, newKey, told } = map;
  const at = keyMapTable(places, stated.name);
  const called = newKey.map((one) => one.name);
  if (told === null) {
    const drawn = newKey.map((one) => one.column.name);
    // In the order of the statement, which a look at the map might change.
    return [
      sql`insert into ${at} as k (${names(called)})
    select ${drawn.map((one) => name('r', one))} from ${rows} as r
    on conflict (${names(called)}) do nothing`,
    ];
  }
  const [old, both] = [listOf(oldKey), listOf([...oldKey, ...newKey])];
  const set = called.map((one) => sql`${name(one)} = ${name('excluded', one)}`);
  const tellingRows = sql`(${tells(map, places, rows)}) as r`;
  const own = oldKey.map((one) => one.name);
  const isGone = isThere ? sql`` : sql` and not exists (${standing(map, places)})`;
  const isOther = sql`${sameKey('k', called, 'r')} and not (${sameKey('k', own, 'r')})`;
  return [
    makesRoom(map, places, { rows: tellingRows, where: sql`${isOther}${isGone}` }),
    sql`insert into ${at} as k (${both})
    select distinct on (${old}) ${both} from ${tellingRows}
    order by ${both}
    on conflict (${old}) do update set ${set}
    where not exists (${standing(map, places)})`,
  ];
}

/** What is left of a row of the new release that had the key before gets another one. */
function makesRoom(
  { stated, newKey }: KeyMap,
  places: Places,
  { rows, where }: { readonly rows: Sql; readonly where: Sql },
): Sql {
  const set = newKey.map((one) => sql`${name(one.name)} = default`);
  return sql`update ${keyMapTable(places, stated.name)} as k set ${set}
    from ${rows} where ${where}`;
}

/** What rows of the new table tell, as rows of the map. */
function tells({ told, table }: KeyMap, places: Places, rows: Sql): Sql {
  const bind = bindWith(newRelation(table.name), rows, lensBind(places));
  return (told as Told).query(bind);
}

/** The row of the new release that stands for an entry `k`. */
function standing({ table, newKey }: KeyMap, places: Places): Sql {
  const columns = newKey.map((one) => one.column.name);
  const called = newKey.map((one) => one.name);
  return sql`select from ${inRelease(places, table.name)} as t
      where ${sameKey('t', columns, 'k', called)}`;
}

function moved(map: KeyMap, places: Places): Sql[] {
  const { stated, oldKey, newKey, table, told } = map;
  const at = keyMapTable(places, stated.name);
  const drawn = newKey.map((one) => one.column.name);
  const called = newKey.map((one) => one.name);
  const isEntry = sameKey('k', called, 'old', drawn);
  const isTakenKey = sql`${sameKey('k', called, 'new', drawn)} and not (${isEntry})`;
  const room = makesRoom(map, places, { rows: sql`(select) as one`, where: isTakenKey });
  if (told === null) {
    const set = drawn.map((one, place) => sql`${name(called[place] ?? '')} = ${name('new', one)}`);
    return [room, sql`update ${at} as k set ${set} where ${isEntry}`];
  }
  const toldBy = (row: 'old' | 'new') => {
    const values = table.columns.map((one) => sql`${name(row, one.name)} as ${name(one.name)}`);
    return sql`(${tells(map, places, sql`(select ${values})`)}) as n`;
  };
  const own = oldKey.map((one) => one.name);
  const isTaken = sql`${sameKey('k', own, 'n')} and not (${isEntry})`;
  const set = [...own, ...called].map((one) => sql`${name(one)} = ${name('n', one)}`);
  return [
    room,
    sql`delete from ${at} as k using ${toldBy('new')}
    where ${isTaken} and not exists (${standing(map, places)})`,
    sql`update ${at} as k set ${set} from ${toldBy('new')}
    where ${isEntry} and not exists (select from ${at} as k where ${isTaken})`,
    // A row of the old release may be left without one.
    sql`insert into ${at} as k (${names(own)})
    select ${own.map((one) => name('n', one))} from ${toldBy('old')}
    on conflict (${names(own)}) do nothing`,
  ];
}

/** What a trigger of the lens does for the maps of its table. */
export function keepKeys(writing: Writing): Sql[] {
  const { part, plan, event, cluster } = writing;
  const maps = cluster.keys.filter((map) => map.table === part.table);
  if (event === 'delete') return [];
  return maps.flatMap((map) => {
    if (event === 'update') return [fixedColumns(writing, watched(map))];
    const row = part.table.columns.map((one) => sql`${name('new', one.name)} as ${name(one.name)}`);
    return [
      ...map.newKey.flatMap((one) => identityOf(one.column, map, plan.places)),
      ...made(map, plan.places, sql`(select ${row})`, false).map((one) => sql`${one};`),
    ];
  });
}

/** Other defaults are the view's. */
function identityOf(column: Column, { table }: KeyMap, places: Places): Sql[] {
  if (column.identity === null) return [];
  const given = name('new', column.name);
  const sequence = sequenceOf(work(places, table.name), column.name);
  return [sql`${given} := coalesce(${given}, nextval((${sequence})::regclass));`];
}
