// Sequences at contract: what the old release had becomes what the new one has, with its values.
//
// The fence renames and moves sequences: all give up their names before any takes another's, and
// one goes where its table goes. A column of a new table draws from it itself as soon as nothing
// fills the table any more.

import type { SplitCluster, SplitPartPlan } from '../changes/split-table.js';
import type { Column, Sequence } from '../release/catalog.js';
import { literal, name, type Sql, sql, trusted } from '../sql.js';
import type { Statement } from './bundle.js';
import { physicalName } from './classify.js';
import type { Evolving } from './compile.js';
import { type Shared, sharedPlace } from './contract.js';
import { fenced, inRelease } from './places.js';
import {
  type Continued,
  type Draw,
  finalName,
  finalSchema,
  keepsOwner,
  ownerOf,
  schemaAtFence,
} from './sequence-plan.js';
import {
  createSequence,
  drawsFromSequence,
  sequenceName,
  sequenceOf,
  sharedSequenceSource,
} from './sequences.js';
import { exclusive, type Lock, statement } from './statement.js';
import { identityOf } from './tables.js';

/** Before shared tables move, after those of clusters are aside. */
export function giveUpSequences(evolving: Evolving): Statement[] {
  return changesOf(evolving).flatMap(({ former, interim, isMoved }) => {
    if (former === null || !isMoved) return [];
    const at = sql`${schemaAtFence(evolving, former, 'before shared tables')}.${name(former.name)}`;
    return [altered(at, sql`rename to ${interim}`, exclusive(former.name))];
  });
}

/** When all tables are where they stay. */
export function takeSequences(evolving: Evolving): Statement[] {
  return changesOf(evolving).flatMap((change) => {
    const { one, former, interim, isMoved, isDetached, isAttached } = change;
    const { sequence } = one;
    const present = presentSchema(evolving, former);
    const schema = finalSchema(evolving, one);
    const at = finalName(evolving, one);
    // One that was renamed is locked already.
    const lock = isMoved && former !== null ? null : exclusive(sequence.name);
    const alter = (what: Sql, place = at) => altered(place, what, lock);
    const moving = sql`${present}.${interim}`;
    return [
      ...(isDetached ? [alter(sql`owned by none`, isMoved ? moving : at)] : []),
      ...(isMoved && present.text !== schema.text
        ? [alter(sql`set schema ${schema}`, moving)]
        : []),
      ...(isMoved ? [alter(sql`rename to ${name(sequence.name)}`, sql`${schema}.${interim}`)] : []),
      ...(isAttached ? ownedBy(evolving, one, alter) : []),
      ...(former !== null && optionsOf(former).text !== optionsOf(sequence).text
        ? [alter(optionsOf(sequence))]
        : []),
    ];
  });
}

interface Change {
  readonly one: Continued;
  readonly former: Sequence | null;
  readonly interim: Sql;
  /** Whether it gets another name or another schema than it has by then. */
  readonly isMoved: boolean;
  readonly isDetached: boolean;
  readonly isAttached: boolean;
}

/** Of sequences that are there: those of the old release, and those of columns of shared tables. */
function changesOf(evolving: Evolving): Change[] {
  return evolving.sequences.all.flatMap((one, index): Change[] => {
    const { sequence, former } = one;
    const interim = name(`halflap_sequence_${index}`);
    const present = presentSchema(evolving, former);
    const leaves = present.text !== finalSchema(evolving, one).text;
    if (former === null) {
      const owner = ownerOf(evolving.to, sequence);
      const isShared = evolving.shared.some(({ pair }) => pair.new.name === owner);
      if (one.draws.length > 0 || !isShared) return [];
      return [{ one, former, interim, isMoved: leaves, isDetached: false, isAttached: true }];
    }
    const isMoved = leaves || former.name !== sequence.name;
    const isLoose = leaves || !keepsOwner(evolving, former, sequence);
    const isDetached = isLoose && former.ownedBy !== null;
    const isAttached = isLoose && sequence.ownedBy !== null;
    return [{ one, former, interim, isMoved, isDetached, isAttached }];
  });
}

function presentSchema(evolving: Evolving, former: Sequence | null): Sql {
  return former === null
    ? name(evolving.places.releaseSchema)
    : schemaAtFence(evolving, former, 'at last');
}

function altered(at: Sql, what: Sql, lock: Lock | null): Statement {
  return statement(sql`alter sequence ${at} ${what}`, lock);
}

function optionsOf({ type, start, increment, options }: Sequence): Sql {
  const others = options ?? 'no minvalue no maxvalue cache 1';
  const cycle = others.endsWith(' cycle') ? sql`` : sql` no cycle`;
  return sql`as ${trusted(type)} start ${trusted(start)} increment ${trusted(increment)}
${trusted(others)}${cycle}`;
}

/** A sequence belongs to the role that its table belongs to; who had it may use it still. */
function ownedBy(evolving: Evolving, one: Continued, alter: (what: Sql) => Statement): Statement[] {
  const { sequence } = one;
  const at = finalName(evolving, one);
  const table = ownerOf(evolving.to, sequence);
  if (table === null) return [];
  const shared = evolving.shared.find(({ pair }) => pair.new.name === table);
  const place =
    shared === undefined ? inRelease(evolving.places, table) : sharedPlace(shared, evolving.places);
  const column = (sequence.ownedBy ?? '').slice(table.length + 1);
  return [
    statement(sql`do $halflap$
declare
  former name := (select pg_get_userbyid(c.relowner) from pg_class as c
    where c.oid = $r$${at}$r$::regclass);
  owner name := (select pg_get_userbyid(c.relowner) from pg_class as c
    where c.oid = $r$${place}$r$::regclass);
begin
  if former <> owner then
    execute format('alter sequence ${at} owner to %I', owner);
    execute format('grant all on sequence ${at} to %I', former);
  end if;
end
$halflap$`),
    alter(sql`owned by ${place}.${name(column)}`),
  ];
}

/** Sequences that only the old release had, and that no table takes along. */
export function dropSequences(evolving: Evolving, which: 'of shared tables' | 'free'): Statement[] {
  const { sequences, shared, from } = evolving;
  return sequences.gone.flatMap((one) => {
    const owner = ownerOf(from, one);
    const isShared = shared.some(({ pair }) => pair.old.name === owner);
    if (which === 'free' ? owner !== null : !isShared) return [];
    const at = sql`${schemaAtFence(evolving, one, 'at last')}.${name(one.name)}`;
    return [statement(sql`drop sequence if exists ${at}`, exclusive(one.name))];
  });
}

/** When sync is at its end: the columns of a new table draw for themselves. */
export function handOver(
  cluster: SplitCluster,
  part: SplitPartPlan,
  evolving: Evolving,
): Statement[] {
  const at = inRelease(evolving.places, part.table.name);
  return part.table.columns.flatMap((column) => {
    const source = sharedSequenceSource(cluster, part, column);
    const old = part.pair.old.columns.find((one) => one.name === source?.column);
    if (source === null || old === undefined) return [];
    const of = sequenceOf(fenced(evolving.places, source.table), old.name);
    const drawing = { at, draw: { column, old }, of };
    return column.identity === null ? drawsItself(evolving, drawing) : [becomesIdentity(drawing)];
  });
}

/** At the fence: what the columns of a shared table draw from, where that changes. */
export function redraw(shared: Shared, evolving: Evolving): Statement[] {
  const { pair } = shared;
  const at = sharedPlace(shared, evolving.places);
  return pair.new.columns.flatMap((column) => {
    const old = pair.old.columns.find((one) => one.name === physicalName(pair, column.name));
    if (old === undefined || !drawsFromSequence(old) || !drawsFromSequence(column)) return [];
    const drawing = { at, draw: { column, old }, of: sequenceOf(at, column.name) };
    const alter = sql`alter table ${at} alter column ${name(column.name)}`;
    if (column.identity === null) {
      if (follows(evolving, drawing.draw)) return [];
      const drop = statement(sql`${alter} drop identity`, exclusive(pair.old.name));
      return drawsItself(evolving, drawing, old.identity === null ? [] : [drop]);
    }
    if (old.identity === null) return [becomesIdentity(drawing)];
    return [
      ...(old.identity === column.identity
        ? []
        : [
            statement(
              sql`${alter} set generated ${trusted(column.identity)}`,
              exclusive(pair.old.name),
            ),
          ]),
      ...(old.identityOptions === column.identityOptions ? [] : [newOptions(drawing)]),
    ];
  });
}

interface Drawing {
  readonly at: Sql;
  readonly draw: Draw;
  /** The sequence that it drew from. */
  readonly of: Sql;
}

function newOptions({ of, draw: { column } }: Drawing): Statement {
  const others = column.identityOptions ?? 'start 1 increment 1 no minvalue no maxvalue cache 1';
  const cycle = others.endsWith(' cycle') ? '' : ' no cycle';
  return statement(sql`do $halflap$
begin
  execute 'alter sequence ' || ${of} || ${literal(` ${others}${cycle}`)};
end
$halflap$`);
}

function becomesIdentity({ at, draw: { column }, of }: Drawing): Statement {
  const alter = sql`alter table ${at} alter column ${name(column.name)}`;
  return statement(sql`do $halflap$
declare
  position record;
begin
  execute 'select last_value, is_called from ' || ${of} into position;
  ${alter} drop default;
  ${alter} add ${identityOf(column)};
  perform setval(pg_get_serial_sequence($r$${at}$r$, ${literal(column.name)}),
    position.last_value, position.is_called);
end
$halflap$`);
}

/** `drop`: what is in the way of a default, once its position is known. */
function drawsItself(
  evolving: Evolving,
  { at, draw, of }: Drawing,
  drop: readonly Statement[] = [],
): Statement[] {
  const { column } = draw;
  const one = continuedBy(evolving, column);
  const alter = sql`alter table ${at} alter column ${name(column.name)}`;
  if (one === undefined) {
    return [...drop, statement(sql`${alter} set default ${trusted(column.default ?? '')}`)];
  }
  const sequence = finalName(evolving, one);
  return [
    ...(one.former === null ? createSequence(sequence, one.sequence, 'once') : []),
    ...(follows(evolving, draw) ? [] : [advance(sequence, one.sequence, of)]),
    ...drop,
    statement(sql`${alter} set default nextval($r$${sequence}$r$::regclass)`),
    ...(one.former === null ? ownedBy(evolving, one, (what) => altered(sequence, what, null)) : []),
  ];
}

function continuedBy({ sequences }: Evolving, column: Column): Continued | undefined {
  return sequences.all.find(({ sequence }) => sequence.name === sequenceName(column));
}

/** Whether the sequence that the column drew from has become the one that it draws from. */
function follows(evolving: Evolving, { column, old }: Draw): boolean {
  const former = continuedBy(evolving, column)?.former;
  return former?.name !== undefined && former.name === sequenceName(old);
}

/** Past what has been drawn from another sequence: what several become is past them all. */
function advance(at: Sql, { increment }: Sequence, of: Sql): Statement {
  const isBehind = sql`own.last_value ${trusted(increment.startsWith('-') ? '>' : '<')}`;
  return statement(sql`do $halflap$
declare
  own record;
  position record;
begin
  select s.last_value, s.is_called into own from ${at} as s;
  execute 'select last_value, is_called from ' || ${of} into position;
  if not own.is_called or ${isBehind} position.last_value then
    perform setval($r$${at}$r$::regclass, position.last_value, position.is_called);
  end if;
end
$halflap$`);
}
