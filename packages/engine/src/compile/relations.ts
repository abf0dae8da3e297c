// What the plan says of each relation, for people: how it crosses, its label, and what to know.

import { keptColumns } from '../changes/kept.js';
import { type Sliced, type SlicedTable, unmapped } from '../changes/sliced.js';
import type { SplitCluster, SplitPartPlan } from '../changes/split-table.js';
import type { Column, Table } from '../release/catalog.js';
import { printed } from '../release/types-apart.js';
import { actingUntilContract } from './acting.js';
import type { RelationPlan } from './bundle.js';
import {
  addedChecks,
  addedColumns,
  computedAnew,
  droppedColumns,
  rebuildReason,
  renamedColumns,
  standingColumns,
  tightenedColumns,
} from './classify.js';
import type { Evolving } from './compile.js';
import type { Shared } from './contract.js';
import { unmetRules, withPolicies } from './dirty-notes.js';
import type { ForwardColumn, PairedTable } from './layout.js';
import { isRepeatable } from './lens-carried.js';
import { isNewTable } from './lookups.js';
import { settingChanges } from './settings.js';
import { withShipped } from './shipped-notes.js';
import { conversionNotes } from './type-notes.js';

export function relationPlans(evolving: Evolving): RelationPlan[] {
  const { layout, clusters, shared } = evolving;
  const plans = [
    ...clusters.flatMap(({ cluster }) => clusterPlans(cluster, evolving)),
    ...shared.map((one): RelationPlan => {
      const { pair, kind } = one;
      const hidden = tightenedColumns(pair).length + addedChecks(pair).length > 0;
      const unheld = droppedColumns(pair).length > 0;
      return {
        old: pair.old.name,
        new: pair.new.name,
        kind,
        label: unheld ? 'lossy' : 'exact',
        notes: [
          ...(kind === 'same' ? [] : sharedNotes(evolving, pair, hidden)),
          ...settingNotes(pair),
          ...actingNotes(one, evolving),
        ],
        isLensWithoutOnConflict: false,
      };
    }),
    ...layout.added.map(
      (table): RelationPlan => ({
        old: null,
        new: table.name,
        kind: 'added',
        label: 'exact',
        notes: addedNotes(evolving, table),
        isLensWithoutOnConflict: false,
      }),
    ),
    ...layout.dropped.map(
      (table): RelationPlan => ({
        old: table.name,
        new: null,
        kind: 'dropped',
        label: 'lossy',
        notes: droppedNotes(evolving, table),
        isLensWithoutOnConflict: false,
      }),
    ),
  ];
  const isFirst = (plan: RelationPlan, at: number) =>
    plans.findIndex((one) => one.new === plan.new) === at;
  return plans.map((plan, at) =>
    isFirst(plan, at) ? withShipped(withPolicies(plan, evolving), evolving) : plan,
  );
}

function sharedNotes(evolving: Evolving, pair: PairedTable, hides: boolean): string[] {
  return [
    ...(pair.old.name === pair.new.name ? [] : [`renamed from ${pair.old.name}`]),
    ...renamedColumns(pair).map((one) => `column ${one.source} is now ${one.column.name}`),
    ...addedColumns(pair).map((column) => `column ${column.name} is new`),
    ...addedColumns(pair)
      .filter((column) => hasRules(column, evolving))
      .map((column) => `prepare rewrites the table for the rules of ${column.type}`),
    ...droppedColumns(pair).map(
      (column) =>
        `column ${column.name} is only for release ${evolving.places.from} and goes at contract`,
    ),
    ...orderNotes(pair),
    ...(hides
      ? [
          'rows of the old release that break a new rule are hidden from the new one, ' +
            'and contract waits for them',
        ]
      : []),
  ];
}

/** Comments go without saying. */
function settingNotes(pair: PairedTable): string[] {
  const keys = settingChanges(pair).flatMap(({ of, name, key }) =>
    key === 'comment' ? [] : [of === 'table' ? key : `${key} of ${of} ${name}`],
  );
  return keys.length === 0 ? [] : [`set at contract: ${[...new Set(keys)].join(', ')}`];
}

function orderNotes(pair: PairedTable): string[] {
  const names = (columns: readonly Column[]) => columns.map((one) => one.name).join(', ');
  const stands = names(standingColumns(pair));
  if (stands === names(pair.new.columns)) return [];
  return [
    `its columns stand in another order than on a fresh install: ${stands}`,
    'name them in INSERT, COPY and SELECT, or let schema.sql have them in this order',
  ];
}

function actingNotes(shared: Shared, evolving: Evolving): string[] {
  const { from } = evolving.places;
  return actingUntilContract(shared, evolving).map(
    ({ kind, name }) =>
      `${kind} ${name} of release ${from} acts for both releases until contract, which drops it`,
  );
}

/** PostgreSQL looks at every row when it adds a column of a domain that has rules. */
function hasRules({ type }: Column, { to }: Evolving): boolean {
  const domain = to.domains.find((one) => printed(one.name) === type);
  return domain !== undefined && / (?:not null\b|constraint )/.test(domain.definition);
}

function addedNotes({ layout }: Evolving, table: Table): string[] {
  const values = layout.lookups.filter((one) => isNewTable(one) && one.table === table);
  if (values.length === 0) return ['a table that only the new release knows'];
  const sources = values.map(
    ({ old, values }) => `${old.name} (${values.map((one) => one.other).join(', ')})`,
  );
  return [
    `has a row for each value of ${sources.join(' and of ')}, filled while the shard is prepared`,
    "a row that nothing refers to is the new release's alone",
  ];
}

function droppedNotes({ layout }: Evolving, table: Table): string[] {
  const stays = 'stays until contract, which removes it with its rows';
  const found = layout.lookups.filter((one) => !isNewTable(one) && one.table === table);
  const into = [...new Set(found.map((one) => one.new.name))].join(', ');
  return found.length === 0 ? [stays] : [`its values stand in ${into}`, stays];
}

function clusterPlans(cluster: SplitCluster, evolving: Evolving): RelationPlan[] {
  if (cluster.sliced !== null) return slicedPlans(cluster, cluster.sliced);
  return [...partPlans(cluster, evolving), ...besidePlans(cluster)];
}

/** Each new table with the old ones, and each old one that gives its name to nothing. */
function slicedPlans({ parts, olds, oldOnly, keys }: SplitCluster, sliced: Sliced): RelationPlan[] {
  const all = olds.map(({ table }) => table.name).join(', ');
  const isCarried = parts.some((part) => part.carried.length > 0);
  const label = sliced.isLossy || oldOnly.length > 0 ? 'lossy' : isCarried ? 'carried' : 'exact';
  return parts.map((part) => {
    const count = unmetRules(part, (parts[0] ?? part).table, []);
    return {
      old: part.pair.old.name,
      new: part.table.name,
      kind: 'rebuilt',
      label,
      notes: [
        `${sliced.kind} of ${all}`,
        ...(sliced.news.find((one) => one.table === part.table)?.notes ?? []),
        ...keys
          .filter((map) => map.table === part.table)
          .map(() => 'its keys are drawn while the shard is prepared'),
        ...part.carried.map(carriedNote),
        ...sliced.olds.flatMap((one) =>
          noteOf(one.table, parts) === part ? oldOnlyNotes(one, part, sliced) : [],
        ),
        'a row that the old release cannot hold is refused with HL001 until contract',
        ...(count === 0 ? [] : [newRules(count)]),
      ],
      isLensWithoutOnConflict: true,
    };
  });
}

/** The new table at which something is said of an old one. */
function noteOf(table: Table, parts: readonly SplitPartPlan[]): SplitPartPlan | undefined {
  return parts.find((part) => part.pair.old === table) ?? parts[0];
}

/** Columns that no query yields for the old release; the new one may read them all the same. */
function oldOnlyNotes(one: SlicedTable, part: SplitPartPlan, { news }: Sliced): string[] {
  const { table } = one;
  const of = part.pair.old === table ? '' : ` of ${table.name}`;
  return unmapped(one).map((column) => {
    const isRead = news.some((other) => other.reads.get(table.name)?.includes(column.name));
    return isRead
      ? `column ${column.name}${of} has its default, or null, in rows that the new release makes`
      : `column ${column.name}${of} is only for the old release and goes at contract`;
  });
}

function newRules(count: number): string {
  return (
    `${count} constraint(s) bind the new release only; ` +
    'rows of the old one that break them go to quarantine'
  );
}

/** Tables that become one with the base of their cluster. */
function besidePlans({ olds, parts }: SplitCluster): RelationPlan[] {
  const [base] = parts;
  return olds.flatMap((old): RelationPlan[] => {
    if (old.isBase || base === undefined) return [];
    const isEveryRowSeen = old.when === null || old.isWhenInferred;
    return [
      {
        old: old.table.name,
        new: base.table.name,
        kind: 'rebuilt',
        label: isEveryRowSeen ? 'exact' : 'lossy',
        notes: [
          `becomes one with ${olds[0]?.table.name}`,
          ...(old.when === null ? [] : [`has a row when ${old.when}`]),
          ...(isEveryRowSeen
            ? []
            : ['a row for which that does not hold is no row for the new release']),
        ],
        isLensWithoutOnConflict: true,
      },
    ];
  });
}

function reasonOf({ olds, parts }: SplitCluster): string | null {
  const [base, ...beside] = olds.map(({ table }) => table.name);
  if (beside.length > 0) return `${base} and ${beside.join(', ')} in one`;
  return parts.length === 1 ? rebuildReason(parts[0]?.pair as never) : null;
}

function partPlans(cluster: SplitCluster, evolving: Evolving): RelationPlan[] {
  const reason = reasonOf(cluster);
  return cluster.parts.map((part): RelationPlan => {
    const count = unmetRules(part, (cluster.parts[0] ?? part).table, evolving.evolution.dirty);
    const kept = keptColumns(part);
    const isCarried = part.carried.length > 0 || part.absence !== null || kept.length > 0;
    const converted = part.mapped.filter((one) => one.source === null && one.lookup === undefined);
    const overruled = computedAnew(part.pair);
    const isLossy = cluster.oldOnly.length > 0 || overruled.length > 0;
    return {
      old: cluster.id,
      new: part.table.name,
      kind: 'rebuilt',
      label: isLossy ? 'lossy' : isCarried ? 'carried' : 'exact',
      notes: [
        reason === null ? `part of ${cluster.id}` : reason,
        ...(part.when === null ? [] : [`has a row when ${part.when}`]),
        ...(part.absence === null
          ? []
          : ['a missing row is kept beside the old table until contract']),
        ...part.carried.map(carriedNote),
        ...conversionNotes(part.pair, converted.filter(isComputed), evolving),
        ...kept.map(
          ({ column }) =>
            `another value of column ${column.name} is kept until something else follows`,
        ),
        ...(converted.length === kept.length
          ? []
          : ['a value that does not come back through up is refused with HL001 until contract']),
        ...cluster.oldOnly.map(
          (column) => `column ${column.name} is only for the old release and goes at contract`,
        ),
        ...overruled.map(
          ({ name }) => `column ${name} is computed: what else the old release has in it is lost`,
        ),
        ...(count === 0 ? [] : [newRules(count)]),
        ...(part.isPlain
          ? []
          : [
              'updates through the lens are answered with 40001 when the row changed meanwhile: ' +
                'run them again',
            ]),
      ],
      isLensWithoutOnConflict: true,
    };
  });
}

/** Not a copy of an old column but for rows that break a rule, of which another note speaks. */
function isComputed({ said, stated }: ForwardColumn): boolean {
  return said === undefined || stated !== undefined || !/^"[^"]*"$/.test(said);
}

function carriedNote(column: Column): string {
  const kept = `column ${column.name} is kept beside the old table until dual`;
  if (isRepeatable(column)) return kept;
  return `${kept}; till the new release writes the row, each reading draws another default`;
}
