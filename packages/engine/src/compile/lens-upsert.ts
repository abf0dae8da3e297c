// INSERT … ON CONFLICT through a lens. PostgreSQL refuses the clause on a view with INSTEAD OF
// triggers, so beside each lens there is a view of which the trigger does what the clause says. The
// client sends such a statement there in two halves (packages/client/src/upsert.ts):
//
//   with p as (insert into W.upsert_T (halflap_do, halflap_key, …) <its rows> returning *)
//   insert into W.upsert_T as T (halflap_do, halflap_key, halflap_row, …)
//   select p.halflap_do, …, <what SET says> from p … where <its WHERE> returning …
//
// | a row says | and the trigger                                                                |
// |------------|--------------------------------------------------------------------------------|
// | nothing    | inserts it, or leaves it out                                                   |
// | update     | inserts it, or locks the row in its way: `inserted` or `found`, with that row  |
// | inserted   | gives back the row that was inserted                                           |
// | found      | updates the row that was found, which is locked since                          |
// | again      | refuses: the statement has written that row already                            |
//
// So PostgreSQL itself evaluates every expression where the clause would have it, with its types,
// casts and defaults. The trigger works as ON CONFLICT does: look, lock what is found and look
// again; else insert, and look again where somebody was faster. It writes through the lens by name,
// so it stays right when the tables take the lens' place, and works with its caller's rights.

import type { SplitCluster, SplitPartPlan } from '../changes/split-table.js';
import type { Column, Table } from '../release/catalog.js';
import { joined, literal, name, names, type Sql, sql, trusted } from '../sql.js';
import type { Statement } from './bundle.js';
import { differs, sameKey, typesOf } from './compared.js';
import { arbiters } from './guarantees.js';
import { defaultsOn } from './lens.js';
import { ownRules } from './lens-constraints.js';
import { baseOf, lockBase, lockBeside } from './lens-triggers.js';
import { isKnown, isMeant, isOfKey, look, tablesOf, type Upserting } from './lens-upsert-keys.js';
import { inRelease, type Places, work } from './places.js';
import { lockSlices } from './recompute.js';
import { HASH_HOLE, raise, routine } from './routine.js';
import { statement } from './statement.js';
import { POLITE_VARIABLES } from './sync-backward.js';
import { renameSlices, type SyncPlan, sliceOfRow } from './sync-plan.js';
import { typeOf } from './tables.js';

/**
 * How often an insert may meet a row that cannot be seen afterwards. One that was deleted meanwhile
 * is a matter of chance and does not come ten times; one that the lens does not show stays.
 */
const MAX_MISSES = 10;

/**
 * The view, its defaults and its trigger; the same as the lens but for what drives the trigger.
 * @param stage whose rows are locked: `dual` where they are found through the release's own name.
 */
export function upsertView(
  cluster: SplitCluster,
  part: SplitPartPlan,
  plan: SyncPlan,
  stage: 'filling' | 'dual' = 'filling',
): Statement[] {
  const { places } = plan;
  const view = upsertViewAt(part.table, places);
  return [
    ...bareUpsertView(part.table, places),
    ...defaultsOn(view, cluster, part, places),
    statement(upsertFunction({ cluster, part, plan }, stage)),
    statement(
      sql`create trigger halflap_upsert instead of insert on ${view}
for each row execute function ${functionOf(plan, part)}()`,
    ),
    // It holds nothing, and its trigger does what its caller may do.
    ...(places.isTemporary ? [] : [statement(sql`grant select, insert on ${view} to public`)]),
  ];
}

/** In a session's own schema it stands beside the relations of the release. */
export function upsertViewAt(table: Table, places: Places): Sql {
  return work(places, places.isTemporary ? 'halflap_upsert' : 'upsert', table.name);
}

/** Without defaults and without the trigger. */
export function bareUpsertView(table: Table, places: Places): Statement[] {
  const view = upsertViewAt(table, places);
  const columns = table.columns.map(
    (column) => sql`null::${typeOf(column)} as ${name(column.name)}`,
  );
  const origin = `Halflap ${places.evolution} ${HASH_HOLE}`;
  const comment = `${origin}: lens of release ${places.to} for INSERT … ON CONFLICT`;
  return [
    statement(
      sql`create view ${view} as select null::text as halflap_do, null::text as halflap_key,
${columns}, null::${work(places, table.name)} as halflap_row where false`,
    ),
    statement(sql`comment on view ${view} is ${literal(comment)}`),
  ];
}

/** The trigger's function; `dual` once the tables have taken the place of the lens. */
export function upsertFunction(one: Upserting, stage: 'filling' | 'dual'): Sql {
  const { part, plan } = one;
  return routine(plan.places, {
    at: functionOf(plan, part),
    returns: 'trigger',
    rights: 'caller',
    about: `INSERT … ON CONFLICT on ${part.table.name} through the lens`,
    declare: [
      sql`found_row record`,
      sql`locked_row record`,
      sql`is_found boolean`,
      sql`is_locked boolean := false`,
      sql`misses int := 0`,
      sql`violated text`,
      ...(part.isJoined ? POLITE_VARIABLES : []),
    ],
    body: [
      sql`if new.halflap_do = 'again' then
    raise cardinality_violation using
      message = 'ON CONFLICT DO UPDATE command cannot affect row a second time',
      hint = 'Ensure that no rows proposed for insertion within the same command have duplicate '
        'constrained values.';
  elsif new.halflap_do = 'inserted' then
    ${stands(part, 'new.halflap_row')}
    return new;
  elsif new.halflap_do = 'found' then
    ${apply(one)}
    return new;
  end if;`,
      isKnown(one),
      isComputed(one),
      // PostgreSQL looks for a row in the way of one that may be there.
      ...ownRules(part),
      sql`loop
    ${look(one)}
    exit when is_found and new.halflap_do = 'nothing';
    if is_found and is_locked then
      ${isLocked(one)}
    end if;
    if is_found then
      ${lock(one, stage)}
      locked_row := found_row;
      continue;
    end if;
    ${insert(one)}
  end loop;`,
      sql`return null;`,
    ],
  });
}

function functionOf({ places }: SyncPlan, part: SplitPartPlan): Sql {
  return work(places, 'lens', part.table.name, 'upsert');
}

/** Columns that a statement gives; PostgreSQL or the lens computes the others. */
function givenColumns(part: SplitPartPlan): Column[] {
  return part.table.columns.filter(
    (column) => column.generated === null && !part.generated.includes(column),
  );
}

/** NEW becomes the row as it is in the lens. */
function stands(part: SplitPartPlan, row: 'new.halflap_row' | 'found_row'): Sql {
  const from = row === 'found_row' ? sql`found_row` : sql`(new.halflap_row)`;
  const assignments = part.table.columns.map(
    ({ name: column }) => sql`${name('new', column)} := ${from}.${name(column)};`,
  );
  return joined(assignments, '\n    ');
}

function isComputed({ part }: Upserting): Sql {
  const checks = part.table.columns
    .filter((column) => column.generated !== null)
    .map(
      (column) =>
        sql`if ${name('new', column.name)} is not null then ${raise(
          '428C9',
          literal(`cannot insert a non-DEFAULT value into column "${column.name}"`),
          { detail: literal(`Column "${column.name}" is a generated column.`) },
        )} end if;`,
    );
  return joined(checks, '\n  ');
}

/** The row that was found is the one that was locked before it was looked for again. */
function isLocked({ part }: Upserting): Sql {
  return sql`if ${sameKey('locked_row', part.mapping.key, 'found_row')} then
        new.halflap_do := 'found';
        new.halflap_row := found_row;
        return new;
      end if;`;
}

/**
 * Of the old layout while that is the truth, then of the new one, as any session takes them. A row
 * that went while we waited is not locked, whoever makes another of its key meanwhile.
 */
function lock(one: Upserting, stage: 'filling' | 'dual'): Sql {
  const { part, plan } = one;
  const native = sql`perform 1 from ${inRelease(plan.places, part.table.name)} as s
  where ${sameKey('s', part.mapping.key, 'found_row')} for no key update;`;
  const isFilling = stage === 'filling';
  if (isFilling && one.cluster.sliced !== null) return lockSlice(one);
  return joined(
    [
      isFilling ? lockBase(one, 'found_row') : native,
      sql`is_locked := found;`,
      ...(isFilling ? lockBeside(one, 'found_row') : []),
    ],
    '\n      ',
  );
}

/** Every old row of the slice: which of them holds the row is not told by its key alone. */
function lockSlice({ part, plan }: Upserting): Sql {
  const slice = sliceOfRow(plan, 'found_row', part.mapping);
  const locks = plan.backward.map((target) => {
    const slices = renameSlices(plan, slice, target.mapping);
    return sql`perform 1 from (${lockSlices(target, plan.bind, slices)}) as locked;
      is_locked := is_locked or found;`;
  });
  return joined([sql`is_locked := false;`, ...locks], '\n      ');
}

function insert(one: Upserting): Sql {
  const { part, plan } = one;
  const given = givenColumns(part).map((column) => column.name);
  const values = given.map((column) => name('new', column));
  // What is drawn is given, also where an overlay leads to an identity.
  const isAlways = part.table.columns.some((column) => column.identity === 'always');
  const overriding = isAlways ? sql` overriding system value` : sql``;
  const isExcluding = tablesOf(one).some((table) => table.exclusions.length > 0);
  return sql`begin
      insert into ${inRelease(plan.places, part.table.name)} as q (${names(given)})${overriding}
      values (${values}) returning q.* into found_row;
      new.halflap_do := 'inserted';
      new.halflap_row := found_row;
      ${stands(part, 'found_row')}
      return new;
    exception when unique_violation${isExcluding ? sql` or exclusion_violation` : sql``} then
      get stacked diagnostics violated = constraint_name;
      misses := misses + 1;
      if not (${isOfKey(one)}) or misses > ${trusted(String(MAX_MISSES))} then raise; end if;
      if current_setting('transaction_isolation') <> 'read committed' then
        raise serialization_failure using
          message = 'could not serialize access due to concurrent update',
          hint = 'Run the transaction again.';
      end if;
      exit when new.halflap_do = 'nothing';
    end;`;
}

/** Writes what SET computed from the row that was found, which nobody else can have changed. */
function apply({ cluster, part, plan }: Upserting): Sql {
  const { key } = part.mapping;
  const types = typesOf(part.table);
  const lens = inRelease(plan.places, part.table.name);
  const free = givenColumns(part).map((column) => column.name);
  const update = (columns: readonly string[]) => {
    const set = columns.map((column) => sql`${name(column)} = ${name('new', column)}`);
    const is = key.map((column) => sql`${name('q', column)} = (new.halflap_row).${name(column)}`);
    if (columns.length === 0) return sql`found_row := new.halflap_row;`;
    return sql`update ${lens} as q set ${set} where ${joined(is, ' and ')}
      returning q.* into found_row;
      if not found then
        raise serialization_failure using message = ${literal(
          `could not serialize access to ${part.table.name} due to concurrent update`,
        )}, hint = 'Run the statement again.';
      end if;`;
  };
  const isMoved = (columns: readonly string[]) =>
    joined(
      columns.map((column) =>
        differs(name('new', column), sql`(new.halflap_row).${name(column)}`, types.get(column)),
      ),
      ' or ',
    );
  const rest = free.filter((column) => !key.includes(column));
  const fixed = arbiters(part, baseOf(cluster).table).map(
    (arbiter) => sql`${isMeant(arbiter)} and (${isMoved(arbiter.columns)})`,
  );
  const message = `the key of a conflict on ${part.table.name} cannot be changed through the lens`;
  const own = [...(part.isBase ? [] : key), ...part.generated.map((column) => column.name)];
  const stays = own.length === 0 ? fixed : [...fixed, sql`(${isMoved(own)})`];
  const computed = part.table.columns.flatMap((column) =>
    column.generated === null
      ? []
      : [
          sql`if ${isMoved([column.name])} then ${raise(
            '428C9',
            literal(`column "${column.name}" can only be updated to DEFAULT`),
            { detail: literal(`Column "${column.name}" is a generated column.`) },
          )} end if;`,
        ],
  );
  return sql`${joined(computed, '\n    ')}
    if ${joined(stays, '\n      or ')} then
      ${raise('HL003', literal(message), {
        hint: literal('Update the row in a statement of its own, or wait until the shard is dual.'),
      })}
    end if;
    ${
      part.isBase
        ? sql`if ${isMoved(key)} then
      ${update(free)}
    else
      ${update(rest)}
    end if;`
        : update(rest)
    }
    ${stands(part, 'found_row')}`;
}
