// Refactorings of real products (examples/refactorings), each through every phase.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { APP, type Compiled, compileReleases } from '../evolving/releases.js';
import { lifecycleCase, type Refused, type Write } from '../lifecycle/lifecycle-case.js';
import { lineOf, pageOf } from './page.js';

const EXAMPLES = fileURLToPath(new URL('../../examples/refactorings', import.meta.url));

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

const examples = readdirSync(EXAMPLES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

const PAGE = fileURLToPath(new URL('../../docs/refactorings.md', import.meta.url));

describe('a refactoring of a real product', () => {
  const lines: string[] = [];

  it.each(examples)('%s', async (example) => {
    const directory = join(EXAMPLES, example);
    const text = readFileSync(join(directory, 'statements.yaml'), 'utf8');
    const statements = parse(text) as Statements;
    const [compiled] = await compileReleases(APP, join(directory, 'releases'));
    expect(compiled, 'the evolution').toBeDefined();
    const { seed, ignored = [], ignoredOfOld = [] } = statements;
    await lifecycleCase(
      {
        from: '',
        to: '',
        seed,
        ignored,
        ignoredOfOld,
        isAbortedOnce: true,
        writes: (round) => statements.writes.map((one) => inRound(one, round)),
        refused: (round) =>
          (statements.refused ?? []).map((one) => ({ ...one, sql: numbered(one.sql, round) })),
      },
      compiled as Compiled,
    );
    lines.push(lineOf(directory, statements.title, (compiled as Compiled).bundle));
  });

  it('has its line in docs/refactorings.md', async ({ skip }) => {
    skip(lines.length < examples.length, 'not all of them were run');
    await expect(pageOf(lines)).toMatchFileSnapshot(PAGE);
  });
});

function inRound({ by, since, ...said }: Statements['writes'][number], round: number): Write {
  const own = said[by] ?? '';
  const as = (which: 'old' | 'new') => numbered(said[which] ?? own, round);
  return { by, ...(since && { since }), old: as('old'), new: as('new') };
}

/** `{n}` is the number of the round, `{m}` one of 1 to 9 that goes round. */
function numbered(statement: string, round: number): string {
  return statement.replaceAll('{n}', String(round)).replaceAll('{m}', String((round % 9) + 1));
}
