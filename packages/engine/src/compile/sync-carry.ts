// Rows of the old release one by one: how a single slice is recomputed, how a writer waits for it,
// and how it comes to quarantine and leaves it again. The statement as a whole is carried by
// sync-forward.ts, which comes here when something stands in its way.

import { integer, joined, literal, name, type Sql, sql, trusted } from '../sql.js';
import { rowOf } from './compared.js';
import { comeSecond } from './duplicates.js';
import { drawMissing } from './key-maps.js';
import { oldRelation } from './mapping.js';
import { stateTable } from './places.js';
import { deleteGone, type Slices, slicesOf, type Target, upsert } from './recompute.js';
import { routine } from './routine.js';
import {
  asStatic,
  CLAIMED_SLICES,
  carryName,
  checkAtOnce,
  clusterClaim,
  INDEX_PLANS,
  isOfKey,
  keyNames,
  keyVariable,
  MARK_VARIABLES,
  marked,
  ownQuarantine,
  quarantineCount,
  quarantineKey,
  renameSlices,
  type SyncPlan,
  sliceClaim,
} from './sync-plan.js';
import { takeTurn, waitOrGiveUp } from './sync-turns.js';

/**
 * After so many waits the next are long enough for the deadlock detector: whoever holds the new row
 * may wait for something else of ours than the old row, and then must be found out.
 */
const SHORT_WAITS = 100;
const LONG_WAIT_MS = 2000;

/**
 * Where both releases bring about a row of one key, whoever holds the new row waits for ours in the
 * old table. A detector looks once in a wait: that of the other may have looked before we had come
 * here, at the end of our statement. Once after our own has found the circle the other's has looked
 * as well, or never will, and the row is given up.
 */
const MANY_DEADLOCKS = 1;

/** What `claim` counts, in a routine that carries. */
export const WAIT_VARIABLES = [sql`waits int := 0`, sql`deadlocks int := 0`];

/**
 * In an exception handler: claims the slices, and grows patient when that does not help; does
 * `instead` and ends where whoever holds the new row would wait for us for ever.
 */
export function claim(plan: SyncPlan, slices: Slices, instead: Sql): Sql {
  const few = sql`(select from (${slices}) as r limit ${integer(CLAIMED_SLICES + 1)})`;
  const hash = sliceClaim(
    plan,
    keyNames(plan).map((one) => name('s', one)),
  );
  return sql`if sqlstate = '40P01' then
          deadlocks := deadlocks + 1;
          if deadlocks > ${integer(MANY_DEADLOCKS)} then
            ${instead}
            exit;
          end if;
        end if;
        waits := waits + 1;
        if waits = 1 and (select count(*) from ${few} as r) <= ${integer(CLAIMED_SLICES)} then
          perform pg_advisory_xact_lock_shared(${hash}) from (${slices}) as s;
        elsif waits = 1 then
          perform pg_advisory_xact_lock_shared(${clusterClaim(plan)});
        elsif waits = ${integer(SHORT_WAITS)} then
          perform set_config('lock_timeout', '${integer(LONG_WAIT_MS)}ms', true);
        end if;`;
}

/** Recomputes one slice, waiting with patience; a row that cannot be carried goes to quarantine. */
export function carryFunction(plan: SyncPlan): Sql {
  const parameters = plan.key.map((one) => keyVariable(one.name));
  const slices = sliceOf(parameters, keyNames(plan));
  const own = ({ mapping }: Target) => renameSlices(plan, slices, mapping);
  // Rows that refer go first and come last.
  const recompute = [
    ...[...plan.forward].reverse().map((one) => deleteGone(one, plan.bind, own(one))),
    ...plan.forward.map((one) => upsert(one, plan.bind, own(one))),
  ];
  // A row that has come without an entry, whatever stood in the way, gets one first.
  const entries = plan.maps.map((map) => {
    const key = plan.cluster.olds.find((one) => one.table === map.old)?.key ?? [];
    const own = slicesOf(sql`(${slices})`, keyNames(plan), key);
    const at = plan.bind(oldRelation(map.old.name));
    const rows = sql`(select o.* from ${at} as o where ${rowOf('o', key)} in (${own}))`;
    return drawMissing(map, plan.places, rows);
  });
  // Who had come at the same moment may be there now.
  const seconds = plan.duplicates.map((one) => {
    const at = plan.bind(oldRelation(one.pair.old.name));
    const rows = sql`(select o.* from ${at} as o where ${rowOf('o', one.key)} in (${slices}))`;
    return comeSecond(one, plan.places, rows);
  });
  const mine = ownQuarantine(plan, 'q');
  const key = quarantineKey(plan, parameters);
  const ofTransaction = sql`jsonb_build_object('', pg_current_xact_id()::text)`;
  const quarantined = sql`perform nextval(${literal(quarantineCount(plan.places).text)}::regclass);
        get stacked diagnostics
          failure_state = returned_sqlstate, failure_message = message_text;
        begin
          ${insertQuarantined(plan, sql`${key}`)}
          on conflict (evolution, relation, key) do update
          set sqlstate = excluded.sqlstate,
              reason = excluded.reason,
              noticed_at = clock_timestamp();
        exception when others then
          ${insertQuarantined(plan, sql`${key} || ${ofTransaction}`)}
          on conflict do nothing;
        end;`;
  return routine(plan.places, {
    at: carryName(plan),
    parameters: joined(plan.key.map((one) => sql`${keyVariable(one.name)} ${trusted(one.type)}`)),
    returns: 'void',
    about: `carries one row of ${plan.cluster.id} over to the new layout`,
    declare: [
      ...WAIT_VARIABLES,
      sql`resolved bigint[]`,
      sql`failure_state text`,
      sql`failure_message text`,
      ...MARK_VARIABLES,
    ],
    settings: INDEX_PLANS,
    body: marked(plan, [
      sql`loop
    begin
      ${checkAtOnce(plan)}${takeTurn(plan, slices, null)}-- What comes there later is not in it.
      resolved := array(
        select q.id from ${stateTable('quarantine')} as q where ${mine} and ${isOfKey('q', key)}
      );
      ${joined([...entries, ...seconds, ...recompute].map(asStatic), '\n      ')}
      delete from ${stateTable('quarantine')} as q where q.id = any (resolved);
      exit;
    exception
      when lock_not_available or deadlock_detected then
        ${claim(plan, slices, quarantined)}${waitOrGiveUp(plan, slices, quarantined)}
      when others then
        ${quarantined}
        exit;
    end;
  end loop;`,
    ]),
  });
}

/** A row that nobody else knows of waits for nobody, and is there for whoever looks later. */
function insertQuarantined(plan: SyncPlan, key: Sql): Sql {
  return sql`insert into ${stateTable('quarantine')} as q
            (evolution, relation, key, sqlstate, reason)
          values (${literal(plan.places.evolution)}, ${literal(plan.cluster.id)},
            ${key}, failure_state, failure_message)`;
}

/**
 * Asked at every write, so of a sequence and not of a table: it has a last value once any row of
 * the evolution went to quarantine.
 */
export function isAnythingQuarantined(plan: SyncPlan): Sql {
  return sql`${lastQuarantined(plan)} is not null`;
}

/** Another value whenever a row has gone to quarantine. */
export function lastQuarantined({ places }: SyncPlan): Sql {
  return sql`pg_sequence_last_value(${literal(quarantineCount(places).text)}::regclass)`;
}

/** Whether no slice is in quarantine, and so the old rows can be read as new ones. */
export function isReadable(plan: SyncPlan, slices: Slices): Sql {
  return sql`not (${isAnythingQuarantined(plan)} and exists (
      select from (${slices}) as s where ${isHeld(plan)}
    ))`;
}

/** Of a slice `s`, whether it is in quarantine, for some reason. */
export function isHeld(plan: SyncPlan, why: Sql = sql``): Sql {
  const key = keyNames(plan).map((one) => name('s', one));
  return sql`exists (
        select from ${stateTable('quarantine')} as z
        where ${ownQuarantine(plan, 'z')} and ${isOfKey('z', quarantineKey(plan, key))}${why}
      )`;
}

/**
 * A row that is in quarantine is carried as a whole, whatever the statement changed of it: nothing
 * of it was carried when it went there. Where that succeeds, it needs nobody's attention any more.
 */
export function carryQuarantined(plan: SyncPlan, slices: Slices): Sql {
  const keys = (alias: string) => keyNames(plan).map((one) => name(alias, one));
  return sql`for slice in select s.* from (${slices}) as s where exists (
          select from ${stateTable('quarantine')} as q
          where ${ownQuarantine(plan, 'q')} and ${isOfKey('q', quarantineKey(plan, keys('s')))}
        ) loop
          perform ${carryName(plan)}(${keys('slice')});
        end loop;`;
}

/** One slice, from a value for each of its columns. */
export function sliceOf(values: readonly Sql[], columns: readonly string[]): Slices {
  const list = values.map((value, index) => sql`${value} as ${name(columns[index] ?? '')}`);
  return sql`select ${list}`;
}
