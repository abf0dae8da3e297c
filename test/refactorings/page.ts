// docs/refactorings.md: one line for each example, as it was compiled and taken through the
// lifecycle.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Bundle, type Label, textsOf } from '@halflap/engine';
import { parse } from 'yaml';
import { unheldPart } from './unheld.js';

const WORST_FIRST: readonly Label[] = ['refused', 'lossy', 'carried', 'exact'];

const HEAD = `<!-- Written by test/refactorings: \`npx vitest run test/refactorings -u\` -->

# Refactorings of real products

Each line is a change that a real product made between two of its releases, kept as two releases
with data in [examples/refactorings](../examples/refactorings/README.md). Every one is compiled and
taken through the whole life of a shard, back once and then to the end, with writes of both releases
in each phase. The table is written by that run.

- **changes**: the kinds of the [evolution file](evolution-file.md); what is not listed was found
  by comparing the schemas.
- **label**: the weakest one among the tables: exact, carried until contract, or lossy as stated.
- **evolution** and **SQL**: lines of the evolution file, and lines of the SQL that Halflap makes
  of it for prepare, expand and contract.

| refactoring | changes | label | evolution | SQL |
|---|---|---|---|---|
`;

/** One line of the table, for the example in `directory`. */
export function lineOf(directory: string, title: string, bundle: Bundle): string {
  const text = evolutionOf(directory);
  const { changes = [] } = parse(text) as { changes?: readonly object[] };
  const kinds = new Set((changes ?? []).flatMap((change) => Object.keys(change)));
  const label = WORST_FIRST.find((one) =>
    bundle.relations.some((relation) => relation.label === one),
  );
  const facts = [
    `[${title}](../examples/refactorings/${directory.split('/').at(-1)})`,
    [...kinds].map((kind) => `\`${kind}\``).join(', ') || '–',
    label ?? 'exact',
    linesOf(text),
    sqlLinesOf(bundle),
  ];
  return `| ${facts.join(' | ')} |`;
}

export function pageOf(lines: readonly string[]): string {
  return `${HEAD}${lines.join('\n')}\n\n${lines.length} refactorings.\n${unheldPart()}`;
}

export function evolutionOf(directory: string): string {
  return readFileSync(join(directory, 'releases/2.0/evolution.yaml'), 'utf8');
}

/** Lines of the SQL for prepare, expand and contract. */
export function sqlLinesOf({ steps }: Bundle): number {
  const statements = [...steps.prepare, ...steps.expand, ...steps.contract].flatMap(textsOf);
  return statements.map(linesOf).reduce((sum, lines) => sum + lines, 0);
}

/** Blank lines and comments say nothing to the machine. */
export function linesOf(text: string): number {
  return text.split('\n').filter((line) => /^\s*[^\s#]/.test(line)).length;
}
