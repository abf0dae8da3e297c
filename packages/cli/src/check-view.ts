// What `check` found, as people and programs read it: how each relation crosses, a verdict that
// claims no more than was tried, and what the author should look at.

import {
  type CounterExample,
  type PossibleRename,
  type RelationPlan,
  shownText,
  type Trial,
  type Unconvertible,
  type Untried,
} from '@halflap/engine';
import { relationsText } from './plan-text.js';
import { duration } from './print.js';

/** One release of `check --json`; additions only. */
export interface Checked {
  readonly release: string;
  /** Null for the first release, which nothing leads to. */
  readonly from: string | null;
  readonly tables: number;
  readonly relations: readonly RelationPlan[];
  /** Conversions that fail for a value which the old column may hold. */
  readonly unconvertible: readonly Unconvertible[];
  /** What may be renames that nobody stated. */
  readonly renames: readonly PossibleRename[];
  /**
   * Whether it holds for everything, or only for what the samples reach (`trial.untried` is the
   * rest); null for the first release.
   */
  readonly verdict: 'holds' | 'holds where tried' | null;
  /** What was seen when the evolution was tried on sample rows; null for the first release. */
  readonly trial: Trial | null;
}

/** @param width columns of the terminal. */
export function checkText(checked: Checked, app: string, width: number): string {
  const { release, from, tables, relations } = checked;
  const count = tables === 1 ? '1 table' : `${tables} tables`;
  if (from === null) return `${app} ${release}: ${count}, the first release`;
  const warnings = warningsOf(checked).map((one) => `warning: ${one}`);
  return [
    `${app} ${from} → ${release}`,
    relationsText(relations, width),
    verdictOf(checked),
    ...warnings,
  ]
    .filter((line) => line !== '')
    .join('\n');
}

/** The verdict, which claims no more than was tried. */
function verdictOf({ trial }: Checked): string {
  if (trial === null) return '';
  const how = `tried on sample rows, to dual and back and to the end, in`;
  const verdict = `${how} ${duration(trial.seconds)}: it holds`;
  if (trial.untried.length === 0) return verdict;
  return `${verdict} where it was tried; not tried: ${trial.untried.map(nameOf).join(', ')}`;
}

function nameOf({ table, columns }: Untried): string {
  return columns.length === 0 ? table : columns.map((column) => `${table}.${column}`).join(', ');
}

/** One line for each thing that the author should look at. */
function warningsOf({ trial, renames, unconvertible }: Checked): string[] {
  const told = new Set(unconvertible.flatMap((one) => one.reasons));
  const quarantined = (trial?.quarantined ?? [])
    .map(({ relation, reasons, examples }) => ({
      relation,
      left: reasons.filter((one) => !told.has(one)),
      examples,
    }))
    .filter(({ left }) => left.length > 0);
  return [
    ...(trial?.untried ?? []).map((one) => `no sample for ${nameOf(one)}: ${one.reason}`),
    ...unconvertible.map(unconvertibleText),
    ...quarantined.map(({ relation, left, examples }) =>
      [
        `sample rows of ${relation} go to quarantine: ${left.join('; ')}`,
        ...examples.flatMap(rowsText),
      ].join('\n'),
    ),
    ...(trial?.refused ?? []).map((one) => [one.message, ...rowsText(one)].join('\n')),
    ...renames.map(
      ({ what, change }) => `${what}: a rename? Then state it in evolution.yaml:\n  ${change}`,
    ),
  ];
}

function rowsText({ shown }: CounterExample): string[] {
  return shownText(shown).map((line) => `  ${line}`);
}

/** Longer values do not help in one line of text. */
const MAX_SHOWN_LENGTH = 40;

function unconvertibleText(one: Unconvertible): string {
  const { table, column, from, value, up, isStated, reasons } = one;
  const isLong = value.length > MAX_SHOWN_LENGTH;
  const shown = isLong ? `a value of ${value.length} characters` : `'${value}'`;
  const guarded = `case when <it converts> then ${up} end`;
  return (
    `${table}.${column} cannot be made from all that ${from} may hold; ` +
    `for ${shown}: ${reasons[0]}\n` +
    '  such a row goes to quarantine, and reads of it through the lens fail; ' +
    `${isStated ? 'guard it' : 'state a convert_column'}: up: ${guarded}`
  );
}
