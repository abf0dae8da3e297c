// An example directory, two releases and statements.yaml, taken through every phase.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bundle } from '@halflap/engine';
import { expect } from 'vitest';
import { parse } from 'yaml';
import { APP, type Compiled, compileReleases } from '../evolving/releases.js';
import {
  type LifecycleCase,
  lifecycleCase,
  type Refused,
  type Write,
} from '../lifecycle/lifecycle-case.js';

/** statements.yaml of an example. */
interface Statements {
  readonly title: string;
  readonly seed: { readonly old: string; readonly new: string };
  /** What one release writes, as each says it; one alone says it for both. */
  readonly writes: readonly (Partial<Write> & Pick<Write, 'by'>)[];
  readonly refused?: readonly Refused[];
  readonly ignored?: readonly string[];
  readonly ignoredOfOld?: readonly string[];
}

/** All comparisons are by `expect`. Returns what the example is called and its evolution. */
export async function takeThrough(
  directory: string,
  { isAbortedOnce = false }: Pick<LifecycleCase, 'isAbortedOnce'> = {},
): Promise<{ readonly title: string; readonly bundle: Bundle }> {
  const statements = statementsOf(directory);
  const { title, seed, writes, refused = [], ignored = [], ignoredOfOld = [] } = statements;
  const compiled = await compileExample(directory);
  const rounds = {
    writes: (round: number) => writes.map((one) => inRound(one, round)),
    refused: (round: number) => refused.map((one) => ({ ...one, sql: numbered(one.sql, round) })),
  };
  const compared = { seed, ignored, ignoredOfOld };
  await lifecycleCase({ from: '', to: '', isAbortedOnce, ...compared, ...rounds }, compiled);
  return { title, bundle: compiled.bundle };
}

/** What the example is called and its evolution, which nothing is led through. */
export async function compiledExample(directory: string) {
  const { bundle } = await compileExample(directory);
  return { title: statementsOf(directory).title, bundle };
}

function statementsOf(directory: string): Statements {
  return parse(readFileSync(join(directory, 'statements.yaml'), 'utf8'));
}

export async function compileExample(directory: string): Promise<Compiled> {
  const [compiled] = await compileReleases(APP, join(directory, 'releases'));
  expect(compiled, 'the evolution').toBeDefined();
  return compiled as Compiled;
}

function inRound({ by, since, ...said }: Statements['writes'][number], round: number): Write {
  const own = said[by] ?? '';
  const as = (which: 'old' | 'new') => numbered(said[which] ?? own, round);
  return { by, ...(since && { since }), old: as('old'), new: as('new') };
}

/** `{n}` is the number of the round, `{m}` one of 1 to 9 that goes round. */
function numbered(statement: string, round: number): string {
  return statement.replaceAll('{n}', String(round)).replaceAll('{m}', String((round % 9) + 1));
}
