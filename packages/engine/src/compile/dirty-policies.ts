// Which policies of `dirty` can be carried out, and where one says nothing.
//
// | rule         | quarantine | default                                   | refuse |
// |--------------|------------|-------------------------------------------|--------|
// | a value      | yes        | yes, but of a key                         | yes    |
// | check        | yes        | yes                                       | yes    |
// | unique key   | yes        | yes, of columns that are copies           | yes    |
// | foreign key  | yes        | no: it would hang on rows of other writers | yes    |
//
// A default for an orphan would come and go with the rows that it may refer to, which others write
// at the same time. To keep it exact, writers of the old release would have to wait for each other
// where they never did before. Of duplicates it is enough to know who was first (duplicates.ts).

import type { Check, Column, Index, Key, Table } from '../release/catalog.js';
import { findColumn, hasIndexOn } from '../release/catalog.js';
import type { DirtyPolicy, Evolution } from '../release/evolution.js';
import { ruleOf } from '../release/evolution-dirty.js';
import { matchedChecks } from './classify.js';
import { isOnceForNull } from './guarantees.js';
import type { ForwardColumn, Layout, PairedTable } from './layout.js';
import { refuse } from './refuse.js';

/** Pairs of tables whose rows are carried one by one: into which new table from which old one. */
export function pairsInto(layout: Layout, table: string): PairedTable[] {
  return [
    ...layout.pairs,
    ...layout.splits.flatMap((split) => split.parts.map((part) => part.pair)),
    ...layout.merges.flatMap((merge) => merge.pairs),
  ].filter((pair) => pair.new.name === table);
}

/** How a column of the table follows from the old release; of a merge, from which of its tables. */
export function forwardOf(pairs: readonly PairedTable[], column: string): ForwardColumn | null {
  const all = pairs.flatMap((pair) => pair.forward.filter((one) => one.column.name === column));
  return all.find((one) => one.up !== null) ?? null;
}

export type Rule =
  | { readonly kind: 'column'; readonly column: Column; readonly from: ForwardColumn | null }
  | { readonly kind: 'check'; readonly check: Check }
  | { readonly kind: 'unique'; readonly key: Pick<Key, 'columns' | 'definition'> }
  | { readonly kind: 'foreign key'; readonly key: Table['foreignKeys'][number] };

/** What a policy is about; null for a unique index that is more than a list of columns. */
export function ruleIn(
  table: Table,
  policy: DirtyPolicy,
  pairs: readonly PairedTable[],
): Rule | null {
  if (policy.column !== null) {
    const column = findColumn(table, policy.column) as Column;
    return { kind: 'column', column, from: forwardOf(pairs, column.name) };
  }
  const isNamed = (one: { readonly name: string }) => one.name === policy.constraint;
  const check = table.checks.find(isNamed);
  if (check !== undefined) return { kind: 'check', check };
  const foreign = table.foreignKeys.find(isNamed);
  if (foreign !== undefined) return { kind: 'foreign key', key: foreign };
  const key = [table.primaryKey, ...table.uniques].find((one) => one !== null && isNamed(one));
  if (key) return { kind: 'unique', key };
  const index = table.indexes.find(isNamed) as Index;
  const columns = index.columns.filter((one) => one !== null);
  const isPlain = columns.length === index.columns.length && !/ WHERE /.test(index.definition);
  return isPlain ? { kind: 'unique', key: { columns, definition: index.definition } } : null;
}

/** @throws EVOLUTION_UNSUPPORTED, EVOLUTION_INVALID at the policy. */
export function assertPolicies(layout: Layout, evolution: Evolution): void {
  for (const policy of evolution.dirty) {
    if (policy.kind === 'quarantine') continue;
    const pairs = pairsInto(layout, policy.table);
    const table = pairs[0]?.new;
    if (table === undefined) throw elsewhere(policy, layout, evolution);
    const rule = ruleIn(table, policy, pairs);
    if (rule === null) {
      throw unsupported(policy, evolution, 'a unique index over an expression, or over some rows');
    }
    assertSays(rule, policy, { pairs, evolution });
    if (policy.kind === 'default') assertDefault(rule, policy, { pairs, evolution });
  }
}

interface About {
  readonly pairs: readonly PairedTable[];
  readonly evolution: Evolution;
}

/** A rule that no row of the old release can break needs no policy. */
function assertSays(rule: Rule, policy: DirtyPolicy, { pairs, evolution }: About): void {
  const isKept =
    (rule.kind === 'column' && isAlwaysThere(rule, pairs)) ||
    (rule.kind === 'check' && pairs.some((pair) => keepsCheck(pair, rule.check)));
  if (isKept) {
    const about = `no row of the old release breaks ${ruleOf(policy)}`;
    throw refuse(evolution, {
      code: 'EVOLUTION_INVALID',
      message: `${policy.kind} says nothing here: ${about}`,
      hint: 'leave it out',
      at: policy.at,
    });
  }
  const looked = columnsIn(rule).map((column) => forwardOf(pairs, column));
  if (looked.some((one) => one?.lookup !== undefined)) {
    throw unsupported(policy, evolution, 'a column that is looked up in another table');
  }
}

function isAlwaysThere({ from, column }: Rule & { kind: 'column' }, pairs: About['pairs']) {
  if (from === null) return true;
  if (from.source === null) return false;
  const old = pairs.map((pair) => findColumn(pair.old, from.source ?? '')).find(Boolean);
  return !column.notNull || old?.notNull === true;
}

function keepsCheck(pair: PairedTable, check: Check): boolean {
  return matchedChecks(pair).pairs.some((one) => one.new === check);
}

function assertDefault(rule: Rule, policy: DirtyPolicy, { pairs, evolution }: About): void {
  const target = (pairs[0] as PairedTable).new;
  switch (rule.kind) {
    case 'unique':
      assertDuplicates(rule.key, policy, { pairs, evolution });
      break;
    case 'foreign key':
      throw otherRows(policy, evolution);
    case 'check':
      if (pairs.length > 1) throw unsupported(policy, evolution, 'a check of a merged table');
      break;
    case 'column':
      break;
    default:
      rule satisfies never;
  }
  for (const [column, value] of Object.entries(policy.values)) {
    const isKey = target.primaryKey?.columns.includes(column) === true;
    if (isKey) throw unsupported(policy, evolution, 'a column of the primary key');
    const from = forwardOf(pairs, column);
    const isOther = rule.kind !== 'column' && !columnsIn(rule).includes(column);
    if (from !== null && from.column.generated === null && !isOther) continue;
    const why = isOther
      ? `the rule does not look at ${column}`
      : `${column} does not follow from the old release's row`;
    throw refuse(evolution, {
      code: 'EVOLUTION_INVALID',
      message: `default of ${ruleOf(policy)} gives ${column} a value to no purpose: ${why}`,
      hint: 'give a value to columns that the rule is about',
      at: value.at,
    });
  }
}

/** Duplicates are found by index, in the old table as it is. */
function assertDuplicates(
  key: Pick<Key, 'columns' | 'definition'>,
  policy: DirtyPolicy,
  { pairs, evolution }: About,
): void {
  const [pair] = pairs as [PairedTable];
  if (pairs.length > 1) throw unsupported(policy, evolution, 'a unique key of a merged table');
  if (isOnceForNull(key)) throw unsupported(policy, evolution, 'a key that takes one null alone');
  const sources = key.columns.map((column) => forwardOf(pairs, column)?.source ?? null);
  const columns = sources.filter((one) => one !== null);
  if (columns.length < sources.length) {
    throw unsupported(policy, evolution, 'a unique key of a column that is converted');
  }
  if (hasIndexOn(pair.old, columns)) return;
  const list = columns.join(', ');
  throw refuse(evolution, {
    code: 'EVOLUTION_INCOMPLETE',
    message: `no index of ${pair.old.name} begins with ${list}, by which duplicates are found`,
    hint: `create index on ${pair.old.name} (${list}), in a release before this one`,
    at: policy.at,
  });
}

function columnsIn(rule: Rule): readonly string[] {
  switch (rule.kind) {
    case 'column':
      return [rule.column.name];
    case 'check':
      return rule.check.columns;
    default:
      return rule.key.columns;
  }
}

function otherRows(policy: DirtyPolicy, evolution: Evolution) {
  return refuse(evolution, {
    code: 'EVOLUTION_UNSUPPORTED',
    message:
      `${ruleOf(policy)} takes no default: the value of a row that refers to nothing would hang ` +
      'on rows that others write at the same time',
    hint:
      'state refuse or quarantine; or let the row itself tell: a convert_column whose up gives ' +
      'another value where a column of the old release says so',
    at: policy.at,
  });
}

function unsupported(policy: DirtyPolicy, evolution: Evolution, what: string) {
  return refuse(evolution, {
    code: 'EVOLUTION_UNSUPPORTED',
    message: `${policy.kind} cannot be stated for ${what}: ${ruleOf(policy)}`,
    hint: 'leave it out: such a row goes to quarantine',
    at: policy.at,
  });
}

/** A table into which no rows are carried one by one. */
function elsewhere(policy: DirtyPolicy, layout: Layout, evolution: Evolution) {
  const isAdded = layout.added.some((one) => one.name === policy.table);
  return refuse(evolution, {
    code: isAdded ? 'EVOLUTION_INVALID' : 'EVOLUTION_UNSUPPORTED',
    message: isAdded
      ? `${policy.kind} says nothing here: no rows of the old release come into ${policy.table}`
      : `${policy.kind} cannot be stated for ${policy.table}, whose rows are made of several`,
    hint: isAdded
      ? 'leave it out'
      : 'say in its expression or query what becomes of such a value; else the row goes to ' +
        'quarantine',
    at: policy.at,
  });
}
