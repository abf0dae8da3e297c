// The triggers that keep a lookup table and the values of the other release together (lookups.ts).

import type { Lookup } from '../changes/lookup.js';
import { NO_DOMAINS } from '../release/base-type.js';
import { type ForeignKey, findColumn } from '../release/catalog.js';
import { joined, literal, name, type Sql, sql } from '../sql.js';
import { assigned } from './assigned.js';
import type { Statement } from './bundle.js';
import { functionName, isNewTable, missingValues, triggerName } from './lookups.js';
import { floorTable, inRelease, type Places, stateTable } from './places.js';
import { raise, routine } from './routine.js';
import { type Lock, statement } from './statement.js';
import {
  carryName,
  INDEX_PLANS,
  quarantineCount,
  quarantineKey,
  ROWS,
  type SyncPlan,
} from './sync-plan.js';

/** How long a writer of the new release waits for rows of the old one. */
const PATIENCE = sql`set lock_timeout = '200ms'`;

/** Triggers on tables of the old release, from the time that the shard is prepared. */
export function lookupTriggers(lookup: Lookup, plan: SyncPlan): Statement[] {
  const { places } = plan;
  const { old, table } = lookup;
  if (!isNewTable(lookup)) return followTriggers(lookup, plan);
  const lock: Lock = { mode: 'SHARE ROW EXCLUSIVE', relation: old.name };
  const events = [
    ['insert', sql`insert`],
    ['update', sql`update`],
  ] as const;
  return [
    statement(addValues(lookup, plan)),
    ...events.map(([event, fired]) =>
      statement(
        sql`create trigger ${triggerName(lookup, event)} after ${fired} on ${floorTable(old.name)}
referencing new table as h_new
for each statement execute function ${functionName(lookup, places, 'add')}()`,
        lock,
      ),
    ),
    statement(changeValues(lookup, places)),
    statement(
      sql`create trigger ${triggerName(lookup, 'change')}
after update of ${lookup.values.map(({ column }) => name(column.name))}
on ${inRelease(places, table.name)}
for each row execute function ${functionName(lookup, places, 'change')}()`,
    ),
    statement(removeValues(lookup, places)),
    statement(
      sql`create trigger ${triggerName(lookup, 'remove')} before delete
on ${inRelease(places, table.name)}
for each row execute function ${functionName(lookup, places, 'remove')}()`,
    ),
    ...truncateRefused(lookup, places),
  ];
}

/** New values of the old release get their rows, before sync looks for their keys. */
function addValues(lookup: Lookup, plan: SyncPlan): Sql {
  const { places } = plan;
  const keys = plan.key.map((one) => name('n', one.name));
  const add = (rows: Sql) => sql`${missingValues(lookup, places, rows)} on conflict do nothing;`;
  return routine(places, {
    at: functionName(lookup, places, 'add'),
    returns: 'trigger',
    about: `values of ${lookup.old.name} get rows in ${lookup.table.name}`,
    declare: [sql`n record`],
    settings: INDEX_PLANS,
    body: [
      sql`begin
    ${add(ROWS.new)}
  exception when others then
    for n in select * from ${ROWS.new} loop
      begin
        ${add(sql`(select n.*)`)}
      exception when others then
        perform nextval(${literal(quarantineCount(places).text)}::regclass);
        insert into ${stateTable('quarantine')} (evolution, relation, key, sqlstate, reason)
        values (${literal(places.evolution)}, ${literal(plan.cluster.id)},
          ${quarantineKey(plan, keys)}, sqlstate, sqlerrm)
        on conflict do nothing;
      end;
    end loop;
  end;
  return null;`,
    ],
  });
}

/** The new release gives a row other values: they are the old release's as well. */
function changeValues(lookup: Lookup, places: Places): Sql {
  return routine(places, {
    at: functionName(lookup, places, 'change'),
    returns: 'trigger',
    about: `a row of ${lookup.table.name} changes, and the values of ${lookup.old.name}`,
    settings: [PATIENCE],
    body: [
      politely(
        lookup,
        sql`update ${floorTable(lookup.old.name)} as o set ${otherValues(lookup, 'new')}
    where ${othersAre(lookup, 'old')};`,
      ),
      sql`return null;`,
    ],
  });
}

function otherValues(lookup: Lookup, row: 'new' | 'old'): Sql {
  return joined(
    lookup.values.map(({ column, other }) => {
      const target = findColumn(lookup.old, other);
      const value = name(row, column.name);
      const fitting = target === undefined ? value : assigned(value, target, NO_DOMAINS);
      return sql`${name(other)} = ${fitting}`;
    }),
  );
}

function othersAre(lookup: Lookup, row: 'new' | 'old'): Sql {
  return joined(
    lookup.values.map(({ column, other }) => sql`${name('o', other)} = ${name(row, column.name)}`),
    ' and ',
  );
}

/** The new release removes a row: what its foreign key says happens to the old release's rows. */
function removeValues(lookup: Lookup, places: Places): Sql {
  const { table, old, new: rows } = lookup;
  const key = referenceKey(lookup);
  const is = othersAre(lookup, 'old');
  const at = floorTable(old.name);
  const message =
    `update or delete on table "${table.name}" violates foreign key constraint ` +
    `"${key?.name ?? lookup.change.reference}" on table "${rows.name}"`;
  const nothing = lookup.values.map(({ other }) => sql`${name(other)} = null`);
  const action = {
    cascade: sql`delete from ${at} as o where ${is};`,
    'set null': sql`update ${at} as o set ${nothing} where ${is};`,
    other: sql`if exists (select from ${at} as o where ${is}) then
      ${raise('23503', literal(message))}
    end if;`,
  };
  const chosen =
    key?.onDelete === 'cascade' || key?.onDelete === 'set null' ? key.onDelete : 'other';
  return routine(places, {
    at: functionName(lookup, places, 'remove'),
    returns: 'trigger',
    about: `a row of ${table.name} goes, and what refers to it`,
    settings: [PATIENCE],
    body: [politely(lookup, action[chosen]), sql`return old;`],
  });
}

function referenceKey({ table, change, new: rows, old }: Lookup): ForeignKey | undefined {
  const of = change.kind === 'extract_table' ? rows : old;
  return of.foreignKeys.find(
    (one) => one.referencedTable === table.name && one.columns.join() === change.reference,
  );
}

/** Nobody of the old release may have to wait long, and none may be chosen to die for us. */
function politely(lookup: Lookup, body: Sql): Sql {
  const message = `could not serialize access to ${lookup.old.name} due to concurrent update`;
  return sql`begin
    ${body}
  exception when lock_not_available or deadlock_detected then
    raise serialization_failure using
      message = ${literal(message)}, hint = 'Run the transaction again.';
  end;`;
}

function truncateRefused(lookup: Lookup, places: Places): Statement[] {
  const { table } = lookup;
  const at = functionName(lookup, places, 'truncate');
  return [
    statement(
      routine(places, {
        at,
        returns: 'trigger',
        about: `${table.name} is truncated by the new release`,
        body: [
          raise(
            'HL003',
            literal(`truncate ${table.name}: not possible while two releases are in service`),
            {
              hint: literal(
                `delete from ${table.name} does the same and is carried to the other release`,
              ),
            },
          ),
        ],
      }),
    ),
    statement(
      sql`create trigger ${triggerName(lookup, 'truncate')} before truncate
on ${inRelease(places, table.name)} for each statement execute function ${at}()`,
    ),
  ];
}

/** The old release changes a row of its lookup table: rows that refer to it are carried again. */
function followTriggers(lookup: Lookup, plan: SyncPlan): Statement[] {
  const { places } = plan;
  const { table, old, change } = lookup;
  const at = functionName(lookup, places, 'follow');
  const key = plan.key.map((one) => name('o', one.name));
  const columns = lookup.values.map(({ column }) => name(column.name));
  const changed = lookup.values.map(
    ({ column }) => sql`${name('old', column.name)} is distinct from ${name('new', column.name)}`,
  );
  return [
    statement(
      routine(places, {
        at,
        returns: 'trigger',
        about: `a row of ${table.name} changes, and what refers to it in ${old.name}`,
        declare: [sql`halflap_row record`],
        settings: INDEX_PLANS,
        body: [
          sql`for halflap_row in
    select ${key} from ${floorTable(old.name)} as o
    where ${name('o', change.reference)} = ${name('new', lookup.key.name)}
  loop
    perform ${carryName(plan)}(${plan.key.map((one) => name('halflap_row', one.name))});
  end loop;
  return null;`,
        ],
      }),
    ),
    statement(
      sql`create trigger ${triggerName(lookup, 'follow')}
after update of ${columns} on ${floorTable(table.name)}
for each row when (${joined(changed, ' or ')}) execute function ${at}()`,
      { mode: 'SHARE ROW EXCLUSIVE', relation: table.name },
    ),
  ];
}
