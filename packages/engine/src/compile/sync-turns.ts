// Where rows of several old tables become one row, writers of the old release that have never met
// meet there: one holds the new row until it commits, another wants it. They take turns, and nobody
// queues: a queue would be a lock that PostgreSQL's deadlock detector sees, and might resolve
// against a statement that knows nothing of the new row.
//
// Who finds the row taken looks again a moment later. Only where its holder waits for us, and so
// would wait for ever, is the row left as it is: it goes to quarantine, and is carried by whoever
// writes it next, which is mostly that holder, or by verify.
//
// Who has a turn says so by an advisory lock for each slice, since the row itself does not tell who
// holds it: sync writes in a subtransaction, whose number no lock has once it is over.
//
// A writer of a table beside the base also shares the base row while the new tables are filled,
// since a batch holds just those rows, and knows of a new row that nobody else can see yet.

import { integer, joined, name, type Sql, sql } from '../sql.js';
import { qualified, rowOf } from './compared.js';
import type { Relation } from './mapping.js';
import type { Slices } from './recompute.js';
import {
  CLAIMED_SLICES,
  clusterClaim,
  keyNames,
  renameSlices,
  type SyncPlan,
  sliceClaim,
} from './sync-plan.js';

/** Between two looks. */
const LOOK_MS = 2;
/** After so many looks, whoever waits for us is taken for one who will wait for ever. */
const MANY_LOOKS = 500;

/** Old rows as a batch locks them, so that writers of tables beside the base see it. */
export const BATCH_LOCK = { alone: sql`for no key update`, joined: sql`for update` };

export function takesTurns({ cluster }: SyncPlan): boolean {
  return cluster.takesTurns;
}

interface Wanted {
  readonly at: Sql;
  readonly key: readonly string[];
  readonly slices: Slices;
  readonly strength: Sql;
}

/** Rows that a statement on an old table must have before it recomputes the new ones. */
function wantedBy(plan: SyncPlan, slices: Slices, written: Relation | null): Wanted[] {
  const [base] = plan.cluster.olds;
  const isBeside = base !== undefined && written !== base.relation;
  return [
    ...(base !== undefined && isBeside
      ? [{ at: plan.bind(base.relation), key: base.key, slices, strength: sql`for key share` }]
      : []),
    ...plan.forward.map(({ mapping }) => ({
      at: plan.bind(mapping.target),
      key: mapping.slice,
      slices: renameSlices(plan, slices, mapping),
      strength: sql`for no key update`,
    })),
  ];
}

/**
 * Takes all rows or fails with lock_not_available: what follows is computed in a snapshot of its
 * own, from what the last holder has left.
 * @param written the old table, or null where all of the slices is recomputed.
 */
export function takeTurn(plan: SyncPlan, slices: Slices, written: Relation | null): Sql {
  if (!takesTurns(plan)) return sql``;
  const checks = wantedBy(plan, slices, written).map(({ at, key, slices: own, strength }) => {
    const rows = sql`from ${at} as t where ${rowOf('t', key)} in (${own})`;
    return sql`if (select count(*) from (
        select 1 ${rows} order by ${qualified('t', key)} ${strength} skip locked
      ) as r) < (select count(*) ${rows}) then
        raise lock_not_available;
      end if;`;
  });
  return sql`${joined(checks, '\n      ')}
      ${takeMarks(plan, slices)}
      `;
}

/** A statement of many rows holds the mark of all. */
function takeMarks(plan: SyncPlan, slices: Slices): Sql {
  const few = sql`select from (${slices}) as r limit ${integer(CLAIMED_SLICES + 1)}`;
  return sql`if (select count(*) from (${few}) as r) <= ${integer(CLAIMED_SLICES)} then
        perform pg_advisory_xact_lock_shared(${sliceMark(plan, 's')}) from (${slices}) as s;
      else
        perform pg_advisory_xact_lock_shared(${clusterMark(plan)});
      end if;`;
}

/** A mark is the claim of the same slice, made odd: who waits for what is seen by the two. */
function sliceMark(plan: SyncPlan, alias: string): Sql {
  const row = keyNames(plan).map((one) => name(alias, one));
  return sql`${sliceClaim(plan, row)} | 1`;
}

function clusterMark(plan: SyncPlan): Sql {
  return sql`${clusterClaim(plan)} | 1`;
}

/**
 * In the handler of lock_not_available, with `waits` counted: waits, or does `instead` and ends.
 */
export function waitOrGiveUp(plan: SyncPlan, slices: Slices, instead: Sql): Sql {
  if (!takesTurns(plan)) return sql``;
  return sql`
        if exists (
          with recursive l as materialized (
            select a.pid, (a.classid::bigint << 32) | a.objid::bigint as key
            from pg_locks as a
            where a.locktype = 'advisory' and a.objsubid = 1 and a.granted
              and a.database = (
                select d.oid from pg_database as d where d.datname = current_database()
              )
          ), holder(pid) as (
            select l.pid from l
            where l.pid <> pg_backend_pid() and l.key in (
              select ${sliceMark(plan, 's')} from (${slices}) as s
              union select ${clusterMark(plan)}
            )
            union
            select b.pid from holder as h cross join lateral (
              select unnest(pg_blocking_pids(h.pid)) as pid
              union all
              -- Who has claimed a slice and has no turn yet looks for whoever has it.
              select mark.pid
              from l as claim join l as mark on mark.key = claim.key | 1
              where claim.pid = h.pid and claim.key & 1 = 0 and not exists (
                select from l as own where own.pid = h.pid and own.key = mark.key
              )
            ) as b
          )
          select from holder where pid = pg_backend_pid()
        ) or waits > ${integer(MANY_LOOKS)} and exists (
          select from pg_locks as l
          join pg_locks as mine on mine.transactionid = l.transactionid
          where l.locktype = 'transactionid' and not l.granted
            and mine.granted and mine.pid = pg_backend_pid()
        ) then
          ${instead}
          exit;
        end if;
        perform pg_sleep(${integer(LOOK_MS)} / 1000.0);`;
}
