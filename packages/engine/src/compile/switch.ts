// The switch to dual: the new tables take the place of the lens, and sync runs both ways.
//
// Views that sessions use in any order cannot all be locked at once on a busy shard: while the
// first is held, sessions that use the second wait for the first. So the release schema is renamed
// with the lens in it, which locks none of its views, and a new one takes its name. A statement
// that had found the lens before goes on through it: the old table is live and carried forward.
//
// | what was in the release schema | comes back                                             |
// |--------------------------------|--------------------------------------------------------|
// | lens of a rebuilt table        | never; the table itself moves in                       |
// | overlay's view                 | as a new view over the same table, with the same rights |
// | added table, type, sequence    | itself                                                 |
//
// Order: what needs no lock, then what the new release uses, then the old tables, where its writers
// end up as well; with their writers shut out, nobody is left who holds a new table.

import { name, type Sql, sql } from '../sql.js';
import { ownSequences, typesOf } from './added.js';
import type { Statement, Step, TransactionStep } from './bundle.js';
import type { Evolving } from './compile.js';
import { copyRights, usageForAll } from './grants.js';
import { oldNames } from './mapping.js';
import { overlayView } from './overlay.js';
import { floorTable, inRelease, type Places, work } from './places.js';
import { switchFunctions, switchRebuilt } from './rebuilt.js';
import { HASH_HOLE } from './routine.js';
import { exclusive, moving, statement, transactionStep } from './statement.js';

export function switchSteps(evolving: Evolving, bound: readonly Statement[]): Step[] {
  const { places, clusters, foreignKeys } = evolving;
  const hasLens = clusters.length > 0;
  const statements = [
    ...bound,
    ...clusters.flatMap(switchFunctions),
    ...(hasLens ? replaceSchema(evolving) : []),
    ...lockOldTables(evolving),
    ...foreignKeys.beforeSwitch,
    ...clusters.flatMap((one) => switchRebuilt(one, evolving.sequences)),
    ...(hasLens ? aliases(evolving) : []),
    ...foreignKeys.afterSwitch,
  ];
  return [
    transactionStep('expand/switch', `release ${places.to} becomes native`, statements, {
      entersPhase: 'dual',
    }),
    ...(hasLens ? [lensStep(evolving)] : []),
    ...foreignKeys.dual,
  ];
}

function replaceSchema(evolving: Evolving): Statement[] {
  const { places, layout } = evolving;
  const schema = name(places.releaseSchema);
  const about = `Halflap ${places.evolution} ${HASH_HOLE}: release ${places.to}`;
  return [
    statement(sql`alter schema ${schema} rename to ${name(places.lensSchema)}`),
    statement(sql`create schema ${schema}`),
    ...usageForAll(schema, about),
    ...typesOf(evolving.to, evolving.from).map((one) =>
      statement(sql`alter type ${inLens(places, one.name)} set schema ${schema}`),
    ),
    ...ownSequences(evolving).map((one) =>
      statement(
        sql`alter sequence ${inLens(places, one.name)} set schema ${schema}`,
        exclusive(`${places.releaseSchema}.${one.name}`),
      ),
    ),
    ...layout.added.map((table) =>
      statement(
        sql`alter table ${inLens(places, table.name)} set schema ${schema}`,
        moving(`${places.releaseSchema}.${table.name}`),
      ),
    ),
    ...overlays(evolving).flatMap((pair) => [
      ...overlayView(pair, places, 'again'),
      copyRights(places, inLens(places, pair.new.name), inRelease(places, pair.new.name)),
    ]),
  ];
}

/** A key of an added table to an old one goes with the switch, which needs the stronger lock. */
function lockOldTables({ clusters, foreignKeys }: Evolving): Statement[] {
  const tables = oldNames(clusters);
  return tables.map((table) => {
    const isReferred = foreignKeys.beforeSwitch.some((one) => one.lock?.relation === table);
    return isReferred
      ? statement(sql`lock table ${floorTable(table)} in access exclusive mode`, exclusive(table))
      : statement(sql`lock table ${floorTable(table)} in share row exclusive mode`, {
          mode: 'SHARE ROW EXCLUSIVE',
          relation: table,
        });
  });
}

/** Functions of the lens that are under way find the new tables under the names they had. */
function aliases({ clusters, places }: Evolving): Statement[] {
  return parts(clusters).map(({ table }) => {
    const columns = table.columns.map((column) => name('t', column.name));
    return statement(
      sql`create view ${work(places, table.name)} as
select ${columns} from ${inRelease(places, table.name)} as t`,
    );
  });
}

/** Waits for the last statement that found the lens, and for nothing that a newer one uses. */
function lensStep(evolving: Evolving): TransactionStep {
  const { places, clusters } = evolving;
  const views = [
    ...overlays(evolving).map((pair) => inLens(places, pair.new.name)),
    ...parts(clusters).map(({ table }) => inLens(places, table.name)),
    ...parts(clusters).map(({ table }) => work(places, table.name)),
  ];
  return transactionStep('expand/lens', `the lens of release ${places.to} goes`, [
    ...views.map((view) => statement(sql`drop view ${view}`)),
    statement(sql`drop schema ${name(places.lensSchema)}`),
  ]);
}

function overlays({ shared }: Evolving) {
  return shared.filter((one) => one.kind === 'overlay').map((one) => one.pair);
}

function parts(clusters: Evolving['clusters']) {
  return clusters.flatMap(({ cluster }) => cluster.parts);
}

function inLens(places: Places, relation: string): Sql {
  return name(places.lensSchema, relation);
}
