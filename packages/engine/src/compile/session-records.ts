// What a session lens keeps for the time of one transaction: which parts have no row although the
// old row gives one. A prepared shard keeps such records in spill tables until contract; here they
// let a transaction write a base row and then its parts, in statements of their own, and are looked
// at when it commits. Then the old row alone must say what the new release has written.

import type { SplitCluster, SplitPartPlan } from '../changes/split-table.js';
import { literal, name, type Sql, sql } from '../sql.js';
import type { Statement } from './bundle.js';
import { sameKey } from './compared.js';
import { bindWith, type Relation } from './mapping.js';
import { inRelease, lensBind, work } from './places.js';
import { raise, routine } from './routine.js';
import { keptTables, spillTable } from './spill-tables.js';
import { statement } from './statement.js';
import type { SyncPlan } from './sync-plan.js';

/** No column of a release is called so. */
const STATED_BY = name('halflap_stated_by');

/**
 * The tables, which the views read, and the triggers that look at commit, which read the views.
 */
export function sessionRecords(
  cluster: SplitCluster,
  plan: SyncPlan,
  what: 'tables' | 'triggers',
): Statement[] {
  return cluster.parts.flatMap((part) => {
    const values = what === 'tables' ? keptTables(cluster, part, plan.places) : [];
    if (part.absence === null) return values;
    const recorded: Recorded = { cluster, part, absence: part.absence, plan };
    return what === 'tables' ? [...values, ...table(recorded)] : trigger(recorded);
  });
}

interface Recorded {
  readonly cluster: SplitCluster;
  readonly part: SplitPartPlan;
  readonly absence: Relation;
  readonly plan: SyncPlan;
}

function table({ cluster, part, absence, plan }: Recorded): Statement[] {
  const at = lensBind(plan.places)(absence);
  return [
    spillTable(cluster, part, plan.places),
    statement(sql`alter table ${at} add column ${STATED_BY} text default current_query()`),
  ];
}

function trigger(recorded: Recorded): Statement[] {
  const { part, absence, plan } = recorded;
  const { places } = plan;
  const at = work(places, 'commit', part.table.name);
  return [
    statement(
      routine(places, {
        at,
        returns: 'trigger',
        about: `what a transaction leaves without a row of ${part.table.name}`,
        declare: [sql`stating text`],
        body: body(recorded),
      }),
    ),
    statement(sql`create constraint trigger ${name('halflap_commit')}
after insert or update on ${lensBind(places)(absence)}
deferrable initially deferred
for each row execute function ${at}()`),
  ];
}

function body({ cluster, part, absence, plan }: Recorded): Sql[] {
  const { places } = plan;
  const bind = lensBind(places);
  const key = cluster.oldKey.map((one) => one.name);
  const { slice } = part.mapping;
  const none = sql`(select r.* from ${bind(absence)} as r where false)`;
  const implied = part.mapping.query(bindWith(absence, none, bind));
  const base = cluster.parts[0]?.table.name ?? cluster.id;
  const message =
    `release ${places.from} of this shard cannot hold a row of ${base} ` +
    `without one of ${part.table.name}`;
  const keyText = sql`concat_ws(', ', ${key.map((column) => name('new', column))})`;
  const columns = literal(key.join(', '));
  return [
    sql`select a.${STATED_BY} into stating from ${bind(absence)} as a
  where ${sameKey('a', key, 'new')};`,
    sql`if not found then return null; end if;`,
    sql`if exists (select from (${implied}) as q where ${sameKey('q', slice, 'new', key)})
    and not ${isShown(part, plan, key)} then
    ${raise('HL001', literal(message), {
      detail: sql`format('Key (%s)=(%s), without a row by: %s', ${columns}, ${keyText}, stating)`,
      hint: literal(
        `Write the row of ${part.table.name} in the same transaction, or prepare the shard: ` +
          `it then keeps what only release ${places.to} knows.`,
      ),
    })}
  end if;`,
    sql`delete from ${bind(absence)} as a where ${sameKey('a', key, 'new')};`,
    sql`return null;`,
  ];
}

function isShown(part: SplitPartPlan, { places }: SyncPlan, key: readonly string[]): Sql {
  const lens = inRelease(places, part.table.name);
  const is = sameKey('q', part.mapping.slice, 'new', key);
  return sql`exists (select from ${lens} as q where ${is})`;
}
