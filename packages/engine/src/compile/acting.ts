// What acts on a table by itself, whoever writes to it: triggers, rules, policies, row security.
// All of it is the physical table's, so where one table serves both releases, what one of them has
// acts for both.
//
// | only the old release has | a trigger, a rule               | a policy             |
// |--------------------------|---------------------------------|----------------------|
// | on a table of both       | acts on both; goes at contract  | refused              |
// | on a view of both        | refused                         | –                    |
// | on a table that goes     | goes with it                    | goes with it         |
//
// What only the new release has is refused before (unsupported.ts): it would act on the old one.

import type { Catalog, OtherObject, Table } from '../release/catalog.js';
import type { Evolution } from '../release/evolution.js';
import type { Shared } from './contract.js';
import type { Layout } from './layout.js';
import { refuse, statedAt } from './refuse.js';

export interface Acting {
  readonly kind: 'trigger' | 'rule' | 'policy';
  readonly name: string;
}

/** In the order of kinds and names: `policy`, `rule`, `trigger`. */
export function actingOn(catalog: Catalog, relation: string): Acting[] {
  return catalog.others.flatMap((one) => {
    const { kind } = one;
    if (kind !== 'trigger' && kind !== 'rule' && kind !== 'policy') return [];
    if (relationOf(one, catalog) !== relation) return [];
    return [{ kind, name: one.name.slice(relation.length + 1) }];
  });
}

/** A name may hold a dot: the longest that fits is meant. */
function relationOf({ name }: OtherObject, { tables, others }: Catalog): string | undefined {
  return [...tables, ...others]
    .map((one) => one.name)
    .filter((one) => name.startsWith(`${one}.`))
    .sort((left, right) => right.length - left.length)[0];
}

interface Releases {
  readonly from: Catalog;
  readonly to: Catalog;
}

/** What acts on a table of both releases until contract, which drops it. */
export function actingUntilContract({ pair }: Shared, { from, to }: Releases): Acting[] {
  return without(actingOn(from, pair.old.name), actingOn(to, pair.new.name));
}

function without(all: readonly Acting[], others: readonly Acting[]): Acting[] {
  return all.filter(({ kind, name }) =>
    others.every((other) => other.kind !== kind || other.name !== name),
  );
}

/** @throws EVOLUTION_UNSUPPORTED for what could neither be carried nor be dropped at contract. */
export function assertActsAlike(
  shared: readonly Shared[],
  releases: Releases,
  evolution: Evolution,
): void {
  const { from, to } = releases;
  // Where tables change their names among each other, equal names are not the same thing.
  const added = shared.flatMap(({ pair }) =>
    shown(pair.new.name, without(actingOn(to, pair.new.name), actingOn(from, pair.old.name))),
  );
  const policies = shared.flatMap((one) => {
    const own = actingUntilContract(one, releases).filter(({ kind }) => kind === 'policy');
    return shown(one.pair.old.name, own);
  });
  const ofViews = from.others
    .filter((view) => to.others.some((one) => one.kind === view.kind && one.name === view.name))
    .flatMap(({ name }) => shown(name, without(actingOn(from, name), actingOn(to, name))));
  const only = `what only release ${evolution.from} has would`;
  const carried = `release ${evolution.to} changes what the engine cannot carry yet`;
  const reached = `${only} decide until contract which rows release ${evolution.to} reaches`;
  assertNone(evolution, added, carried, 'let these objects stay with the rows that they act on');
  assertNone(evolution, policies, reached, 'keep the policies in both releases');
  assertNone(
    evolution,
    ofViews,
    `${only} go on acting for release ${evolution.to}`,
    'keep these objects in both releases',
  );
}

function assertNone(evolution: Evolution, found: readonly string[], what: string, hint: string) {
  if (found.length === 0) return;
  const message = `${what}: ${found.join(', ')}`;
  throw refuse(evolution, { code: 'EVOLUTION_UNSUPPORTED', message, hint });
}

function shown(relation: string, all: readonly Acting[]): string[] {
  return all.map(({ kind, name }) => `${kind} ${name} on ${relation}`);
}

/**
 * Views, and functions that write, have the rights of their owner, whom no policy binds: through
 * them the new release would reach every row.
 * @param covered tables that the new release reaches by them.
 * @throws EVOLUTION_UNSUPPORTED.
 */
export function assertRowSecurityHolds(
  covered: readonly Table[],
  { shared, layout, evolution }: RowSecurity,
): void {
  const passed = covered.filter((table) => table.rowSecurity);
  const [first] = passed;
  if (first !== undefined) {
    throw refuse(evolution, {
      code: 'EVOLUTION_UNSUPPORTED',
      message:
        `release ${evolution.to} would reach rows past the row security of ${namesOf(passed)}: ` +
        "until contract it works through a view, which has its owner's rights",
      hint:
        'leave the table as it is in this evolution, or only append columns to it ' +
        `that release ${evolution.from} need not fill: then both work on the table itself`,
      at: statedAt(evolution, first.name),
    });
  }
  const changed = [
    ...shared.flatMap(({ pair }) => (isSecuredAlike(pair.old, pair.new) ? [] : [pair.new])),
    ...layout.added.filter((table) => table.rowSecurity),
  ];
  if (changed.length === 0) return;
  throw refuse(evolution, {
    code: 'EVOLUTION_UNSUPPORTED',
    message:
      `release ${evolution.to} changes what the engine cannot carry yet: ` +
      `row security of ${namesOf(changed)}`,
    hint: `keep row security as it is in release ${evolution.from}`,
  });
}

interface RowSecurity {
  readonly shared: readonly Shared[];
  readonly layout: Layout;
  readonly evolution: Evolution;
}

function isSecuredAlike(old: Table, table: Table): boolean {
  return old.rowSecurity === table.rowSecurity && old.rowSecurityForced === table.rowSecurityForced;
}

function namesOf(tables: readonly Table[]): string {
  return [...new Set(tables.map((table) => table.name))].join(', ');
}
