// Selectors of hosts by their labels: `env=prod`, `env!=prod`, `env` (has it), `!env` (has it not);
// several with commas between them must all hold. The same form is used for filters of a list and
// for the hosts that a role is for.

import { HalflapError } from '@halflap/protocol';
import { Type } from 'typebox';
import type { Conditions } from './conditions.js';

/** Letters that need no quotes, in an address, in a shell or in a selector. */
const KEY = '[A-Za-z0-9][A-Za-z0-9._/-]{0,62}';
const VALUE = '[A-Za-z0-9._:/@+-]{0,255}';

/** Labels of a host, as a request states them. */
export const Labels = Type.Record(
  Type.String({ pattern: `^${KEY}$` }),
  Type.String({ pattern: `^${VALUE}$` }),
  { maxProperties: 64, additionalProperties: false },
);

export interface LabelTerm {
  readonly key: string;
  readonly test: 'equal' | 'unequal' | 'present' | 'absent';
  readonly value: string;
}
/** All terms must hold; none: every host. */
export type Selector = readonly LabelTerm[];

const TERM = new RegExp(`^(!?)(${KEY})(?:(=|!=)(${VALUE}))?$`);
const MAX_TERMS = 32;

/** @throws API_INVALID naming the field that holds the text. */
export function parseSelector(text: string, field: string): Selector {
  const parts = text.split(',').map((part) => part.trim());
  if (text.trim() === '') return [];
  if (parts.length > MAX_TERMS) throw wrong(field, `at most ${MAX_TERMS} terms`, text);
  return parts.map((part) => {
    const [, not, key, sign, value] = TERM.exec(part) ?? [];
    if (key === undefined || (not === '!' && sign !== undefined)) {
      throw wrong(field, 'a selector of labels: key=value, key!=value, key or !key', part);
    }
    if (sign === undefined) return { key, test: not === '!' ? 'absent' : 'present', value: '' };
    return { key, test: sign === '=' ? 'equal' : 'unequal', value: value ?? '' };
  });
}

/** The text that `parseSelector` reads. */
export function selectorText(selector: Selector): string {
  return selector
    .map(({ key, test, value }) => {
      if (test === 'present') return key;
      if (test === 'absent') return `!${key}`;
      return `${key}${test === 'equal' ? '=' : '!='}${value}`;
    })
    .join(',');
}

/** Whether the labels of one host are matched. */
export function selects(selector: Selector, labels: Readonly<Record<string, string>>): boolean {
  return selector.every(({ key, test, value }) => {
    const found = Object.hasOwn(labels, key) ? labels[key] : undefined;
    switch (test) {
      case 'equal':
        return found === value;
      case 'unequal':
        return found !== value;
      case 'present':
        return found !== undefined;
      case 'absent':
        return found === undefined;
      default:
        return test satisfies never;
    }
  });
}

/** The same as a condition on a column of labels. */
export function selectorCondition(
  selector: Selector,
  column: string,
  conditions: Conditions,
): string {
  const terms = selector.map(({ key, test, value }) => {
    if (test === 'present' || test === 'absent') {
      const has = `${column} ? ${conditions.place(key)}::text`;
      return test === 'present' ? has : `not ${has}`;
    }
    const equal = `${column} @> ${conditions.place(JSON.stringify({ [key]: value }))}::jsonb`;
    return test === 'equal' ? equal : `not ${equal}`;
  });
  return terms.length === 0 ? 'true' : terms.join(' and ');
}

function wrong(field: string, rule: string, found: string): HalflapError {
  return new HalflapError('API_INVALID', `${field}: found ${JSON.stringify(found)}`, {
    detail: { fields: [{ field, rule }] },
    hint: 'write it as env=prod, env!=prod, env or !env, with commas between them',
  });
}
