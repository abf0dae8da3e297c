// How the compiler says no: with the file, the position, what was found and what to write instead.

import { type ErrorCode, HalflapError } from '@halflap/protocol';
import type { Column, Table } from '../release/catalog.js';
import type { Change, Evolution, Position } from '../release/evolution.js';

export interface Refusal {
  readonly code: Extract<ErrorCode, `EVOLUTION_${string}`>;
  readonly message: string;
  readonly hint: string;
  /** Where the cause stands in the file; undefined for what is to be stated, or is in no file. */
  readonly at?: Position | undefined;
}

export function refuse(evolution: Evolution, refusal: Refusal): HalflapError {
  const isLacking = refusal.code === 'EVOLUTION_INCOMPLETE';
  const at = refusal.at ?? (isLacking ? evolution.changesAt : undefined);
  const place = placeOf(evolution, at);
  return new HalflapError(refusal.code, place + refusal.message, {
    detail: {
      ...(evolution.file === null ? {} : { file: evolution.file }),
      ...(at ?? {}),
    },
    hint: refusal.hint,
  });
}

/** Where the author first speaks of a table of the old release. */
export function statedAt(evolution: Evolution, oldTable: string): Position | undefined {
  const isAbout = (change: Change) => {
    if ('table' in change) return change.table === oldTable;
    return 'from' in change && change.from.some((one) => one.table === oldTable);
  };
  return evolution.changes.find(isAbout)?.at;
}

/** A column that only the old release has must have a value in rows that the new one writes. */
export function assertOldSupplied(old: Table, column: Column, evolution: Evolution): void {
  if (!column.notNull || column.default !== null || column.identity !== null) return;
  if (column.generated !== null) return;
  throw refuse(evolution, {
    code: 'EVOLUTION_INCOMPLETE',
    message:
      `column ${old.name}.${column.name} is not null, has no default, ` +
      'and nothing says what the old release reads there in rows of the new one',
    hint:
      `state it: - drop_column: { table: ${old.name}, column: ${column.name}, ` +
      'down: <expression> }, or rename_column, or convert_column',
    at: statedAt(evolution, old.name),
  });
}

/** The hint for a column of the new release that has no value in the old release's rows. */
export function stateColumn(newTable: string, column: string): string {
  const names = `table: ${newTable}, column: ${column}`;
  return `state it: - add_column: { ${names}, up: <expression over the old columns> }`;
}

export function assertFound<Value>(
  value: Value | undefined,
  evolution: Evolution,
  at: Position,
  wanted: string,
): Value {
  if (value !== undefined) return value;
  throw refuse(evolution, {
    code: 'EVOLUTION_UNKNOWN_NAME',
    message: `there is no table ${wanted} in the release it should be in`,
    hint: 'compare the name with schema.sql of both releases',
    at,
  });
}

function placeOf(evolution: Evolution, at: Position | undefined): string {
  if (evolution.file === null) return `evolution ${evolution.from} to ${evolution.to}: `;
  return at === undefined ? `${evolution.file}: ` : `${evolution.file}:${at.line}:${at.column}: `;
}
