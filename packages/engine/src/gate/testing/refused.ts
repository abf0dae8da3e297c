// What the author of a wrong evolution is told, and where: for tests of the compiler.

import { HalflapError } from '@halflap/protocol';
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

/** What is said at the mark, or all that is said where nothing is; null where it compiles. */
export async function toldAtMark(reader: Reader, stated: Stated) {
  const error = await refusal(reader, stated);
  if (error === null) return null;
  const { keys = [], changes } = stated;
  const maps = keys.length === 0 ? [] : ['keys:', ...keys.map((one) => `  ${one}`)];
  const text = ['', ...maps, '', ...changes.map((one) => `  - ${one}`)].join('\n');
  const before = text.slice(0, text.indexOf('‸')).split('\n');
  const place = `${WRITTEN_FILE}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}: `;
  const { code, detail, hint } = error;
  const { evidence = [error.message] } = detail;
  const found = evidence.find((one) => one.startsWith(place));
  return { code, message: found ?? `not at ${place}${evidence.join('\n')}`, hint };
}
