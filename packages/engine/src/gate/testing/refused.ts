// What the author of a wrong evolution is told, and where: for tests of the compiler.

import { HalflapError } from '@halflap/protocol';
import { expect } from 'vitest';
import { compile } from '../../compile/compile.js';
import { checkNames } from '../../release/evolution-names.js';
import { type Reader, WRITTEN_FILE } from './written.js';

/** As a Reader takes it; a mark (‸) shows where a finding must stand. */
export interface Stated {
  readonly from: string;
  readonly to: string;
  readonly keys?: readonly string[];
  readonly changes: readonly string[];
}

export interface Wrong extends Stated {
  readonly code: `EVOLUTION_${'INVALID' | 'UNKNOWN_NAME' | 'INCOMPLETE' | 'UNSUPPORTED'}`;
  readonly message: string;
  readonly hint?: string;
}

/** Null where it compiles. */
export async function refusal(
  reader: Reader,
  { from, to, changes, keys = [] }: Stated,
): Promise<HalflapError | null> {
  const bare = (list: readonly string[]) => list.map((one) => one.replace('‸', ''));
  try {
    const pair = await reader.pair(from, to, bare(changes), bare(keys));
    checkNames(pair.evolution, pair.from.catalog, pair.to.catalog);
    compile({ app: 'shop', ...pair });
    return null;
  } catch (error) {
    if (error instanceof HalflapError) return error;
    throw error;
  }
}

export async function expectRefused(reader: Reader, wrong: Wrong): Promise<void> {
  const { keys = [], changes, code, message, hint = '' } = wrong;
  const maps = keys.length === 0 ? [] : ['keys:', ...keys.map((one) => `  ${one}`)];
  const text = ['', ...maps, '', ...changes.map((one) => `  - ${one}`)].join('\n');
  const before = text.slice(0, text.indexOf('‸')).split('\n');
  const place = `${WRITTEN_FILE}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}: `;
  const error = await refusal(reader, wrong);
  expect(error).toMatchObject({ code });
  const { evidence = [error?.message ?? ''] } = error?.detail ?? {};
  const found = evidence.find((one) => one.startsWith(place));
  expect(found, evidence.join('\n')).toContain(message);
  expect(error?.hint).toContain(hint);
  expect(error?.hint).not.toBe('');
}
