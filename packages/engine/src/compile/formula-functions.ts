// The functions of PostgreSQL (manual, 9.3 and 9.4) that mean the same without PostgreSQL, by the
// names that the parser gives them.

import type { PlainType } from '@halflap/protocol';

export interface TakenFunction {
  /** The operation of client/src/formula.ts. */
  readonly call: string;
  readonly takes: readonly PlainType[];
  /** `same`: integer of an integer, else number. */
  readonly gives: PlainType | 'same';
}

const ofText = (call: string): TakenFunction => ({ call, takes: ['text'], gives: 'text' });
const ofNumber = (call: string): TakenFunction => ({ call, takes: ['number'], gives: 'number' });

export const FUNCTIONS: Readonly<Record<string, TakenFunction>> = {
  lower: ofText('lower'),
  upper: ofText('upper'),
  btrim: ofText('btrim'),
  ltrim: ofText('ltrim'),
  rtrim: ofText('rtrim'),
  length: { call: 'length', takes: ['text'], gives: 'integer' },
  char_length: { call: 'length', takes: ['text'], gives: 'integer' },
  replace: { call: 'replace', takes: ['text', 'text', 'text'], gives: 'text' },
  split_part: { call: 'split_part', takes: ['text', 'text', 'integer'], gives: 'text' },
  strpos: { call: 'strpos', takes: ['text', 'text'], gives: 'integer' },
  left: { call: 'left', takes: ['text', 'integer'], gives: 'text' },
  right: { call: 'right', takes: ['text', 'integer'], gives: 'text' },
  abs: { call: 'abs', takes: ['number'], gives: 'same' },
  round: ofNumber('round'),
  floor: ofNumber('floor'),
  ceil: ofNumber('ceil'),
  ceiling: ofNumber('ceil'),
};
