// Refactorings of real products (examples/refactorings), each through every phase when it has its
// turn, and compiled otherwise.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { isDue } from '../setup/due.js';
import { compiledExample, takeThrough } from './example.js';
import { lineOf, pageOf } from './page.js';

const EXAMPLES = fileURLToPath(new URL('../../examples/refactorings', import.meta.url));

const examples = readdirSync(EXAMPLES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

const PAGE = fileURLToPath(new URL('../../docs/refactorings.md', import.meta.url));

describe('a refactoring of a real product', () => {
  const lines: string[] = [];

  it.each(examples)('%s', async (example) => {
    const directory = join(EXAMPLES, example);
    const { title, bundle } = isDue(example)
      ? await takeThrough(directory, { isAbortedOnce: true })
      : await compiledExample(directory);
    lines.push(lineOf(directory, title, bundle));
  });

  it('has its line in docs/refactorings.md', async ({ skip }) => {
    skip(lines.length < examples.length, 'not all of them were run');
    await expect(pageOf(lines)).toMatchFileSnapshot(PAGE);
  });
});
