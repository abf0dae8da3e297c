// Every page: links lead somewhere, files that are named exist, commands are those of the
// command line.

import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../packages/cli/src/program.js';
import { blocksOf, proseOf, ROOT, readPage } from './page.js';

const PAGES = [
  'README.md',
  'ARCHITECTURE.md',
  'CHANGELOG.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
];

const program = createProgram('0.0.0');

describe.each(PAGES)('%s', (path) => {
  const text = readPage(path);

  it('has links that lead somewhere', () => {
    expect(brokenLinks(path, text)).toEqual([]);
  });

  it('names files that exist', () => {
    expect(missingFiles(text)).toEqual([]);
  });

  it('uses commands and options that exist', () => {
    expect(unknownCommands(text)).toEqual([]);
  });
});

describe('the checks', () => {
  it('find what is wrong', () => {
    expect(brokenLinks('docs/cli.md', '[x](nowhere.md) [y](errors.md#nowhere)')).toHaveLength(2);
    expect(missingFiles('see `packages/engine/src/nowhere.ts`')).toHaveLength(1);
    expect(unknownCommands('```\nhalflap prepar --shard eu1\n```')).toHaveLength(1);
    expect(unknownCommands('run `halflap prepare --shrd eu1`')).toHaveLength(1);
  });
});

/** Links within the repository whose file, or whose heading in it, is not there. */
function brokenLinks(path: string, text: string): string[] {
  const links = [...proseOf(text).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? '');
  return links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [file = '', anchor] = link.split('#');
    const target = file === '' ? path : join(dirname(path), file);
    if (!existsSync(join(ROOT, target))) return true;
    return anchor !== undefined && !anchorsOf(readPage(target)).has(anchor);
  });
}

/** Anchors as GitHub makes them of headings. */
function anchorsOf(text: string): Set<string> {
  const headings = [...proseOf(text).matchAll(/^#+ (.+)$/gm)].map((match) => match[1] ?? '');
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** Paths from the root, in backquotes, that are not there. */
function missingFiles(text: string): string[] {
  const named = [...text.matchAll(/`((?:packages|examples|docs|test|bench|\.ci)\/[\w./*-]+)`/g)];
  return named
    .map((match) => match[1] ?? '')
    .filter((file) => !file.includes('*') && !existsSync(join(ROOT, file)));
}

/** Lines of code, and code within text, that call `halflap` in a way that it does not know. */
function unknownCommands(text: string): string[] {
  const lines = blocksOf(text).flatMap((block) => block.lines);
  const inline = [...proseOf(text).matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
  return [...lines, ...inline].filter((line) => {
    const call = /^(?:\$ )?(?:npx )?halflap ([a-z-]+)(.*)$/.exec(line.trim());
    return call !== null && !isKnown(call[1] ?? '', call[2] ?? '');
  });
}

function isKnown(verb: string, rest: string): boolean {
  if (verb.startsWith('-')) return true;
  let command = program.commands.find((one) => one.name() === verb);
  if (command === undefined) return false;
  const flags = new Set(['--help', ...longOf(command), ...longOf(program)]);
  for (const word of rest.trim().split(/\s+/)) {
    command = command.commands.find((one) => one.name() === word);
    if (command === undefined) break;
    for (const flag of longOf(command)) flags.add(flag);
  }
  const used = (rest.split(' #')[0] ?? '').match(/(?<=\s)--[a-z-]+/g) ?? [];
  return used.every((flag) => flags.has(flag));
}

function longOf(command: { readonly options: readonly { readonly long?: string | null }[] }) {
  return command.options.flatMap((option) => (option.long == null ? [] : [option.long]));
}
